//! Appends a stream of events in batches, a few of them on their way at once, and knows of each event where it came from.
//!
//! A batch is one request of the store: all or nothing. When one of its events is refused (its uuid belongs to another event),
//! the others are sent again without it.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use anyhow::bail;
use audit_http::store::domain::uuid::Uuid;
use audit_http::store::domain::{ChannelId, PreparedEntry};
use audit_http::store::{AppendError, AppendRequest, Conflict, NotStored, PendingReceipts, Store};

use crate::repeats::{Repeat, Repeats};
use crate::source::SourceLine;

/// Events of a batch: enough to make the commit cheap, few enough to see the bar move.
const BATCH_EVENTS_MAX: usize = 1000;

/// Bytes of their slots, so that large events do not fill the memory.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Batches on their way while the next one is read.
const BATCHES_IN_FLIGHT_MAX: usize = 4;

/// A commit that takes longer waits for something that somebody has to mend. The import can be run again.
const COMMIT_PATIENCE: Duration = Duration::from_secs(60);

/// What to do about an event that cannot be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnRefusal {
    /// Append what came before it, and nothing that comes after.
    Stop,
    /// Leave it out.
    Skip,
}

/// An event whose uuid belongs to another one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused {
    pub(crate) place: SourceLine,
    pub(crate) uuid: Uuid,
    pub(crate) channel_id: ChannelId,
}

/// What became of the events.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) new: u64,
    pub(crate) known: u64,
    /// Of both, those that happen far in the future.
    pub(crate) future: u64,
}

type Batch = Vec<(SourceLine, PreparedEntry)>;

/// See the module.
pub(crate) struct Appender<'a> {
    store: &'a Store,
    on_refusal: OnRefusal,
    batch: Batch,
    batch_bytes: usize,
    in_flight: VecDeque<(Batch, PendingReceipts)>,
    counts: Counts,
    repeats: Repeats,
    refused: Vec<Refused>,
    stopped: bool,
}

impl<'a> Appender<'a> {
    pub(crate) fn new(store: &'a Store, on_refusal: OnRefusal) -> Appender<'a> {
        Appender {
            store,
            on_refusal,
            batch: Vec::new(),
            batch_bytes: 0,
            in_flight: VecDeque::new(),
            counts: Counts::default(),
            repeats: Repeats::default(),
            refused: Vec::new(),
            stopped: false,
        }
    }

    /// Adds an event behind the others; nothing after the stop.
    pub(crate) fn push(&mut self, place: SourceLine, event: PreparedEntry) -> anyhow::Result<()> {
        if self.stopped {
            return Ok(());
        }
        self.batch_bytes += event.slots().bytes();
        self.batch.push((place, event));
        if self.batch.len() >= BATCH_EVENTS_MAX || self.batch_bytes >= BATCH_BYTES_MAX {
            self.send()?;
            self.settle(BATCHES_IN_FLIGHT_MAX)?;
        }
        Ok(())
    }

    /// Sends what is left and waits for everything.
    pub(crate) fn finish(&mut self) -> anyhow::Result<()> {
        self.send()?;
        self.settle(0)
    }

    /// Says that an event was refused before it came here.
    pub(crate) fn refuse(&mut self) -> anyhow::Result<()> {
        if self.on_refusal == OnRefusal::Stop && !self.stopped {
            self.finish()?;
            self.stopped = true;
        }
        Ok(())
    }

    /// Whether nothing is appended any more. Batches that were on their way when an event was refused are in the log, though
    /// some of their events come after it.
    pub(crate) fn has_stopped(&self) -> bool {
        self.stopped
    }

    /// What is committed so far.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Sends what is left of a file, waits for it, and says what was known already in the middle of it.
    pub(crate) fn end_of_file(&mut self) -> anyhow::Result<Option<Repeat>> {
        self.finish()?;
        Ok(self.repeats.take())
    }

    /// The refused events since the last time.
    pub(crate) fn take_refused(&mut self) -> Vec<Refused> {
        std::mem::take(&mut self.refused)
    }

    fn send(&mut self) -> anyhow::Result<()> {
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        if !batch.is_empty() {
            let pending = self.append(&batch)?;
            self.in_flight.push_back((batch, pending));
        }
        Ok(())
    }

    /// The request takes copies: its events do not come back if it is refused.
    fn append(&self, batch: &Batch) -> anyhow::Result<PendingReceipts> {
        Ok(self.store.append(AppendRequest::import(batch.iter().map(|(_, event)| event.clone()).collect()))?)
    }

    /// After a refusal in an earlier batch, what was collected meanwhile is not sent.
    fn stop(&mut self) {
        self.stopped = true;
        self.batch.clear();
        self.batch_bytes = 0;
    }

    /// Waits until at most `left` batches are on their way.
    fn settle(&mut self, left: usize) -> anyhow::Result<()> {
        while self.in_flight.len() > left {
            let Some((batch, pending)) = self.in_flight.pop_front() else { break };
            self.settle_one(batch, pending)?;
        }
        Ok(())
    }

    fn settle_one(&mut self, mut batch: Batch, mut pending: PendingReceipts) -> anyhow::Result<()> {
        loop {
            let conflicts = match pending.wait_for(COMMIT_PATIENCE) {
                Ok(receipts) => {
                    let known = receipts.iter().filter(|receipt| receipt.duplicate).count() as u64;
                    self.counts.known += known;
                    self.counts.future += receipts.iter().filter(|receipt| receipt.future_seconds.is_some()).count() as u64;
                    self.counts.new += receipts.len() as u64 - known;
                    for ((place, _), receipt) in batch.iter().zip(&receipts) {
                        self.repeats.note(*place, receipt.duplicate);
                    }
                    return Ok(());
                }
                Err(AppendError::NotStored(NotStored::Conflict(conflicts))) => conflicts,
                Err(other) => bail!(other),
            };
            batch = self.without(batch, &conflicts);
            pending = self.append(&batch)?;
        }
    }

    /// What of a batch is sent again.
    fn without(&mut self, batch: Batch, conflicts: &[Conflict]) -> Batch {
        let refused: BTreeSet<usize> = conflicts.iter().map(|conflict| conflict.index).collect();
        let first = refused.first().copied().unwrap_or(0);
        if self.on_refusal == OnRefusal::Stop {
            self.stop();
        }
        let mut rest = Vec::with_capacity(batch.len());
        for (index, (place, event)) in batch.into_iter().enumerate() {
            if refused.contains(&index) {
                self.refused.push(Refused { place, uuid: event.uuid(), channel_id: event.channel_id() });
            } else if index < first || self.on_refusal == OnRefusal::Skip {
                rest.push((place, event));
            }
        }
        rest
    }
}
