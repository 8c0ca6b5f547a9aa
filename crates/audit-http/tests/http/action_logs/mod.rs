//! Action logs: the native API, the published one, and what Python's logging sends.

mod append;
mod create;
mod list;
mod model;
mod published;
mod python;
mod walk;
