//! What the standard masking policy costs: events and action logs from their texts to their receipts, with it and without.

use std::path::Path;

use audit_store::domain::{ChannelId, MaskingPolicy, NewActionLog, NewEvent, ParseMode};
use audit_store::{AppendRequest, Prepared, Store, StoreConfig};

use crate::speed::side_by_side;
use crate::{Options, median, rows};

const ENTRIES_PER_REQUEST: usize = 1_000;

/// Parses the text of an entry and prepares it. Each copy has a uuid of its own.
type Prepare = fn(&Store, &str) -> anyhow::Result<Prepared>;

fn event(store: &Store, text: &str) -> anyhow::Result<Prepared> {
    let event = NewEvent { uuid: None, ..NewEvent::parse(text, ParseMode::IMPORT)? };
    Ok(store.channels(ChannelId::DEFAULT).events().prepare(event)?)
}

fn action_log(store: &Store, text: &str) -> anyhow::Result<Prepared> {
    let log = NewActionLog { uuid: None, ..NewActionLog::parse(text, ParseMode::IMPORT)? };
    Ok(store.channels(ChannelId::DEFAULT).action_logs().prepare(log)?)
}

/// Entries a second through a fresh database. Each caller parses, prepares and appends one request after another, as a
/// thread of the server does.
fn rate(
    directory: &Path,
    (requests, prepare): (&[Vec<&str>], Prepare),
    callers: usize,
    policy: MaskingPolicy,
) -> anyhow::Result<f64> {
    let place = tempfile::tempdir_in(directory)?;
    let config = StoreConfig::new(format!("sqlite://{}/audit.db", place.path().display())).masking(policy);
    let store = Store::open(config)?;
    let send = |texts: Vec<&str>| -> anyhow::Result<()> {
        let entries = texts.into_iter().map(|text| prepare(&store, text)).collect::<Result<Vec<_>, _>>()?;
        store.append(AppendRequest::new(entries))?.wait()?;
        Ok(())
    };
    let count: usize = requests.iter().map(Vec::len).sum();
    Ok(count as f64 / side_by_side(requests.to_vec(), callers, send)?)
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let (events, logs) = if options.smoke {
        let numbers = || 0..40;
        (
            numbers().map(|number| format!(r#"{{"url":"/items/{number}?token=abc{number}"}}"#)).collect(),
            numbers().map(|number| format!(r#"{{"level":20,"message":"token=abc{number}"}}"#)).collect(),
        )
    } else {
        (rows::texts(&options.events)?, rows::texts(&options.events.with_file_name("action-log-dev.ndjson.gz"))?)
    };
    compare(options, "events", &events, event)?;
    compare(options, "action logs", &logs, action_log)
}

fn compare(options: &Options, name: &str, texts: &[String], prepare: Prepare) -> anyhow::Result<()> {
    let all: Vec<&str> = (0..options.copies).flat_map(|_| texts.iter().map(String::as_str)).collect();
    let requests: Vec<Vec<&str>> = all.chunks(ENTRIES_PER_REQUEST).map(<[&str]>::to_vec).collect();
    let bytes_each = all.iter().map(|text| text.len()).sum::<usize>() / all.len();
    println!("{} {name}, {bytes_each} bytes each, {ENTRIES_PER_REQUEST} a request", all.len());
    println!("{:12} {:>16} {:>12} {:>7}", "", "standard, rows/s", "none, rows/s", "ratio");
    for callers in [1, 4] {
        let (mut masked, mut plain, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..options.rounds {
            let rate = |policy| rate(&options.directory, (&requests, prepare), callers, policy);
            // The disk may still write what the first one of a round appended, so they take turns.
            let (with, without) = if round % 2 == 0 {
                let with = rate(MaskingPolicy::standard())?;
                (with, rate(MaskingPolicy::none())?)
            } else {
                let without = rate(MaskingPolicy::none())?;
                (rate(MaskingPolicy::standard())?, without)
            };
            masked.push(with);
            plain.push(without);
            ratios.push(with / without);
        }
        let ((masked, ..), (plain, ..), (ratio, low, high)) = (median(masked), median(plain), median(ratios));
        println!(
            "{callers:3} caller{} {masked:17.0} {plain:12.0} {ratio:7.3}   {low:.2}-{high:.2}",
            if callers == 1 { " " } else { "s" },
        );
    }
    Ok(())
}
