//! Why work that was given to another thread has no outcome.

use std::any::Any;

/// Why work on another thread has no outcome.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDone {
    /// The threads for it are gone.
    #[error("the server is shutting down")]
    Stopping,
    /// It has not begun in time, and will not.
    #[error("too many requests wait for a processor or for the database")]
    Late,
    /// A fault of ours, which the log has.
    #[error("work on a blocking thread panicked")]
    Panicked,
}

/// Logs what a panic says.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> NotDone {
    let text = panic.downcast_ref::<&str>().copied();
    let message = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a message");
    tracing::error!(panic = message, "work on a blocking thread panicked");
    NotDone::Panicked
}
