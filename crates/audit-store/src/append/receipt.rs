//! What the caller of an append gets.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use audit_domain::log::LeafHash;
use audit_domain::uuid::Uuid;
use audit_domain::{ChannelId, Entry, JsonText, ObjectWriter, Timestamp, push_array};

use super::batch::Outcome;
use super::error::{AppendError, Unknown};

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
    /// Seconds by which the entry happens after the present, where that is more than
    /// [`StoreConfig::future_warning`](crate::StoreConfig::future_warning). It is stored as it is.
    pub future_seconds: Option<i64>,
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
            future_seconds: None,
        }
    }

    /// What is strange about the entry though it was stored, a sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let future = |seconds| format!("the entry happens {seconds} s after the present, as the server's clock has it");
        self.future_seconds.map(future).into_iter().collect()
    }

    /// Appends the JSON of the native API. `warnings` is left out where there are none.
    pub fn write_json(&self, out: &mut String) {
        let mut object = ObjectWriter::new(out);
        object
            .string("uuid", &self.uuid.to_string())
            .integer("channel_id", Some(self.channel_id.get()))
            .integer("position", Some(self.position))
            .string("recorded_at", &self.recorded_at.to_string())
            .string("leaf_hash", &self.leaf_hash.to_string())
            .raw("duplicate", if self.duplicate { "true" } else { "false" });
        let warnings = self.warnings();
        if !warnings.is_empty() {
            object.nested("warnings", |out| push_array(out, &warnings, |text, out| out.push_str(JsonText::string(text).as_str())));
        }
        object.end();
    }
}

/// The receipts of a request that is on its way: await them, or block on [`PendingReceipts::wait`]. They come after the
/// commit is on disk, in the order of the request's entries. Dropping them does not take the request back.
#[derive(Debug)]
pub struct PendingReceipts(pub(super) oneshot::Receiver<Outcome>);

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
    /// [`Unknown::Late`] when the time is over, otherwise as [`PendingReceipts::wait`].
    pub fn wait_for(self, patience: Duration) -> Result<Vec<Receipt>, AppendError> {
        match self.0.recv_timeout(patience) {
            Ok(answer) => answer,
            Err(oneshot::RecvTimeoutError::Timeout) => Err(Unknown::Late.into()),
            Err(oneshot::RecvTimeoutError::Disconnected) => Err(Unknown::WriterEnded.into()),
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
pub struct ReceiptsFuture(oneshot::AsyncReceiver<Outcome>);

impl Future for ReceiptsFuture {
    type Output = Result<Vec<Receipt>, AppendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(answered)
    }
}

/// A writer that is gone without an answer may have committed. What it never took is answered before it goes.
fn answered(answer: Result<Outcome, oneshot::RecvError>) -> Outcome {
    answer.unwrap_or(Err(Unknown::WriterEnded.into()))
}

/// Tells the caller of a request how it ended. Telling wakes a task, and a runtime panics where it cannot write to the file descriptor
/// of its wake-ups: that is caught here, since the outcome is handed over by then, and the task is woken by the next timer.
pub(super) fn answer(caller: oneshot::Sender<Outcome>, outcome: Outcome) {
    match catch_unwind(AssertUnwindSafe(|| caller.send(outcome))) {
        Ok(Ok(())) => {}
        Ok(Err(_)) => tracing::debug!("a client did not wait for its receipt"),
        Err(_) => tracing::error!("the task that waits for a receipt could not be woken"),
    }
}
