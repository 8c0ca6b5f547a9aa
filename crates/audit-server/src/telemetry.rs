//! The program's own log: to stderr, so that stdout stays for what was asked for. No event of the audit log is written there.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::IsTerminal;

use anyhow::anyhow;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogFormat, Settings};

/// Starts the log. Nothing is written before, and nothing at all when the start fails: the one sentence says it.
pub(crate) fn start(settings: &Settings) -> anyhow::Result<()> {
    let terminal = std::io::stderr().is_terminal();
    let format = format(settings);
    let filter = EnvFilter::builder().parse(&settings.log)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(terminal);
    // It would say on stderr that stderr cannot be written, and panic when that fails.
    let lines = lines.log_internal_errors(false);
    let log = tracing_subscriber::registry().with(filter).with(filter_fn(|metadata| !audit_http::is_said_otherwise(metadata)));
    let started = match format {
        LogFormat::Text => log.with(lines).try_init(),
        LogFormat::Json => log.with(lines.json().flatten_event(true).with_span_list(false)).try_init(),
    };
    started.map_err(|error| anyhow!("the log cannot be started: {error}"))?;
    log_panics();
    Ok(())
}

/// The thread that takes connections. actix does not start it again.
const ACCEPTOR: &str = "actix-server acceptor";

/// A panic is a line of the log as everything else is. Where it ends a thread without which the server would only seem to run, it
/// ends the process. A writer that panics is seen by the server itself.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        let backtrace = Backtrace::capture();
        let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| tracing::field::display(backtrace));
        tracing::error!(thread, %panic, backtrace, "a thread panicked");
        if thread == ACCEPTOR {
            stderr_line!("audit-server: the thread that takes connections panicked");
            std::process::exit(1);
        }
    }));
}

/// As it was chosen, else by who reads it.
pub(crate) fn format(settings: &Settings) -> LogFormat {
    let terminal = std::io::stderr().is_terminal();
    settings.log_format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json })
}
