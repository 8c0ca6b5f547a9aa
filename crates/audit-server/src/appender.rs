//! Appends a stream of events in batches. A few batches are in flight at once, and the place of
//! each event in its file is known.
//!
//! A batch is one request of the store: all or nothing. If the store refuses one of its events (the
//! uuid belongs to another event), the appender sends the others again without it.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use anyhow::bail;
use audit_http::store::domain::ChannelId;
use audit_http::store::domain::uuid::Uuid;
use audit_http::store::{AppendError, AppendRequest, Conflict, NotStored, PendingReceipts, Prepared, Store};

use crate::repeats::{Repeat, Repeats};
use crate::source::SourceLine;

/// Events of a batch: enough to make the commit cheap, few enough for the progress bar to move.
const BATCH_EVENTS_MAX: usize = 1000;

/// Bytes of the slots of a batch, so that large events do not fill the memory.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Batches in flight while the next one is read.
const BATCHES_IN_FLIGHT_MAX: usize = 4;

/// The longest wait for a commit. A slower commit waits for a fault that an operator has to repair,
/// and the import can be run again.
const COMMIT_PATIENCE: Duration = Duration::from_secs(60);

/// The action for an event that cannot be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnRefusal {
    /// Append the events before it, and none after it.
    Stop,
    /// Skip the event.
    Skip,
}

/// An event whose uuid belongs to another event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused {
    pub(crate) place: SourceLine,
    pub(crate) uuid: Uuid,
    pub(crate) channel_id: ChannelId,
}

/// The outcomes of the events.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) new: u64,
    pub(crate) known: u64,
    /// The number of these whose time is far in the future.
    pub(crate) future: u64,
}

type Batch = Vec<(SourceLine, Prepared)>;

/// Appends events; see the module.
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

    /// Adds an event after the others. Does nothing after the stop.
    pub(crate) fn push(&mut self, place: SourceLine, event: Prepared) -> anyhow::Result<()> {
        if self.stopped {
            return Ok(());
        }
        self.batch_bytes += event.bytes();
        self.batch.push((place, event));
        if self.batch.len() >= BATCH_EVENTS_MAX || self.batch_bytes >= BATCH_BYTES_MAX {
            self.send()?;
            self.settle(BATCHES_IN_FLIGHT_MAX)?;
        }
        Ok(())
    }

    /// Sends the remaining events and waits for all of them.
    pub(crate) fn finish(&mut self) -> anyhow::Result<()> {
        self.send()?;
        self.settle(0)
    }

    /// Notes that an event was refused before it came here.
    pub(crate) fn refuse(&mut self) -> anyhow::Result<()> {
        if self.on_refusal == OnRefusal::Stop && !self.stopped {
            self.finish()?;
            self.stopped = true;
        }
        Ok(())
    }

    /// Whether the appender has stopped. The batches that were in flight when an event was refused
    /// are in the log, although some of their events come after it.
    pub(crate) fn has_stopped(&self) -> bool {
        self.stopped
    }

    /// The events that are committed so far.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Sends the remaining events of a file, waits for them, and returns a repeat in the middle of
    /// the file.
    pub(crate) fn end_of_file(&mut self) -> anyhow::Result<Option<Repeat>> {
        self.finish()?;
        Ok(self.repeats.take())
    }

    /// Takes the events that were refused since the last call.
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

    /// The request takes copies, because a refused request does not return its events.
    fn append(&self, batch: &Batch) -> anyhow::Result<PendingReceipts> {
        Ok(self.store.append(AppendRequest::new(batch.iter().map(|(_, event)| event.clone())))?)
    }

    /// Stops after a refusal in an earlier batch. The events that were collected meanwhile are not
    /// sent.
    fn stop(&mut self) {
        self.stopped = true;
        self.batch.clear();
        self.batch_bytes = 0;
    }

    /// Waits until at most `left` batches are in flight.
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

    /// The events of a batch that are sent again.
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
