//! What only SQLite has: triggers that guard, a file with a mode, locks of a whole file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../store/common/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests of the store use the rest")]
mod common;
mod displaced;
mod erased;
mod guards;
mod migrations;
#[cfg(unix)]
mod modes;
#[path = "../postgres/mod.rs"]
#[expect(dead_code, unused_imports, reason = "not all of it is needed here")]
mod postgres_server;
mod wal;
mod witness;
