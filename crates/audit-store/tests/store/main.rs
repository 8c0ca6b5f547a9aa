//! The store through its public API, on real SQLite files. One binary, so that everything links once and runs side by side.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod append;
mod budget;
mod common;
mod concurrency;
mod content_types;
mod counters;
mod failure;
mod filters;
mod guards;
mod migrations;
#[cfg(unix)]
mod modes;
mod population;
mod round_trip;
mod summary;
mod tokens;
mod walk;
