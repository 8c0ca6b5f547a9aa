//! The clients of `examples/clients`, as they are, against the program: nothing is lost and nothing doubled, whichever side dies.
//!
//! Needs python3 (with venv), node, npm and syslog-ng with its module for HTTP. Django, Django REST framework, django-otp, gunicorn, Celery and Express come from their registries
//! into `target/clients`, once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod app;
mod delivery;
mod front;
mod loggers;
mod suites;
mod syslog_ng;
mod tools;

#[path = "../process/common/mod.rs"]
#[expect(dead_code, reason = "shared with the tests of the process, which need more of it")]
mod common;
