//! `audit-server`: a self-hosted audit log in one binary. The command line, the settings, the log of the program itself and
//! its orderly end live here; everything an audit log does is in the crates below.

mod appender;
mod cli;
mod config;
mod demo;
mod lines;
mod metrics;
mod output;
mod progress;
mod record;
mod shutdown;
mod telemetry;

fn main() -> std::process::ExitCode {
    cli::run()
}
