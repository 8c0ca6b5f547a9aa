//! The progress bar on stderr, which is shown only on a terminal.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The unit of a bar.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    /// Bytes of input; `None` if their number is not known.
    Bytes(Option<u64>),
    /// Entries of a log.
    Entries(u64),
}

/// A bar, hidden unless stderr is a terminal.
pub(crate) fn bar(unit: Unit) -> anyhow::Result<ProgressBar> {
    let (total, template) = match unit {
        Unit::Bytes(Some(total)) => (Some(total), "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {msg}"),
        Unit::Bytes(None) => (None, "{spinner} {bytes} {bytes_per_sec} {msg}"),
        Unit::Entries(total) => (Some(total), "{bar:40} {pos}/{len} {per_sec} {msg}"),
    };
    let target = if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    Ok(ProgressBar::with_draw_target(total, target).with_style(ProgressStyle::with_template(template)?))
}
