//! Whether a store can work, what its database role may do, how large it is, and how its indexes are made.

use std::time::Duration;

use audit_domain::{ClockError, Stream, Timestamp};

use super::{Store, logs};
use crate::dialect::RolePrivileges;
use crate::error::{OpenError, StoreError};
use crate::postings::{IndexLag, Progress};
use crate::{dialect, postings, query};

/// How long another one that indexes the same log is left to it.
const OVERTAKEN_PAUSE: Duration = Duration::from_millis(20);

impl Store {
    /// What the role of the database's connections may do that the program does not need, in words: with it, the role could change or
    /// delete entries. Nothing for a role made as `docs/operations.md` says, and for SQLite, whose guards are triggers.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn excess_privileges(&self) -> Result<Vec<String>, StoreError> {
        let privileges = self.point_read(|conn| Ok(dialect::role_privileges(conn)?))?;
        Ok(privileges.map(RolePrivileges::into_excess_sentences).unwrap_or_default())
    }

    /// Indexes what was appended to any log, and returns when that is done. An open store does it by itself, a moment after each
    /// append; a batch job that appends much may want the first query after it to be quick. Queries are exact at any time.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn index(&self) -> Result<(), StoreError> {
        for log in self.read(logs)? {
            loop {
                match postings::step(&self.0.index_source, &self.0.writers, log)? {
                    Progress::Done { left: 0 } => break,
                    Progress::Done { .. } => {}
                    Progress::Overtaken => std::thread::sleep(OVERTAKEN_PAUSE),
                }
            }
        }
        Ok(())
    }

    /// Makes the indexes of all logs anew, and returns when that is done. Queries are exact meanwhile, and slower.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn rebuild_index(&self) -> Result<(), StoreError> {
        for (channel_id, stream) in self.read(logs)? {
            self.0.writers.run_for((channel_id, stream), move |conn| postings::drop_index(conn, channel_id, stream))?;
        }
        self.index()
    }

    /// How far the index of each log of a stream is behind it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn index_lags(&self, stream: Stream) -> Result<Vec<IndexLag>, StoreError> {
        self.read(|conn| postings::lags(conn, stream))
    }

    /// The present, by the store's clock.
    ///
    /// # Errors
    /// [`ClockError`]
    pub fn now(&self) -> Result<Timestamp, ClockError> {
        self.0.watch.now()
    }

    /// Whether the store can work: its writers run, the clock can be right, the files are the ones that were opened, the database
    /// answers a read, and a write can be done (one is tried and rolled back, unless there was one in the last seconds). Returns what
    /// is strange all the same, one sentence each: the clock jumped ahead, the last entry of a log is ahead of it, or the search index of
    /// a log is behind for too long.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn check(&self) -> Result<Vec<String>, StoreError> {
        if let Some(message) = self.writer_panic() {
            return Err(StoreError::WriterPanicked(message));
        }
        if !self.0.writers.are_running() {
            return Err(StoreError::Closed);
        }
        self.now()?;
        self.0.database.check_place()?;
        self.point_read(query::ping)?;
        self.0.database.check_writes()?;
        Ok(self.0.watch.warnings().into_iter().chain(self.0.indexer.warnings()).collect())
    }

    /// What a thread that writes panicked with. It cannot be started again: a program that embeds the store opens it again, or ends the
    /// process, as the server does. The requests that it had in hand are [`Unknown`](crate::Unknown); all later ones are
    /// [`NotStored::Closed`](crate::NotStored::Closed).
    #[must_use]
    pub fn writer_panic(&self) -> Option<String> {
        self.0.writers.panic()
    }

    /// How far the last entry of a log is ahead of the clock, at most; 0 where none is.
    #[must_use]
    pub fn log_ahead_of_clock(&self) -> Duration {
        self.0.watch.log_ahead()
    }

    /// Refuses a database that cannot be written, for programs that append: a write is tried and taken back.
    ///
    /// # Errors
    /// [`OpenError::ReadOnly`]; [`OpenError::Locked`] when another process was writing for ten seconds.
    pub fn refuse_read_only(&self) -> Result<(), OpenError> {
        self.0.database.refuse_read_only()
    }

    /// Bytes of the file that keeps the newest entries of an embedded database (`-wal`); `None` on a server.
    #[must_use]
    pub fn wal_bytes(&self) -> Option<u64> {
        dialect::wal_bytes(&self.0.url)
    }

    /// How large the database is, in bytes: what it holds and what it has free, without what is only on its way into it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn database_bytes(&self) -> Result<i64, StoreError> {
        self.read(|conn| Ok(dialect::database_bytes(conn)?))
    }
}
