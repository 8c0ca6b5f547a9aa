//! Watches whether the database can be written, and whether it is still the one that was opened.
//!
//! A process that has a file open sees no error when the file is removed or replaced. So a store
//! compares the files in the database's place with those that it opened, after each commit and
//! before its receipts, and once a second. When they differ, the store stops acknowledging, and
//! moves the contents of the WAL into the file that was opened. Then the WAL cannot damage a
//! database that is put in its place, and a moved file is complete without its WAL.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::connection::{DbConnection, Purpose};
use crate::dialect::{self, Checkpoints, Trial};
use crate::error::{OpenError, StoreError};
use crate::url::DatabaseUrl;

/// The interval at which the thread checks the files.
const TICK: Duration = Duration::from_secs(1);

/// The time after a commit or a trial write for which no further trial is needed.
const WRITE_TRUSTED: Duration = Duration::from_secs(5);

/// The time after a failed write for which no further trial is needed.
const FAILURE_TRUSTED: Duration = Duration::from_secs(1);

/// The time for which a trial waits for a write of another connection. Batches take less.
const TRIAL_PATIENCE: Duration = Duration::from_millis(500);

/// The time, each second, for which queries may keep the WAL from being emptied after the files
/// were displaced.
const RESCUE_PATIENCE: Duration = Duration::from_secs(1);

/// The state of a database besides its contents.
pub(crate) struct DatabaseWatch {
    url: DatabaseUrl,
    writes: Mutex<Writes>,
    own: Mutex<Own>,
}

/// The results of writes.
#[derive(Default)]
struct Writes {
    /// The time of the last successful write or trial.
    done: Option<Instant>,
    /// The time and the reason of the last failure; `None` after a success.
    failed: Option<(Instant, String)>,
}

/// The connection of the watch. For an embedded database it stays open as long as the store: SQLite
/// removes the WAL with the last connection, and then the next one creates another file.
struct Own {
    conn: Option<DbConnection>,
    checkpoints: Checkpoints,
    /// The last message about the files in the program's log, and whether the WAL is empty since.
    displaced: Option<(String, bool)>,
}

impl DatabaseWatch {
    /// Starts with the current files as the right ones.
    pub(crate) fn start(url: &DatabaseUrl) -> Result<(Arc<DatabaseWatch>, Keeper), OpenError> {
        let is_embedded = url.file().is_some();
        let mut conn = if is_embedded { Some(dialect::open(url, Purpose::Write)?) } else { None };
        conn.as_mut().map(|conn| dialect::remember(conn, url)).transpose()?;
        let own = Mutex::new(Own { conn, checkpoints: Checkpoints::default(), displaced: None });
        let watch = Arc::new(DatabaseWatch { url: url.clone(), writes: Mutex::default(), own });
        let keeper = if is_embedded { Keeper::start(&watch)? } else { Keeper(None) };
        Ok((watch, keeper))
    }

    /// Returns an error if the files are not the ones that were opened.
    pub(crate) fn check_place(&self) -> Result<(), StoreError> {
        dialect::displaced(&self.url).map_or(Ok(()), |what| Err(StoreError::Displaced(what)))
    }

    /// Decides whether a writer may acknowledge: only a successful write, in the files that were
    /// opened.
    pub(crate) fn confirm<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        let outcome = outcome.and_then(|value| self.check_place().map(|()| value));
        match &outcome {
            Ok(_) => self.written(),
            // Each check looks again whether the files are back.
            Err(StoreError::Displaced(_)) => {}
            Err(error) if error.concerns_the_whole_database() || matches!(error, StoreError::Unusable(_)) => {
                self.not_written(error.to_string());
            }
            Err(_) => {}
        }
        outcome
    }

    /// Decides the same for a step of an index. A failed step is repeated, perhaps on a new
    /// connection, and does not count as a failed append.
    pub(crate) fn confirm_step<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        let value = outcome?;
        self.check_place()?;
        self.written();
        Ok(value)
    }

    /// Checks whether a write is possible. It tries one and rolls back, unless there was one just
    /// now.
    pub(crate) fn check_writes(&self) -> Result<(), StoreError> {
        if let Some(known) = self.lately() {
            return known;
        }
        // A checkpoint may hold the connection for seconds, and a probe must not wait for it.
        let mut own = match self.own.try_lock() {
            Ok(own) => own,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return self.last_failure().map_or(Ok(()), |why| Err(StoreError::Unreachable(why))),
        };
        // A second look, under the lock: of many callers at once, one tries.
        if let Some(known) = self.lately() {
            return known;
        }
        let has_failed = self.last_failure().is_some();
        match self.try_write(&mut own, TRIAL_PATIENCE) {
            // Another process writes, or a large batch is in progress. If this lasted long, a write
            // would have failed.
            Ok(Trial::Locked) if !has_failed => Ok(()),
            Ok(Trial::Locked) => {
                let why = "another process keeps the database locked".to_owned();
                self.not_written(why.clone());
                Err(StoreError::Unreachable(why))
            }
            Ok(Trial::Done) => {
                self.written();
                Ok(())
            }
            Err(error) => {
                self.not_written(error.to_string());
                Err(error)
            }
        }
    }

    /// The result of the last write, unless it is too old.
    fn lately(&self) -> Option<Result<(), StoreError>> {
        let writes = lock(&self.writes);
        match (&writes.failed, writes.done) {
            (Some((at, why)), _) if at.elapsed() < FAILURE_TRUSTED => Some(Err(StoreError::Unreachable(why.clone()))),
            (None, Some(done)) if done.elapsed() < WRITE_TRUSTED => Some(Ok(())),
            _ => None,
        }
    }

    fn last_failure(&self) -> Option<String> {
        lock(&self.writes).failed.as_ref().map(|(_, why)| why.clone())
    }

    /// Refuses a database that cannot be written, at the start of a program.
    pub(crate) fn refuse_read_only(&self) -> Result<(), OpenError> {
        let path = self.url.display();
        match self.try_write(&mut lock(&self.own), dialect::LOCK_PATIENCE) {
            Ok(Trial::Done) => Ok(()),
            Ok(Trial::Locked) => Err(OpenError::Locked { path }),
            Err(StoreError::Unusable(why)) => Err(OpenError::ReadOnly { path, why: why.to_string() }),
            Err(error) => Err(OpenError::ReadOnly { path, why: error.to_string() }),
        }
    }

    fn try_write(&self, own: &mut Own, patience: Duration) -> Result<Trial, StoreError> {
        let conn = match own.conn.take() {
            Some(conn) => conn,
            None => dialect::open(&self.url, Purpose::Write).map_err(|error| StoreError::Unreachable(error.to_string()))?,
        };
        let conn = own.conn.insert(conn);
        let tried = dialect::try_write(conn, patience).map_err(|error| StoreError::from(error).seen_on(conn));
        if tried.is_err() && self.url.file().is_none() {
            own.conn = None;
        }
        tried
    }

    fn written(&self) {
        *lock(&self.writes) = Writes { done: Some(Instant::now()), failed: None };
    }

    fn not_written(&self, why: String) {
        lock(&self.writes).failed = Some((Instant::now(), why));
    }

    /// Checks the files, and does their upkeep.
    fn tick(&self) {
        let mut own = lock(&self.own);
        let Own { conn: Some(conn), checkpoints, displaced } = &mut *own else { return };
        match (dialect::displaced(&self.url), displaced.as_ref().map(|(what, _)| what)) {
            (None, None) => {
                if let Err(error) = dialect::give_checkpoint_its_turn(checkpoints, conn, &self.url) {
                    tracing::warn!(%error, "a checkpoint failed");
                }
            }
            (None, Some(_)) => {
                *displaced = None;
                tracing::warn!("the files of the database are in their place again; the store acknowledges appends again");
            }
            (Some(what), said) => {
                if said != Some(&what) {
                    let advice = dialect::advice_on_displaced(&self.url);
                    tracing::error!(
                        "{what}: nothing is acknowledged any more; {advice} (docs/operations.md, When the file is gone)"
                    );
                    *displaced = Some((what, false));
                }
                self.rescue(conn, displaced);
            }
        }
    }

    /// Moves what is only in the WAL into the file that was opened, wherever it is now.
    fn rescue(&self, conn: &mut DbConnection, displaced: &mut Option<(String, bool)>) {
        let Some((_, is_said)) = displaced else { return };
        // This repeats each time, because a transaction that was running when the file was moved
        // may still write.
        match dialect::empty_wal(conn, RESCUE_PATIENCE) {
            Ok(true) if *is_said => {}
            Ok(true) => {
                *is_said = true;
                tracing::warn!("everything that was acknowledged is in the database file that was opened, and its -wal is empty");
            }
            Ok(false) => {}
            Err(error) => tracing::debug!(%error, "the WAL cannot be emptied"),
        }
    }
}

/// The handle of a watch's thread. Dropping it ends the thread.
pub(crate) struct Keeper(Option<(Arc<DatabaseWatch>, Sender<()>, JoinHandle<()>)>);

impl Keeper {
    fn start(watch: &Arc<DatabaseWatch>) -> Result<Keeper, OpenError> {
        let (stop, stopped) = channel::<()>();
        let watched = Arc::clone(watch);
        let run = move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                watched.tick();
            }
        };
        let thread = std::thread::Builder::new().name("audit-watch".to_owned()).spawn(run);
        let thread = thread.map_err(|error| OpenError::Database { path: watch.url.display(), why: error.to_string() })?;
        Ok(Keeper(Some((Arc::clone(watch), stop, thread))))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let Some((watch, stop, thread)) = self.0.take() else { return };
        dialect::hold_no_more(&watch.url);
        drop(stop);
        if thread.join().is_err() {
            tracing::error!("the thread that watches the database panicked");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
