//! The ways in which an append ends without receipts: the log stored nothing, or the outcome is not
//! known.

use std::sync::{Arc, Mutex, PoisonError};

use audit_domain::uuid::Uuid;
use audit_domain::{ClockError, PrepareError, RandomError, limits};

/// The reason why a request has no receipts. The caller treats the two cases differently: it may
/// give up a request that was not stored, or send it again. If the outcome is not known, it must
/// send the request again with the same uuids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The log has stored nothing of the request and never will.
    #[error(transparent)]
    NotStored(#[from] NotStored),
    /// It is not known whether the entries are in the log. The same request with the same uuids
    /// settles it: the entries that are in the log come back as duplicates, and the log stores the
    /// others.
    #[error(transparent)]
    Unknown(#[from] Unknown),
}

/// The reason why the log stored nothing of a request. None of its entries is in the log, except
/// those that were there before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotStored {
    /// The queue, the part of the queue for one key, or the append budget is full.
    #[error("server busy; retry in {retry_after_seconds} s")]
    Busy {
        /// The time after which the client should retry.
        retry_after_seconds: u64,
    },
    /// Uuids of the request belong to other events.
    #[error("{} uuid(s) of the request belong to other events", .0.len())]
    Conflict(Vec<Conflict>),
    /// The request has too many events.
    #[error("a request may have at most {max} events (got {0})", max = limits::EVENTS_PER_REQUEST_MAX)]
    TooMany(usize),
    /// An event is too large.
    #[error("event {index} has {bytes} bytes; an event may have at most {max}", max = limits::EVENT_BYTES_MAX)]
    TooLarge {
        /// The index in the request.
        index: usize,
        /// The bytes of its slots.
        bytes: usize,
    },
    /// The events together are too large for the append budget.
    #[error("a request may have at most {max} bytes (got {0})", max = limits::BYTES_IN_FLIGHT_MAX)]
    TooManyBytes(usize),
    /// The database refused the events before the commit, rolled the commit back, or did not give
    /// the registry of object types.
    #[error("the database did not store the events: {0}")]
    Database(String),
    /// The log does not extend its newest checkpoint: its database was restored from an older copy, or
    /// changed.
    #[error("{0}")]
    WentBack(String),
    /// An event has the nil uuid, the value of a variable that nothing set.
    #[error("{}", PrepareError::NilUuid)]
    NilUuid,
    /// The operating system has no random bytes for a uuid or for salts.
    #[error(transparent)]
    Random(RandomError),
    /// The clock of this machine cannot be right, and the log would store its time permanently.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The store is closed, or its writer ended before it took the request.
    #[error("the store is closed")]
    Closed,
}

/// The reason why the outcome of a request is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unknown {
    /// The database has not confirmed the commit in time, and has not rolled it back either.
    #[error("the database has not confirmed the commit in time; a retry with the same uuids settles it")]
    Late,
    /// The commit failed in a way that is possible after it was done, such as a lost connection,
    /// and the store could not read the log.
    #[error("the commit was not confirmed; a retry with the same uuids settles it: {0}")]
    Unconfirmed(String),
    /// The files in the database's place are not the files that the store opened. Later commits are
    /// in files that may be lost. After the database is back, a retry settles the outcome.
    #[error("the events were not acknowledged: {0}")]
    Displaced(String),
    /// The writer ended while it processed the request.
    #[error("the writer ended without an answer; a retry with the same uuids settles it")]
    WriterEnded,
}

/// An event of a request whose uuid belongs to another event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The index in the request, from 0.
    pub index: usize,
    /// The uuid.
    pub uuid: Uuid,
    /// Whether the other event is earlier in the same request, instead of in the log.
    pub within_request: bool,
}

/// The conflicts of a request that is stored without them
/// ([`AppendRequest::skipping`](super::AppendRequest::skipping)). They are listed when the receipts
/// arrive.
#[derive(Debug, Clone, Default)]
pub struct SkippedConflicts(Arc<Mutex<Vec<Conflict>>>);

impl SkippedConflicts {
    /// Takes the conflicts, in the order of the request.
    #[must_use]
    pub fn take(&self) -> Vec<Conflict> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sets the list. A batch that is repeated compares the entries again.
    pub(super) fn set(&self, conflicts: Vec<Conflict>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = conflicts;
    }
}
