//! What can go wrong with a store. Nothing here ends in a panic, and no failed write is ever reported as done.

use audit_domain::{ClockError, PrepareError, Stream};

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
    Powerful {
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

/// Why a read, or a write other than an append, failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or is gone.
    #[error("database: {0}")]
    Database(#[from] diesel::result::Error),
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
    /// A thread that writes panicked. It cannot be started again: the store has to be opened anew.
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
    /// The same error, unless it shows that the connection it was seen on is gone.
    pub(crate) fn seen_on(self, conn: &mut DbConnection) -> StoreError {
        match self {
            StoreError::Database(error) if dialect::is_lost(conn, &error) => StoreError::Unreachable(error.to_string()),
            error => error,
        }
    }

    /// Whether no request is to blame, since the database could not be written at all: another process keeps it locked, or it
    /// cannot be opened. Trying again would only wait again.
    pub(crate) fn concerns_the_whole_database(&self) -> bool {
        match self {
            StoreError::Unreachable(_) | StoreError::Unconfirmed(_) => true,
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
