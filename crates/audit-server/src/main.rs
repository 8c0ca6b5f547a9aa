//! `audit-server`: a self-hosted audit log in one binary. This crate has the command line, the
//! settings, the program's own log and its orderly end. The crates below have everything else.

/// Prints a line for people on stdout. `println!` panics if nothing reads the pipe any more, as
/// with `| head`; this continues.
macro_rules! stdout_line {
    ($($text:tt)*) => {
        drop(std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("{}\n", format_args!($($text)*))))
    };
}

/// Prints a line on stderr in the same way.
macro_rules! stderr_line {
    ($($text:tt)*) => {
        drop(std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{}\n", format_args!($($text)*))))
    };
}

mod allocator;
mod appender;
mod cli;
mod config;
mod demo;
mod documents;
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
    allocator::return_large_buffers();
    cli::run()
}
