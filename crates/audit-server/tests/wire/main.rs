//! HTTP clients and proxies as they are found, against the program: what they do by default must store the event.
//!
//! Needs java (a JDK 17 or later), nginx, and python3 with venv. The HTTP clients of Python come from their registry into
//! `target/clients`, once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod offers;
mod redirects;
mod unreadable;

#[path = "../process/common/mod.rs"]
#[expect(dead_code, reason = "shared with the tests of the process, which need more of it")]
mod common;
#[path = "../clients/tools.rs"]
#[expect(dead_code, reason = "shared with the tests of the clients, which need more of it")]
mod tools;
