//! What can go wrong with a store. Nothing here ends in a panic, and no failed write is ever reported as done.

use audit_domain::{ClockError, PrepareError, Stream, limits};

use crate::connection::DbConnection;
use crate::dialect;

/// Why a store cannot be opened. Each message is one sentence for the person who starts the program.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no database that this build can open.
    #[error("the database URL `{url}` cannot be used: {why}")]
    Url {
        /// As given, without a password.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no database, and none was to be made.
    #[error("there is no database `{path}`")]
    Missing {
        /// The file.
        path: String,
    },
    /// There is no database, but what belongs to one: it was removed or moved away, and a new one would hide that.
    #[error(
        "there is no database `{path}`, but `{left}`, which belongs to it: it was removed or moved away; put it or a backup back \
         (docs/operations.md, When the file is gone), or move `-wal` and `-shm` away to begin a new log"
    )]
    Orphaned {
        /// The file that is missing.
        path: String,
        /// The file that was left.
        left: String,
    },
    /// A SQLite file with nothing in it, which no version of this program leaves.
    #[error(
        "the database `{path}` is empty, and this program did not leave it so: put the log or a backup in its place, or remove it \
         to begin a new log"
    )]
    Empty {
        /// The file.
        path: String,
    },
    /// A SQLite file of another program.
    #[error("the SQLite file `{path}` is not an audit log (its tables are {tables}): name another file")]
    NotOurs {
        /// The file.
        path: String,
        /// Some of its tables.
        tables: String,
    },
    /// The files at the database's place are not the ones that a store opened.
    #[error("the database `{path}` is not the one that was opened: {what}")]
    Displaced {
        /// The file.
        path: String,
        /// What became of its files.
        what: String,
    },
    /// The database cannot be written.
    #[error("the database `{path}` cannot be written: {why}")]
    ReadOnly {
        /// The database.
        path: String,
        /// What it said, and what to do.
        why: String,
    },
    /// The directory of the database file cannot be made.
    #[error("the directory `{path}` for the database cannot be made: {why}")]
    Directory {
        /// The directory.
        path: String,
        /// What the operating system said.
        why: String,
    },
    /// Another process keeps the database locked.
    #[error("the database `{path}` is locked by another process")]
    Locked {
        /// The file.
        path: String,
    },
    /// The database was migrated by a newer version of this program.
    #[error("the database `{path}` has the schema of a newer version (migration {migration} is not known here): use that version")]
    NewerSchema {
        /// The file.
        path: String,
        /// The unknown migration.
        migration: String,
    },
    /// The database was made by a version of this program that was given up: its migrations are none of this version's.
    #[error(
        "the database `{path}` has the schema of an older version that this one cannot bring up to date (migration {migration} is \
         not known here, and is older than the last one that is): export it with the version that made it, and import it into a \
         new database"
    )]
    EarlierSchema {
        /// The database.
        path: String,
        /// The unknown migration.
        migration: String,
    },
    /// A server's database has to be brought up to date first, by the owner of its tables.
    #[error("the database `{path}` lacks migration {migration}: run `audit-server migrate` as the owner of its tables")]
    OldSchema {
        /// The server and its database.
        path: String,
        /// The first that is missing.
        migration: String,
    },
    /// A setting that durability depends on did not take.
    #[error("the database `{path}` does not take {setting} (it is {actual}): the file system cannot keep an audit log")]
    NotDurable {
        /// The file.
        path: String,
        /// What was set.
        setting: &'static str,
        /// What was read back.
        actual: String,
    },
    /// A server runs with a setting under which it may lose what it acknowledged.
    #[error("the database `{path}` runs with {setting} = {actual}: it may lose what it acknowledged; set {setting} = on")]
    Unsafe {
        /// The server and its database.
        path: String,
        /// The setting.
        setting: &'static str,
        /// What it is.
        actual: String,
    },
    /// The role of the connection could change the log, and that was to be refused.
    #[error(
        "the role `{role}` of the database `{path}` {what}: it could change or delete entries of the log; docs/operations.md, Roles, \
         says which role to use and how to take rights away"
    )]
    ExcessPrivileges {
        /// The server and its database.
        path: String,
        /// The role.
        role: String,
        /// What it may do.
        what: String,
    },
    /// Everything else.
    #[error("the database `{path}` cannot be opened: {why}")]
    Database {
        /// The file.
        path: String,
        /// What the database said.
        why: String,
    },
}

impl OpenError {
    pub(crate) fn from_database(path: &str, why: String) -> OpenError {
        let path = path.to_owned();
        if why.contains("database is locked") { OpenError::Locked { path } } else { OpenError::Database { path, why } }
    }
}

/// A database that cannot be used as a whole, though it can be reached: its disk is full, its file is damaged or cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {advice}")]
pub struct Unusable {
    /// What the database said.
    pub what: String,
    /// What a person can do about it.
    pub advice: &'static str,
    /// Whether every write fails in the same way.
    pub(crate) hits_every_write: bool,
}

/// Why a read, or a write other than an append, failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or is gone.
    #[error("database: {0}")]
    Database(#[from] diesel::result::Error),
    /// The database cannot be used, and no request is to blame.
    #[error("the database cannot be used: {0}")]
    Unusable(Unusable),
    /// The files at the database's place are not the ones that the store opened: somebody removed, renamed or replaced them. What was
    /// committed since went into files that nobody finds again.
    #[error("{0}")]
    Displaced(String),
    /// No connection became free in time.
    #[error("no database connection became free: {0}")]
    Pool(#[from] r2d2::Error),
    /// A stored entry is not what was appended: somebody changed the database, or the disk did.
    #[error(
        "the entry at position {position} of channel {channel_id} ({}) was changed in the database after it was appended: {what}",
        stream.name()
    )]
    Changed {
        /// Which log of the channel.
        stream: Stream,
        /// Its channel.
        channel_id: i64,
        /// Its position.
        position: i64,
        /// What does not fit.
        what: String,
    },
    /// A stored token cannot be read.
    #[error("token {id} was changed behind the server's back: {what}")]
    CorruptToken {
        /// Its id.
        id: i64,
        /// What does not fit.
        what: String,
    },
    /// Another program keeps a log locked.
    #[error("log {channel_id}/{stream} is locked by another program, and was for {seconds} s")]
    LogLocked {
        /// Its channel.
        channel_id: i64,
        /// The number of its stream.
        stream: i16,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The connection was lost, or cannot be had.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// A read took longer than the store gives it ([`StoreConfig::query_timeout`](crate::StoreConfig::query_timeout)).
    #[error("the query did not end within {seconds} s")]
    QueryTimeout {
        /// What it was given.
        seconds: u64,
    },
    /// A read was cancelled by [`Store::cancel`](crate::Store::cancel).
    #[error("the query was cancelled")]
    Cancelled,
    /// A page by number has more bytes than are built in memory at once.
    #[error("the page has more than {max} bytes of values: at most {size_that_fits} of its entries fit", max = limits::PAGE_BYTES_MAX)]
    PageTooLarge {
        /// A page of so many of its entries fits, whichever of them they are.
        size_that_fits: usize,
    },
    /// A write other than an append is still waiting for the database; whether it will be done is not known.
    #[error("the database has not confirmed it in time; it may still be done")]
    Late,
    /// A COMMIT failed in a way that may have happened after it was done: whether it was done is not known.
    #[error("the commit was not confirmed: {0}")]
    Unconfirmed(String),
    /// The operating system has no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
    /// The clock of this machine cannot be right.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// A thread that writes panicked. It cannot be started again: the store has to be opened again.
    #[error("a writer thread panicked: {0}")]
    WriterPanicked(String),
    /// A record that was to be prepared has the nil uuid.
    #[error("{}", PrepareError::NilUuid)]
    NilUuid,
    /// The store is closed, or its writer is.
    #[error("the store is closed")]
    Closed,
}

impl From<PrepareError> for StoreError {
    fn from(error: PrepareError) -> StoreError {
        match error {
            PrepareError::Random(error) => StoreError::Random(error.to_string()),
            PrepareError::Clock(error) => StoreError::Clock(error),
            PrepareError::NilUuid => StoreError::NilUuid,
        }
    }
}

impl StoreError {
    /// The same error, unless it shows that the connection it was seen on is gone, or the database cannot be used.
    pub(crate) fn seen_on(self, conn: &mut DbConnection) -> StoreError {
        match self {
            StoreError::Database(error) if dialect::is_lost(conn, &error) => StoreError::Unreachable(error.to_string()),
            StoreError::Database(error) => match dialect::unusable(conn, &error) {
                Some(unusable) => StoreError::Unusable(unusable),
                None => StoreError::Database(error),
            },
            error => error,
        }
    }

    /// Whether no request is to blame, since the database could not be written at all: another process keeps it locked, or it
    /// cannot be opened. Trying again would only wait again.
    pub(crate) fn concerns_the_whole_database(&self) -> bool {
        match self {
            StoreError::Unreachable(_) | StoreError::Unconfirmed(_) | StoreError::Displaced(_) => true,
            StoreError::Unusable(unusable) => unusable.hits_every_write,
            StoreError::Database(error) => dialect::is_locked(error),
            _ => false,
        }
    }
}

/// Why a copy of a database stopped. What was copied stays there; the next copy goes on behind it.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of the two databases cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// One of the two databases failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The source has an older schema, and nothing is written to a source.
    #[error(
        "the database `{path}` has the schema of an older version (migration {migration} is missing): run `audit-server migrate` on it first"
    )]
    OldSource {
        /// The source.
        path: String,
        /// The first missing migration.
        migration: String,
    },
    /// The destination is no part of the source.
    #[error("channel {channel_id}: {what}; copy into an empty database")]
    Unfit {
        /// The channel.
        channel_id: i64,
        /// Why.
        what: &'static str,
    },
    /// The destination has a token that the source has not.
    #[error("token {id} of the destination is no token of the source; copy into a database that no server was started on")]
    OtherToken {
        /// Its id.
        id: i64,
    },
    /// The destination has object types that are in the way of the source's.
    #[error("the object types of the destination are in the way of the source's; copy into an empty database")]
    OtherContentTypes,
    /// What was copied is not what is in the source.
    #[error("the entry at {channel_id}/{position} was not copied well: {what}")]
    Differs {
        /// Its channel.
        channel_id: i64,
        /// Its position.
        position: i64,
        /// What is wrong.
        what: &'static str,
    },
}

impl From<diesel::result::Error> for CopyError {
    fn from(error: diesel::result::Error) -> CopyError {
        CopyError::Store(error.into())
    }
}
