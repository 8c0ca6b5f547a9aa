//! Programs of others verify the log of a running server: two packages of PyPI, the checksum-database library of Go, and
//! `examples/verify_bundle.py`, which is written from `docs/log-format.md` alone. On both databases, from one body.
//!
//! Needs python3 (with venv), the packages in [`outsider::PACKAGES`], which come from PyPI into `target/clients`, once, and
//! PostgreSQL. Where Go and its library are not installed, the test of them says so and does nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bundles;
mod crafted;
mod go;
mod log;
mod outsider;
mod proofs;
mod quorum;
mod tiles;
mod witness;
mod witnessed;

#[path = "../process/verify/changes.rs"]
mod changes;
#[path = "../process/common/mod.rs"]
#[expect(dead_code, reason = "shared with the tests of the process, which need more of it")]
mod common;
#[path = "../process/data.rs"]
#[expect(dead_code, reason = "shared with the tests of the process, which need more of it")]
mod data;
#[path = "../../../audit-store/tests/postgres/mod.rs"]
#[expect(dead_code, unused_imports, reason = "not all of it is needed here")]
mod postgres_server;
