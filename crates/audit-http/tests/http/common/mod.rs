//! What the tests of the HTTP server share: the real server on a free port, a client that speaks raw HTTP/1.1, the
//! fixture.

mod client;
mod conformance;
mod fixture;
mod json;
mod server;
mod signing;

pub(crate) use client::{Answer, Ask, Client};
pub(crate) use fixture::{Fixture, action_log_lines, all_events, data, fixture_lines, golden, inventory_lines};
pub(crate) use json::{Json, results_of, uuids_of};
pub(crate) use server::{TestDatabase, TestServer, on_postgres};
pub(crate) use signing::{SigningFiles, SigningServer};
