//! `config`: writes a settings file, and shows and checks the settings.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use audit_http::Tls;
use clap::{Args, Subcommand};

use crate::config::{self, Entry, FlagValues, ServeFlags, Settings};

/// Write, show and check the settings
#[derive(Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Write a settings file that explains every setting and sets none
    ///
    /// It writes the file that --config names, otherwise audit.toml, and never overwrites a file.
    Init {
        /// Write to stdout instead of the file
        #[arg(long)]
        stdout: bool,
    },
    /// Show the value of each setting and its source: flag, variable, file or default; secrets are
    /// masked
    Show(ServeFlags),
    /// Find all mistakes, also those that production mode would refuse; the exit code is 1 if there
    /// is one
    Check(ServeFlags),
    /// Print the list of settings as the table of the documentation
    Reference,
}

pub(super) fn run(given: FlagValues, file: Option<&Path>, args: ConfigArgs) -> anyhow::Result<()> {
    match args.command {
        ConfigCommand::Init { stdout: true } => print(&config::template()),
        ConfigCommand::Init { stdout: false } => init(file.unwrap_or(Path::new(config::DEFAULT_FILE))),
        ConfigCommand::Show(ServeFlags(later)) => show(&given.with(&later), file),
        ConfigCommand::Check(ServeFlags(later)) => check(&given.with(&later), file),
        ConfigCommand::Reference => print(&config::markdown()),
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to stdout")
}

/// Writes the file for its owner alone, because an operator may later write the admin key into it.
fn init(path: &Path) -> anyhow::Result<()> {
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let name = path.display();
    let mut file = match options.open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!("`{name}` already exists and was not changed: name another file with --config, or use --stdout")
        }
        opened => opened.with_context(|| format!("cannot write `{name}`"))?,
    };
    file.write_all(config::template().as_bytes()).with_context(|| format!("cannot write `{name}`"))?;
    stderr_line!("wrote `{name}`: every setting is in it as a comment");
    Ok(())
}

fn show(given: &FlagValues, file: Option<&Path>) -> anyhow::Result<()> {
    let (entries, path): (Vec<Entry>, Option<PathBuf>) = config::entries(given, file)?;
    let width = |of: fn(&Entry) -> usize| entries.iter().map(of).max().unwrap_or(0);
    let value = |entry: &Entry| entry.value.clone().unwrap_or_else(|| "(not set)".to_owned());
    let (keys, values) =
        (width(|entry| entry.key.len()), entries.iter().map(|entry| value(entry).chars().count()).max().unwrap_or(0));
    let mut text = match path {
        Some(path) => format!("settings file: {}\n\n", path.display()),
        None => "settings file: none\n\n".to_owned(),
    };
    for entry in &entries {
        text += &format!("{:keys$}  {:values$}  {}\n", entry.key, value(entry), entry.source);
    }
    print(&text)
}

fn check(given: &FlagValues, file: Option<&Path>) -> anyhow::Result<()> {
    let (settings, mut faults) = Settings::read_all(given, file);
    for warning in config::unknown_variables() {
        stderr_line!("warning: {warning}");
    }
    if let Some(settings) = &settings {
        match settings.tls.as_ref().map(|files| Tls::load(&files.certificate, &files.key)) {
            Some(Ok(tls)) => tls.concern().iter().for_each(|concern| stderr_line!("warning: {concern}: {}", concern.mend())),
            Some(Err(error)) => faults.push(config::SettingError::other(error.to_string())),
            None => {}
        }
        let dangers = settings.dangers();
        if settings.production {
            faults.extend(dangers.into_iter().map(config::SettingError::in_production));
            settings.advice().iter().for_each(|advice| stderr_line!("warning: {advice}"));
        } else {
            dangers.iter().for_each(|danger| stderr_line!("warning: {danger}"));
        }
    }
    for fault in &faults {
        stderr_line!("{fault}");
    }
    match faults.len() {
        0 => print("the settings can be used\n"),
        count => bail!("{count} fault(s) in the settings"),
    }
}
