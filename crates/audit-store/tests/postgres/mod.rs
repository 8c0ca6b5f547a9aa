//! PostgreSQL for tests: a private server made from the installed binaries, or the one in `AUDIT_TEST_POSTGRES_URL`; a database of
//! its own for each test. Included by every binary that tests with it, in this crate and in those above it.
//!
//! Nothing is left running, however the test process ends: each server belongs to a shell that waits for the end of a pipe which the
//! test process holds.

mod bouncer;
mod database;
mod keeper;
mod partitioned;
mod server;

pub(crate) use bouncer::Bouncer;
pub(crate) use database::{Database, Template, create_role};
pub(crate) use partitioned::migrate_partitioned;
pub(crate) use server::{Server, Standby};
