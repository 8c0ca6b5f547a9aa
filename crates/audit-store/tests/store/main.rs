//! The store through its public API, on real databases. One binary for each of them, so that everything links once and runs side by
//! side: `store` on SQLite; `store_postgres` on PostgreSQL; `store_partitioned_postgres` on PostgreSQL with tables that are cut by
//! channel. The other two directories are links to this one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod append;
mod budget;
mod clock;
mod common;
mod concurrency;
mod content_types;
mod erasure;
mod failure;
mod fairness;
mod filters;
mod guards;
mod histogram;
mod index;
mod log;
mod masking;
mod nightly;
#[path = "../../../../examples/nightly_report.rs"]
#[expect(dead_code, reason = "its `main` reads arguments and the clock, and then calls what the test calls")]
mod nightly_report;
mod panic;
mod population;
#[path = "../postgres/mod.rs"]
#[expect(dead_code, unused_imports, reason = "not all of it is needed here")]
mod postgres_server;
mod round_trip;
mod schema;
mod scrub;
mod searches;
mod sign;
mod sorts;
mod summary;
mod tokens;
mod tree;
mod walk;
