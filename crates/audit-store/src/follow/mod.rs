//! Threads that follow the logs. Each brings something that is computed from the entries up to date
//! after appends, step by step: the search index, or the tree.

mod waiting;

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use self::waiting::Waiting;
use crate::append::{LogKey, Writers};
use crate::error::{OpenError, StoreError};
use crate::limit::Cancel;

/// What follows the logs, for messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Follower {
    /// The name of the thread.
    pub(crate) thread: &'static str,
    /// What the thread brings up to date: "search index".
    pub(crate) what: &'static str,
    /// The consequences if it lags: "queries are exact, and slower".
    pub(crate) consequence: &'static str,
    /// The section of `docs/operations.md`.
    pub(crate) section: &'static str,
}

/// The result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The step is done; this number of entries is left for further steps.
    Done { left: i64 },
    /// Another process did a step after this one was prepared.
    Overtaken,
}

/// Does the next step of each of some logs. The outcomes are in the order of the logs.
type Steps = Box<dyn Fn(&Writers, &[LogKey]) -> Vec<Result<Progress, StoreError>> + Send>;

/// The time for which appends are collected before a step. One step for each of a thousand small
/// appends a second would cost more than the appends.
const PAUSE: Duration = Duration::from_millis(200);

/// The pause after a failed step.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(5);

/// Notes the logs that grew.
#[derive(Debug)]
pub(crate) struct Grown {
    follower: Follower,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    logs: BTreeSet<LogKey>,
    waiting: Waiting,
    is_closed: bool,
}

impl Grown {
    pub(crate) fn new(follower: Follower) -> Grown {
        Grown { follower, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Notes that logs grew.
    pub(crate) fn note(&self, logs: &BTreeSet<LogKey>) {
        let (mut state, now) = (self.lock(), Instant::now());
        for log in logs {
            if state.logs.insert(*log) {
                state.waiting.grew(*log, now);
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Waits for logs that grew and returns them after `pause`. Returns `None` if there is nothing
    /// more to do.
    fn take(&self, pause: Duration) -> Option<BTreeSet<LogKey>> {
        let idle = self.changed.wait_while(self.lock(), |state| state.logs.is_empty() && !state.is_closed);
        let state = idle.unwrap_or_else(PoisonError::into_inner);
        let paused = self.changed.wait_timeout_while(state, pause, |state| !state.is_closed);
        let (mut state, _) = paused.unwrap_or_else(PoisonError::into_inner);
        if state.is_closed { None } else { Some(std::mem::take(&mut state.logs)) }
    }

    /// Notes that a step of a log is done.
    fn stepped(&self, log: LogKey, left: i64) {
        let (mut state, now) = (self.lock(), Instant::now());
        let is_current = left == 0;
        state.waiting.moved(&self.follower, log, is_current, now);
        if is_current && state.logs.contains(&log) {
            // The log grew since the step read its size.
            state.waiting.grew(log, now);
        }
    }

    /// Notes that another process did a step of a log.
    fn overtaken(&self, log: LogKey) {
        let mut state = self.lock();
        state.waiting.moved(&self.follower, log, false, Instant::now());
        state.logs.insert(log);
    }

    /// Notes that a step of a log failed. The thread will repeat it.
    fn failed(&self, log: LogKey, error: &StoreError, patience: Duration) {
        let (mut state, now) = (self.lock(), Instant::now());
        state.waiting.failed(&self.follower, log, error, now);
        state.waiting.say(&self.follower, patience, now);
        state.logs.insert(log);
    }

    fn warnings(&self, patience: Duration) -> Vec<String> {
        let (mut state, now) = (self.lock(), Instant::now());
        // The thread cannot log this while its step does not return, so the check does.
        state.waiting.say(&self.follower, patience, now);
        state.waiting.warnings(&self.follower, patience, now)
    }

    fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time for which a store that closes waits for the thread, which abandons its read. A
/// connection that is open when the program ends leaves the WAL of an embedded database, as a crash
/// does.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The handle of the thread. The thread ends by itself when this or the writers are dropped.
pub(crate) struct Following {
    grown: Arc<Grown>,
    patience: Duration,
    reads: Cancel,
    /// The receiver is taken after the thread was waited for.
    ended: Mutex<Option<Receiver<()>>>,
}

impl Following {
    /// Does steps for the logs that grow, and for those with entries that are left from before. Logs a
    /// warning if there is no progress for longer than `patience`.
    pub(crate) fn start(
        path: String,
        grown: &Arc<Grown>,
        writers: &Arc<Writers>,
        steps: impl Fn(&Writers, &[LogKey]) -> Vec<Result<Progress, StoreError>> + Send + 'static,
        logs: &[LogKey],
        patience: Duration,
    ) -> Result<Following, OpenError> {
        grown.note(&logs.iter().copied().collect());
        let (reads, (end, ended)) = (Cancel::new(), channel::<()>());
        let writers = Arc::downgrade(writers);
        let thread = Thread { grown: Arc::clone(grown), steps: Box::new(steps), writers, patience, reads: reads.clone() };
        let run = move || {
            // The value is dropped when the thread ends, in whatever way, and after everything else
            // of the thread.
            let _end = end;
            thread.run();
        };
        let started = std::thread::Builder::new().name(grown.follower.thread.to_owned()).spawn(run);
        started.map_err(|error| OpenError::Database { path, why: error.to_string() })?;
        Ok(Following { grown: Arc::clone(grown), patience, reads, ended: Mutex::new(Some(ended)) })
    }

    /// Warnings about logs that are not followed for too long, one sentence each. Reads no database.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.grown.warnings(self.patience)
    }

    /// Starts no further step, and ends the thread.
    pub(crate) fn close(&self) {
        self.grown.close();
        self.reads.ask();
        let Some(ended) = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        if ended.recv_timeout(CLOSE_TIMEOUT) == Err(RecvTimeoutError::Timeout) {
            let what = self.grown.follower.what;
            tracing::warn!("the thread of the {what} still waits for the database; the next start does the rest");
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.close();
    }
}

/// The state of the thread.
struct Thread {
    grown: Arc<Grown>,
    steps: Steps,
    writers: Weak<Writers>,
    patience: Duration,
    reads: Cancel,
}

impl Thread {
    fn run(self) {
        let mut pause = PAUSE;
        while let Some(logs) = self.grown.take(pause) {
            let Some(writers) = self.writers.upgrade() else { return };
            pause = if self.follow(&writers, logs.into_iter().collect()) { PAUSE } else { PAUSE_AFTER_ERROR };
        }
    }

    /// Does steps for the logs until nothing is left. Between two steps, their writers append waiting
    /// requests. Returns whether no step failed.
    fn follow(&self, writers: &Writers, mut logs: Vec<LogKey>) -> bool {
        let mut has_succeeded = true;
        while !logs.is_empty() && !self.grown.is_closed() {
            let outcomes = self.reads.clone().scope(|| (self.steps)(writers, &logs));
            let mut left = Vec::new();
            for (log, outcome) in logs.into_iter().zip(outcomes) {
                match outcome {
                    Ok(Progress::Done { left: entries }) => {
                        self.grown.stepped(log, entries);
                        left.extend((entries > 0).then_some(log));
                    }
                    // Another server does the same steps. After a pause there may be nothing left to
                    // do; if there is, the two servers seldom meet again.
                    Ok(Progress::Overtaken) => self.grown.overtaken(log),
                    Err(error) if !self.grown.is_closed() => {
                        self.grown.failed(log, &error, self.patience);
                        has_succeeded = false;
                    }
                    Err(_) => {}
                }
            }
            logs = left;
        }
        has_succeeded
    }
}
