//! The upkeep of a file besides reads and appends: trial writes, and turns for checkpoints.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::Integer;

use super::super::Trial;
use super::{BUSY_TIMEOUT, is_locked};
use crate::sqlite_file::SqliteFile;

/// Bytes of a trial write: enough that some of them go to the disk before the end of the
/// transaction.
const TRIAL_BYTES: u32 = 128 * 1024;

/// Tries to write and rolls back. It uses a small cache, so that pages go to the WAL at once: the
/// trial then notices a full disk as well as a read-only file. `BEGIN IMMEDIATE` alone succeeds on
/// both.
pub(in super::super) fn try_write(conn: &mut SqliteConnection, patience: Duration) -> Result<Trial, DieselError> {
    let patience_ms = patience.as_millis();
    conn.batch_execute(&format!("PRAGMA busy_timeout = {patience_ms}; PRAGMA cache_size = 8;"))?;
    match conn.batch_execute("BEGIN IMMEDIATE") {
        Err(error) if is_locked(&error) => return Ok(Trial::Locked),
        begun => begun?,
    }
    let tried = conn.batch_execute(&format!(
        "CREATE TABLE audit_server_trial (bytes BLOB); INSERT INTO audit_server_trial VALUES (zeroblob({TRIAL_BYTES}))"
    ));
    match (tried, conn.batch_execute("ROLLBACK")) {
        // After some errors SQLite has already rolled back by itself, and a rollback fails.
        (Err(error), _) => Err(error),
        (Ok(()), rolled_back) => rolled_back.map(|()| Trial::Done),
    }
}

/// Bytes that the WAL keeps at most when it restarts. SQLite's own checkpoint comes at 4 MiB.
pub(super) const WAL_BYTES_KEPT: u64 = 16 << 20;

/// The size of the WAL from which on a checkpoint gets its turn.
const WAL_BYTES_MAX: u64 = 32 << 20;

/// The time for which queries are held back at a WAL of 64 MiB. Twice the size gets four times the
/// wait. So short queries are never held back for long, and long ones cannot make the WAL grow
/// without limit.
const PATIENCE_AT_64_MIB: Duration = Duration::from_millis(250);

/// The longest wait: longer than a query runs, unless `query_timeout` was raised.
const PATIENCE_MAX: Duration = Duration::from_secs(10);

/// After an attempt, queries are not held back for this many times as long as the attempt took.
const PAUSE: u32 = 20;

/// The time for which a checkpoint waits for reads by key and for other processes.
const BUSY_PATIENCE: Duration = Duration::from_millis(100);

/// Decides when the next checkpoint may hold queries back.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    not_before: Option<Instant>,
}

impl Checkpoints {
    /// Restarts the WAL if it has grown over its limit. It first moves everything that no reader
    /// needs into the database, and then holds queries back until no reader is left. Appends
    /// continue, except during the short end of it.
    pub(in super::super) fn take_turn(&mut self, conn: &mut SqliteConnection, file: &SqliteFile) -> QueryResult<()> {
        let bytes = file.identity().and_then(|identity| identity.wal_bytes()).unwrap_or(0);
        if bytes <= WAL_BYTES_MAX || self.not_before.is_some_and(|at| Instant::now() < at) {
            return Ok(());
        }
        checkpoint(conn, "PASSIVE", BUSY_PATIENCE)?;
        let start = Instant::now();
        let held = file.gate().hold(patience(bytes));
        // The PASSIVE checkpoint comes first, because it does not block a writer: most of the WAL
        // may be what the finished queries needed.
        let is_done = match &held {
            Some(_) => checkpoint(conn, "PASSIVE", BUSY_PATIENCE)? && checkpoint(conn, "TRUNCATE", BUSY_PATIENCE)?,
            None => false,
        };
        drop(held);
        self.not_before = Some(Instant::now() + start.elapsed() * PAUSE);
        tracing::debug!(bytes, is_done, took = ?start.elapsed(), "queries were held back for a checkpoint");
        Ok(())
    }
}

fn patience(wal_bytes: u64) -> Duration {
    let times = wal_bytes as f64 / f64::from(64 << 20);
    PATIENCE_AT_64_MIB.mul_f64((times * times).min(1e6)).min(PATIENCE_MAX)
}

/// Moves everything in the WAL into the database and empties the WAL, as far as readers allow it
/// within the patience. Returns whether the WAL is empty.
pub(in super::super) fn empty_wal(conn: &mut SqliteConnection, patience: Duration) -> QueryResult<bool> {
    checkpoint(conn, "TRUNCATE", patience)
}

fn checkpoint(conn: &mut SqliteConnection, how: &str, patience: Duration) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Checkpointed {
        #[diesel(sql_type = Integer)]
        busy: i32,
    }
    conn.batch_execute(&format!("PRAGMA busy_timeout = {}", patience.as_millis()))?;
    let done = diesel::sql_query(format!("PRAGMA wal_checkpoint({how})")).get_result::<Checkpointed>(conn);
    // The connection may be a writer's, whose next transaction waits longer.
    conn.batch_execute(&format!("PRAGMA busy_timeout = {}", BUSY_TIMEOUT.as_millis()))?;
    Ok(done?.busy == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_held_back_longer_the_larger_the_wal_is() {
        let ms = [32, 64, 128, 1024, u64::MAX >> 20].map(|mib: u64| patience(mib << 20).as_millis());
        assert_eq!(ms, [62, 250, 1000, 10_000, 10_000]);
    }
}
