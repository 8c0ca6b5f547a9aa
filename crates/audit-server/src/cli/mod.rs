//! The command line: what the program can be asked for, and how it says that it failed.

mod content_types;
mod demo;
mod export;
mod import;
mod rebuild;
mod serve;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{ProgramFlags, ServeFlags, Settings};
use crate::telemetry;

/// A self-hosted audit log: append-only, in one binary.
///
/// Without a subcommand it serves: it takes events and answers the published audit APIs over HTTP, and keeps everything in
/// one database. The first start makes the administrator's key and prints it once, and so does a start that finds no valid
/// admin token for all channels.
#[derive(Parser)]
#[command(name = "audit-server", version, max_term_width = 120, after_help = AFTER_HELP, subcommand_precedence_over_arg = true)]
struct Cli {
    /// TOML file of settings [default: audit.toml in the working directory, if there is one]
    #[arg(long, env = "AUDIT_CONFIG", hide_env_values = true, value_name = "FILE", global = true, help_heading = "Settings")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: ProgramFlags,
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "Each setting is a flag, an environment variable and a key of the settings file under the same name: \
                          --page-size-max, AUDIT_PAGE_SIZE_MAX and page_size_max. A flag counts before a variable, a variable before \
                          the file, the file before the default.";

#[derive(Subcommand)]
enum Command {
    /// Answer requests (this is also what happens without a subcommand)
    ///
    /// SIGTERM or SIGINT ends it in order: it stops accepting, finishes what was accepted, and exits with 0.
    Serve(ServeFlags),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
    Token(token::TokenArgs),
    ContentTypes(content_types::ContentTypesArgs),
    /// Make the counters anew from the log, should they ever be doubted
    ///
    /// Counts and summaries are read off them. The server may be running: appends wait meanwhile, reads see the old ones.
    Rebuild,
    Demo(demo::DemoArgs),
}

/// Runs what was asked for. A failure is one sentence on stderr and exit code 1, never a backtrace; clap's own usage errors
/// exit with 2.
pub(crate) fn run() -> ExitCode {
    match dispatch(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // `:#` puts the causes behind the sentence; a backtrace is only in `{:?}`.
            eprintln!("audit-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<()> {
    let Cli { config, settings: ProgramFlags(given), command } = cli;
    let command = command.unwrap_or_else(|| Command::Serve(ServeFlags::default()));
    let given = match &command {
        Command::Serve(ServeFlags(later)) => given.with(later),
        _ => given,
    };
    let settings = Settings::read(&given, config.as_deref())?;
    telemetry::start(&settings)?;
    match command {
        Command::Serve(_) => serve::run(settings),
        Command::Import(args) => import::run(&settings, &args),
        Command::Export(args) => export::run(&settings, &args),
        Command::Token(args) => token::run(&settings, args),
        Command::ContentTypes(args) => content_types::run(&settings, &args),
        Command::Rebuild => rebuild::run(&settings),
        Command::Demo(args) => demo::run(settings, &args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_has_no_contradiction() {
        Cli::command().debug_assert();
    }
}
