//! How an append ends without receipts: nothing was stored, or nobody knows.

use audit_domain::uuid::Uuid;
use audit_domain::{ClockError, limits};

/// Why a request has no receipts. The two cases call for different answers: what was not stored may be sent again or given up;
/// what is not known has to be sent again with the same uuids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The request stored nothing, and never will.
    #[error(transparent)]
    NotStored(#[from] NotStored),
    /// Whether the entries are in the log is not known. The same request with the same uuids settles it: what is in the log comes
    /// back as a duplicate, and the rest is stored.
    #[error(transparent)]
    Unknown(#[from] Unknown),
}

/// Why a request stored nothing. None of its entries is in the log, except for those that were there before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotStored {
    /// The queue, the part of it that one key may fill, or the budget for bytes in flight is full.
    #[error("too busy: come back in {retry_after_seconds} s")]
    Busy {
        /// When to come back.
        retry_after_seconds: u64,
    },
    /// Uuids that belong to other events.
    #[error("{} uuid(s) of the request belong to other events", .0.len())]
    Conflict(Vec<Conflict>),
    /// Too many events for one request.
    #[error("{0} events in one request: at most {max}", max = limits::EVENTS_PER_REQUEST_MAX)]
    TooMany(usize),
    /// An event is too large.
    #[error("event {index} has {bytes} bytes: at most {max}", max = limits::EVENT_BYTES_MAX)]
    TooLarge {
        /// Index in the request.
        index: usize,
        /// Bytes of its slots.
        bytes: usize,
    },
    /// Events that are too large together: they will never fit into the budget.
    #[error("{0} bytes in one request: at most {max}", max = limits::BYTES_IN_FLIGHT_MAX)]
    TooManyBytes(usize),
    /// The database refused the events before the commit, or rolled the commit back.
    #[error("the database did not store the events: {0}")]
    Database(String),
    /// The clock of this machine cannot be right, and what it says would be stored for good.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The store is closed, or its writer ended before it took the request.
    #[error("the store is closed")]
    Closed,
}

/// Why the outcome of a request is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// The database has not confirmed the commit in time. It was not taken back either.
    #[error("the database has not confirmed the commit in time; a retry with the same uuids settles it")]
    Late,
    /// The commit failed in a way that may have happened after it was done, such as a lost connection, and the log could not be
    /// asked.
    #[error("the commit was not confirmed; a retry with the same uuids settles it: {0}")]
    Unconfirmed(String),
    /// The files at the database's place are not the ones that the store opened. What was committed since they were touched is in
    /// files that nobody may find again; once the database is back, a retry settles it.
    #[error("the events were not acknowledged: {0}")]
    Displaced(String),
    /// The writer ended while it had the request in hand.
    #[error("the writer ended without an answer; a retry with the same uuids settles it")]
    WriterEnded,
}

/// An event of a request whose uuid is taken by another event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Index in the request, from 0.
    pub index: usize,
    /// The uuid.
    pub uuid: Uuid,
    /// Whether the other event is earlier in the same request, instead of in the log.
    pub within_request: bool,
}
