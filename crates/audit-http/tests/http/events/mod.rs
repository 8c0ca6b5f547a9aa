//! The native API of events.

mod append;
mod bytes;
mod list;
mod model;
mod summary;
mod walk;
