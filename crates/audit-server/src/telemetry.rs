//! The program's own log. It goes to stderr, because stdout is for the output of commands. It has
//! no event of the audit log.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::IsTerminal;

use anyhow::anyhow;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogFormat, Settings};

/// Starts the log. Before this nothing is logged. If the start fails, nothing is logged at all, and
/// the error sentence has the reason.
pub(crate) fn start(settings: &Settings) -> anyhow::Result<()> {
    let terminal = std::io::stderr().is_terminal();
    let format = format(settings);
    let filter = EnvFilter::builder().parse(&settings.log)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(terminal);
    // Such a message would report on stderr that stderr cannot be written, and panic if that fails.
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

/// The thread that accepts connections. actix does not restart it.
const ACCEPTOR: &str = "actix-server acceptor";

/// Logs a panic as a line like any other. If the server would only seem to run without the thread,
/// this ends the process. The server itself notices a writer that panics.
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

/// The chosen format, otherwise the one that fits the target.
pub(crate) fn format(settings: &Settings) -> LogFormat {
    let terminal = std::io::stderr().is_terminal();
    settings.log_format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json })
}
