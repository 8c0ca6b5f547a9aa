//! `export`: writes the log as NDJSON, channel by channel in the order of positions, to store
//! elsewhere or to import again; or one log as a bundle, with its proofs.

mod bundle;

use std::ops::Range;
use std::path::PathBuf;

use anyhow::bail;
use audit_http::store::domain::{ActionLog, ChannelGrant, ChannelId, CursorKey, CursorOrder, Entry, Event};
use audit_http::store::{ActionLogs, Events, Log, LogState, LogStream, Store};
use audit_http::{parse_action_log_filter, parse_event_filter};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;

use crate::config::Settings;
use crate::output::Output;
use crate::progress::{self, Unit};

/// Write the log as NDJSON: one event or action log a line, in the shape of the native API
///
/// The export goes channel by channel, ascending, each in the order of its positions, up to the
/// size of its log at the start of the export. The file appears in its place after it is complete.
/// An import into an empty database gives the same uuids, timestamps and values, byte for byte, and
/// new positions. The server may be running.
///
/// With `--bundle`, the export is one log up to its newest signed checkpoint, with proofs: `verify`
/// checks it offline. A bundle of all entries, or of those from one position to another, is proven to be
/// complete. A bundle of the entries that match a filter proves each of them, and not that no others match.
#[derive(Args)]
pub(super) struct ExportArgs {
    /// Which logs of the channels
    #[arg(long, value_enum, default_value_t = Exportable::Events)]
    kind: Exportable,
    /// Only this channel; the flag may be given several times [default: all]
    #[arg(long, value_name = "N")]
    channel: Vec<ChannelId>,
    /// File to write, compressed if its name ends in `.gz`; `-` is stdout
    #[arg(short, long, value_name = "FILE", default_value = "-", hide_default_value = true)]
    output: PathBuf,
    /// Write a bundle, which `verify` checks, of the channel given with --channel
    #[arg(long)]
    bundle: bool,
    /// First position of the bundle [default: 0]
    #[arg(long, value_name = "N", requires = "bundle")]
    from_position: Option<u64>,
    /// Position after the last one of the bundle [default: the size of the newest signed checkpoint]
    #[arg(long, value_name = "N", requires = "bundle")]
    to_position: Option<u64>,
    /// Only the entries that match: a query string with filters of the native API, such as
    /// `action=UPDATE&timestamp__gte=2026-01-01`
    #[arg(long, value_name = "QUERY", requires = "bundle", conflicts_with_all = ["from_position", "to_position"])]
    filter: Option<String>,
}

/// A log of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Exportable {
    /// Events
    Events,
    /// Action logs
    ActionLogs,
}

/// Entries of a page. The page and the first entry of the next page are in memory: an entry has at
/// most a little more than a mebibyte, so they are at most 34 MiB. If a page grew while entries are
/// small, it could be too large when large entries follow.
const PAGE_ENTRIES_MAX: usize = 32;

pub(super) fn run(settings: &Settings, args: &ExportArgs) -> anyhow::Result<()> {
    match (args.kind, args.bundle) {
        (Exportable::Events, false) => export::<Events>(settings, args),
        (Exportable::ActionLogs, false) => export::<ActionLogs>(settings, args),
        (Exportable::Events, true) => bundle::export::<Events>(settings, args),
        (Exportable::ActionLogs, true) => bundle::export::<ActionLogs>(settings, args),
    }
}

/// What an export needs to know of a stream.
trait Exported: LogStream {
    const NAME: &'static str;

    fn write(record: &Self::Stored, line: &mut String);

    /// Reads a filter in the form of a query string.
    fn parse_filter(query: &str) -> Result<Self::Filter, String>;
}

impl Exported for Events {
    const NAME: &'static str = "event";

    fn write(event: &Event, line: &mut String) {
        event.write_json(line);
    }

    fn parse_filter(query: &str) -> Result<Self::Filter, String> {
        parse_event_filter(query)
    }
}

impl Exported for ActionLogs {
    const NAME: &'static str = "action log";

    fn write(log: &ActionLog, line: &mut String) {
        log.write_json(line);
    }

    fn parse_filter(query: &str) -> Result<Self::Filter, String> {
        parse_action_log_filter(query)
    }
}

fn export<S: Exported>(settings: &Settings, args: &ExportArgs) -> anyhow::Result<()> {
    let store = settings.open_existing_store()?;
    let grant = match args.channel.as_slice() {
        [] => ChannelGrant::All,
        some => ChannelGrant::Only(some.iter().copied().collect()),
    };
    let heads = store.channels(grant).log::<S>().states()?;
    let total: i64 = heads.iter().map(|head| head.size).sum();
    let bar = progress::bar(Unit::Entries(total.unsigned_abs()))?;
    let mut output = Output::create(&args.output)?;
    let exported = heads.iter().try_for_each(|head| export_log::<S>(&store, head, &mut output, &bar));
    bar.finish_and_clear();
    exported?;
    output.finish()?;
    stderr_line!("{total} {}(s) of {} channel(s)", S::NAME, heads.len());
    Ok(())
}

/// Writes one log, up to its size in `head`.
fn export_log<S: Exported>(store: &Store, head: &LogState, output: &mut Output, bar: &ProgressBar) -> anyhow::Result<()> {
    let log = store.channel(head.channel_id)?.log::<S>();
    let mut line = String::new();
    each_entry(&log, 0..head.size, |record| {
        line.clear();
        S::write(record, &mut line);
        line.push('\n');
        output.write(line.as_bytes())?;
        bar.inc(1);
        Ok(())
    })
}

/// Calls `write` for each entry from one position to before another, in their order.
fn each_entry<S: Exported>(
    log: &Log<S>,
    Range { start, end }: Range<i64>,
    mut write: impl FnMut(&S::Stored) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let channel_id = log.channel_id().get();
    let mut pages = log.by_cursor(S::Filter::default()).order(CursorOrder::Position);
    if start > 0 {
        pages = pages.after(CursorKey { timestamp: 0, channel_id, position: start - 1 });
    }
    let mut wanted = start;
    while wanted < end {
        let page = pages.page(PAGE_ENTRIES_MAX)?;
        for record in page.records.iter().take_while(|record| record.as_ref().position < end) {
            check(record.as_ref(), wanted)?;
            wanted += 1;
            write(record)?;
        }
        let Some(next) = page.next else { break };
        pages = pages.after(next);
    }
    if wanted < end {
        bail!("channel {channel_id} ends before position {wanted}, although its log has {end}: the database was changed");
    }
    Ok(())
}

/// Checks that no entry is missing: an export that silently leaves out an entry is worse than none.
fn check(entry: &Entry, wanted: i64) -> anyhow::Result<()> {
    if entry.position != wanted {
        bail!("channel {} has no entry at position {wanted}: the database was changed", entry.channel_id);
    }
    Ok(())
}
