//! The answer to the caller of an append.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use audit_domain::log::LeafHash;
use audit_domain::uuid::Uuid;
use audit_domain::{ChannelId, Entry, JsonText, ObjectWriter, Timestamp, push_array};

use super::batch::Outcome;
use super::error::{AppendError, Unknown};

/// The place of an entry in its log. For a duplicate, this is the receipt of the stored entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The uuid of the entry.
    pub uuid: Uuid,
    /// The channel of the entry.
    pub channel_id: ChannelId,
    /// The position in the log.
    pub position: i64,
    /// The time of the commit.
    pub recorded_at: Timestamp,
    /// The leaf hash in the tree.
    pub leaf_hash: LeafHash,
    /// Whether the entry was in the log before.
    pub duplicate: bool,
    /// Whether values of the entry in the log are erased.
    pub erased: bool,
    /// Seconds by which the entry's time is after the current time, if they are more than
    /// [`StoreConfig::future_warning`](crate::StoreConfig::future_warning). The log stores the
    /// entry as it is.
    pub future_seconds: Option<i64>,
}

impl Receipt {
    /// Makes the receipt of an entry that was in the log before.
    #[must_use]
    pub fn of_duplicate(entry: &Entry) -> Receipt {
        Receipt {
            uuid: entry.uuid,
            channel_id: entry.channel_id,
            position: entry.position,
            recorded_at: entry.recorded_at,
            leaf_hash: entry.leaf_hash,
            duplicate: true,
            erased: entry.slots.iter().any(|slot| slot.is_erased()),
            future_seconds: None,
        }
    }

    /// Warnings about a stored entry, one sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let future = |seconds| format!("the time of the entry is {seconds} s ahead of the server's clock");
        self.future_seconds.map(future).into_iter().collect()
    }

    /// Appends the JSON of the native API. It leaves out `erased` if nothing is, and `warnings` if there are
    /// none.
    pub fn write_json(&self, out: &mut String) {
        let mut object = ObjectWriter::new(out);
        object
            .string("uuid", &self.uuid.to_string())
            .integer("channel_id", Some(self.channel_id.get()))
            .integer("position", Some(self.position))
            .string("recorded_at", &self.recorded_at.to_string())
            .string("leaf_hash", &self.leaf_hash.to_string())
            .raw("duplicate", if self.duplicate { "true" } else { "false" });
        if self.erased {
            object.raw("erased", "true");
        }
        let warnings = self.warnings();
        if !warnings.is_empty() {
            object.nested("warnings", |out| push_array(out, &warnings, |text, out| out.push_str(JsonText::string(text).as_str())));
        }
        object.end();
    }
}

/// The receipts of a request that is queued: await them, or block on [`PendingReceipts::wait`].
/// They arrive after the commit is on disk, in the order of the request's entries. Dropping them
/// does not cancel the request.
#[derive(Debug)]
pub struct PendingReceipts(pub(super) oneshot::Receiver<Outcome>);

impl PendingReceipts {
    /// Blocks until the request is committed or refused.
    ///
    /// # Errors
    ///
    /// [`AppendError::NotStored`] if the log refused the request: a uuid belongs to another event,
    /// the database rolled the commit back, the clock is wrong, or the writer ended before it took
    /// the request. [`AppendError::Unknown`] if the commit was not confirmed, or the writer ended
    /// while it processed the request.
    pub fn wait(self) -> Result<Vec<Receipt>, AppendError> {
        answered(self.0.recv())
    }

    /// Blocks until the request is committed or refused, but at most for `patience`. A late commit
    /// is not cancelled: cancelling a commit that waits for a synchronous standby would make
    /// PostgreSQL report success.
    ///
    /// # Errors
    ///
    /// [`Unknown::Late`] after `patience`, otherwise as for [`PendingReceipts::wait`].
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

/// The future of [`PendingReceipts`].
#[derive(Debug)]
pub struct ReceiptsFuture(oneshot::AsyncReceiver<Outcome>);

impl Future for ReceiptsFuture {
    type Output = Result<Vec<Receipt>, AppendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(answered)
    }
}

/// A writer that ended without an answer may have committed the request. A writer that panics first
/// answers the requests that it never took.
fn answered(answer: Result<Outcome, oneshot::RecvError>) -> Outcome {
    answer.unwrap_or(Err(Unknown::WriterEnded.into()))
}

/// Sends the outcome of a request to its caller. Sending wakes a task, and a runtime panics if it
/// cannot write to its file descriptor for wake-ups. This function catches the panic: the outcome
/// has been sent by then, and the next timer wakes the task.
pub(super) fn answer(caller: oneshot::Sender<Outcome>, outcome: Outcome) {
    match catch_unwind(AssertUnwindSafe(|| caller.send(outcome))) {
        Ok(Ok(())) => {}
        Ok(Err(_)) => tracing::debug!("a client did not wait for its receipt"),
        Err(_) => tracing::error!("the task that waits for a receipt could not be woken"),
    }
}
