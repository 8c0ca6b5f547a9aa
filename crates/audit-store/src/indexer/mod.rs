//! The thread that updates the indexes of a store's logs.

mod feed;
mod lag;
mod waiting;

#[cfg(test)]
pub(crate) use feed::Step;
pub(crate) use feed::{Progress, Source, step};
pub use lag::IndexLag;
pub(crate) use lag::lags;

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use self::waiting::Waiting;
use crate::append::{LogKey, Writers};
use crate::error::{OpenError, StoreError};
use crate::limit::Cancel;

/// The time for which appends are collected before they are indexed. One step for each of a
/// thousand small appends a second would cost more than the appends.
const PAUSE: Duration = Duration::from_millis(200);

/// The pause after a failed step.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(5);

/// Notes the logs that grew.
#[derive(Debug, Default)]
pub(crate) struct Grown {
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
        state.waiting.moved(log, is_current, now);
        if is_current && state.logs.contains(&log) {
            // The log grew since the step read its size.
            state.waiting.grew(log, now);
        }
    }

    /// Notes that another process did a step of a log.
    fn overtaken(&self, log: LogKey) {
        let mut state = self.lock();
        state.waiting.moved(log, false, Instant::now());
        state.logs.insert(log);
    }

    /// Notes that a step of a log failed. The thread will repeat it.
    fn failed(&self, log: LogKey, error: &StoreError, patience: Duration) {
        let (mut state, now) = (self.lock(), Instant::now());
        state.waiting.failed(log, error, now);
        state.waiting.say(patience, now);
        state.logs.insert(log);
    }

    fn warnings(&self, patience: Duration) -> Vec<String> {
        let (mut state, now) = (self.lock(), Instant::now());
        // The thread cannot log this while its step does not return, so the check does.
        state.waiting.say(patience, now);
        state.waiting.warnings(patience, now)
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
pub(crate) struct Indexer {
    grown: Arc<Grown>,
    patience: Duration,
    reads: Cancel,
    /// The receiver is taken after the thread was waited for.
    ended: Mutex<Option<Receiver<()>>>,
}

impl Indexer {
    /// Indexes the logs that grow, and those with entries that are left from before. Logs a warning
    /// for an index that does not progress for longer than `patience`.
    pub(crate) fn start(
        path: String,
        grown: &Arc<Grown>,
        (source, writers): (&Arc<Source>, &Arc<Writers>),
        logs: Vec<LogKey>,
        patience: Duration,
    ) -> Result<Indexer, OpenError> {
        grown.note(&logs.into_iter().collect());
        let (reads, (end, ended)) = (Cancel::new(), channel::<()>());
        let thread = Thread {
            grown: Arc::clone(grown),
            source: Arc::clone(source),
            writers: Arc::downgrade(writers),
            patience,
            reads: reads.clone(),
        };
        let run = move || {
            // The value is dropped when the thread ends, in whatever way, and after everything else
            // of the thread.
            let _end = end;
            thread.run();
        };
        let started = std::thread::Builder::new().name("audit-indexer".to_owned()).spawn(run);
        started.map_err(|error| OpenError::Database { path, why: error.to_string() })?;
        Ok(Indexer { grown: Arc::clone(grown), patience, reads, ended: Mutex::new(Some(ended)) })
    }

    /// Warnings about indexes that lag for too long, one sentence each. Reads no database.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.grown.warnings(self.patience)
    }

    /// Starts no further step, and ends the thread.
    pub(crate) fn close(&self) {
        self.grown.close();
        self.reads.ask();
        let Some(ended) = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        if ended.recv_timeout(CLOSE_TIMEOUT) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the indexer still waits for the database; the next start does the rest");
        }
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.close();
    }
}

/// The state of the thread.
struct Thread {
    grown: Arc<Grown>,
    source: Arc<Source>,
    writers: Weak<Writers>,
    patience: Duration,
    reads: Cancel,
}

impl Thread {
    fn run(self) {
        let mut pause = PAUSE;
        while let Some(logs) = self.grown.take(pause) {
            pause = PAUSE;
            for log in logs {
                let Some(writers) = self.writers.upgrade() else { return };
                match self.reads.clone().scope(|| self.index(&writers, log)) {
                    Err(error) if !self.grown.is_closed() => {
                        self.grown.failed(log, &error, self.patience);
                        pause = PAUSE_AFTER_ERROR;
                    }
                    _ => {}
                }
            }
        }
    }

    /// Indexes a log step by step. Between two steps, its writer appends waiting requests.
    fn index(&self, writers: &Writers, log: LogKey) -> Result<(), StoreError> {
        while !self.grown.is_closed() {
            match step(&self.source, writers, log)? {
                Progress::Done { left } => {
                    self.grown.stepped(log, left);
                    if left == 0 {
                        break;
                    }
                }
                // Another server indexes the log. After a pause there may be nothing left to do; if
                // there is, the two servers seldom meet again.
                Progress::Overtaken => {
                    self.grown.overtaken(log);
                    break;
                }
            }
        }
        Ok(())
    }
}
