//! The command line: the subcommands of the program, and the report of a failure.

mod backup;
mod completions;
mod config;
mod content_types;
mod copy;
mod demo;
mod doctor;
mod erase;
mod export;
mod healthcheck;
mod import;
mod key;
mod launch;
mod log;
mod man;
mod mask;
mod migrate;
mod openapi;
mod rebuild;
mod serve;
mod token;
mod verify;
mod witness;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::config::{FlagValues, ProgramFlags, ServeFlags, Settings};
use crate::telemetry;

/// A self-hosted audit log: append-only, in one binary.
///
/// Without a subcommand it serves: it accepts events and answers the published audit APIs over
/// HTTP, and keeps everything in one database. The first start creates the administrator's key and
/// prints it once, and so does a start that finds no valid admin token for all channels.
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
                          --page-size-max, AUDIT_PAGE_SIZE_MAX and page_size_max. A flag overrides a variable, a variable overrides \
                          the file, and the file overrides the default.";

#[derive(Subcommand)]
enum Command {
    /// Answer requests (the default without a subcommand)
    ///
    /// SIGTERM or SIGINT ends it in order: it accepts no more, finishes the accepted requests, and
    /// exits with 0. With TLS, SIGHUP reads the certificate and the key again.
    Serve(ServeFlags),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
    Verify(verify::VerifyArgs),
    Witness(witness::WitnessArgs),
    Token(token::TokenArgs),
    ContentTypes(content_types::ContentTypesArgs),
    Erase(erase::EraseArgs),
    Key(key::KeyArgs),
    Log(log::LogArgs),
    Copy(copy::CopyArgs),
    Backup(backup::BackupArgs),
    Restore(backup::RestoreArgs),
    /// Rebuild the search index of all logs, and repair the tiles of their trees
    ///
    /// Lists, counts and summaries use the index. The server may be running: queries stay exact meanwhile
    /// but are slower, and appends continue between the steps. Tiles are repaired only if the entries of
    /// their log have the root of its tree.
    Rebuild,
    Demo(demo::DemoArgs),
    Mask(mask::MaskArgs),
    Config(config::ConfigArgs),
    Migrate(migrate::MigrateArgs),
    /// Find faults that keep the server from starting or working, and name a remedy; the exit code
    /// is 1 if there is one
    Doctor(ServeFlags),
    /// Ask the server of these settings whether it is ready: exit code 0 if it is, 1 if not
    Healthcheck(ServeFlags),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    /// Print the OpenAPI document of this version, which the server serves at /openapi.json
    Openapi,
}

/// Runs the command. A failure is one sentence on stderr and exit code 1, never a backtrace; clap's
/// own usage errors exit with 2. `verify` has exit codes of its own.
pub(crate) fn run() -> ExitCode {
    match dispatch(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            // `:#` puts the causes after the sentence; only `{:?}` has a backtrace.
            stderr_line!("audit-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli { config: file, settings: ProgramFlags(given), command } = cli;
    let file = file.as_deref();
    let done = match command.unwrap_or_else(|| Command::Serve(ServeFlags::default())) {
        Command::Serve(ServeFlags(later)) => serve::run(start(&given.with(&later), file)?),
        Command::Import(args) => import::run(&start(&given, file)?, &args),
        Command::Export(args) => export::run(&start(&given, file)?, &args),
        // Its failures have an exit code of their own.
        Command::Verify(args) => return Ok(verify::run(args.needs_settings().then(|| start(&given, file)), &args)),
        Command::Witness(args) => witness::run(&start(&given, file)?, &args),
        Command::Token(args) => token::run(&start(&given, file)?, args),
        Command::ContentTypes(args) => content_types::run(&start(&given, file)?, &args),
        Command::Erase(args) => erase::run(&start(&given, file)?, &args),
        Command::Key(args) => key::run(&start(&given, file)?, args),
        Command::Log(args) => log::run(&start(&given, file)?, args),
        Command::Backup(args) => backup::run(&start(&given, file)?, &args),
        Command::Restore(args) => backup::run_restore(&start(&given, file)?, &args),
        Command::Copy(args) => copy::run(&start(&given, file)?, &args),
        Command::Rebuild => rebuild::run(&start(&given, file)?),
        Command::Demo(args) => demo::run(start(&given.with(args.serve()), file)?, &args),
        Command::Mask(args) => mask::run(&start(&given, file)?, &args),
        Command::Migrate(args) => migrate::run(&start(&given, file)?, &args),
        // These commands print their own messages, some of them about settings with which nothing
        // can start.
        Command::Config(args) => config::run(given, file, args),
        Command::Doctor(ServeFlags(later)) => doctor::run(&given.with(&later), file),
        Command::Healthcheck(ServeFlags(later)) => healthcheck::run(&Settings::read(&given.with(&later), file)?),
        Command::Completions(args) => completions::run(Cli::command(), &args),
        Command::Man(args) => man::run(Cli::command(), &args),
        Command::Openapi => openapi::run(),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Reads the settings and starts the program's log.
fn start(given: &FlagValues, file: Option<&Path>) -> anyhow::Result<Settings> {
    let settings = Settings::read(given, file)?;
    telemetry::start(&settings)?;
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_has_no_contradiction() {
        Cli::command().debug_assert();
    }
}
