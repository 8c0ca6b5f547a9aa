//! Starts the threads that follow the logs.

use std::sync::Arc;
use std::time::Duration;

use audit_domain::Clock;

use crate::append::Writers;
use crate::config::{Scrubbing, StoreConfig};
use crate::erasure;
use crate::error::OpenError;
use crate::follow::{Following, Grown, Progress, Report};
use crate::indexer::{self, Source};
use crate::log_key::LogKey;
use crate::pool::Pool;
use crate::scrub::Scrubber;
use crate::sign::Signer;
use crate::tree;

/// What the threads of a store have in common.
pub(super) struct Start<'s> {
    pub(super) place: String,
    pub(super) writers: &'s Arc<Writers>,
    pub(super) patience: Duration,
}

impl Start<'_> {
    pub(super) fn indexer(&self, grown: &Arc<Grown>, source: &Arc<Source>) -> Result<Following, OpenError> {
        let (source, readers) = (Arc::clone(source), Arc::clone(&source.readers));
        let index = move |writers: &Writers, logs: &[LogKey], report: Report<'_>| {
            for log in logs {
                if !report(*log, indexer::step(&source, writers, *log)) {
                    return;
                }
            }
        };
        let sweep = move || readers.read(indexer::lagging);
        Following::start(self.place.clone(), grown, self.writers, index, sweep, self.patience)
    }

    /// Starts the thread that makes trees. It notes for the one that signs which trees grew.
    pub(super) fn sealer(
        &self,
        grown: &Arc<Grown>,
        readers: &Arc<Pool>,
        to_sign: Option<Arc<Grown>>,
    ) -> Result<Following, OpenError> {
        let (readers, of_sweep) = (Arc::clone(readers), Arc::clone(readers));
        let seal = move |writers: &Writers, logs: &[LogKey], report: Report<'_>| {
            tree::steps(&readers, writers, logs, &mut |log, outcome| {
                if let (Some(to_sign), Ok(Progress::Done { .. })) = (&to_sign, &outcome) {
                    to_sign.note(&[log].into());
                }
                report(log, outcome)
            });
        };
        let sweep = move || of_sweep.read(tree::lagging);
        Following::start(self.place.clone(), grown, self.writers, seal, sweep, self.patience)
    }

    pub(super) fn eraser(&self, grown: &Arc<Grown>, source: &Arc<Source>, clock: &Clock) -> Result<Following, OpenError> {
        let (source, readers, clock) = (Arc::clone(source), Arc::clone(&source.readers), clock.clone());
        let erase = move |writers: &Writers, logs: &[LogKey], report: Report<'_>| {
            for log in logs {
                if !report(*log, erasure::step(&source, writers, &clock, *log)) {
                    return;
                }
            }
        };
        let sweep = move || readers.read(erasure::pending);
        Following::start(self.place.clone(), grown, self.writers, erase, sweep, self.patience)
    }

    /// Starts the thread that compares everything in the database.
    pub(super) fn scrubber(&self, readers: &Arc<Pool>, config: &StoreConfig, scrubbing: Scrubbing) -> Result<Scrubber, OpenError> {
        Scrubber::start(&self.place, Arc::clone(readers), config.signing.clone(), scrubbing, config.clock.clone())
    }

    pub(super) fn signer(&self, grown: &Arc<Grown>, signer: &Arc<Signer>) -> Result<Following, OpenError> {
        let (signer, of_sweep) = (Arc::clone(signer), Arc::clone(signer));
        let sign = move |writers: &Writers, logs: &[LogKey], report: Report<'_>| signer.steps(writers, logs, report);
        let sweep = move || of_sweep.sweep();
        Following::start(self.place.clone(), grown, self.writers, sign, sweep, self.patience)
    }
}
