//! The native API of events.

mod append;
mod bytes;
mod histogram;
mod list;
mod model;
mod summary;
mod values;
mod walk;
