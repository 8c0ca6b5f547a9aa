//! Transactions: writes, writes that are acknowledged, and snapshots to read from.

use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::{is_lost, postgres, sqlite};
use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::limit;

/// Runs a write in a transaction that sees what was committed before it got its locks.
pub(crate) fn write<T, E: From<DieselError>>(
    conn: &mut DbConnection,
    run: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E> {
    begin_write(conn)?;
    end(conn, run)
}

fn begin_write(conn: &mut DbConnection) -> QueryResult<()> {
    match conn {
        DbConnection::Sqlite(conn) => sqlite::begin_write(conn),
        DbConnection::Postgres(conn) => postgres::begin_write(conn),
    }
}

/// Attempts at a write that others may be in the way of.
const ATTEMPTS_MAX: u32 = 20;

/// Runs a write that takes the next free number, or another value that only one may have: where another server took it first, the
/// whole of it runs again and sees what the other did. With SQLite's one write lock that does not happen.
pub(crate) fn write_again_if_taken<T>(
    conn: &mut DbConnection,
    run: impl Fn(&mut DbConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    for _ in 1..ATTEMPTS_MAX {
        match write(conn, &run) {
            Err(StoreError::Database(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _))) => {}
            outcome => return outcome,
        }
    }
    write(conn, run)
}

/// A COMMIT that took longer may have been cancelled by somebody while it waited for a synchronous standby: it then reports success
/// though no standby has the data.
const COMMIT_TRUSTED: Duration = Duration::from_secs(1);

/// Commits that follow one that took long, until one is quick. Without an end, a standby that always takes longer would stop the log.
const CONFIRMATIONS_MAX: u32 = 5;

/// Runs a write whose success is acknowledged. After a COMMIT that took long, `again` runs in a transaction of its own: it has to
/// write something, and its COMMIT waits for the standby to have all that came before.
///
/// # Errors
/// [`StoreError::Unconfirmed`] where the write may be done all the same; after any other error, it is not.
pub(crate) fn write_and_confirm<T>(
    conn: &mut DbConnection,
    run: impl FnOnce(&mut DbConnection) -> Result<T, StoreError>,
    again: impl Fn(&mut DbConnection) -> Result<(), StoreError>,
) -> Result<T, StoreError> {
    let (value, mut took) = timed_write(conn, run)?;
    for _ in 0..CONFIRMATIONS_MAX {
        if took <= COMMIT_TRUSTED || matches!(conn, DbConnection::Sqlite(_)) {
            break;
        }
        tracing::warn!(?took, "a commit took long; the next one shows whether it was waited for to its end");
        // The write itself is done by now, and only its safety is open.
        ((), took) = timed_write(conn, &again).map_err(|error| StoreError::Unconfirmed(error.to_string()))?;
    }
    Ok(value)
}

/// A write, and how long its COMMIT took.
fn timed_write<T>(
    conn: &mut DbConnection,
    run: impl FnOnce(&mut DbConnection) -> Result<T, StoreError>,
) -> Result<(T, Duration), StoreError> {
    begin_write(conn)?;
    let value = run(conn).inspect_err(|_| roll_back(conn))?;
    let start = Instant::now();
    match <DbConnection as Connection>::TransactionManager::commit_transaction(conn) {
        Ok(()) => Ok((value, start.elapsed())),
        Err(error) if may_be_committed(conn, &error) => Err(StoreError::Unconfirmed(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// Whether a transaction may be committed although its COMMIT failed. PostgreSQL answers an error only after it rolled back, and
/// without an answer nobody knows. SQLite has not written the end of a transaction for which the disk was full, or which did not get
/// the lock; after another failure to write or to flush, a later start may find it whole in the WAL.
fn may_be_committed(conn: &mut DbConnection, error: &DieselError) -> bool {
    match conn {
        DbConnection::Sqlite(_) => !sqlite::is_locked(error) && !sqlite::is_full(error),
        DbConnection::Postgres(_) => is_lost(conn, error),
    }
}

/// Runs reads in one snapshot: they see the same commit.
pub(crate) fn snapshot<T, E: From<DieselError>>(
    conn: &mut DbConnection,
    run: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E> {
    match conn {
        DbConnection::Sqlite(conn) => AnsiTransactionManager::begin_transaction(conn)?,
        DbConnection::Postgres(conn) => postgres::begin_snapshot(conn)?,
    }
    end(conn, run)
}

/// Runs what a transaction is for and ends it.
fn end<T, E: From<DieselError>>(conn: &mut DbConnection, run: impl FnOnce(&mut DbConnection) -> Result<T, E>) -> Result<T, E> {
    match run(conn) {
        Ok(value) => {
            <DbConnection as Connection>::TransactionManager::commit_transaction(conn)?;
            Ok(value)
        }
        Err(error) => {
            // A read whose time is over still has to leave its transaction.
            limit::without(|| roll_back(conn));
            Err(error)
        }
    }
}

fn roll_back(conn: &mut DbConnection) {
    if let Err(error) = <DbConnection as Connection>::TransactionManager::rollback_transaction(conn) {
        // SQLite rolls back by itself after some errors, and then says that there is nothing to roll back; so does a connection
        // that is gone.
        tracing::debug!(%error, "rollback");
    }
}
