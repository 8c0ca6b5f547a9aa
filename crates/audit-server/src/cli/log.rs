//! `log`: what an operator does with the logs as a whole.

use anyhow::bail;
use clap::{Args, Subcommand};

use crate::config::Settings;

/// Begin a new origin of the logs
#[derive(Args)]
pub(super) struct LogArgs {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Subcommand)]
enum LogCommand {
    /// Give the logs another name, after the newest copy of the database was lost
    ///
    /// A server refuses to append to logs that are smaller than their newest checkpoint or have other
    /// entries. This accepts the database as it is: an event AUDIT.ORIGIN in each channel cites the
    /// checkpoints that the old logs had, and the trees start again over all entries that are there. What
    /// was proven of the old logs stays provable against their old checkpoints only. Run it where a server that
    /// refuses has its data directory.
    NewOrigin {
        /// Also if no log is smaller than the checkpoint that is kept of it
        #[arg(long)]
        force: bool,
    },
}

pub(super) fn run(settings: &Settings, args: LogArgs) -> anyhow::Result<()> {
    match args.command {
        LogCommand::NewOrigin { force } => {
            let store = settings.open_existing_store()?;
            if !force && store.refusals(&settings.signing)?.is_empty() {
                bail!(
                    "no log is smaller than its checkpoint in `{}`: is this the data directory of a server that refuses? With --force, \
                     the logs get a new name all the same, and this cannot be undone",
                    settings.signing.checkpoints.display()
                );
            }
            let origin = store.begin_new_origin(&settings.signing)?;
            for checkpoint in &origin.cited {
                stdout_line!("{} ended with {} entries and the root {}", checkpoint.origin(), checkpoint.size(), checkpoint.root());
            }
            stdout_line!("the logs have the name {} from now on, and had {} before", origin.log_name, origin.before);
        }
    }
    Ok(())
}
