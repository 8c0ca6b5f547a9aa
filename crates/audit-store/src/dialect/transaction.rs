//! Transactions: writes, acknowledged writes, and snapshots for reads.

use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;
use diesel::result::Error as DieselError;

use super::{is_lost, postgres, sqlite};
use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::limit;

/// Runs a write in a transaction that sees everything that was committed before it got its locks.
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

/// Attempts at a write that conflicts with other writers.
const ATTEMPTS_MAX: u32 = 20;

/// Runs a write that takes the next free number or another unique value. If another server took the
/// value first, the whole write runs again and sees the other write. With SQLite's single write
/// lock this does not happen.
pub(crate) fn write_again_if_taken<T>(
    conn: &mut DbConnection,
    run: impl Fn(&mut DbConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    for _ in 1..ATTEMPTS_MAX {
        match write(conn, &run) {
            Err(StoreError::Database(error)) if error.is_unique_violation() => {}
            outcome => return outcome,
        }
    }
    write(conn, run)
}

/// A COMMIT that took longer may have been cancelled while it waited for a synchronous standby.
/// PostgreSQL then reports success although no standby has the data.
const COMMIT_TRUSTED: Duration = Duration::from_secs(1);

/// The most COMMITs that follow a slow one until one is quick. Without a limit, a standby that is
/// always slow would stop the log.
const CONFIRMATIONS_MAX: u32 = 5;

/// Runs a write whose success is acknowledged. After a slow COMMIT, `again` runs in a transaction
/// of its own: it must write something, and its COMMIT waits until the standby has everything
/// before it.
///
/// # Errors
///
/// [`StoreError::Unconfirmed`] if the write may have succeeded all the same. After any other error,
/// it has not.
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
        // The write itself has succeeded by now; only its safety is not known.
        ((), took) = timed_write(conn, &again).map_err(|error| StoreError::Unconfirmed(error.to_string()))?;
    }
    Ok(value)
}

/// Runs a write and measures its COMMIT.
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

/// Whether a transaction may be committed although its COMMIT failed. PostgreSQL sends an error
/// only after it rolled back; without an answer the outcome is not known. SQLite has not written
/// the end of a transaction if the disk was full or if it did not get the lock. After another
/// failure to write or flush, a later start may find the complete transaction in the WAL.
fn may_be_committed(conn: &mut DbConnection, error: &DieselError) -> bool {
    match conn {
        DbConnection::Sqlite(_) => !sqlite::is_locked(error) && !sqlite::is_full(error),
        DbConnection::Postgres(_) => is_lost(conn, error),
    }
}

/// Runs reads in one snapshot, so that they see the same commit.
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

/// Runs the contents of a transaction and ends the transaction.
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
        // SQLite rolls back by itself after some errors and then reports that there is nothing to
        // roll back. A lost connection does so too.
        tracing::debug!(%error, "rollback");
    }
}
