//! `completions`: the script that lets a shell complete the command line.

use std::io::Write;

use anyhow::Context;
use clap::{Args, Command};
use clap_complete::Shell;

/// Print the script that lets a shell complete the command line
///
/// For bash: audit-server completions bash > ~/.local/share/bash-completion/completions/audit-server
#[derive(Args)]
pub(super) struct CompletionsArgs {
    shell: Shell,
}

pub(super) fn run(mut command: Command, args: &CompletionsArgs) -> anyhow::Result<()> {
    // The script goes into memory first, because clap_complete panics if it cannot write.
    let (name, mut script) = (command.get_name().to_owned(), Vec::new());
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    std::io::stdout().write_all(&script).context("cannot write to stdout")
}
