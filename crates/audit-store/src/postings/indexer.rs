//! The thread that keeps the indexes of a store's logs up to date.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use audit_domain::Stream;

use super::waiting::Waiting;
use super::{Progress, Source, step};
use crate::append::Writers;
use crate::error::{OpenError, StoreError};
use crate::limit::Cancel;

/// A log: a channel's stream.
pub(super) type Log = (i64, Stream);

/// How long appends are collected before they are indexed: a step for each of a thousand small appends a second would cost more than
/// they do.
const PAUSE: Duration = Duration::from_millis(200);

/// After a step that failed.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(5);

/// Takes note of the logs that grew.
#[derive(Debug, Default)]
pub(crate) struct Grown {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    logs: BTreeSet<Log>,
    waiting: Waiting,
    is_closed: bool,
}

impl Grown {
    /// Takes note of logs.
    pub(crate) fn note(&self, logs: impl IntoIterator<Item = Log>) {
        let (mut state, now) = (self.lock(), Instant::now());
        for log in logs {
            // A batch of a thousand entries names its log a thousand times.
            if state.logs.insert(log) {
                state.waiting.grew(log, now);
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// The logs that grew, some time after the first of them did; `None` when there is nothing more to do.
    fn take(&self, pause: Duration) -> Option<BTreeSet<Log>> {
        let idle = self.changed.wait_while(self.lock(), |state| state.logs.is_empty() && !state.is_closed);
        let state = idle.unwrap_or_else(PoisonError::into_inner);
        let paused = self.changed.wait_timeout_while(state, pause, |state| !state.is_closed);
        let (mut state, _) = paused.unwrap_or_else(PoisonError::into_inner);
        if state.is_closed { None } else { Some(std::mem::take(&mut state.logs)) }
    }

    /// A step of a log was done.
    fn stepped(&self, log: Log, left: i64) {
        let (mut state, now) = (self.lock(), Instant::now());
        let is_current = left == 0;
        state.waiting.moved(log, is_current, now);
        if is_current && state.logs.contains(&log) {
            // It grew since the step looked.
            state.waiting.grew(log, now);
        }
    }

    /// A step of a log was done by somebody else.
    fn overtaken(&self, log: Log) {
        let mut state = self.lock();
        state.waiting.moved(log, false, Instant::now());
        state.logs.insert(log);
    }

    /// A step of a log failed. It is to be done again.
    fn failed(&self, log: Log, error: &StoreError, patience: Duration) {
        let (mut state, now) = (self.lock(), Instant::now());
        state.waiting.failed(log, error, now);
        state.waiting.say(patience, now);
        state.logs.insert(log);
    }

    fn warnings(&self, patience: Duration) -> Vec<String> {
        let (mut state, now) = (self.lock(), Instant::now());
        // The thread cannot say it when its step does not return.
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

/// How long a store that closes waits for the thread, which gives up what it reads. A connection that is open when the program ends
/// leaves the WAL of an embedded database behind, as a crash does.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The thread. It ends by itself when this is dropped or the writers are.
pub(crate) struct Indexer {
    grown: Arc<Grown>,
    patience: Duration,
    reads: Cancel,
    /// Until it was waited for.
    ended: Mutex<Option<Receiver<()>>>,
}

impl Indexer {
    /// Indexes what grew since, and in some logs what is left from before. An index that does not move for longer than `patience` is
    /// said.
    pub(crate) fn start(
        path: String,
        grown: &Arc<Grown>,
        (source, writers): (&Arc<Source>, &Arc<Writers>),
        logs: Vec<Log>,
        patience: Duration,
    ) -> Result<Indexer, OpenError> {
        grown.note(logs);
        let (reads, (end, ended)) = (Cancel::new(), channel::<()>());
        let thread = Thread {
            grown: Arc::clone(grown),
            source: Arc::clone(source),
            writers: Arc::downgrade(writers),
            patience,
            reads: reads.clone(),
        };
        let run = move || {
            // Dropped when the thread ends, however it ends, and after all that the thread has.
            let _end = end;
            thread.run();
        };
        let started = std::thread::Builder::new().name("audit-indexer".to_owned()).spawn(run);
        started.map_err(|error| OpenError::Database { path, why: error.to_string() })?;
        Ok(Indexer { grown: Arc::clone(grown), patience, reads, ended: Mutex::new(Some(ended)) })
    }

    /// Which indexes are behind for too long, a sentence each. It reads no database.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.grown.warnings(self.patience)
    }

    /// Starts no further step, and ends the thread.
    pub(crate) fn close(&self) {
        self.grown.close();
        self.reads.ask();
        let Some(ended) = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        if ended.recv_timeout(CLOSE_TIMEOUT) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the indexer still waits for the database; what it has not done is done at the next start");
        }
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the thread works with.
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

    /// Indexes a log step by step; between two steps, its writer appends what is waiting.
    fn index(&self, writers: &Writers, log: Log) -> Result<(), StoreError> {
        while !self.grown.is_closed() {
            match step(&self.source, writers, log)? {
                Progress::Done { left } => {
                    self.grown.stepped(log, left);
                    if left == 0 {
                        break;
                    }
                }
                // Another server is at it. After a pause there may be nothing left to do, and if there is, two seldom meet again.
                Progress::Overtaken => {
                    self.grown.overtaken(log);
                    break;
                }
            }
        }
        Ok(())
    }
}
