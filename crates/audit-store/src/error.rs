//! The errors of a store. No function panics on them, and no function reports a failed write as
//! done.

use audit_domain::{ClockError, PrepareError, RandomError, Stream, limits};

/// The reason why a store cannot be opened. Each message is one sentence for the person who starts
/// the program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL does not name a database that this build can open.
    #[error("the database URL `{url}` cannot be used: {why}")]
    Url {
        /// The given URL, without a password.
        url: String,
        /// The fault.
        why: String,
    },
    /// The database does not exist, and the program was not asked to create it.
    #[error("there is no database `{path}`")]
    Missing {
        /// The file.
        path: String,
    },
    /// The database does not exist, but files that belong to it do. It was removed or moved away,
    /// and a new database would hide that.
    #[error(
        "there is no database `{path}`, but `{left}`, which belongs to it: it was removed or moved away; put it or a backup back \
         (docs/operations.md, When the file is gone), or move `-wal` and `-shm` away to begin a new log"
    )]
    Orphaned {
        /// The file that is missing.
        path: String,
        /// The remaining file.
        left: String,
    },
    /// The SQLite file is empty. No version of this program leaves an empty file.
    #[error(
        "the database `{path}` is empty, and this program did not leave it so: put the log or a backup in its place, or remove it \
         to begin a new log"
    )]
    Empty {
        /// The file.
        path: String,
    },
    /// The SQLite file belongs to another program.
    #[error("the SQLite file `{path}` is not an audit log (its tables are {tables}): name another file")]
    NotOurs {
        /// The file.
        path: String,
        /// Some of its tables.
        tables: String,
    },
    /// The files in the database's place are not the files that a store opened.
    #[error("the database `{path}` is not the one that was opened: {what}")]
    Displaced {
        /// The file.
        path: String,
        /// A description of what happened to the files.
        what: String,
    },
    /// The database cannot be written.
    #[error("the database `{path}` cannot be written: {why}")]
    ReadOnly {
        /// The database.
        path: String,
        /// The message of the database and the advice.
        why: String,
    },
    /// The directory of the database file cannot be created.
    #[error("the directory `{path}` for the database cannot be created: {why}")]
    Directory {
        /// The directory.
        path: String,
        /// The message of the operating system.
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
    /// The database has the schema of a version of this program that was abandoned: this version
    /// has none of its migrations.
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
    /// The owner of the tables must bring the database of a server up to date first.
    #[error("the database `{path}` lacks migration {migration}: run `audit-server migrate` as the owner of its tables")]
    OldSchema {
        /// The server and its database.
        path: String,
        /// The first missing migration.
        migration: String,
    },
    /// A setting that durability depends on did not take effect.
    #[error("the database `{path}` does not take {setting} (it is {actual}): the file system cannot keep an audit log")]
    NotDurable {
        /// The file.
        path: String,
        /// The setting that was applied.
        setting: &'static str,
        /// The value that was read back.
        actual: String,
    },
    /// A server has a setting with which it may lose acknowledged data.
    #[error("the database `{path}` runs with {setting} = {actual}: it may lose what it acknowledged; set {setting} = on")]
    Unsafe {
        /// The server and its database.
        path: String,
        /// The setting.
        setting: &'static str,
        /// The value of the setting.
        actual: String,
    },
    /// The role of the connection could change the log, and the configuration refuses such a role.
    #[error(
        "the role `{role}` of the database `{path}` {what}: it could change or delete entries of the log; docs/operations.md, Roles, \
         says which role to use and how to take rights away"
    )]
    ExcessPrivileges {
        /// The server and its database.
        path: String,
        /// The role.
        role: String,
        /// The privileges of the role.
        what: String,
    },
    /// The file of the private keys cannot be used.
    #[error("the signing key file `{path}` {why}")]
    SigningKey {
        /// The file.
        path: String,
        /// The fault.
        why: String,
    },
    /// The directory of the newest checkpoints cannot be used.
    #[error("the directory `{path}` of the newest checkpoints cannot be read or made: {why}")]
    Checkpoints {
        /// The directory.
        path: String,
        /// The message of the operating system.
        why: String,
    },
    /// The configured name of the logs cannot be used.
    #[error("the log name `{given}` cannot be used: {why}")]
    LogName {
        /// The given name.
        given: String,
        /// The fault.
        why: String,
    },
    /// The database never signed anything, and the directory of the newest checkpoints has some.
    #[error(
        "the database `{database}` has no log name, and `{path}` has a checkpoint of {origin}: the database was replaced by an empty \
         one; put the newest copy back, or begin a new origin on purpose with `audit-server log new-origin` (docs/operations.md, A \
         database that went back), or give this database another data directory if it never had these logs"
    )]
    NotTheDatabase {
        /// The database.
        database: String,
        /// The directory.
        path: String,
        /// The origin of one of the checkpoints.
        origin: String,
    },
    /// Any other error.
    #[error("the database `{path}` cannot be opened: {why}")]
    Database {
        /// The file.
        path: String,
        /// The message of the database.
        why: String,
    },
}

impl OpenError {
    pub(crate) fn from_database(path: &str, why: String) -> OpenError {
        let path = path.to_owned();
        if why.contains("database is locked") { OpenError::Locked { path } } else { OpenError::Database { path, why } }
    }
}

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
