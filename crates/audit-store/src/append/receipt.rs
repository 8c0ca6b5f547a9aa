//! What the caller of an append gets.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use audit_domain::log::LeafHash;
use audit_domain::uuid::Uuid;
use audit_domain::{ChannelId, Entry, ObjectWriter, Timestamp};

use crate::error::AppendError;

/// Where an entry is in its log. Of a duplicate, this is the receipt of the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The entry.
    pub uuid: Uuid,
    /// Its channel.
    pub channel_id: ChannelId,
    /// Its index in the log.
    pub position: i64,
    /// When it was committed.
    pub recorded_at: Timestamp,
    /// The hash that the tree holds.
    pub leaf_hash: LeafHash,
    /// Whether the entry was in the log already.
    pub duplicate: bool,
}

impl Receipt {
    /// The receipt of an entry that is in the log already.
    #[must_use]
    pub fn of_duplicate(entry: &Entry) -> Receipt {
        Receipt {
            uuid: entry.uuid,
            channel_id: entry.channel_id,
            position: entry.position,
            recorded_at: entry.recorded_at,
            leaf_hash: entry.leaf_hash,
            duplicate: true,
        }
    }

    /// Appends the JSON of the native API.
    pub fn write_json(&self, out: &mut String) {
        let mut object = ObjectWriter::new(out);
        object
            .string("uuid", &self.uuid.to_string())
            .integer("channel_id", Some(self.channel_id.get()))
            .integer("position", Some(self.position))
            .string("recorded_at", &self.recorded_at.to_string())
            .string("leaf_hash", &self.leaf_hash.to_string())
            .raw("duplicate", if self.duplicate { "true" } else { "false" });
        object.end();
    }
}

/// The receipts of a request that is on its way: await them, or block on [`PendingReceipts::wait`]. They come after the
/// commit is on disk, in the order of the request's entries. Dropping them does not take the request back.
#[derive(Debug)]
pub struct PendingReceipts(pub(super) oneshot::Receiver<Result<Vec<Receipt>, AppendError>>);

impl PendingReceipts {
    /// Blocks until the request is committed or refused.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub fn wait(self) -> Result<Vec<Receipt>, AppendError> {
        answered(self.0.recv())
    }

    /// Blocks until then, but no longer than that. What comes later is not taken back: to cancel a commit that waits for a
    /// synchronous standby would make PostgreSQL report success.
    ///
    /// # Errors
    /// [`AppendError::Late`] when the time is over, else as [`PendingReceipts::wait`].
    pub fn wait_for(self, patience: Duration) -> Result<Vec<Receipt>, AppendError> {
        match self.0.recv_timeout(patience) {
            Ok(answer) => answer,
            Err(oneshot::RecvTimeoutError::Timeout) => Err(AppendError::Late),
            Err(oneshot::RecvTimeoutError::Disconnected) => Err(AppendError::Closed),
        }
    }
}

impl IntoFuture for PendingReceipts {
    type Output = Result<Vec<Receipt>, AppendError>;
    type IntoFuture = ReceiptsFuture;

    fn into_future(self) -> ReceiptsFuture {
        ReceiptsFuture(self.0.into_future())
    }
}

/// [`PendingReceipts`], awaited.
#[derive(Debug)]
pub struct ReceiptsFuture(oneshot::AsyncReceiver<Result<Vec<Receipt>, AppendError>>);

impl Future for ReceiptsFuture {
    type Output = Result<Vec<Receipt>, AppendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(answered)
    }
}

/// A writer that is gone without an answer did not commit, or nobody knows: either way, no success.
fn answered(answer: Result<Result<Vec<Receipt>, AppendError>, oneshot::RecvError>) -> Result<Vec<Receipt>, AppendError> {
    answer.unwrap_or(Err(AppendError::Closed))
}
