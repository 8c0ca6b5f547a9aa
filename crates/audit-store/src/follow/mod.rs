//! Threads that follow the logs. Each brings something that is computed from the entries up to date
//! after appends, step by step: the search index, or the tree.

mod put;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

pub(crate) use self::put::{Put, put_all};
use self::waiting::Waiting;
use crate::append::Writers;
use crate::error::{OpenError, StoreError};
use crate::limit::Cancel;
use crate::log_key::LogKey;

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

/// Takes the outcome of a step, and returns whether further steps are wanted.
pub(crate) type Report<'r> = &'r mut dyn FnMut(LogKey, Result<Progress, StoreError>) -> bool;

/// Does the next step of each of some logs, and reports each.
type Steps = Box<dyn Fn(&Writers, &[LogKey], Report<'_>) + Send>;

/// Looks in the database which logs have a step to do: also those to which another process appended.
type Sweep = Box<dyn Fn() -> Result<Vec<LogKey>, StoreError> + Send>;

/// The time between two sweeps.
const SWEEP: Duration = Duration::from_secs(2);

/// How much longer this time is at least than a sweep takes: with very many logs, sweeps are rare.
const SWEEP_FACTOR: u32 = 50;

/// The time for which appends are collected before a step. One step for each of a thousand small
/// appends a second would cost more than the appends.
const PAUSE: Duration = Duration::from_millis(200);

/// The pause of a log after its step failed. Other logs do not wait for it.
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
    /// The logs with a step to do.
    logs: BTreeSet<LogKey>,
    /// The logs whose last step failed, and when it is repeated. They are not among the others.
    failed: BTreeMap<LogKey, Instant>,
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
            if !state.failed.contains_key(log) && state.logs.insert(*log) {
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

    /// Waits for logs with a step to do, at most until `end`, and returns them after `pause`. Returns
    /// `None` when this is closed.
    fn take(&self, pause: Duration, end: Instant) -> Option<Vec<LogKey>> {
        let mut state = self.lock();
        while state.logs.is_empty() && !state.is_closed {
            let now = Instant::now();
            if now >= end {
                return Some(Vec::new());
            }
            let next = state.failed.values().min().map_or(end, |retry| end.min(*retry));
            let waited = self.changed.wait_timeout(state, next.saturating_duration_since(now));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.retry(Instant::now());
        }
        let paused = self.changed.wait_timeout_while(state, pause, |state| !state.is_closed);
        let (mut state, _) = paused.unwrap_or_else(PoisonError::into_inner);
        state.retry(Instant::now());
        if state.is_closed { None } else { Some(std::mem::take(&mut state.logs).into_iter().collect()) }
    }

    /// Notes that a step of a log is done.
    fn stepped(&self, log: LogKey, left: i64) {
        let (mut state, now) = (self.lock(), Instant::now());
        let is_current = left == 0;
        state.waiting.moved(&self.follower, log, is_current, now);
        if !is_current {
            state.logs.insert(log);
        } else if state.logs.contains(&log) {
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
        state.logs.remove(&log);
        state.failed.insert(log, now + PAUSE_AFTER_ERROR);
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

impl State {
    /// Lets the steps that failed long enough ago be repeated.
    fn retry(&mut self, now: Instant) {
        let due = self.failed.extract_if(.., |_, at| *at <= now);
        self.logs.extend(due.map(|(log, _)| log));
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
    /// Does steps for the logs that grow, and for those that a sweep finds. Logs a warning if a log does
    /// not progress for longer than `patience`.
    pub(crate) fn start(
        path: String,
        grown: &Arc<Grown>,
        writers: &Arc<Writers>,
        steps: impl Fn(&Writers, &[LogKey], Report<'_>) + Send + 'static,
        sweep: impl Fn() -> Result<Vec<LogKey>, StoreError> + Send + 'static,
        patience: Duration,
    ) -> Result<Following, OpenError> {
        let (reads, (end, ended)) = (Cancel::new(), channel::<()>());
        let writers = Arc::downgrade(writers);
        let thread = Thread {
            grown: Arc::clone(grown),
            steps: Box::new(steps),
            sweep: Box::new(sweep),
            writers,
            patience,
            reads: reads.clone(),
        };
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

    /// Has the thread not start another step.
    pub(crate) fn stop(&self) {
        self.grown.close();
        self.reads.ask();
    }

    /// Stops the thread after its current step, and waits for that. Returns whether it ended in time.
    pub(crate) fn close(&self) -> bool {
        self.stop();
        let Some(ended) = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take() else { return true };
        let has_ended = ended.recv_timeout(CLOSE_TIMEOUT) != Err(RecvTimeoutError::Timeout);
        if !has_ended {
            let what = self.grown.follower.what;
            tracing::warn!("the thread of the {what} still waits for the database; the next start does the rest");
        }
        has_ended
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
    sweep: Sweep,
    writers: Weak<Writers>,
    patience: Duration,
    reads: Cancel,
}

impl Thread {
    fn run(self) {
        // The first sweep finds the entries that are left from before.
        let (mut pause, mut next_sweep) = (PAUSE, Instant::now());
        loop {
            let start = Instant::now();
            if start >= next_sweep {
                self.sweep();
                next_sweep = Instant::now() + SWEEP.max(start.elapsed() * SWEEP_FACTOR);
            }
            let Some(logs) = self.grown.take(pause, next_sweep) else { return };
            let Some(writers) = self.writers.upgrade() else { return };
            // One step for each log, and then for those that grew meanwhile as well: none waits for a log
            // with many steps to do.
            let mut is_current = true;
            let mut report = |log, outcome| {
                is_current &= self.note(log, outcome);
                !self.grown.is_closed()
            };
            self.reads.clone().scope(|| (self.steps)(&writers, &logs, &mut report));
            pause = if is_current { PAUSE } else { Duration::ZERO };
        }
    }

    /// Notes the logs that have a step to do. If the database does not answer, the next sweep
    /// looks again.
    fn sweep(&self) {
        match self.reads.clone().scope(|| (self.sweep)()) {
            Ok(logs) => self.grown.note(&logs.into_iter().collect()),
            Err(error) => tracing::debug!(%error, "the {} of all logs was not looked at", self.grown.follower.what),
        }
    }

    /// Notes the outcome of a step. Returns whether the log can wait until it grows, or for a pause.
    fn note(&self, log: LogKey, outcome: Result<Progress, StoreError>) -> bool {
        match outcome {
            Ok(Progress::Done { left }) => {
                self.grown.stepped(log, left);
                return left == 0;
            }
            // Another server does the same steps. After a pause there may be nothing left to do; if
            // there is, the two servers seldom meet again.
            Ok(Progress::Overtaken) => self.grown.overtaken(log),
            Err(error) if !self.grown.is_closed() => self.grown.failed(log, &error, self.patience),
            Err(_) => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use audit_domain::Stream;

    use super::*;

    const A: LogKey = (1, Stream::Events);
    const B: LogKey = (2, Stream::Events);
    const PATIENCE: Duration = Duration::from_secs(60);

    fn take(grown: &Grown) -> Vec<LogKey> {
        grown.take(Duration::ZERO, Instant::now() + PATIENCE).unwrap()
    }

    #[test]
    fn a_log_with_more_steps_to_do_takes_turns_with_others() {
        let grown = Grown::new(crate::indexer::FOLLOWER);
        grown.note(&[A].into());
        assert_eq!(take(&grown), [A]);
        grown.note(&[B].into());
        grown.stepped(A, 1_000);
        assert_eq!(take(&grown), [A, B]);
        grown.stepped(A, 0);
        grown.stepped(B, 0);
        grown.note(&[B].into());
        assert_eq!(take(&grown), [B]);
    }

    #[test]
    fn a_log_whose_step_failed_waits_alone() {
        let grown = Grown::new(crate::indexer::FOLLOWER);
        grown.note(&[A, B].into());
        assert_eq!(take(&grown), [A, B]);
        grown.failed(A, &StoreError::Closed, PATIENCE);
        grown.stepped(B, 0);
        grown.note(&[A, B].into());
        assert_eq!(take(&grown), [B]);
        assert_eq!(grown.take(Duration::ZERO, Instant::now()), Some(Vec::new()), "its time has not come");
        // Nobody notes anything, and its time comes.
        grown.lock().failed.insert(A, Instant::now() + Duration::from_millis(20));
        assert_eq!(take(&grown), [A]);
        grown.failed(A, &StoreError::Closed, PATIENCE);
        grown.close();
        assert_eq!(grown.take(Duration::ZERO, Instant::now() + PATIENCE), None);
    }
}
