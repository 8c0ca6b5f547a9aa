//! The reasons why work on another thread does not have an outcome.

use std::any::Any;

/// The reason why work on another thread does not have an outcome.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDone {
    /// The threads for the work are gone.
    #[error("the server is shutting down")]
    Stopping,
    /// The work did not begin in time, and never will.
    #[error("too many requests wait for a processor or for the database")]
    Late,
    /// The server has a fault, which is in its log.
    #[error("work on a blocking thread panicked")]
    Panicked,
}

/// Logs the message of a panic.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> NotDone {
    let text = panic.downcast_ref::<&str>().copied();
    let message = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a message");
    tracing::error!(panic = message, "work on a blocking thread panicked");
    NotDone::Panicked
}
