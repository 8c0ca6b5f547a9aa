//! The program with its database on a PostgreSQL server.

mod carried;
mod guards;
mod harm;
mod operator;
mod served;

use std::path::Path;
use std::process::Command;

use crate::common::program;

/// The program in a directory, with a database on a server.
fn program_on(directory: &Path, url: &str) -> Command {
    let mut command = program(directory);
    command.env("AUDIT_DATABASE_URL", url);
    command
}
