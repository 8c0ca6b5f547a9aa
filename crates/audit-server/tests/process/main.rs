//! The program as a process: started, asked, stopped and killed from outside. One binary, so that everything runs side by side.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod about;
mod backup;
mod clock;
mod commands;
mod common;
mod config;
mod content_types;
mod data;
mod demo;
mod doctor;
mod erase;
mod export;
mod file_gone;
mod forged;
mod import;
mod import_sources;
mod injected;
mod kill;
mod kinds;
mod masking;
mod memory;
mod postgres;
#[path = "../../../audit-store/tests/postgres/mod.rs"]
#[expect(dead_code, unused_imports, reason = "not all of it is needed here")]
mod postgres_server;
mod production;
mod proxies;
mod settings;
mod shutdown;
mod signing;
mod start;
mod tls;
mod tokens;
mod unwritable;
mod verify;
mod witness;
