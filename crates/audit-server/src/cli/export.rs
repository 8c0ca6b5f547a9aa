//! `export`: writes the log as NDJSON, channel by channel in the order of positions, to store
//! elsewhere or to import again.

use std::path::PathBuf;

use anyhow::bail;
use audit_http::store::domain::{
    ActionLog, ActionLogFilter, ChannelGrant, ChannelId, CursorOrder, CursorScope, Entry, Event, EventFilter, Stream,
};
use audit_http::store::{CursorPage, CursorQuery, LogState, Store, StoreError};
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
    match args.kind {
        Exportable::Events => export::<Event>(settings, args),
        Exportable::ActionLogs => export::<ActionLog>(settings, args),
    }
}

/// An entry of one of the two streams.
trait Exported: AsRef<Entry> + Sized {
    const STREAM: Stream;
    const NAME: &'static str;
    type Filter: Default;

    fn walk(store: &Store, query: &CursorQuery<Self::Filter>) -> Result<CursorPage<Self>, StoreError>;
    fn write(&self, line: &mut String);
}

impl Exported for Event {
    const STREAM: Stream = Stream::Events;
    const NAME: &'static str = "event";
    type Filter = EventFilter;

    fn walk(store: &Store, query: &CursorQuery) -> Result<CursorPage<Event>, StoreError> {
        store.walk(query)
    }

    fn write(&self, line: &mut String) {
        self.write_json(line);
    }
}

impl Exported for ActionLog {
    const STREAM: Stream = Stream::ActionLogs;
    const NAME: &'static str = "action log";
    type Filter = ActionLogFilter;

    fn walk(store: &Store, query: &CursorQuery<ActionLogFilter>) -> Result<CursorPage<ActionLog>, StoreError> {
        store.walk_action_logs(query)
    }

    fn write(&self, line: &mut String) {
        self.write_json(line);
    }
}

fn export<R: Exported>(settings: &Settings, args: &ExportArgs) -> anyhow::Result<()> {
    let store = settings.open_existing_store()?;
    let grant = match args.channel.as_slice() {
        [] => ChannelGrant::All,
        some => ChannelGrant::Only(some.iter().copied().collect()),
    };
    let heads = store.logs(R::STREAM, &grant)?;
    let total: i64 = heads.iter().map(|head| head.size).sum();
    let bar = progress::bar(Unit::Entries(total.unsigned_abs()))?;
    let mut output = Output::create(&args.output)?;
    let exported = heads.iter().try_for_each(|head| export_log::<R>(&store, head, &mut output, &bar));
    bar.finish_and_clear();
    exported?;
    output.finish()?;
    stderr_line!("{total} {}(s) of {} channel(s)", R::NAME, heads.len());
    Ok(())
}

/// Writes one log, up to its size in `head`.
fn export_log<R: Exported>(store: &Store, head: &LogState, output: &mut Output, bar: &ProgressBar) -> anyhow::Result<()> {
    let walk = CursorScope {
        order: CursorOrder::Position,
        descending: false,
        channels: Some(vec![head.channel_id]),
        filter: R::Filter::default(),
    };
    let mut query = CursorQuery { walk, after: None, size: PAGE_ENTRIES_MAX, counted: false };
    let (mut wanted, mut line) = (0, String::new());
    while wanted < head.size {
        let page = R::walk(store, &query)?;
        for record in page.records.iter().take_while(|record| record.as_ref().position < head.size) {
            check(record.as_ref(), wanted)?;
            wanted += 1;
            line.clear();
            record.write(&mut line);
            line.push('\n');
            output.write(line.as_bytes())?;
            bar.inc(1);
        }
        query.after = page.next;
        if page.next.is_none() {
            break;
        }
    }
    if wanted < head.size {
        bail!(
            "channel {} ends before position {wanted}, although its log has {}: the database was changed",
            head.channel_id,
            head.size
        );
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
