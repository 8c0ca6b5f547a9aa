//! The writers of a store: one if the database has one write lock, several if it locks rows.

use std::sync::Arc;
use std::time::Instant;

use audit_domain::Stream;

use super::watch::ClockWatch;
use super::writer::{CLOSE_TIMEOUT, Writer};
use super::{AfterCommit, AppendRequest, NotStored, PendingReceipts};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::{OpenError, StoreError};
use crate::guard::Guard;
use crate::log_key::LogKey;
use crate::url::DatabaseUrl;
use crate::watch::DatabaseWatch;

/// All writers of a store. A log always has the same writer, so two writers never wait for the same
/// head. A request for several logs goes whole to the writer of the first log.
pub(crate) struct Writers(Vec<Writer>);

impl Writers {
    /// Starts the writers. The first one takes the given connection; the others open theirs for
    /// their first request.
    pub(crate) fn start(
        url: &DatabaseUrl,
        conn: DbConnection,
        wanted: u32,
        watch: &Arc<ClockWatch>,
        database: &Arc<DatabaseWatch>,
        guard: Option<&Arc<Guard>>,
        after_commit: &AfterCommit,
    ) -> Result<Writers, OpenError> {
        let mut conn = Some(conn);
        let start = |_| {
            let (watch, database) = (Arc::clone(watch), Arc::clone(database));
            Writer::start(url.clone(), conn.take(), watch, database, guard.cloned(), Arc::clone(after_commit))
        };
        let writers = (0..dialect::writers(url, wanted)).map(start);
        writers.collect::<Result<_, _>>().map(Writers)
    }

    /// Queues a request; a full queue refuses it.
    pub(crate) fn try_append(&self, request: AppendRequest) -> Result<PendingReceipts, NotStored> {
        self.writer_for(&request).ok_or(NotStored::Closed)?.try_append(request)
    }

    /// Waits for room and queues a request.
    pub(crate) fn append(&self, request: AppendRequest) -> Result<PendingReceipts, NotStored> {
        self.writer_for(&request).ok_or(NotStored::Closed)?.append(request)
    }

    /// Runs a write that takes milliseconds between two batches, and waits for it as long as a
    /// caller may wait.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.0.first().ok_or(StoreError::Closed)?.run(work)
    }

    /// Runs a write on the writer of a log, which does not append to the log meanwhile. The write
    /// has no time limit.
    pub(crate) fn run_for<T: Send + 'static>(
        &self,
        log: LogKey,
        work: impl FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.0.get(self.number_for(log)).ok_or(StoreError::Closed)?.run_step(work)
    }

    /// The number of the writer of a log.
    pub(crate) fn number_for(&self, (channel_id, stream): LogKey) -> usize {
        place(channel_id, stream.number(), self.0.len())
    }

    pub(crate) fn are_running(&self) -> bool {
        self.0.iter().all(Writer::is_running)
    }

    /// The message of the panic that ended one of them.
    pub(crate) fn panic(&self) -> Option<String> {
        self.0.iter().find_map(Writer::panic)
    }

    /// Closes the queues, waits until the queued jobs are done, and ends the threads. Returns whether
    /// they ended in time.
    pub(crate) fn close(&self) -> bool {
        self.0.iter().for_each(Writer::take_no_more);
        // All writers have the same deadline, because they wait for the same server.
        let deadline = Instant::now() + CLOSE_TIMEOUT;
        // Each of them is closed, also after one that did not end.
        self.0.iter().filter(|writer| !writer.close(deadline)).count() == 0
    }

    fn writer_for(&self, request: &AppendRequest) -> Option<&Writer> {
        let log = request.entries.iter().map(|entry| (entry.channel_id().get(), entry.stream().number())).min();
        let (channel_id, stream) = log.unwrap_or((0, Stream::Events.number()));
        self.0.get(place(channel_id, stream, self.0.len()))
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.close();
    }
}

/// Chooses the writer of a log. Neighbouring channels have different writers, and so have the two
/// streams of a channel, because channels are numbered one after the other.
fn place(channel_id: i64, stream: i16, writers: usize) -> usize {
    let log = channel_id.unsigned_abs().wrapping_add(u64::from(stream.unsigned_abs()));
    usize::try_from(log % writers.max(1) as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logs_of_neighbours_are_spread_over_all_writers() {
        for (writers, stream) in (1..9).flat_map(|writers| [(writers, 1), (writers, 2)]) {
            let mut places: Vec<usize> = (0..writers).map(|channel| place(channel as i64, stream, writers)).collect();
            places.sort_unstable();
            assert_eq!(places, (0..writers).collect::<Vec<_>>(), "stream {stream}");
        }
        assert_eq!(place(i64::MAX, 2, 4), place(i64::MAX, 2, 4));
    }
}
