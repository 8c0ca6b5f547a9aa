//! The HTTP server as its clients see it: the real server over a real database, spoken to over TCP.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod action_logs;
mod auth;
mod bad_input;
mod channels;
mod common;
mod content_types;
mod create;
mod docs;
mod events;
mod golden;
mod inventory;
mod operations;
mod properties;
