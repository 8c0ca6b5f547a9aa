//! The only place that knows which database it is talking to.

mod interrupt;
mod number_list;
mod postgres;
mod postings_of_each;
mod sqlite;
mod transaction;
mod versions;

use std::collections::HashMap;
use std::time::Duration;

use audit_domain::uuid::Uuid;
use audit_domain::{Stream, draw_hash_keys};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::connection::{DbConnection, Purpose};
use crate::error::{OpenError, StoreError, Unusable};
use crate::limit::{self, ServerProcess};
use crate::row::NewRows;
use crate::url::DatabaseUrl;

pub(crate) use number_list::NumberList;
pub(crate) use postgres::RolePrivileges;
pub(crate) use postings_of_each::PostingsOfEach;
pub(crate) use sqlite::{Checkpoints, Pass, SqliteFile};
pub(crate) use transaction::{snapshot, write, write_again_if_taken, write_and_confirm};
pub(crate) use versions::Versions;

/// Opens a connection with everything set that durability and the guards depend on, and looks whether it holds.
pub(crate) fn open(url: &DatabaseUrl, purpose: Purpose) -> Result<DbConnection, OpenError> {
    // A connection keeps its statements in a hash table, and may be the first thing that its thread makes.
    draw_hash_keys().map_err(|error| OpenError::from_database(&url.display(), format!("no random bytes: {error}")))?;
    match url {
        DatabaseUrl::Sqlite(file) => sqlite::open(file, purpose).map(DbConnection::Sqlite),
        DatabaseUrl::Postgres(url) => postgres::open(url, purpose).map(DbConnection::Postgres),
    }
}

/// Has every read of a connection end after so much time, and tells which process of a server serves the connection, if it is
/// always the same. An embedded database asks for the time itself.
pub(crate) fn limit_session(
    conn: &mut DbConnection,
    url: &DatabaseUrl,
    timeout: Option<Duration>,
) -> QueryResult<Option<ServerProcess>> {
    match (conn, url) {
        (DbConnection::Postgres(conn), DatabaseUrl::Postgres(url)) => postgres::limit_session(conn, url, timeout),
        _ => Ok(None),
    }
}

/// Goes on with a read of several statements, unless it is over; from time to time, this tells a server what is left.
pub(crate) fn go_on(conn: &mut DbConnection) -> Result<(), StoreError> {
    limit::check()?;
    match conn {
        DbConnection::Sqlite(_) => Ok(()),
        DbConnection::Postgres(conn) => Ok(postgres::limit_again(conn)?),
    }
}

/// Has a process of the server give up the statement that it works on, if the connection leads to the same server. An embedded
/// database has no processes.
pub(crate) fn cancel(conn: &mut DbConnection, server_process: ServerProcess) -> QueryResult<()> {
    match conn {
        DbConnection::Sqlite(_) => Ok(()),
        DbConnection::Postgres(conn) => postgres::cancel(conn, server_process),
    }
}

/// Makes an embedded database if there is none, with its schema, and returns the migrations that it got then. A database on a server
/// is made by its administrator.
pub(crate) fn make_if_missing(url: &DatabaseUrl) -> Result<Option<Vec<String>>, OpenError> {
    match url {
        DatabaseUrl::Sqlite(file) => sqlite::make_if_missing(file),
        DatabaseUrl::Postgres(_) => Ok(None),
    }
}

/// Refuses to begin a new log beside what is left of another one.
pub(crate) fn refuse_orphans(url: &DatabaseUrl) -> Result<(), OpenError> {
    match url {
        DatabaseUrl::Sqlite(file) => sqlite::refuse_orphans(file),
        DatabaseUrl::Postgres(_) => Ok(()),
    }
}

/// Remembers which files an embedded database is kept in, so that no others are opened from now on ([`displaced`]). The connection
/// has to stay open.
pub(crate) fn remember(conn: &mut DbConnection, url: &DatabaseUrl) -> Result<(), OpenError> {
    match (conn, url) {
        (DbConnection::Sqlite(conn), DatabaseUrl::Sqlite(file)) => sqlite::remember(conn, file),
        _ => Ok(()),
    }
}

/// What became of the files of an embedded database, unless they are where they were when they were remembered.
pub(crate) fn displaced(url: &DatabaseUrl) -> Option<String> {
    match url {
        DatabaseUrl::Sqlite(file) => sqlite::displaced(file),
        DatabaseUrl::Postgres(_) => None,
    }
}

/// What a person can do about that while this process runs.
pub(crate) fn advice_on_displaced(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::Sqlite(file) => sqlite::advice_on_displaced(file),
        DatabaseUrl::Postgres(_) => String::new(),
    }
}

/// What came of a write that was tried and taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trial {
    /// It could be done.
    Done,
    /// Another connection was writing for as long as the trial waited.
    Locked,
}

/// Tries to write, and takes it back. The connection is for nothing else.
pub(crate) fn try_write(conn: &mut DbConnection, patience: Duration) -> QueryResult<Trial> {
    match conn {
        DbConnection::Sqlite(conn) => sqlite::try_write(conn, patience),
        DbConnection::Postgres(conn) => postgres::try_write(conn),
    }
}

/// How long a write waits for another process's.
pub(crate) const LOCK_PATIENCE: Duration = sqlite::BUSY_TIMEOUT;

/// Brings everything that is in the WAL of an embedded database into its file, as far as readers let it within the patience. Returns
/// whether nothing is left there.
pub(crate) fn empty_wal(conn: &mut DbConnection, patience: Duration) -> QueryResult<bool> {
    match conn {
        DbConnection::Sqlite(conn) => sqlite::empty_wal(conn, patience),
        DbConnection::Postgres(_) => Ok(true),
    }
}

/// Restarts the WAL of an embedded database if it has grown too large.
pub(crate) fn give_checkpoint_its_turn(
    checkpoints: &mut Checkpoints,
    conn: &mut DbConnection,
    url: &DatabaseUrl,
) -> QueryResult<()> {
    match (conn, url) {
        (DbConnection::Sqlite(conn), DatabaseUrl::Sqlite(file)) => checkpoints.take_turn(conn, file),
        _ => Ok(()),
    }
}

/// Bytes of the file that holds the newest entries of an embedded database.
pub(crate) fn wal_bytes(url: &DatabaseUrl) -> Option<u64> {
    match url {
        DatabaseUrl::Sqlite(file) => sqlite::wal_bytes(file),
        DatabaseUrl::Postgres(_) => None,
    }
}

/// What a query of unknown length passes before it starts, where checkpoints need a moment without any.
pub(crate) fn pass(url: &DatabaseUrl, purpose: Purpose) -> Option<Pass<'_>> {
    match url {
        DatabaseUrl::Sqlite(file) if purpose == Purpose::Read => Some(sqlite::pass(file)),
        _ => None,
    }
}

/// Keeps no query waiting any more.
pub(crate) fn hold_no_more(url: &DatabaseUrl) {
    if let DatabaseUrl::Sqlite(file) = url {
        sqlite::hold_no_more(file);
    }
}

/// Why the database as a whole cannot be used, if that is what an error shows.
pub(crate) fn unusable(conn: &DbConnection, error: &DieselError) -> Option<Unusable> {
    match conn {
        DbConnection::Sqlite(_) => sqlite::unusable(error),
        DbConnection::Postgres(_) => postgres::unusable(error),
    }
}

/// Writers that may work at once, of as many as are wanted: SQLite has one write lock.
pub(crate) fn writers(url: &DatabaseUrl, wanted: u32) -> u32 {
    match url {
        DatabaseUrl::Sqlite(_) => 1,
        DatabaseUrl::Postgres(_) => wanted.max(1),
    }
}

/// Runs what is pending, in one transaction, unless the database is newer than this build.
pub(crate) fn run_migrations(conn: &mut DbConnection) -> Result<Versions, String> {
    match conn {
        DbConnection::Sqlite(conn) => sqlite::run_migrations(conn),
        DbConnection::Postgres(conn) => postgres::run_migrations(conn),
    }
}

/// What [`run_migrations`] would find, without the table that diesel makes to look it up.
pub(crate) fn read_versions(conn: &mut DbConnection) -> Result<Versions, String> {
    match conn {
        DbConnection::Sqlite(conn) => sqlite::read_versions(conn),
        DbConnection::Postgres(conn) => postgres::read_versions(conn),
    }
}

/// What the role of a connection may do that no append needs, and what it needs and may not. An embedded database has no roles: its guards are triggers.
pub(crate) fn role_privileges(conn: &mut DbConnection) -> QueryResult<Option<RolePrivileges>> {
    match conn {
        DbConnection::Sqlite(_) => Ok(None),
        DbConnection::Postgres(conn) => postgres::role_privileges(conn).map(Some),
    }
}

/// Gives a role what the program needs, takes everything else from it, and tells what it can do after that, where there are roles.
pub(crate) fn grant(conn: &mut DbConnection, role: &str) -> QueryResult<Option<RolePrivileges>> {
    match conn {
        DbConnection::Sqlite(_) => Ok(None),
        DbConnection::Postgres(conn) => postgres::grant(conn, role).map(Some),
    }
}

/// The size of the database.
pub(crate) fn database_bytes(conn: &mut DbConnection) -> QueryResult<i64> {
    match conn {
        DbConnection::Sqlite(conn) => sqlite::database_bytes(conn),
        DbConnection::Postgres(conn) => postgres::database_bytes(conn),
    }
}

/// Whether another connection keeps the one write lock of a file, and did for as long as this one was to wait.
pub(crate) fn is_locked(error: &DieselError) -> bool {
    sqlite::is_locked(error)
}

/// Whether the connection is gone, or leads to a server that takes no writes any more: a new one is needed.
pub(crate) fn is_lost(conn: &mut DbConnection, error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ReadOnlyTransaction,
            _,
        )
        | DieselError::BrokenTransactionManager => true,
        DieselError::RollbackErrorOnCommit { .. } => true,
        DieselError::DatabaseError(..) => match conn {
            DbConnection::Sqlite(_) => false,
            // The last words of a server that ends have no kind of their own.
            DbConnection::Postgres(conn) => !postgres::is_alive(conn),
        },
        _ => false,
    }
}

/// Whether the rows of a result come one by one, instead of all of them before the first.
pub(crate) fn gives_rows_as_they_come(conn: &DbConnection) -> bool {
    matches!(conn, DbConnection::Sqlite(_))
}

/// Makes the head row of a log unless it is there, and locks it until the transaction ends. Returns its next position and last
/// `recorded_at`.
pub(crate) fn lock_log(conn: &mut DbConnection, channel_id: i64, stream: Stream) -> Result<(i64, i64), StoreError> {
    match conn {
        DbConnection::Sqlite(conn) => Ok(sqlite::lock_log(conn, channel_id, stream.number())?),
        DbConnection::Postgres(conn) => postgres::lock_log(conn, channel_id, stream.number()),
    }
}

/// Locks the ids of tokens until the transaction ends, if there is a token. SQLite has one write lock, which the transaction holds.
pub(crate) fn lock_token_ids(conn: &mut DbConnection) -> QueryResult<()> {
    match conn {
        DbConnection::Sqlite(_) => Ok(()),
        DbConnection::Postgres(conn) => postgres::lock_token_ids(conn),
    }
}

/// Which of these uuids a log holds, and at which positions.
pub(crate) fn held(conn: &mut DbConnection, channel_id: i64, stream: Stream, uuids: &[Uuid]) -> QueryResult<HashMap<Uuid, i64>> {
    match conn {
        DbConnection::Sqlite(conn) => sqlite::held(conn, channel_id, stream, uuids),
        DbConnection::Postgres(conn) => postgres::held(conn, channel_id, stream, uuids),
    }
}

/// Inserts entries, in the fastest form measured for the database.
pub(crate) fn insert(conn: &mut DbConnection, rows: &NewRows<'_>) -> QueryResult<()> {
    match conn {
        DbConnection::Sqlite(conn) => sqlite::insert(conn, rows),
        DbConnection::Postgres(conn) => postgres::insert(conn, rows),
    }
}
