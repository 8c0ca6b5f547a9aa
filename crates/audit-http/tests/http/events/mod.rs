//! The native API of events.

mod append;
mod bytes;
mod formats;
mod histogram;
mod list;
mod masked;
mod model;
mod origin;
mod summary;
mod values;
mod walk;
