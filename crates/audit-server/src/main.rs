//! `audit-server`: a self-hosted audit log in one binary. The command line, the settings, the log of the program itself and
//! its orderly end live here; everything an audit log does is in the crates below.

#![forbid(unsafe_code)]

/// A line for people on stdout. `println!` panics when nobody reads any more, as behind `| head`; this goes on without.
macro_rules! stdout_line {
    ($($text:tt)*) => {
        drop(std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("{}\n", format_args!($($text)*))))
    };
}

/// The same on stderr.
macro_rules! stderr_line {
    ($($text:tt)*) => {
        drop(std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{}\n", format_args!($($text)*))))
    };
}

mod appender;
mod cli;
mod config;
mod demo;
mod limits;
mod lines;
mod metrics;
mod new_entry;
mod output;
mod progress;
mod repeats;
mod shutdown;
mod source;
mod telemetry;

fn main() -> std::process::ExitCode {
    cli::run()
}
