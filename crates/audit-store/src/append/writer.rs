//! A writer thread. It owns the only connection that appends to its logs.

use std::hash::RandomState;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::batch::{Lookup, Outcome, commit, log_of};
use super::error::NotStored;
use super::meter::{self, Queued};
use super::outcomes::Outcomes;
use super::pace::Pace;
use super::queue::{Job, Queue, Waiting, Work};
use super::receipt::answer;
use super::watch::ClockWatch;
use super::{AfterCommit, AppendRequest, PendingReceipts};
use crate::connection::{DbConnection, Purpose};
use crate::dialect;
use crate::error::{OpenError, StoreError};
use crate::guard::Guard;
use crate::url::DatabaseUrl;
use crate::watch::DatabaseWatch;

/// The time for which the caller of a write other than an append waits. The write may wait for
/// hours after a commit that waits for a synchronous standby.
const RUN_TIMEOUT: Duration = Duration::from_secs(30);

/// The time for which a store that closes waits for the thread. A caller without a receipt by then
/// has no promise.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(15);

/// The queue in front of the writer thread, and the thread.
pub(crate) struct Writer {
    queue: Arc<Queue>,
    /// The message of the panic that ended the thread.
    panic: Arc<OnceLock<String>>,
    thread: Mutex<Option<Thread>>,
    database: Arc<DatabaseWatch>,
}

/// A thread, and a channel that closes when the thread ends.
struct Thread {
    handle: JoinHandle<()>,
    ended: Receiver<()>,
}

impl Writer {
    /// Starts the thread. Without a connection, the thread opens one for its first job.
    pub(super) fn start(
        url: DatabaseUrl,
        conn: Option<DbConnection>,
        watch: Arc<ClockWatch>,
        database: Arc<DatabaseWatch>,
        guard: Option<Arc<Guard>>,
        after_commit: AfterCommit,
    ) -> Result<Writer, OpenError> {
        let (queue, panic) = (Arc::<Queue>::default(), Arc::<OnceLock<String>>::default());
        let (end, ended) = channel::<()>();
        let path = url.display();
        let watched = Arc::clone(&database);
        let (taken, panicked) = (Arc::clone(&queue), Arc::clone(&panic));
        let run = move || {
            // The value is dropped when the thread ends, in whatever way.
            let _end = end;
            let work = move |taken: &Queue| {
                // Draws the hash keys at the start and not in the first batch.
                drop(RandomState::new());
                Loop { url, conn, watch, database: watched, guard, after_commit, pace: Pace::default() }.run(taken);
            };
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work(&taken))) {
                let message = panicked.get_or_init(|| message_of(&*payload));
                tracing::error!(message, "the writer thread panicked; the store appends nothing until it is opened again");
                // The outcome of the requests that it processed is not known: their callers get an
                // answer when the senders are dropped. It never took the other requests.
                taken.abandon().into_iter().for_each(|waiting| answer(waiting.answer, Err(NotStored::Closed.into())));
            }
        };
        let handle = std::thread::Builder::new().name("audit-writer".to_owned()).spawn(run);
        let handle = handle.map_err(|error| OpenError::Database { path, why: error.to_string() })?;
        Ok(Writer { queue, panic, thread: Mutex::new(Some(Thread { handle, ended })), database })
    }

    /// Queues a request; a full queue refuses it.
    pub(super) fn try_append(&self, request: AppendRequest) -> Result<PendingReceipts, NotStored> {
        let (answer, pending) = oneshot::channel();
        self.queue.try_push(Waiting { request, answer, queued: Queued::now() })?;
        Ok(PendingReceipts(pending))
    }

    /// Waits for room and queues a request.
    pub(super) fn append(&self, request: AppendRequest) -> Result<PendingReceipts, NotStored> {
        let (answer, pending) = oneshot::channel();
        self.queue.push(Waiting { request, answer, queued: Queued::now() })?;
        Ok(PendingReceipts(pending))
    }

    /// Runs a write on the writer's connection between two batches, and waits for it up to
    /// [`RUN_TIMEOUT`].
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let end = Instant::now() + RUN_TIMEOUT;
        let (work, pending) = prepare(&self.database, work, DatabaseWatch::confirm);
        self.queue.push_work(work, Some(end))?;
        pending.recv_timeout(end.saturating_duration_since(Instant::now())).map_err(|error| match error {
            oneshot::RecvTimeoutError::Timeout => StoreError::Late,
            oneshot::RecvTimeoutError::Disconnected => StoreError::Closed,
        })?
    }

    /// Runs a step of an index in the same way, but without a time limit.
    pub(super) fn run_step<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (work, pending) = prepare(&self.database, work, DatabaseWatch::confirm_step);
        self.queue.push_work(work, None)?;
        pending.recv().map_err(|_| StoreError::Closed)?
    }

    pub(super) fn is_running(&self) -> bool {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.as_ref().is_some_and(|thread| !thread.handle.is_finished())
    }

    pub(super) fn panic(&self) -> Option<String> {
        self.panic.get().cloned()
    }

    /// Closes the queue. The thread ends after the queued jobs.
    pub(super) fn take_no_more(&self) {
        self.queue.close();
    }

    /// Closes the queue, waits until the queued jobs are done, and ends the thread, until a deadline.
    /// Returns whether it ended.
    pub(super) fn close(&self, deadline: Instant) -> bool {
        self.take_no_more();
        let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() else { return true };
        if thread.ended.recv_timeout(deadline.saturating_duration_since(Instant::now())) == Err(RecvTimeoutError::Timeout) {
            tracing::error!("the writer still waits for the database; entries that it has not acknowledged may be stored or not");
            return false;
        }
        if thread.handle.join().is_err() {
            tracing::error!("the writer thread panicked");
        }
        true
    }
}

/// The message of a panic.
fn message_of(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// Makes a write for the queue, and the receiver of its outcome.
fn prepare<T: Send + 'static>(
    database: &Arc<DatabaseWatch>,
    work: impl FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
    confirm: fn(&DatabaseWatch, Result<T, StoreError>) -> Result<T, StoreError>,
) -> (Work, oneshot::Receiver<Result<T, StoreError>>) {
    let (answer, pending) = oneshot::channel();
    let database = Arc::clone(database);
    let work: Work = Box::new(move |conn| {
        let conn = database.check_place().and_then(|()| conn.map_err(StoreError::Unreachable));
        let outcome = confirm(&database, conn.and_then(|conn| work(conn).map_err(|error| error.seen_on(conn))));
        let is_usable = !matches!(outcome, Err(StoreError::Unreachable(_)));
        // The caller of the write may be gone; the write is done all the same.
        drop(answer.send(outcome));
        is_usable
    });
    (work, pending)
}

struct Loop {
    url: DatabaseUrl,
    /// Dropped after an error, so that the next transaction starts on a new connection.
    conn: Option<DbConnection>,
    watch: Arc<ClockWatch>,
    database: Arc<DatabaseWatch>,
    guard: Option<Arc<Guard>>,
    after_commit: AfterCommit,
    pace: Pace,
}

impl Loop {
    fn run(mut self, queue: &Queue) {
        while let Some(job) = queue.next(self.pace.batch()) {
            match job {
                Job::Append(batch) => self.append(batch),
                Job::Run(work) => {
                    if !work(self.connection()) {
                        self.conn = None;
                    }
                }
            }
        }
    }

    fn append(&mut self, batch: Vec<Waiting>) {
        let batch = batch.into_iter().map(|Waiting { request, answer, queued }| {
            drop(queued);
            (request, answer)
        });
        let batch: Vec<_> = batch.collect();
        let outcomes = self.outcomes(batch.iter().map(|(request, _)| request).collect());
        for ((request, caller), outcome) in batch.into_iter().zip(outcomes) {
            // The share goes back to the budget before the caller can act on its receipt.
            drop(request);
            answer(caller, outcome);
        }
    }

    /// Commits requests and returns the outcome of each. A request that cannot be appended does not
    /// fail the others.
    fn outcomes(&mut self, requests: Vec<&AppendRequest>) -> Vec<Outcome> {
        let (mut outcomes, mut lookup) = (Outcomes::new(requests), Lookup::GivenUuids);
        while !outcomes.open().is_empty() {
            let open = outcomes.open();
            let asked: Vec<&AppendRequest> = open.iter().map(|index| outcomes.requests[*index]).collect();
            let done = self.commit_and_settle(&asked, &mut lookup, || outcomes.doubt(&open));
            match done {
                Ok(done) => outcomes.settle(&open, done),
                Err(error) if outcomes.refuse_concerned(&error) => {}
                Err(error) => {
                    // One of the requests may have failed the others. Alone, each gets its own
                    // answer.
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
                Err(error) => {
                    if matches!(error, StoreError::Unconfirmed(_)) {
                        outcomes.doubt(&[index]);
                    }
                    if !outcomes.refuse_concerned(&error) {
                        outcomes.fail(index, &error);
                    }
                }
            }
        }
    }

    /// Commits requests. If the connection is lost during the commit, only the log shows whether
    /// the batch was committed, so this looks it up. After an error, `lookup` is the lookup for the
    /// next attempt. Calls `doubt` if a commit of the requests may have succeeded.
    fn commit_and_settle(
        &mut self,
        requests: &[&AppendRequest],
        lookup: &mut Lookup,
        mut doubt: impl FnMut(),
    ) -> Result<Vec<Outcome>, StoreError> {
        self.database.check_place()?;
        // Without a connection, nothing was sent that the log could have.
        self.connection().map_err(StoreError::Unreachable)?;
        let mut commit = |writer: &mut Loop, lookup| {
            let outcomes = writer.commit(requests, lookup);
            if matches!(outcomes, Err(StoreError::Unconfirmed(_))) {
                doubt();
            }
            outcomes
        };
        let outcomes = commit(self, *lookup);
        *lookup = (*lookup).max(Lookup::AllUuids);
        match outcomes {
            Err(error @ (StoreError::Unreachable(_) | StoreError::Unconfirmed(_))) => {
                tracing::warn!(%error, requests = requests.len(), "the outcome of a commit is not known; looking its entries up in the log");
                *lookup = Lookup::Settle;
                commit(self, *lookup)
            }
            outcomes => outcomes,
        }
    }

    fn commit(&mut self, requests: &[&AppendRequest], lookup: Lookup) -> Result<Vec<Outcome>, StoreError> {
        let start = Instant::now();
        let (watch, guard, mut pace) = (Arc::clone(&self.watch), self.guard.clone(), std::mem::take(&mut self.pace));
        let commit = |conn: &mut DbConnection| {
            commit(conn, requests, lookup, &watch, guard.as_deref(), &mut pace).map_err(|error| error.seen_on(conn))
        };
        let outcomes = self.connection().map(commit).map_err(StoreError::Unreachable);
        self.pace = pace;
        let outcomes = self.database.confirm(outcomes?);
        meter::batch(requests, &outcomes, start);
        match &outcomes {
            Ok(_) => (self.after_commit)(&requests.iter().flat_map(|request| &request.entries).map(log_of).collect()),
            Err(_) => self.conn = None,
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
