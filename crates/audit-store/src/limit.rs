//! The limits of a read: it ends after its time, and as soon as its client is gone.
//!
//! A read runs from its beginning to its end in one thread, so its limits belong to the thread. An
//! embedded database calls [`is_over`] while it works, from deep inside its own code. A server gets
//! the time at the start of a transaction (`dialect/`), and another connection asks it to cancel a
//! read ([`crate::Store::cancel`]).
//!
//! Work without a pool of readers has no limit: appends, migrations, copies, rebuilds.

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
    /// The time of the read.
    given: Duration,
}

/// Ends the reads of another thread. Clones are the same handle.
///
/// ```
/// use audit_store::{Cancel, Store, StoreConfig, StoreError};
///
/// # let dir = tempfile::tempdir()?;
/// # let store = Store::open(StoreConfig::new(format!("sqlite://{}/audit.db", dir.path().display())))?;
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
    /// The server process that currently works for the scope.
    server_process: Mutex<Option<ServerProcess>>,
}

/// A process of a database server. If a URL names several hosts, a number alone may mean a process
/// of another server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServerProcess {
    /// The number of the process on its server.
    pub(crate) id: i32,
    /// The start of the server, in microseconds since 1970. No two servers of a URL start in the
    /// same microsecond.
    pub(crate) server_started_at: i64,
}

impl Cancel {
    /// Makes a handle that is not cancelled.
    #[must_use]
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Runs reads of this thread that end after [`Store::cancel`](crate::Store::cancel) is called
    /// with this handle.
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

    /// Whether the reads are cancelled.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.is_asked.load(Ordering::Relaxed)
    }

    /// Cancels the reads as far as this process alone can: on an embedded database within a
    /// thousand of its steps, on a server before the next statement. Does not block.
    pub fn ask(&self) {
        self.0.is_asked.store(true, Ordering::Relaxed);
    }

    /// The server process that works for the scope. It works for no other scope while this is held.
    pub(crate) fn server_process(&self) -> MutexGuard<'_, Option<ServerProcess>> {
        self.0.server_process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running read of this thread.
pub(crate) struct Running(Option<Deadline>);

impl Running {
    /// Starts a read with this time limit. Inside another read it has at most the time that the
    /// other one has left.
    pub(crate) fn start(given: Option<Duration>) -> Running {
        let before = DEADLINE.get();
        // A time beyond the range of the clock is no limit.
        let own = given.and_then(|given| Some(Deadline { at: Instant::now().checked_add(given)?, given }));
        let sooner = [before, own].into_iter().flatten().min_by_key(|deadline| deadline.at);
        DEADLINE.set(sooner);
        Running(before)
    }

    /// Replaces an error of the database if the read was over, because the database reports the end
    /// of the read as an error.
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

/// Whether the read of this thread is over. The database calls this from inside, so it never panics
/// and takes no lock.
pub(crate) fn is_over() -> bool {
    let is_late = || DEADLINE.try_with(|deadline| deadline.get().is_some_and(|deadline| Instant::now() >= deadline.at));
    is_cancelled() || is_late().unwrap_or(false)
}

fn is_cancelled() -> bool {
    let asked = |cancel: &RefCell<Option<Cancel>>| cancel.try_borrow().is_ok_and(|c| c.as_ref().is_some_and(Cancel::is_asked));
    CANCEL.try_with(asked).unwrap_or(false)
}

/// Returns an error if the read of this thread is over.
pub(crate) fn check() -> Result<(), StoreError> {
    if is_cancelled() {
        return Err(StoreError::Cancelled);
    }
    match DEADLINE.get() {
        Some(Deadline { at, given }) if Instant::now() >= at => Err(StoreError::QueryTimeout { seconds: given.as_secs() }),
        _ => Ok(()),
    }
}

/// The time that the read of this thread has left; `None` if it has no limit.
pub(crate) fn time_left() -> Option<Duration> {
    DEADLINE.get().map(|deadline| deadline.at.saturating_duration_since(Instant::now()))
}

/// Runs the end of a read, such as a rollback, without the limits of the read.
pub(crate) fn without<T>(run: impl FnOnce() -> T) -> T {
    let cancel = CANCEL.with(|cancel| cancel.borrow_mut().take());
    let deadline = DEADLINE.replace(None);
    let done = run();
    DEADLINE.set(deadline);
    CANCEL.with(|own| *own.borrow_mut() = cancel);
    done
}

/// Marks a server process as working for the scope of this thread while this lives.
pub(crate) struct AtWork(Option<Cancel>);

/// Names the server process that works, so that it can be cancelled.
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
