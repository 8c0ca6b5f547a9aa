//! When a read has to end: after the time that the store gives it, and as soon as nobody waits for it.
//!
//! A read runs from its beginning to its end in the thread that asked for it, so what limits it belongs to the thread. An embedded
//! database asks [`is_over`] while it works, from deep inside its own code; a server gets the time at the start of a transaction
//! (`dialect/`), and is asked by another connection to give up a read that is cancelled ([`crate::Store::cancel`]).
//!
//! Work that does not go through a pool of readers has no limit: appends, migrations, copies, rebuilds.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::StoreError;

thread_local! {
    static DEADLINE: Cell<Option<Deadline>> = const { Cell::new(None) };
    static CANCEL: RefCell<Option<Cancel>> = const { RefCell::new(None) };
}

#[derive(Debug, Clone, Copy)]
struct Deadline {
    at: Instant,
    /// The time that the read was given.
    given: Duration,
}

/// Ends the reads of another thread. Clones are the same handle.
///
/// ```
/// use audit_store::{Cancel, Store, StoreConfig, StoreError};
///
/// # let dir = tempfile::tempdir()?;
/// # let store = Store::open(&StoreConfig::new(format!("sqlite://{}/audit.db", dir.path().display())))?;
/// let cancel = Cancel::new();
/// store.cancel(&cancel);
/// let read = cancel.scope(|| store.tokens());
/// assert!(matches!(read, Err(StoreError::Cancelled)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_asked: AtomicBool,
    /// The process of the database server that works for the scope at the moment.
    server_process: Mutex<Option<ServerProcess>>,
}

/// A process of a database server. Where a URL names several hosts, a number alone may mean a process of another server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServerProcess {
    /// Its number on its server.
    pub(crate) id: i32,
    /// When the server started, in microseconds since 1970: no two servers of a URL start in the same one.
    pub(crate) server_started_at: i64,
}

impl Cancel {
    /// A handle that nobody has asked yet.
    #[must_use]
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Runs reads of this thread that end once [`Store::cancel`](crate::Store::cancel) is called with this handle.
    pub fn scope<T>(&self, run: impl FnOnce() -> T) -> T {
        struct Restore(Option<Cancel>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CANCEL.with(|cancel| *cancel.borrow_mut() = self.0.take());
            }
        }
        let _restore = Restore(CANCEL.with(|cancel| cancel.borrow_mut().replace(self.clone())));
        run()
    }

    /// Whether the reads are to end.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.is_asked.load(Ordering::Relaxed)
    }

    /// Has the reads end, as far as this process alone can do that: on an embedded database within a thousand steps of it, on a
    /// server before the next statement. Does not block.
    pub fn ask(&self) {
        self.0.is_asked.store(true, Ordering::Relaxed);
    }

    /// The process of the database server that works for the scope. It works for nobody else as long as this is held.
    pub(crate) fn server_process(&self) -> MutexGuard<'_, Option<ServerProcess>> {
        self.0.server_process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A read that is running, in this thread.
pub(crate) struct Running(Option<Deadline>);

impl Running {
    /// Starts a read that is given so much time; inside another read, it has no more than what is left of that.
    pub(crate) fn start(given: Option<Duration>) -> Running {
        let before = DEADLINE.get();
        // A time that no clock can tell is none.
        let own = given.and_then(|given| Some(Deadline { at: Instant::now().checked_add(given)?, given }));
        let sooner = [before, own].into_iter().flatten().min_by_key(|deadline| deadline.at);
        DEADLINE.set(sooner);
        Running(before)
    }

    /// What an error of the database means when the read was over: it is how the database says so.
    pub(crate) fn explain(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Database(_) => check().err().unwrap_or(error),
            error => error,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        DEADLINE.set(self.0);
    }
}

/// Whether the read of this thread is over. Called from inside a database: it never panics and takes no lock.
pub(crate) fn is_over() -> bool {
    let is_late = || DEADLINE.try_with(|deadline| deadline.get().is_some_and(|deadline| Instant::now() >= deadline.at));
    is_cancelled() || is_late().unwrap_or(false)
}

fn is_cancelled() -> bool {
    let asked = |cancel: &RefCell<Option<Cancel>>| cancel.try_borrow().is_ok_and(|c| c.as_ref().is_some_and(Cancel::is_asked));
    CANCEL.try_with(asked).unwrap_or(false)
}

/// An error if the read of this thread is over.
pub(crate) fn check() -> Result<(), StoreError> {
    if is_cancelled() {
        return Err(StoreError::Cancelled);
    }
    match DEADLINE.get() {
        Some(Deadline { at, given }) if Instant::now() >= at => Err(StoreError::QueryTimeout { seconds: given.as_secs() }),
        _ => Ok(()),
    }
}

/// What is left of the time of the read of this thread; `None` where it has no limit.
pub(crate) fn time_left() -> Option<Duration> {
    DEADLINE.get().map(|deadline| deadline.at.saturating_duration_since(Instant::now()))
}

/// Runs what has to be done after a read, such as a rollback, without the read's limits.
pub(crate) fn without<T>(run: impl FnOnce() -> T) -> T {
    let cancel = CANCEL.with(|cancel| cancel.borrow_mut().take());
    let deadline = DEADLINE.replace(None);
    let done = run();
    DEADLINE.set(deadline);
    CANCEL.with(|own| *own.borrow_mut() = cancel);
    done
}

/// A process of a database server that works for the scope of this thread, for as long as this lives.
pub(crate) struct AtWork(Option<Cancel>);

/// Says which process of the server it is that works, so that it can be asked to give up.
pub(crate) fn at_work(server_process: Option<ServerProcess>) -> AtWork {
    let cancel = CANCEL.with(|cancel| cancel.borrow().clone()).filter(|_| server_process.is_some());
    if let Some(cancel) = &cancel {
        *cancel.server_process() = server_process;
    }
    AtWork(cancel)
}

impl Drop for AtWork {
    fn drop(&mut self) {
        if let Some(cancel) = &self.0 {
            *cancel.server_process() = None;
        }
    }
}

#[cfg(test)]
#[path = "limit_tests.rs"]
mod tests;
