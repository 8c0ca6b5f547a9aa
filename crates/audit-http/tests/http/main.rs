//! The HTTP server as its clients see it: the real server over a real database, spoken to over TCP. One binary for each database:
//! `http` on SQLite; `http_postgres` on PostgreSQL; `http_partitioned_postgres` on PostgreSQL with tables that are cut by channel. The
//! other two directories are links to this one.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod action_logs;
mod auth;
mod bad_input;
mod changed;
mod channels;
mod common;
mod content_types;
mod create;
mod docs;
mod erasures;
mod events;
mod golden;
mod index;
mod inventory;
mod log;
mod operations;
#[path = "../../../audit-store/tests/postgres/mod.rs"]
#[expect(dead_code, unused_imports, reason = "not all of it is needed here")]
mod postgres_server;
mod properties;
mod queries;
mod upgrades;
mod values;
