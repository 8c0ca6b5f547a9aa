//! Whether the database can be written, and is still the one that was opened.
//!
//! A process that has a file open sees no error when somebody removes the file or puts another one in its place. So a store compares
//! the files at the database's place with those that it opened, after each commit and before its receipts, and once a second. When
//! they differ, nothing is acknowledged any more, and what is in the WAL is brought into the file that was opened: then the WAL can
//! harm no database that is put in its place, and a file that was moved is whole without it.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::connection::{DbConnection, Purpose};
use crate::dialect::{self, Checkpoints, Trial};
use crate::error::{OpenError, StoreError};
use crate::url::DatabaseUrl;

/// How often the files are looked at without being asked to.
const TICK: Duration = Duration::from_secs(1);

/// How long after a commit, or after a write that was tried, no other one has to be tried.
const WRITE_TRUSTED: Duration = Duration::from_secs(5);

/// How long after one that failed.
const FAILURE_TRUSTED: Duration = Duration::from_secs(1);

/// How long a trial waits for a write of another connection. Batches take less.
const TRIAL_PATIENCE: Duration = Duration::from_millis(500);

/// How long queries may keep the WAL from being emptied, each second, once the files are not where they were.
const RESCUE_PATIENCE: Duration = Duration::from_secs(1);

/// What a store knows of its database besides what is in it.
pub(crate) struct DatabaseWatch {
    url: DatabaseUrl,
    writes: Mutex<Writes>,
    own: Mutex<Own>,
}

/// How writes ended.
#[derive(Default)]
struct Writes {
    /// The last one that was done, or tried and taken back.
    done: Option<Instant>,
    /// Why the last one failed, and when that was seen; none if it was done.
    failed: Option<(Instant, String)>,
}

/// A connection that is the watch's own. Of an embedded database it stays open as long as the store: SQLite removes the WAL with the
/// last connection, and then the next one makes another file.
struct Own {
    conn: Option<DbConnection>,
    checkpoints: Checkpoints,
    /// What was last said in the log about the files, and whether the WAL is empty since.
    displaced: Option<(String, bool)>,
}

impl DatabaseWatch {
    /// Takes the database as it is now for the one that is meant.
    pub(crate) fn start(url: &DatabaseUrl) -> Result<(Arc<DatabaseWatch>, Keeper), OpenError> {
        let is_embedded = url.file().is_some();
        let mut conn = if is_embedded { Some(dialect::open(url, Purpose::Write)?) } else { None };
        conn.as_mut().map(|conn| dialect::remember(conn, url)).transpose()?;
        let own = Mutex::new(Own { conn, checkpoints: Checkpoints::default(), displaced: None });
        let watch = Arc::new(DatabaseWatch { url: url.clone(), writes: Mutex::default(), own });
        let keeper = if is_embedded { Keeper::start(&watch)? } else { Keeper(None) };
        Ok((watch, keeper))
    }

    /// Refuses to go on with files that are not the ones that were opened.
    pub(crate) fn check_place(&self) -> Result<(), StoreError> {
        dialect::displaced(&self.url).map_or(Ok(()), |what| Err(StoreError::Displaced(what)))
    }

    /// What a writer may acknowledge: a write that is done, in the files that were opened.
    pub(crate) fn confirm<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        let outcome = outcome.and_then(|value| self.check_place().map(|()| value));
        match &outcome {
            Ok(_) => self.written(),
            // Whether the files are back is looked at each time.
            Err(StoreError::Displaced(_)) => {}
            Err(error) if error.concerns_the_whole_database() || matches!(error, StoreError::Unusable(_)) => {
                self.not_written(error.to_string());
            }
            Err(_) => {}
        }
        outcome
    }

    /// The same for a step of an index. One that fails is done again, perhaps on a new connection, and says nothing about appends.
    pub(crate) fn confirm_step<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        let value = outcome?;
        self.check_place()?;
        self.written();
        Ok(value)
    }

    /// Whether a write can be done. One is tried and taken back, unless there was one just now.
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
        // Again, under the lock: of many that ask at once, one tries.
        if let Some(known) = self.lately() {
            return known;
        }
        let has_failed = self.last_failure().is_some();
        match self.try_write(&mut own, TRIAL_PATIENCE) {
            // Another process writes, or a large batch is on its way. If that were for long, a write would have failed.
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

    /// What the last write showed, unless that is too long ago.
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

    /// Refuses a database that cannot be written: for the start.
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

    /// Looks at the files, and at what they need.
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
                tracing::warn!("the files of the database are at their place again; appends are acknowledged again");
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

    /// Brings what is only in the WAL into the file that was opened, wherever that is now.
    fn rescue(&self, conn: &mut DbConnection, displaced: &mut Option<(String, bool)>) {
        let Some((_, is_said)) = displaced else { return };
        // Each time: a transaction that was on its way when the file was moved may still write.
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

/// The thread of a watch; ends with it.
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
