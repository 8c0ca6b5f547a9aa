//! The connections that read.

use std::time::Duration;

use diesel::connection::{Connection, TransactionManager};

use crate::connection::{DbConnection, Purpose};
use crate::dialect;
use crate::error::{OpenError, StoreError};
use crate::url::DatabaseUrl;

/// Connections for readers. Each sees the last commit and cannot write.
pub(crate) type Pool = r2d2::Pool<Readers>;

#[derive(Debug)]
pub(crate) struct Readers(DatabaseUrl, Purpose);

/// A connection, and whether it turned out to be gone.
pub(crate) struct Reader {
    pub(crate) conn: DbConnection,
    is_lost: bool,
}

impl r2d2::ManageConnection for Readers {
    type Connection = Reader;
    type Error = OpenError;

    fn connect(&self) -> Result<Reader, OpenError> {
        Ok(Reader { conn: dialect::open(&self.0, self.1)?, is_lost: false })
    }

    fn is_valid(&self, _: &mut Reader) -> Result<(), OpenError> {
        Ok(())
    }

    /// A panic in the middle of a read leaves its snapshot open: every later read on the connection would see that old state.
    fn has_broken(&self, reader: &mut Reader) -> bool {
        reader.is_lost || is_inside_transaction(&mut reader.conn)
    }
}

fn is_inside_transaction(conn: &mut DbConnection) -> bool {
    <DbConnection as Connection>::TransactionManager::is_broken_transaction_manager(conn)
}

/// Runs a read. A connection that turns out to be gone is replaced and the read run again: after a restart of the server, every
/// idle connection is gone. What is read has no effect, so nothing is done twice.
pub(crate) fn read<T>(pool: &Pool, run: impl Fn(&mut DbConnection) -> Result<T, StoreError>) -> Result<T, StoreError> {
    let mut attempts_left = pool.max_size();
    loop {
        let mut reader = pool.get()?;
        let outcome = run(&mut reader.conn).map_err(|error| error.seen_on(&mut reader.conn));
        reader.is_lost = matches!(outcome, Err(StoreError::Unreachable(_)));
        if !reader.is_lost || attempts_left == 0 {
            return outcome;
        }
        attempts_left -= 1;
    }
}

/// How long a reader waits for a connection before it is told that there is none.
const POOL_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn pool(url: &DatabaseUrl, purpose: Purpose, size: u32) -> Result<Pool, OpenError> {
    // The first connection is made by hand: the pool would retry for its whole time-out, and lose the reason.
    drop(dialect::open(url, purpose)?);
    r2d2::Pool::builder()
        .max_size(size.max(1))
        // None is opened ahead of who asks for it: one that a background thread has just opened when the program ends would
        // leave its WAL behind, and look like a crash.
        .min_idle(Some(0))
        .test_on_check_out(false)
        .connection_timeout(POOL_TIMEOUT)
        .build(Readers(url.clone(), purpose))
        .map_err(|error| OpenError::Database { path: url.display(), why: error.to_string() })
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_connection_left_in_a_snapshot_by_a_panic_is_not_used_again() {
        let dir = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::parse(&format!("sqlite://{}/a.db", dir.path().display())).unwrap();
        let pool = pool(&url, Purpose::Read, 1).unwrap();
        let mut conn = pool.get().unwrap();
        let read = move || dialect::snapshot(&mut conn.conn, |_| -> diesel::QueryResult<()> { panic!("in the middle of a read") });
        assert!(catch_unwind(AssertUnwindSafe(read)).is_err());
        assert!(!is_inside_transaction(&mut pool.get().unwrap().conn));
    }
}
