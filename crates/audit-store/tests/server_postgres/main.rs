//! What only PostgreSQL has: settings and roles of a server, standbys, connections that break, poolers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../store/common/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests of the store use the rest")]
mod common;
mod copy;
mod faults;
mod pooler;
#[path = "../postgres/mod.rs"]
#[expect(dead_code, reason = "not all of it is needed here")]
mod postgres_server;
mod roles;
mod settings;
mod standby;
