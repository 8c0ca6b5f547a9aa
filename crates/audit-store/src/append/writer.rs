//! A writer thread. It owns the only connection that writes to its logs.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::batch::{Lookup, Outcome, commit};
use super::meter::{self, Queued};
use super::outcomes::Outcomes;
use super::{AppendRequest, PendingReceipts};
use crate::connection::{DbConnection, Purpose};
use crate::dialect;
use crate::error::{AppendError, OpenError, StoreError};
use crate::url::DatabaseUrl;

/// Requests that may wait. The budget of bytes usually says no first; this bounds the time that small ones wait.
const QUEUE_MAX: usize = 4096;

/// Entries that the writer takes into one transaction before it stops looking for more.
const BATCH_ENTRIES_MAX: usize = 10_000;

/// Bytes of slots, likewise.
const BATCH_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What a refused client is told. A full queue is written in about this time.
const RETRY_AFTER_SECONDS: u64 = 1;

/// How long the caller of a write that is no append waits. One that is stuck behind a commit which waits for a synchronous standby
/// may wait for hours.
const RUN_TIMEOUT: Duration = Duration::from_secs(30);

/// How often such a caller looks whether a full queue has room.
const RUN_RETRY: Duration = Duration::from_millis(20);

/// How long a store that closes waits for the thread. Whoever has no receipt by then knows that nothing was promised.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(15);

/// Work for the writer.
enum Job {
    Append(AppendRequest, oneshot::Sender<Outcome>, Queued),
    /// Any other write, in a transaction of its own making.
    Run(Work),
}

/// Gets a connection, or why there is none; tells whether the connection can be used again.
type Work = Box<dyn FnOnce(Result<&mut DbConnection, String>) -> bool + Send>;

/// The queue in front of the writer thread, and the thread.
pub(crate) struct Writer {
    queue: RwLock<Option<SyncSender<Job>>>,
    thread: Mutex<Option<Thread>>,
}

/// A thread, and what tells of its end.
struct Thread {
    handle: JoinHandle<()>,
    ended: Receiver<()>,
}

impl Writer {
    /// Without a connection, one is opened with the first job.
    pub(super) fn start(url: DatabaseUrl, conn: Option<DbConnection>) -> Result<Writer, OpenError> {
        let (sender, receiver) = sync_channel(QUEUE_MAX);
        let (end, ended) = channel::<()>();
        let path = url.display();
        let run = move || {
            // Dropped when the thread ends, however it ends.
            let _end = end;
            Loop { url, conn }.run(&receiver);
        };
        let handle = std::thread::Builder::new().name("audit-writer".to_owned()).spawn(run);
        let handle = handle.map_err(|error| OpenError::Database { path, why: error.to_string() })?;
        Ok(Writer { queue: RwLock::new(Some(sender)), thread: Mutex::new(Some(Thread { handle, ended })) })
    }

    /// Queues a request; a full queue refuses it.
    pub(super) fn try_append(&self, request: AppendRequest) -> Result<PendingReceipts, AppendError> {
        let (answer, pending) = oneshot::channel();
        match self.sender().ok_or(AppendError::Closed)?.try_send(Job::Append(request, answer, Queued::now())) {
            Ok(()) => Ok(PendingReceipts(pending)),
            Err(TrySendError::Full(_)) => Err(AppendError::Busy { retry_after_seconds: RETRY_AFTER_SECONDS }),
            Err(TrySendError::Disconnected(_)) => Err(AppendError::Closed),
        }
    }

    /// Queues a request, and waits for room.
    pub(super) fn append(&self, request: AppendRequest) -> Result<PendingReceipts, AppendError> {
        let (answer, pending) = oneshot::channel();
        let sender = self.sender().ok_or(AppendError::Closed)?;
        sender.send(Job::Append(request, answer, Queued::now())).map_err(|_| AppendError::Closed)?;
        Ok(PendingReceipts(pending))
    }

    /// Runs a write on the writer's connection, between two batches, and waits for it, but not for ever.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let end = Instant::now() + RUN_TIMEOUT;
        let (mut job, pending) = job(work);
        let sender = self.sender().ok_or(StoreError::Closed)?;
        // A queue that is full and stays full is one more way to wait.
        while let Err(refused) = sender.try_send(job) {
            job = match refused {
                TrySendError::Full(_) if Instant::now() >= end => return Err(StoreError::Late),
                TrySendError::Full(job) => job,
                TrySendError::Disconnected(_) => return Err(StoreError::Closed),
            };
            std::thread::sleep(RUN_RETRY);
        }
        drop(sender);
        pending.recv_timeout(end.saturating_duration_since(Instant::now())).map_err(|error| match error {
            oneshot::RecvTimeoutError::Timeout => StoreError::Late,
            oneshot::RecvTimeoutError::Disconnected => StoreError::Closed,
        })?
    }

    /// The same, for a write that takes its time.
    pub(super) fn run_long<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, pending) = job(work);
        self.sender().ok_or(StoreError::Closed)?.send(job).map_err(|_| StoreError::Closed)?;
        pending.recv().map_err(|_| StoreError::Closed)?
    }

    pub(super) fn is_running(&self) -> bool {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.as_ref().is_some_and(|thread| !thread.handle.is_finished())
    }

    /// Takes no more jobs; the thread ends behind the queued ones.
    pub(super) fn take_no_more(&self) {
        drop(self.queue.write().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Takes no more jobs, finishes the queued ones, and ends the thread, until a deadline.
    pub(super) fn close(&self, deadline: Instant) {
        self.take_no_more();
        let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        if thread.ended.recv_timeout(deadline.saturating_duration_since(Instant::now())) == Err(RecvTimeoutError::Timeout) {
            tracing::error!("the writer still waits for the database; what it has not acknowledged may be stored or not");
        } else if thread.handle.join().is_err() {
            tracing::error!("the writer thread panicked");
        }
    }

    fn sender(&self) -> Option<SyncSender<Job>> {
        self.queue.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A write as a job, and where its outcome will be.
fn job<T: Send + 'static>(
    work: impl FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
) -> (Job, oneshot::Receiver<Result<T, StoreError>>) {
    let (answer, pending) = oneshot::channel();
    let work: Work = Box::new(move |conn| {
        let outcome = conn.map_err(StoreError::Unreachable).and_then(|conn| work(conn).map_err(|error| error.seen_on(conn)));
        let is_usable = !matches!(outcome, Err(StoreError::Unreachable(_)));
        // Nobody waits for a write whose caller is gone; it is done all the same.
        drop(answer.send(outcome));
        is_usable
    });
    (Job::Run(work), pending)
}

type Waiting = (AppendRequest, oneshot::Sender<Outcome>);

struct Loop {
    url: DatabaseUrl,
    /// Dropped after an error, so that the next transaction starts on a fresh one.
    conn: Option<DbConnection>,
}

impl Loop {
    fn run(mut self, queue: &Receiver<Job>) {
        while let Ok(job) = queue.recv() {
            let other = match job {
                Job::Run(work) => Some(work),
                Job::Append(request, answer, queued) => {
                    drop(queued);
                    let mut batch = vec![(request, answer)];
                    let other = fill(&mut batch, queue);
                    self.append(batch);
                    other
                }
            };
            if let Some(work) = other
                && !work(self.connection())
            {
                self.conn = None;
            }
        }
    }

    fn append(&mut self, batch: Vec<Waiting>) {
        let requests: Vec<&AppendRequest> = batch.iter().map(|(request, _)| request).collect();
        let outcomes = self.outcomes(requests);
        for ((request, answer), outcome) in batch.into_iter().zip(outcomes) {
            // The share of the budget goes back before the caller can act on its receipt.
            drop(request);
            if answer.send(outcome).is_err() {
                tracing::debug!("a client did not wait for its receipt");
            }
        }
    }

    /// What becomes of each request. One that cannot be appended takes none of the others along.
    fn outcomes(&mut self, requests: Vec<&AppendRequest>) -> Vec<Outcome> {
        let (mut outcomes, mut lookup) = (Outcomes::of(requests), Lookup::GivenUuids);
        while !outcomes.open().is_empty() {
            let open = outcomes.open();
            let asked: Vec<&AppendRequest> = open.iter().map(|index| outcomes.requests[*index]).collect();
            match self.commit_and_settle(&asked, &mut lookup) {
                Ok(done) => outcomes.settle(&open, done),
                Err(error) if outcomes.refuse_concerned(&error) => {}
                Err(error) => {
                    // One of them may have broken the others; alone, each gets its own answer.
                    tracing::warn!(%error, requests = open.len(), "a batch failed; trying its requests one by one");
                    self.one_by_one(&mut outcomes, lookup);
                }
            }
        }
        outcomes.into_all()
    }

    fn one_by_one(&mut self, outcomes: &mut Outcomes<'_>, lookup: Lookup) {
        for index in outcomes.open() {
            if outcomes.is_settled(index) {
                continue;
            }
            match self.commit(&[outcomes.requests[index]], lookup) {
                Ok(done) => outcomes.settle(&[index], done),
                Err(error) if outcomes.refuse_concerned(&error) => {}
                Err(error) => outcomes.settle(&[index], vec![Err(AppendError::Database(error.to_string()))]),
            }
        }
    }

    /// Where the connection is lost on the way, whether the batch was committed is in the log, and nowhere else. After an error,
    /// `lookup` is how the requests are to be looked up from then on.
    fn commit_and_settle(&mut self, requests: &[&AppendRequest], lookup: &mut Lookup) -> Result<Vec<Outcome>, StoreError> {
        // Without one, nothing was sent that could be looked for.
        self.connection().map_err(StoreError::Unreachable)?;
        let outcomes = self.commit(requests, *lookup);
        *lookup = (*lookup).max(Lookup::AllUuids);
        match outcomes {
            Err(error @ StoreError::Unreachable(_)) => {
                tracing::warn!(%error, requests = requests.len(), "the connection was lost; looking what became of a batch");
                *lookup = Lookup::Settle;
                self.commit(requests, *lookup)
            }
            outcomes => outcomes,
        }
    }

    fn commit(&mut self, requests: &[&AppendRequest], lookup: Lookup) -> Result<Vec<Outcome>, StoreError> {
        let start = Instant::now();
        let conn = self.connection().map_err(StoreError::Unreachable)?;
        let outcomes = commit(conn, requests, lookup).map_err(|error| error.seen_on(conn));
        meter::batch(requests, &outcomes, start);
        if outcomes.is_err() {
            self.conn = None;
        }
        outcomes
    }

    fn connection(&mut self) -> Result<&mut DbConnection, String> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => dialect::open(&self.url, Purpose::Write).map_err(|error| error.to_string())?,
        };
        Ok(self.conn.insert(conn))
    }
}

/// Takes what is queued, up to the limits of a batch; a job that is no append ends the batch and is returned.
fn fill(batch: &mut Vec<Waiting>, queue: &Receiver<Job>) -> Option<Work> {
    let mut entries: usize = batch.iter().map(|(request, _)| request.entries.len()).sum();
    let mut bytes: usize = batch.iter().map(|(request, _)| request.bytes()).sum();
    while entries < BATCH_ENTRIES_MAX && bytes < BATCH_BYTES_MAX {
        match queue.try_recv() {
            Ok(Job::Append(request, answer, queued)) => {
                drop(queued);
                entries += request.entries.len();
                bytes += request.bytes();
                batch.push((request, answer));
            }
            Ok(Job::Run(work)) => return Some(work),
            Err(_) => return None,
        }
    }
    None
}
