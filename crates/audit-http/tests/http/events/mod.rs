//! The native API of events.

mod again;
mod append;
mod bytes;
pub(crate) mod compressed;
mod formats;
mod histogram;
mod list;
mod masked;
mod model;
mod origin;
mod partial;
mod summary;
mod values;
mod walk;
