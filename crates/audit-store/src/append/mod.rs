//! The only write of a client: entries go in at the end of their log, and the caller is answered after the commit.
//!
//! A request waits in a bounded queue for its writer thread ([`writer`], one of several in [`writers`]), which takes everything that
//! is queued, commits it as one transaction ([`batch`]) and then answers every waiter.

mod batch;
mod budget;
mod meter;
mod outcomes;
mod receipt;
mod writer;
mod writers;

pub use budget::{Budget, Reservation};
pub use receipt::{PendingReceipts, Receipt, ReceiptsFuture};

#[cfg(test)]
pub(crate) use batch::{Lookup, commit};
pub(crate) use writers::Writers;

use audit_domain::{PreparedEntry, limits};

use crate::error::AppendError;

/// Entries that are appended together or not at all. They may go to several channels, and to both of their logs.
#[derive(Debug)]
pub struct AppendRequest {
    /// The token that writes; 0 for a local import.
    pub producer_id: i64,
    /// In this order. A uuid may come twice; the second is a duplicate or a conflict.
    pub entries: Vec<PreparedEntry>,
    /// The share of the budget that the request's bytes already hold; `None` to take one now.
    pub reservation: Option<Reservation>,
}

impl AppendRequest {
    /// A local import.
    #[must_use]
    pub fn import(entries: Vec<PreparedEntry>) -> AppendRequest {
        AppendRequest { producer_id: 0, entries, reservation: None }
    }

    /// Bytes of all slots.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.slots().bytes()).sum()
    }

    fn goes_to(&self, channel_id: i64, stream: i16) -> bool {
        self.entries.iter().any(|entry| (entry.channel_id().get(), entry.stream().number()) == (channel_id, stream))
    }

    pub(crate) fn check(&self) -> Result<(), AppendError> {
        if self.entries.len() > limits::EVENTS_PER_REQUEST_MAX {
            return Err(AppendError::TooMany(self.entries.len()));
        }
        let sizes = self.entries.iter().map(|entry| entry.slots().bytes()).enumerate();
        let mut total = 0;
        for (index, bytes) in sizes {
            if bytes > limits::EVENT_BYTES_MAX + limits::EVENT_BYTES_ADDED_MAX {
                return Err(AppendError::TooLarge { index, bytes });
            }
            total += bytes;
        }
        // To come back later would not help.
        if total > limits::BYTES_IN_FLIGHT_MAX { Err(AppendError::TooManyBytes(total)) } else { Ok(()) }
    }
}
