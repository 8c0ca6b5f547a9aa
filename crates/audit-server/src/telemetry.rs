//! The program's own log: to stderr, so that stdout stays for what was asked for. No event of the audit log is written there.

use std::io::IsTerminal;

use anyhow::anyhow;
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Settings};

/// Starts the log. Nothing is written before, and nothing at all when the start fails: the one sentence says it.
pub(crate) fn start(settings: &Settings) -> anyhow::Result<()> {
    let terminal = std::io::stderr().is_terminal();
    let format = format(settings);
    let filter = EnvFilter::builder().parse(&settings.log)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal);
    let started = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_span_list(false).try_init(),
    };
    started.map_err(|error| anyhow!("the log cannot be started: {error}"))
}

/// As it was chosen, else by who reads it.
pub(crate) fn format(settings: &Settings) -> LogFormat {
    let terminal = std::io::stderr().is_terminal();
    settings.log_format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json })
}
