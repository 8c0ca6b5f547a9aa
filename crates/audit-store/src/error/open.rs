//! Why a store cannot be opened.

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
