//! The health of a store: whether it can work, the privileges of its database role, its size, and
//! the state of its indexes.

use std::time::Duration;

use audit_domain::{ClockError, Stream, Timestamp};

use super::{Store, logs};
use crate::append::Writers;
use crate::dialect::RolePrivileges;
use crate::error::{OpenError, StoreError};
use crate::follow::Progress;
use crate::indexer::{self, IndexLag};
use crate::log_key::LogKey;
use crate::log_key::ROOT;
use crate::root;
use crate::scrub::LastScrub;
use crate::tree::TreeLag;
use crate::{dialect, postings, query, tree};

/// The pause for a log for which another process does the same steps.
pub(super) const OVERTAKEN_PAUSE: Duration = Duration::from_millis(20);

impl Store {
    /// The privileges of the database role that the program does not need, in words: with them the
    /// role could change or delete entries. Empty for a role that was made as `docs/operations.md`
    /// says, and for SQLite, whose guards are triggers.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn excess_privileges(&self) -> Result<Vec<String>, StoreError> {
        let privileges = self.point_read(|conn| Ok(dialect::role_privileges(conn)?))?;
        Ok(privileges.map(RolePrivileges::into_excess_sentences).unwrap_or_default())
    }

    /// Indexes all appended entries, and returns when this is done. An open store does this by
    /// itself a moment after each append. A batch job that appends much may call it so that the
    /// next query is quick. Queries are exact at any time.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer or refuses a write, or a writer ended
    /// ([`StoreError::Closed`], [`StoreError::WriterPanicked`]). What was indexed before the error
    /// stays.
    pub fn index(&self) -> Result<(), StoreError> {
        self.each_step(|writers, log| indexer::step(&self.0.index_source, writers, log))
    }

    /// Does steps for all logs until nothing is left.
    fn each_step(&self, step: impl Fn(&Writers, LogKey) -> Result<Progress, StoreError>) -> Result<(), StoreError> {
        for log in self.read(logs)? {
            loop {
                match step(&self.0.writers, log)? {
                    Progress::Done { left: 0 } => break,
                    Progress::Done { .. } => {}
                    Progress::Overtaken => std::thread::sleep(OVERTAKEN_PAUSE),
                }
            }
        }
        Ok(())
    }

    /// Seals all appended entries: adds them to the trees of their logs, and returns when this is
    /// done. An open store does this by itself a moment after each append.
    ///
    /// # Errors
    ///
    /// As for [`Store::index`]; [`StoreError::UnfitTree`] if the entries or the tiles of a log were
    /// changed in the database.
    pub fn seal(&self) -> Result<(), StoreError> {
        self.each_step(|writers, log| tree::step(&self.0.index_source.readers, writers, log))?;
        // A root log that went back does not keep the others from being sealed: its guard refuses it.
        if let Err(error) = tree::step(&self.0.index_source.readers, &self.0.writers, ROOT) {
            tracing::warn!(%error, "the root log is not sealed");
        }
        Ok(())
    }

    /// Computes the trees of all logs again from their entries, and repairs the tiles that are
    /// missing or differ. Returns the number of these.
    ///
    /// # Errors
    ///
    /// As for [`Store::seal`]: the tiles of a log whose entries were changed stay as they are.
    pub fn rebuild_trees(&self) -> Result<u64, StoreError> {
        let mut repaired = 0;
        let root = (self.read(root::size)? > 0).then_some(ROOT);
        for log in self.read(logs)?.into_iter().chain(root) {
            repaired += tree::rebuild(&self.0.index_source.readers, &self.0.writers, log)?;
        }
        self.seal()?;
        Ok(repaired)
    }

    /// Rebuilds the indexes of all logs, and returns when this is done. Queries are exact
    /// meanwhile, but slower.
    ///
    /// # Errors
    ///
    /// As for [`Store::index`].
    pub fn rebuild_index(&self) -> Result<(), StoreError> {
        for (channel_id, stream) in self.read(logs)? {
            self.0.writers.run_for((channel_id, stream), move |conn| postings::drop_index(conn, channel_id, stream))?;
        }
        self.index()
    }

    /// The lag of the index of each log of a stream.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn index_lags(&self, stream: Stream) -> Result<Vec<IndexLag>, StoreError> {
        self.read(|conn| indexer::lags(conn, stream))
    }

    /// The lag of the tree of each log of a stream.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn tree_lags(&self, stream: Stream) -> Result<Vec<TreeLag>, StoreError> {
        self.read(|conn| tree::lags(conn, stream))
    }

    /// The current time, by the store's clock.
    ///
    /// # Errors
    ///
    /// [`ClockError`]: the clock is before 2020 or after the year 9999.
    pub fn now(&self) -> Result<Timestamp, ClockError> {
        self.0.watch.now()
    }

    /// Checks whether the store can work: its writers run, the clock can be right, the files are
    /// the ones that were opened, the database answers a read, and a write is possible (this tries
    /// one and rolls it back, unless there was a write in the last seconds). Returns warnings, one
    /// sentence each: the clock jumped ahead, the last entry of a log is ahead of it, or the search
    /// index or the tree of a log lags for too long.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the first of these that does not hold, in this order.
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
        let (mut warnings, signer) = (self.0.watch.warnings(), self.0.signer.as_ref());
        // Health checks need no key, so nothing here names a log or a file.
        let refused = signer.map_or(0, |(_, signer)| signer.guard().refusals().len());
        if refused > 0 {
            let text = "do not extend their newest checkpoint, and nothing is appended to them: the log of the program says why";
            warnings.push(format!("{refused} log(s) {text}"));
        }
        let followers = [&self.0.indexer, &self.0.sealer].into_iter().chain(&self.0.eraser);
        warnings.extend(followers.flat_map(|following| following.warnings()));
        warnings.extend(signer.iter().flat_map(|(following, _)| following.warnings()));
        if let Some(LastScrub { findings: found @ 1.., .. }) = self.last_scrub() {
            warnings.push(format!("the last scrub found {found} difference(s) in the database: the log of the program says where"));
        }
        Ok(warnings)
    }

    /// The last complete pass of the scrub in the background; `None` before the first one ended, and
    /// without [`StoreConfig::scrubbing`](crate::StoreConfig::scrubbing).
    #[must_use]
    pub fn last_scrub(&self) -> Option<LastScrub> {
        self.0.scrubber.as_ref()?.last()
    }

    /// The message of the panic that ended a thread that writes. The thread cannot be restarted: a
    /// program that embeds the store opens it again, or ends the process, as the server does. The
    /// requests that the thread was processing are [`Unknown`](crate::Unknown); all later ones are
    /// [`NotStored::Closed`](crate::NotStored::Closed).
    #[must_use]
    pub fn writer_panic(&self) -> Option<String> {
        self.0.writers.panic()
    }

    /// The time by which the last entry of a log is ahead of the clock, at most; 0 if none is.
    #[must_use]
    pub fn log_ahead_of_clock(&self) -> Duration {
        self.0.watch.log_ahead()
    }

    /// Refuses a database that cannot be written, for programs that append. It tries to write and
    /// rolls back.
    ///
    /// # Errors
    ///
    /// [`OpenError::ReadOnly`]; [`OpenError::Locked`] if another process was writing for ten
    /// seconds.
    pub fn refuse_read_only(&self) -> Result<(), OpenError> {
        self.0.database.refuse_read_only()
    }

    /// The bytes of the file with the newest entries of an embedded database (`-wal`); `None` on a
    /// server.
    #[must_use]
    pub fn wal_bytes(&self) -> Option<u64> {
        dialect::wal_bytes(&self.0.url)
    }

    /// The size of the database in bytes: its contents and its free space, without data that is
    /// still on its way into it.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn database_bytes(&self) -> Result<i64, StoreError> {
        self.read(|conn| Ok(dialect::database_bytes(conn)?))
    }
}
