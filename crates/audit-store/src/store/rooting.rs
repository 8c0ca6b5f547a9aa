//! The thread that enters the checkpoints of logs into the root log.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::append::Writers;
use crate::error::{OpenError, StoreError};
use crate::follow::{Grown, Progress};
use crate::log_key::ROOT;
use crate::pool::Pool;
use crate::root::Entering;
use crate::sign::Signer;
use crate::tree;

/// How often the thread looks whether a round is due.
const LOOK: Duration = Duration::from_secs(1);

/// The time that an orderly stop has for a last round.
const LAST_ROUND: Duration = Duration::from_secs(2);

/// Logs whose newest entries are still sealed for the last round. With more, the next start does it.
const SEALED_AT_STOP: usize = 256;

/// The handle of the thread.
pub(super) struct Rooting {
    stop: Mutex<Option<Sender<()>>>,
    ended: Mutex<Option<Receiver<()>>>,
}

/// What the thread works with.
#[derive(Clone)]
pub(super) struct Roots {
    pub(super) entering: Arc<Entering>,
    pub(super) signer: Arc<Signer>,
    pub(super) readers: Arc<Pool>,
    pub(super) to_seal: Arc<Grown>,
}

impl Rooting {
    pub(super) fn start(place: String, roots: Roots, writers: &Arc<Writers>) -> Result<Rooting, OpenError> {
        let ((stop, asked), (end, ended)) = (channel::<()>(), channel::<()>());
        let writers = Arc::downgrade(writers);
        let run = move || {
            let _end = end;
            roots.run(&writers, &asked);
        };
        let started = std::thread::Builder::new().name("audit-root".to_owned()).spawn(run);
        started.map_err(|error| OpenError::Database { path: place, why: error.to_string() })?;
        Ok(Rooting { stop: Mutex::new(Some(stop)), ended: Mutex::new(Some(ended)) })
    }

    /// Has the thread do a last round, and waits until it ended. Returns whether it did in time.
    pub(super) fn close(&self) -> bool {
        drop(self.stop.lock().unwrap_or_else(PoisonError::into_inner).take());
        let Some(ended) = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take() else { return true };
        ended.recv_timeout(LAST_ROUND) != Err(RecvTimeoutError::Timeout)
    }
}

impl Roots {
    fn run(&self, writers: &Weak<Writers>, asked: &Receiver<()>) {
        let mut failed = None;
        loop {
            let is_last = asked.recv_timeout(LOOK) != Err(RecvTimeoutError::Timeout);
            let Some(writers) = writers.upgrade() else { return };
            let done = if is_last { self.last_round(&writers) } else { self.round(&writers) };
            match done {
                Ok(()) => failed = None,
                // Said once, as long as the reason stays.
                Err(error) if failed.as_ref() != Some(&error.to_string()) && !is_last => {
                    tracing::warn!(%error, "the root log does not grow: events are stored and signed, and witnesses learn nothing of them");
                    failed = Some(error.to_string());
                }
                Err(error) => tracing::debug!(%error, "the root log does not grow"),
            }
            if is_last {
                return;
            }
        }
    }

    fn round(&self, writers: &Writers) -> Result<(), StoreError> {
        if self.entering.round(writers, false)? {
            self.to_seal.note(&[ROOT].into());
        }
        Ok(())
    }

    /// Signs what is there, enters it, and signs the root log, as far as there is time.
    fn last_round(&self, writers: &Writers) -> Result<(), StoreError> {
        let end = Instant::now() + LAST_ROUND;
        let mut go_on = |_, _: Result<Progress, StoreError>| Instant::now() < end;
        let lagging = self.readers.read(tree::lagging)?;
        if lagging.len() <= SEALED_AT_STOP {
            tree::steps(&self.readers, writers, &lagging, &mut go_on);
        }
        self.signer.steps(writers, &self.signer.sweep()?, &mut go_on);
        self.enter_and_sign(writers)
    }

    /// Enters the checkpoints of all logs that grew, and signs the root log.
    pub(super) fn enter_and_sign(&self, writers: &Writers) -> Result<(), StoreError> {
        self.entering.round(writers, true)?;
        while let Progress::Done { left: 1.. } = tree::step(&self.readers, writers, ROOT)? {}
        let mut failed = Ok(());
        self.signer.steps(writers, &[ROOT], &mut |_, outcome| {
            failed = outcome.map(drop);
            true
        });
        failed
    }
}
