//! The thread that scrubs a database again and again, slowly.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use audit_domain::{ChannelGrant, Clock, Timestamp};

use super::own_keys::OwnKeys;
use super::{ScrubProgress, ScrubRequest, ScrubSummary, scrub};
use crate::config::{Scrubbing, Signing};
use crate::error::{OpenError, StoreError};
use crate::limit::Cancel;
use crate::pool::Pool;

/// After each piece of work the thread pauses for this many times as long: it takes a fifth of one
/// processor at most.
const PAUSE_FACTOR: u32 = 4;

/// The pause after a pass that failed, because the database did not answer.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(600);

/// Findings of a pass that are logged one by one.
const LOGGED_MAX: u64 = 20;

/// The time for which a store that closes waits for the thread.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The last complete pass over all logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastScrub {
    /// When it ended.
    pub ended_at: Timestamp,
    /// The entries that it compared.
    pub entries: u64,
    /// Differences that it found.
    pub findings: u64,
    /// What it could not compare, although it should.
    pub not_checked: u64,
}

/// The handle of the thread.
pub(crate) struct Scrubber {
    shared: Arc<Shared>,
    reads: Cancel,
    ended: Mutex<Option<Receiver<()>>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_closed: bool,
    last: Option<LastScrub>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits. Returns whether to go on.
    fn pause(&self, time: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), time, |state| !state.is_closed);
        !waited.unwrap_or_else(PoisonError::into_inner).0.is_closed
    }
}

impl Scrubber {
    pub(crate) fn start(
        place: &str,
        readers: Arc<Pool>,
        signing: Option<Signing>,
        scrubbing: Scrubbing,
        clock: Clock,
    ) -> Result<Scrubber, OpenError> {
        let (shared, reads, (end, ended)) = (Arc::<Shared>::default(), Cancel::new(), channel::<()>());
        let thread = Thread { shared: Arc::clone(&shared), readers, signing, scrubbing, clock };
        let scope = reads.clone();
        let run = move || {
            let _end = end;
            scope.scope(|| thread.run());
        };
        let started = std::thread::Builder::new().name("audit-scrubber".to_owned()).spawn(run);
        started.map_err(|error| OpenError::Database { path: place.to_owned(), why: error.to_string() })?;
        Ok(Scrubber { shared, reads, ended: Mutex::new(Some(ended)) })
    }

    pub(crate) fn last(&self) -> Option<LastScrub> {
        self.shared.lock().last
    }

    /// Stops the thread, and waits for that. Returns whether it ended in time.
    pub(crate) fn close(&self) -> bool {
        self.shared.lock().is_closed = true;
        self.shared.changed.notify_all();
        self.reads.ask();
        let Some(ended) = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take() else { return true };
        ended.recv_timeout(CLOSE_TIMEOUT) != Err(RecvTimeoutError::Timeout)
    }
}

impl Drop for Scrubber {
    fn drop(&mut self) {
        self.close();
    }
}

struct Thread {
    shared: Arc<Shared>,
    readers: Arc<Pool>,
    signing: Option<Signing>,
    scrubbing: Scrubbing,
    clock: Clock,
}

impl Thread {
    fn run(self) {
        let mut wait = self.scrubbing.first_after;
        while self.shared.pause(wait) {
            let start = Instant::now();
            wait = match self.pass() {
                Ok(summary) => {
                    self.note(&summary, start.elapsed());
                    self.scrubbing.interval.saturating_sub(start.elapsed())
                }
                Err(StoreError::Cancelled) => return,
                Err(error) => {
                    tracing::warn!(%error, "the logs could not be scrubbed; this is tried again");
                    self.scrubbing.interval.min(PAUSE_AFTER_ERROR)
                }
            };
        }
    }

    fn pass(&self) -> Result<ScrubSummary, StoreError> {
        let keys = self.signing.as_ref().map(OwnKeys::read).transpose();
        let keys = keys.map_err(|error| StoreError::Guard(error.to_string()))?.unwrap_or_else(OwnKeys::none);
        let request = ScrubRequest { channels: ChannelGrant::All, open: &|note| keys.open(note), kept: Vec::new() };
        let mut found = 0;
        scrub(&self.readers, &request, &mut |progress| {
            match progress {
                ScrubProgress::Finding(finding) => {
                    found += 1;
                    if found <= LOGGED_MAX {
                        tracing::error!("the database was changed: {finding}");
                    }
                }
                ScrubProgress::Entry(_) => metrics::counter!("audit_scrub_entries_total").increment(1),
                ScrubProgress::Worked { took } if !self.shared.pause(took * PAUSE_FACTOR) => return ControlFlow::Break(()),
                _ => {}
            }
            ControlFlow::Continue(())
        })
    }

    /// Reports a complete pass.
    fn note(&self, summary: &ScrubSummary, took: Duration) {
        let ScrubSummary { logs, ok, erased, missing, tampered, findings, not_checked, .. } = summary;
        let entries = ok + erased + missing + tampered;
        for text in not_checked.iter().take(LOGGED_MAX as usize) {
            tracing::warn!("not compared by the scrub: {text}");
        }
        if *findings > 0 {
            let section = "docs/operations.md, \"When a scrub finds something\"";
            tracing::error!(findings, logs, entries, missing, tampered, "the scrub found differences: see {section}");
        } else {
            tracing::info!(logs, entries, ?took, "the scrub compared all logs and found nothing");
        }
        let Ok(ended_at) = self.clock.now() else { return };
        metrics::gauge!("audit_scrub_findings").set(*findings as f64);
        metrics::gauge!("audit_scrub_last_pass_timestamp_seconds").set((ended_at.micros() / 1_000_000) as f64);
        let not_checked = not_checked.len() as u64;
        self.shared.lock().last = Some(LastScrub { ended_at, entries, findings: *findings, not_checked });
    }
}
