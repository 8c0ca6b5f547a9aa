//! The errors of a store. No function panics on them, and no function reports a failed write as
//! done.

mod open;

pub use open::OpenError;

use audit_domain::{ClockError, PrepareError, RandomError, Stream, limits};

/// The fault of a database that can be reached but not used as a whole: its disk is full, its file
/// is damaged, or the file cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {advice}")]
pub struct Unusable {
    /// The message of the database.
    pub what: String,
    /// The advice for the operator.
    pub advice: &'static str,
    /// Whether every write fails in the same way.
    pub(crate) hits_every_write: bool,
}

/// What the database said about a statement that it refused.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DatabaseError(pub(crate) diesel::result::Error);

impl DatabaseError {
    /// Whether a value is taken that must be unique.
    pub(crate) fn is_unique_violation(&self) -> bool {
        matches!(self.0, diesel::result::Error::DatabaseError(diesel::result::DatabaseErrorKind::UniqueViolation, _))
    }
}

#[doc(hidden)]
impl From<diesel::result::Error> for StoreError {
    fn from(error: diesel::result::Error) -> StoreError {
        StoreError::Database(DatabaseError(error))
    }
}

/// The reason why a read, or a write other than an append, failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database refused the statement.
    #[error("database: {0}")]
    Database(DatabaseError),
    /// The database cannot be used. No request is the cause.
    #[error("the database cannot be used: {0}")]
    Unusable(Unusable),
    /// The files in the database's place are not the files that the store opened: they were
    /// removed, renamed or replaced. Later commits went into files that may be lost.
    #[error("{0}")]
    Displaced(String),
    /// No connection became free in ten seconds, or none can be opened.
    #[error("no database connection became free: {0}")]
    Pool(String),
    /// A stored entry differs from the appended entry: the database was changed, or the disk is
    /// faulty.
    #[error(
        "the entry at position {position} of channel {channel_id} ({}) was changed in the database after it was appended: {what}",
        stream.name()
    )]
    Changed {
        /// The stream of the log.
        stream: Stream,
        /// The channel of the log.
        channel_id: i64,
        /// The position of the entry.
        position: i64,
        /// The parts that do not match.
        what: String,
    },
    /// The tree of a log does not fit its entries: an entry, a tile or the row of the tree was changed in
    /// the database.
    #[error("the tree of the log {channel_id}/{} does not fit its entries: {what}", stream.name())]
    UnfitTree {
        /// The stream of the log.
        stream: Stream,
        /// The channel of the log.
        channel_id: i64,
        /// What was found.
        what: String,
    },
    /// A log does not extend the newest checkpoint that was signed or seen, or the database is not the one
    /// that was opened: it was restored from an older copy, or changed.
    #[error("{0}")]
    WentBack(String),
    /// A checkpoint cannot be made or kept in its file.
    #[error("{0}")]
    Guard(String),
    /// A witness did not sign what it was asked to sign.
    #[error("the cosignature is refused, and is not stored: {0}")]
    Cosignature(String),
    /// A stored token cannot be read.
    #[error("token {id} was changed in the database: {what}")]
    CorruptToken {
        /// Its id.
        id: i64,
        /// The parts that do not match.
        what: String,
    },
    /// Another program keeps a log locked.
    #[error("log {channel_id}/{stream} is locked by another program, for {seconds} s so far")]
    LogLocked {
        /// The channel of the log.
        channel_id: i64,
        /// The number of the stream.
        stream: i16,
        /// The time that the statement waited.
        seconds: u64,
    },
    /// The connection was lost, or no connection can be opened.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// A read took longer than the store allows
    /// ([`StoreConfig::query_timeout`](crate::StoreConfig::query_timeout)).
    #[error("the query did not end within {seconds} s")]
    QueryTimeout {
        /// The allowed time.
        seconds: u64,
    },
    /// A read was cancelled by [`Store::cancel`](crate::Store::cancel).
    #[error("the query was cancelled")]
    Cancelled,
    /// A page by number has more bytes than the server builds in memory at once.
    #[error("the page has more than {max} bytes of values: at most {size_that_fits} of its entries fit", max = limits::PAGE_BYTES_MAX)]
    PageTooLarge {
        /// The number of entries of a page that always fits, whichever of these entries it has.
        size_that_fits: usize,
    },
    /// A write other than an append still waits for the database. It is not known whether it will
    /// succeed.
    #[error("the database has not confirmed the write in time; the write may still succeed")]
    Late,
    /// A COMMIT failed in a way that is possible after it was done, so it is not known whether it
    /// succeeded.
    #[error("the commit was not confirmed: {0}")]
    Unconfirmed(String),
    /// The operating system has no random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The clock of this machine cannot be right.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// A thread that writes panicked. It cannot be restarted: the program has to open the store
    /// again.
    #[error("a writer thread panicked: {0}")]
    WriterPanicked(String),
    /// A record has the nil uuid and cannot be prepared.
    #[error("{}", PrepareError::NilUuid)]
    NilUuid,
    /// The store is closed, or its writer is.
    #[error("the store is closed")]
    Closed,
}

impl From<PrepareError> for StoreError {
    fn from(error: PrepareError) -> StoreError {
        match error {
            PrepareError::Random(error) => StoreError::Random(error),
            PrepareError::Clock(error) => StoreError::Clock(error),
            PrepareError::NilUuid => StoreError::NilUuid,
        }
    }
}

/// The reason why a copy of a database stopped. The copied entries stay, and the next copy
/// continues after them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// One of the two databases cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// One of the two databases failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The destination has another name or other keys than the source, or was changed during the copy.
    #[error("the destination has another log name or other signing keys than the source: take an empty destination")]
    OtherIdentity,
    /// The source has an older schema. A copy writes nothing to its source, so it cannot migrate
    /// it.
    #[error(
        "the database `{path}` has the schema of an older version (migration {migration} is missing): run `audit-server migrate` on it first"
    )]
    OldSource {
        /// The source.
        path: String,
        /// The first missing migration.
        migration: String,
    },
    /// The destination is not a part of the source.
    #[error("channel {channel_id}: {what}; copy into an empty database")]
    Unfit {
        /// The channel.
        channel_id: i64,
        /// The reason.
        what: &'static str,
    },
    /// The destination has a token that the source lacks.
    #[error("the source lacks token {id} of the destination; copy into a database on which no server was started")]
    OtherToken {
        /// The id of the token.
        id: i64,
    },
    /// The destination has content types that conflict with those of the source.
    #[error("the content types of the destination conflict with those of the source; copy into an empty database")]
    OtherContentTypes,
    /// A copied entry differs from the entry in the source.
    #[error("the copy of the entry at {channel_id}/{position} is wrong: {what}")]
    Differs {
        /// The channel.
        channel_id: i64,
        /// The position.
        position: i64,
        /// The difference.
        what: &'static str,
    },
}

#[doc(hidden)]
impl From<diesel::result::Error> for CopyError {
    fn from(error: diesel::result::Error) -> CopyError {
        CopyError::Store(error.into())
    }
}
