//! `export`: the log as NDJSON, channel by channel in the order of positions, to keep elsewhere or to import again.

use std::path::PathBuf;

use anyhow::bail;
use audit_http::store::domain::{ChannelGrant, ChannelId, Event, EventFilter, Stream, Walk, WalkOrder};
use audit_http::store::{LogHead, Store, WalkQuery};
use clap::Args;
use indicatif::ProgressBar;

use crate::config::Settings;
use crate::output::Output;
use crate::progress::{self, Unit};

/// Write the events as NDJSON: one event a line, in the shape of the native API
///
/// Channel by channel, ascending, each in the order of its positions, up to where its log goes when the export starts. The
/// file is in its place once it is whole. Imported into an empty database it gives the same uuids, timestamps and values, byte
/// for byte; positions are given anew. The server may be running.
#[derive(Args)]
pub(super) struct ExportArgs {
    /// Only this channel; may be given several times [default: all]
    #[arg(long, value_name = "N")]
    channel: Vec<ChannelId>,
    /// File to write, packed if its name ends in `.gz`; `-` is stdout
    #[arg(short, long, value_name = "FILE", default_value = "-", hide_default_value = true)]
    output: PathBuf,
}

/// Events of a page. A page is in memory whole, with the first event of the next one: whatever their sizes, of a mebibyte and a
/// little at most, no more than 34 MiB. A page that grew while events are small would meet the large ones unprepared.
const PAGE_EVENTS_MAX: usize = 32;

pub(super) fn run(settings: &Settings, args: &ExportArgs) -> anyhow::Result<()> {
    let store = settings.open_existing_store()?;
    let grant = match args.channel.as_slice() {
        [] => ChannelGrant::All,
        some => ChannelGrant::Only(some.iter().copied().collect()),
    };
    let heads = store.logs(Stream::Events, &grant)?;
    let total: i64 = heads.iter().map(|head| head.size).sum();
    let bar = progress::bar(Unit::Events(total.unsigned_abs()))?;
    let mut output = Output::create(&args.output)?;
    let exported = heads.iter().try_for_each(|head| export(&store, head, &mut output, &bar));
    bar.finish_and_clear();
    exported?;
    output.finish()?;
    eprintln!("{total} event(s) of {} channel(s)", heads.len());
    Ok(())
}

/// Writes one log, as far as its head says.
fn export(store: &Store, head: &LogHead, output: &mut Output, bar: &ProgressBar) -> anyhow::Result<()> {
    let walk = Walk {
        order: WalkOrder::Position,
        descending: false,
        channels: Some(vec![head.channel_id]),
        filter: EventFilter::default(),
    };
    let mut query = WalkQuery { walk, after: None, size: PAGE_EVENTS_MAX, counted: false };
    let (mut wanted, mut line) = (0, String::new());
    while wanted < head.size {
        let page = store.walk(&query)?;
        for event in page.records.iter().take_while(|event| event.position < head.size) {
            check(event, wanted)?;
            wanted += 1;
            line.clear();
            event.write_json(&mut line);
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
            "channel {} ends before position {wanted}, though its log has {}: the database was changed",
            head.channel_id,
            head.size
        );
    }
    Ok(())
}

/// An export that silently leaves something out is worse than none.
fn check(event: &Event, wanted: i64) -> anyhow::Result<()> {
    if event.position != wanted {
        bail!("channel {} has no event at position {wanted}: the database was changed", event.channel_id);
    }
    Ok(())
}
