//! The metrics of a writer. Without a recorder (in tests, in batch jobs) these functions do
//! nothing.

use std::time::Instant;

use audit_domain::Stream;

use super::AppendRequest;
use super::batch::Outcome;

/// Names of the metrics; `docs/metrics.md` explains them.
const APPENDED: &str = "audit_appended_entries_total";
const BATCH_ENTRIES: &str = "audit_append_batch_entries";
const BATCH_SECONDS: &str = "audit_append_batch_seconds";
const FAILED_BATCHES: &str = "audit_append_failed_batches_total";
const QUEUE: &str = "audit_append_queue_requests";

/// Counts a request as waiting for the writer until this is dropped.
pub(super) struct Queued(());

impl Queued {
    pub(super) fn now() -> Queued {
        metrics::gauge!(QUEUE).increment(1.0);
        Queued(())
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        metrics::gauge!(QUEUE).decrement(1.0);
    }
}

/// Records a transaction: its requests, their outcomes unless it failed, and its start.
pub(super) fn batch<E>(requests: &[&AppendRequest], outcomes: &Result<Vec<Outcome>, E>, start: Instant) {
    let Ok(outcomes) = outcomes else {
        return metrics::counter!(FAILED_BATCHES).increment(1);
    };
    let entries: usize = requests.iter().map(|request| request.entries.len()).sum();
    metrics::histogram!(BATCH_ENTRIES).record(entries as f64);
    metrics::histogram!(BATCH_SECONDS).record(start.elapsed().as_secs_f64());
    for stream in [Stream::Events, Stream::ActionLogs] {
        let appended = requests.iter().zip(outcomes).filter_map(|(request, outcome)| Some((request, outcome.as_ref().ok()?)));
        let appended = appended.flat_map(|(request, receipts)| request.entries.iter().zip(receipts));
        let appended = appended.filter(|(entry, receipt)| entry.stream() == stream && !receipt.duplicate).count();
        if appended > 0 {
            metrics::counter!(APPENDED, "stream" => stream.name()).increment(appended as u64);
        }
    }
}
