//! The pools of connections for reads.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::{Connection, TransactionManager};

use crate::connection::{DbConnection, Purpose};
use crate::dialect;
use crate::error::{OpenError, StoreError};
use crate::limit::{self, Running, ServerProcess};
use crate::url::DatabaseUrl;

/// Connections for readers. Each sees the last commit and cannot write.
pub(crate) struct Pool {
    connections: r2d2::Pool<Readers>,
    refused: Arc<Refused>,
    url: DatabaseUrl,
    purpose: Purpose,
    /// The time limit of each read.
    timeout: Option<Duration>,
    // Dropped after the connections.
    _closing: Closing,
}

/// Waits, when it is dropped, until the connections of a pool of an embedded database are closed.
/// The thread of the pool may still be opening one that no reader needs any more. If the program ended
/// meanwhile, it would leave the WAL, as a crash does.
struct Closing(Option<Mutex<Receiver<()>>>);

/// The longest wait for that.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

impl Drop for Closing {
    fn drop(&mut self) {
        let Some(open) = self.0.take() else { return };
        let open = open.into_inner().unwrap_or_else(PoisonError::into_inner);
        if open.recv_timeout(CLOSE_TIMEOUT) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("a connection to the database is still being opened; the next start moves the WAL into the file");
        }
    }
}

/// The time and the reason of the last failure to connect. All pools of a database share it,
/// because the reason applies to all of them.
#[derive(Debug, Default)]
pub(crate) struct Refused(Mutex<Option<(Instant, String)>>);

impl Refused {
    fn put(&self, refused: Option<(Instant, String)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = refused;
    }

    /// The reason, unless the failure is so long ago that another attempt is due.
    fn lately(&self) -> Option<String> {
        let refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refused.as_ref().filter(|(at, _)| at.elapsed() < REFUSED_FOR).map(|(_, why)| why.clone())
    }
}

#[derive(Debug)]
pub(crate) struct Readers {
    url: DatabaseUrl,
    purpose: Purpose,
    refused: Arc<Refused>,
    timeout: Option<Duration>,
    open: Sender<()>,
}

/// A connection, the server process that serves it, and whether the connection turned out to be
/// lost.
pub(crate) struct Reader {
    conn: DbConnection,
    server_process: Option<ServerProcess>,
    is_lost: bool,
    // Dropped after the connection: then [`Closing`] knows that it is closed.
    _open: Sender<()>,
}

impl r2d2::ManageConnection for Readers {
    type Connection = Reader;
    type Error = OpenError;

    fn connect(&self) -> Result<Reader, OpenError> {
        let opened = dialect::open(&self.url, self.purpose);
        self.refused.put(opened.as_ref().err().map(|error| (Instant::now(), error.to_string())));
        let mut conn = opened?;
        let limited = dialect::limit_session(&mut conn, &self.url, self.timeout);
        let server_process = limited.map_err(|error| OpenError::from_database(&self.url.display(), error.to_string()))?;
        Ok(Reader { conn, server_process, is_lost: false, _open: self.open.clone() })
    }

    fn is_valid(&self, _: &mut Reader) -> Result<(), OpenError> {
        Ok(())
    }

    /// A panic during a read leaves its snapshot open, and every later read on the connection would
    /// see that old state.
    fn has_broken(&self, reader: &mut Reader) -> bool {
        reader.is_lost || is_inside_transaction(&mut reader.conn)
    }
}

fn is_inside_transaction(conn: &mut DbConnection) -> bool {
    <DbConnection as Connection>::TransactionManager::is_broken_transaction_manager(conn)
}

/// The longest wait of a reader for a connection.
const POOL_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest wait if there is no connection at all, so that the reader does not wait for another
/// reader.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The time for which a database that refused a connection counts as unreachable, without another
/// attempt: a reader that waits blocks a thread.
const REFUSED_FOR: Duration = Duration::from_secs(1);

impl Pool {
    /// Runs a read within its time limit, unless it is cancelled. If its connection turns out to be
    /// lost, the pool replaces it and runs the read again: after a restart of the server, every
    /// idle connection is lost. A read has no effect, so it can run twice.
    pub(crate) fn read<T>(&self, run: impl Fn(&mut DbConnection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        // This comes before the time of the read begins, because waiting for a checkpoint is not
        // the query's fault.
        let _pass = dialect::pass(&self.url, self.purpose);
        let running = Running::start(self.timeout);
        let mut attempts_left = self.connections.max_size();
        loop {
            limit::check()?;
            let mut reader = self.get()?;
            let at_work = limit::at_work(reader.server_process);
            // A second check: a caller that cancelled the read in between did not see that it was
            // running.
            limit::check()?;
            let outcome = run(&mut reader.conn).map_err(|error| running.explain(error));
            // This comes before the connection goes back to the pool, where it may start to work
            // for another read.
            drop(at_work);
            let outcome = outcome.map_err(|error| error.seen_on(&mut reader.conn));
            reader.is_lost = matches!(outcome, Err(StoreError::Unreachable(_)));
            if !reader.is_lost || attempts_left == 0 {
                return outcome;
            }
            attempts_left -= 1;
        }
    }

    /// The largest number of its connections.
    pub(crate) fn size(&self) -> u32 {
        self.connections.max_size()
    }

    fn get(&self) -> Result<r2d2::PooledConnection<Readers>, StoreError> {
        if self.connections.state().connections > 0 {
            return self.connections.get_timeout(POOL_TIMEOUT).map_err(no_connection);
        }
        if let Some(why) = self.refused.lately() {
            return Err(StoreError::Unreachable(why));
        }
        self.connections.get_timeout(CONNECT_TIMEOUT).map_err(no_connection)
    }
}

fn no_connection(error: r2d2::Error) -> StoreError {
    StoreError::Pool(error.to_string())
}

/// Makes a pool of connections with a time limit for each read.
pub(crate) fn pool(
    url: &DatabaseUrl,
    purpose: Purpose,
    size: u32,
    refused: &Arc<Refused>,
    timeout: Option<Duration>,
) -> Result<Pool, OpenError> {
    // The first connection is opened directly, because the pool would retry for its whole time-out
    // and lose the reason.
    drop(dialect::open(url, purpose)?);
    let (open, closed) = channel();
    let closing = Closing(url.file().map(|_| Mutex::new(closed)));
    let connections = r2d2::Pool::builder()
        .max_size(size.max(1))
        .min_idle(Some(0))
        .test_on_check_out(false)
        .connection_timeout(POOL_TIMEOUT)
        .build(Readers { url: url.clone(), purpose, refused: Arc::clone(refused), timeout, open })
        .map_err(|error| OpenError::Database { path: url.display(), why: error.to_string() })?;
    Ok(Pool { connections, refused: Arc::clone(refused), url: url.clone(), purpose, timeout, _closing: closing })
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_connection_left_in_a_snapshot_by_a_panic_is_not_used_again() {
        let dir = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::parse(&format!("sqlite://{}/a.db", dir.path().display())).unwrap();
        dialect::make_if_missing(&url).unwrap();
        let pool = pool(&url, Purpose::Read, 1, &Arc::default(), None).unwrap();
        let mut reader = pool.get().unwrap();
        let read =
            move || dialect::snapshot(&mut reader.conn, |_| -> diesel::QueryResult<()> { panic!("in the middle of a read") });
        assert!(catch_unwind(AssertUnwindSafe(read)).is_err());
        assert!(!is_inside_transaction(&mut pool.get().unwrap().conn));
    }

    /// The pool opens a connection in a thread of its own when a reader finds none free, even if the reader
    /// then gets one that another gave back.
    #[test]
    fn a_pool_closes_connections_that_are_being_opened() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.db");
        let url = format!("sqlite://{}", file.display());
        drop(crate::Store::open(&*url).unwrap());
        let url = DatabaseUrl::parse(&url).unwrap();
        for round in 0..100 {
            let pool = pool(&url, Purpose::Read, 2, &Arc::default(), None).unwrap();
            let reader = pool.get().unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| drop(pool.get().unwrap()));
                std::thread::yield_now();
                drop(reader);
            });
            drop(pool);
            let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(left, ["a.db"], "round {round}");
        }
    }
}
