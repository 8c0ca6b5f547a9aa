//! The code that depends on the database. No other module knows which database it uses.

mod interrupt;
mod number_list;
mod postgres;
mod postings_of_each;
mod seen;
mod sqlite;
mod transaction;
mod versions;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use audit_domain::uuid::Uuid;
use audit_domain::{Stream, draw_hash_keys};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::connection::{DbConnection, Purpose};
use crate::error::{OpenError, StoreError, Unusable};
use crate::limit::{self, ServerProcess};
use crate::log_key::LogKey;
use crate::row::NewRows;
use crate::sqlite_file::Pass;
use crate::url::DatabaseUrl;

pub(crate) use number_list::{NumberList, among};
pub(crate) use postgres::RolePrivileges;
pub(crate) use postings_of_each::PostingsOfEach;
pub(crate) use sqlite::Checkpoints;
pub(crate) use transaction::{snapshot, write, write_again_if_taken, write_and_confirm};
pub(crate) use versions::Versions;

/// Opens a connection, applies the settings that durability and the guards depend on, and checks
/// that they took effect.
pub(crate) fn open(url: &DatabaseUrl, purpose: Purpose) -> Result<DbConnection, OpenError> {
    // A connection keeps its statements in a hash table, which may be the first one of its thread.
    draw_hash_keys()
        .map_err(|error| OpenError::from_database(&url.display(), format!("the operating system has no random bytes: {error}")))?;
    match url {
        DatabaseUrl::Sqlite(file) => sqlite::open(file, purpose).map(DbConnection::Sqlite),
        DatabaseUrl::Postgres(url) => postgres::open(url, purpose).map(DbConnection::Postgres),
    }
}

/// Sets the time limit of every read of a connection, and returns the server process that serves
/// the connection, if it is always the same. An embedded database checks the time itself.
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

/// Checks that a read of several statements may continue. From time to time it also sends the
/// remaining time to a server.
pub(crate) fn go_on(conn: &mut DbConnection) -> Result<(), StoreError> {
    limit::check()?;
    match conn {
        DbConnection::Sqlite(_) => Ok(()),
        DbConnection::Postgres(conn) => Ok(postgres::limit_again(conn)?),
    }
}

/// Cancels the statement of a server process, if the connection leads to the same server. An
/// embedded database has no processes.
pub(crate) fn cancel(conn: &mut DbConnection, server_process: ServerProcess) -> QueryResult<()> {
    match conn {
        DbConnection::Sqlite(_) => Ok(()),
        DbConnection::Postgres(conn) => postgres::cancel(conn, server_process),
    }
}

/// Creates an embedded database with its schema if there is none, and returns its migrations. The
/// administrator of a server creates its databases.
pub(crate) fn make_if_missing(url: &DatabaseUrl) -> Result<Option<Vec<String>>, OpenError> {
    match url {
        DatabaseUrl::Sqlite(file) => sqlite::make_if_missing(file),
        DatabaseUrl::Postgres(_) => Ok(None),
    }
}

/// Refuses to begin a new log next to the remaining files of another one.
pub(crate) fn refuse_orphans(url: &DatabaseUrl) -> Result<(), OpenError> {
    match url {
        DatabaseUrl::Sqlite(file) => sqlite::refuse_orphans(file),
        DatabaseUrl::Postgres(_) => Ok(()),
    }
}

/// Remembers the files of an embedded database. From now on no other files are opened
/// ([`displaced`]). The connection has to stay open.
pub(crate) fn remember(conn: &mut DbConnection, url: &DatabaseUrl) -> Result<(), OpenError> {
    match (conn, url) {
        (DbConnection::Sqlite(conn), DatabaseUrl::Sqlite(file)) => sqlite::remember(conn, file),
        _ => Ok(()),
    }
}

/// Describes what happened to the files of an embedded database, unless they are in the same place
/// as when they were remembered.
pub(crate) fn displaced(url: &DatabaseUrl) -> Option<String> {
    match url {
        DatabaseUrl::Sqlite(file) => sqlite::displaced(file),
        DatabaseUrl::Postgres(_) => None,
    }
}

/// The advice for displaced files while this process runs.
pub(crate) fn advice_on_displaced(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::Sqlite(file) => sqlite::advice_on_displaced(file),
        DatabaseUrl::Postgres(_) => String::new(),
    }
}

/// The result of a write that was tried and rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trial {
    /// The write was possible.
    Done,
    /// Another connection was writing during the whole wait.
    Locked,
}

/// Tries to write and rolls back. The connection serves only this purpose.
pub(crate) fn try_write(conn: &mut DbConnection, patience: Duration) -> QueryResult<Trial> {
    match conn {
        DbConnection::Sqlite(conn) => sqlite::try_write(conn, patience),
        DbConnection::Postgres(conn) => postgres::try_write(conn),
    }
}

/// The time for which a write waits for a write of another process.
pub(crate) const LOCK_PATIENCE: Duration = sqlite::BUSY_TIMEOUT;

/// Moves everything in the WAL of an embedded database into its file, as far as readers allow it
/// within the patience. Returns whether the WAL is empty.
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

/// Waits if a checkpoint holds queries back, and then counts as a running query of unknown length.
pub(crate) fn pass(url: &DatabaseUrl, purpose: Purpose) -> Option<Pass<'_>> {
    match url {
        DatabaseUrl::Sqlite(file) if purpose == Purpose::Read => Some(sqlite::pass(file)),
        _ => None,
    }
}

/// Stops holding queries back.
pub(crate) fn hold_no_more(url: &DatabaseUrl) {
    if let DatabaseUrl::Sqlite(file) = url {
        sqlite::hold_no_more(file);
    }
}

/// The reason why the database as a whole cannot be used, if an error shows one.
pub(crate) fn unusable(conn: &DbConnection, error: &DieselError) -> Option<Unusable> {
    match conn {
        DbConnection::Sqlite(_) => sqlite::unusable(error),
        DbConnection::Postgres(_) => postgres::unusable(error),
    }
}

/// The number of writers that may work at once, at most `wanted`: SQLite has one write lock.
pub(crate) fn writers(url: &DatabaseUrl, wanted: u32) -> u32 {
    match url {
        DatabaseUrl::Sqlite(_) => 1,
        DatabaseUrl::Postgres(_) => wanted.max(1),
    }
}

/// Runs pending migrations in one transaction, unless the database is newer than this build.
pub(crate) fn run_migrations(conn: &mut DbConnection) -> Result<Versions, String> {
    match conn {
        DbConnection::Sqlite(conn) => sqlite::run_migrations(conn),
        DbConnection::Postgres(conn) => postgres::run_migrations(conn),
    }
}

/// Reads what [`run_migrations`] would find, without creating diesel's table of migrations.
pub(crate) fn read_versions(conn: &mut DbConnection) -> Result<Versions, String> {
    match conn {
        DbConnection::Sqlite(conn) => sqlite::read_versions(conn),
        DbConnection::Postgres(conn) => postgres::read_versions(conn),
    }
}

/// The privileges of a connection's role that no append needs, and the privileges that it lacks. An
/// embedded database has no roles: its guards are triggers.
pub(crate) fn role_privileges(conn: &mut DbConnection) -> QueryResult<Option<RolePrivileges>> {
    match conn {
        DbConnection::Sqlite(_) => Ok(None),
        DbConnection::Postgres(conn) => postgres::role_privileges(conn).map(Some),
    }
}

/// Grants a role the privileges that the program needs, revokes all others, and returns the role's
/// privileges after that. Returns `None` for a database without roles.
pub(crate) fn grant(conn: &mut DbConnection, role: &str) -> QueryResult<Option<RolePrivileges>> {
    match conn {
        DbConnection::Sqlite(_) => Ok(None),
        DbConnection::Postgres(conn) => postgres::grant(conn, role).map(Some),
    }
}

/// The size of the database in bytes.
pub(crate) fn database_bytes(conn: &mut DbConnection) -> QueryResult<i64> {
    match conn {
        DbConnection::Sqlite(conn) => sqlite::database_bytes(conn),
        DbConnection::Postgres(conn) => postgres::database_bytes(conn),
    }
}

/// Whether another connection kept the only write lock of a file for the whole time that this
/// connection waited.
pub(crate) fn is_locked(error: &DieselError) -> bool {
    sqlite::is_locked(error)
}

/// Whether the connection is lost, or leads to a server that no longer takes writes, so that a new
/// one is needed.
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
            // The last messages of a server that stops have no kind of their own.
            DbConnection::Postgres(conn) => !postgres::is_alive(conn),
        },
        _ => false,
    }
}

/// Whether the rows of a result arrive one by one, instead of all of them before the first.
pub(crate) fn gives_rows_as_they_come(conn: &DbConnection) -> bool {
    matches!(conn, DbConnection::Sqlite(_))
}

/// Opens the file of a witness, which has nothing of an audit log, and creates it if it is missing.
pub(crate) fn open_witness_file(path: &Path) -> Result<DbConnection, OpenError> {
    sqlite::open_witness_file(path).map(DbConnection::Sqlite)
}

/// Inserts the head row of a log if it is missing, and locks it until the transaction ends. Returns
/// its next position and last `recorded_at`.
pub(crate) fn lock_log(conn: &mut DbConnection, channel_id: i64, stream: Stream) -> Result<(i64, i64), StoreError> {
    match conn {
        DbConnection::Sqlite(conn) => Ok(sqlite::lock_log(conn, channel_id, stream.number())?),
        DbConnection::Postgres(conn) => postgres::lock_log(conn, channel_id, stream.number()),
    }
}

/// Locks the tree of a log until the transaction ends, and returns its size and the number of its log
/// name. The first call for a log makes an empty tree under the given name.
pub(crate) fn lock_tree(conn: &mut DbConnection, (channel_id, stream): LogKey, log_name: i64) -> QueryResult<(i64, i64)> {
    match conn {
        DbConnection::Sqlite(conn) => sqlite::lock_tree(conn, channel_id, stream.number(), log_name),
        DbConnection::Postgres(conn) => postgres::lock_tree(conn, channel_id, stream.number(), log_name),
    }
}

/// Locks the tree of a log in the same way, unless another server has it locked. Then it returns
/// `None` and does not wait.
pub(crate) fn try_lock_tree(
    conn: &mut DbConnection,
    (channel_id, stream): LogKey,
    log_name: i64,
) -> QueryResult<Option<(i64, i64)>> {
    match conn {
        DbConnection::Sqlite(conn) => sqlite::lock_tree(conn, channel_id, stream.number(), log_name).map(Some),
        DbConnection::Postgres(conn) => postgres::try_lock_tree(conn, channel_id, stream.number(), log_name),
    }
}

/// Locks the ids of tokens until the transaction ends, if there is a token. SQLite has one write
/// lock, which the transaction has already.
pub(crate) fn lock_token_ids(conn: &mut DbConnection) -> QueryResult<()> {
    match conn {
        DbConnection::Sqlite(_) => Ok(()),
        DbConnection::Postgres(conn) => postgres::lock_token_ids(conn),
    }
}

/// Looks up which of these uuids a log has, and at which positions.
pub(crate) fn held(conn: &mut DbConnection, channel_id: i64, stream: Stream, uuids: &[Uuid]) -> QueryResult<HashMap<Uuid, i64>> {
    match conn {
        DbConnection::Sqlite(conn) => sqlite::held(conn, channel_id, stream, uuids),
        DbConnection::Postgres(conn) => postgres::held(conn, channel_id, stream, uuids),
    }
}

/// The table of the entries of a stream; `None` for the root log, whose entries have no slots and no uuids.
fn table_of(stream: Stream) -> Option<&'static str> {
    match stream {
        Stream::Events => Some("events"),
        Stream::ActionLogs => Some("action_logs"),
        Stream::Checkpoints => None,
    }
}

/// Erases slots of entries: sets their values and filter columns to NULL, and replaces the salts in
/// `seals`. An embedded database takes the new seals; a server computes them itself, so that the role
/// of this program needs no privilege to update. Returns the number of entries that changed.
pub(crate) fn erase(conn: &mut DbConnection, log: LogKey, entries: &[(i64, Vec<u8>)], slots: &[u8]) -> QueryResult<usize> {
    match conn {
        DbConnection::Sqlite(conn) => sqlite::erase(conn, log, entries, slots),
        DbConnection::Postgres(conn) => postgres::erase(conn, log, entries, slots),
    }
}

/// Inserts entries, in the form that measured fastest for the database.
pub(crate) fn insert(conn: &mut DbConnection, rows: &NewRows<'_>) -> QueryResult<()> {
    match conn {
        DbConnection::Sqlite(conn) => sqlite::insert(conn, rows),
        DbConnection::Postgres(conn) => postgres::insert(conn, rows),
    }
}
