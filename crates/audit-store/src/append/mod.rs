//! Appends entries, which is the only write of a client: the entries go to the end of their log,
//! and the caller gets an answer after the commit.
//!
//! A request waits in a bounded queue ([`queue`]) for its writer thread ([`writer`], one of several
//! in [`writers`]). The writer takes queued requests in turns of their keys, commits them as one
//! transaction ([`batch`]) and then answers every caller.

mod batch;
mod budget;
mod error;
mod known;
mod meter;
mod outcomes;
mod pace;
mod queue;
mod receipt;
mod watch;
mod writer;
mod writers;

pub use budget::{Attached, Budget, Full, Reservation};
pub use error::{AppendError, Conflict, NotStored, SkippedConflicts, Unknown};
pub use receipt::{PendingReceipts, Receipt, ReceiptsFuture};

#[cfg(test)]
pub(crate) use batch::{Lookup, commit};
#[cfg(test)]
pub(crate) use pace::Pace;
pub(crate) use watch::ClockWatch;
pub(crate) use writers::Writers;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::log_key::LogKey;
use audit_domain::{PreparedEntry, limits};

/// What a writer calls after each commit, with the logs to which its requests belong.
pub(crate) type AfterCommit = Arc<dyn Fn(&BTreeSet<LogKey>) + Send + Sync>;

/// Entries that are appended together or not at all. They may go to several channels and to both
/// logs of each.
#[derive(Debug)]
pub struct AppendRequest {
    /// The token that appends; 0 for a program on this machine.
    pub(crate) producer_id: i64,
    /// The entries, in this order. If a uuid comes twice, the second entry is a duplicate or a
    /// conflict.
    pub(crate) entries: Vec<PreparedEntry>,
    /// The share of the append budget that the request already holds; `None` to take one now.
    pub(crate) reservation: Option<Reservation>,
    /// Where the conflicts are listed if the other entries are to be stored without them.
    pub(crate) skipped: Option<SkippedConflicts>,
    /// What each of the entries says that is erased, if these are entries of an erasure. It is stored in
    /// the same transaction, so that none is forgotten.
    pub(crate) erasures: Vec<Covered>,
}

/// The positions that an entry of an erasure names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Covered {
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) entries: i64,
}

impl AppendRequest {
    pub(crate) fn of_entries(entries: Vec<PreparedEntry>) -> AppendRequest {
        AppendRequest { producer_id: 0, entries, reservation: None, skipped: None, erasures: Vec::new() }
    }

    /// Sets the token that appends, by its id.
    #[must_use]
    pub fn producer(mut self, token_id: i64) -> AppendRequest {
        self.producer_id = token_id;
        self
    }

    /// Sets the share of the append budget that the request already holds. Without one, the store
    /// takes it when it queues the request.
    #[must_use]
    pub fn holding(mut self, reservation: Reservation) -> AppendRequest {
        self.reservation = Some(reservation);
        self
    }

    /// Stores the other entries if uuids of some belong to other entries, instead of none. The
    /// receipts are those of the stored entries, in their order. `skipped` lists the others.
    #[must_use]
    pub fn skipping(mut self, skipped: &SkippedConflicts) -> AppendRequest {
        self.skipped = Some(skipped.clone());
        self
    }

    /// The bytes of all slots.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.slots().bytes()).sum()
    }

    /// The approximate memory in bytes that the entries take until their commit.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.entries.iter().map(PreparedEntry::memory_bytes).sum()
    }

    fn goes_to(&self, channel_id: i64, stream: i16) -> bool {
        self.entries.iter().any(|entry| (entry.channel_id().get(), entry.stream().number()) == (channel_id, stream))
    }

    pub(crate) fn check(&self) -> Result<(), NotStored> {
        if self.entries.len() > limits::EVENTS_PER_REQUEST_MAX {
            return Err(NotStored::TooMany(self.entries.len()));
        }
        let sizes = self.entries.iter().map(|entry| entry.slots().bytes()).enumerate();
        let mut total = 0;
        for (index, bytes) in sizes {
            if bytes > limits::EVENT_BYTES_MAX + limits::EVENT_BYTES_ADDED_MAX {
                return Err(NotStored::TooLarge { index, bytes });
            }
            total += bytes;
        }
        // A retry would not help.
        if total > limits::BYTES_IN_FLIGHT_MAX { Err(NotStored::TooManyBytes(total)) } else { Ok(()) }
    }
}
