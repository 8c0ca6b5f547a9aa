//! A hostile client beside an honest one, against the program on SQLite and on PostgreSQL: whatever one key does, the others are
//! served.
//!
//! The honest client appends and reads at a modest pace, first alone and then during the attack. The rule, which [`bench`] checks:
//!
//! - the p99 of each kind of its requests stays within 250 ms, or five times of what it was without the attack; an answer of 503
//!   counts as one that never came;
//! - it sees no 5xx but 503 with `Retry-After`;
//! - the server stays under 300 MiB of resident memory;
//! - two seconds after the attack everything is normal again.
//!
//! The machine may be slow and busy, so the unloaded value is taken right before the attack, and a scenario that fails is repeated
//! twice, each time on a new server.
//!
//! To add a scenario: a file in `scenarios/` with a type that implements [`bench::Scenario`], and one test for each database.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attack;
mod bench;
mod honest;
mod measure;
mod scenarios;

#[path = "../process/common/mod.rs"]
#[expect(dead_code, reason = "shared with the tests of the process, which need more of it")]
mod common;
#[path = "../../../audit-store/tests/postgres/mod.rs"]
#[expect(dead_code, unused_imports, reason = "not all of it is needed here")]
mod postgres_server;
