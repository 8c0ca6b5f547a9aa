//! `man`: writes the manual, a page for the program and one for each subcommand.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Command};
use clap_mangen::Man;

/// Write the manual: the page of the program to stdout, or all pages into a directory
#[derive(Args)]
pub(super) struct ManArgs {
    /// Directory for the pages of the program and of every subcommand; the command creates it if it
    /// does not exist
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(super) fn run(mut command: Command, args: &ManArgs) -> anyhow::Result<()> {
    command.build();
    match &args.directory {
        None => std::io::stdout().write_all(&page(&command, command.get_name())?).context("cannot write to stdout"),
        Some(directory) => {
            std::fs::create_dir_all(directory).with_context(|| format!("cannot create `{}`", directory.display()))?;
            write(&command, command.get_name(), directory)
        }
    }
}

/// Writes the page of a command and those below it, such as `audit-server-token-create.1`.
fn write(command: &Command, name: &str, directory: &Path) -> anyhow::Result<()> {
    let path = directory.join(format!("{name}.1"));
    std::fs::write(&path, page(command, name)?).with_context(|| format!("cannot write `{}`", path.display()))?;
    let below = command.get_subcommands().filter(|command| command.get_name() != "help" && !command.is_hide_set());
    below.into_iter().try_for_each(|below| write(below, &format!("{name}-{}", below.get_name()), directory))
}

fn page(command: &Command, name: &str) -> anyhow::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone().name(name.to_owned())).render(&mut page)?;
    Ok(page)
}
