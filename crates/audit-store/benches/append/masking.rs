//! What the standard masking policy costs: events from their texts to their receipts, with it and without.

use std::path::Path;

use audit_store::domain::{ChannelId, MaskingPolicy, NewEvent, ParseMode};
use audit_store::{AppendRequest, Store, StoreConfig};

use crate::speed::side_by_side;
use crate::{Options, median, rows};

const EVENTS_PER_REQUEST: usize = 1_000;

/// Events a second through a fresh database. Each caller parses, prepares and appends one request after another, as a
/// thread of the server does.
fn rate(directory: &Path, requests: &[Vec<&str>], callers: usize, policy: MaskingPolicy) -> anyhow::Result<f64> {
    let place = tempfile::tempdir_in(directory)?;
    let config = StoreConfig::new(format!("sqlite://{}/audit.db", place.path().display())).masking(policy);
    let store = Store::open(config)?;
    let log = store.channels(ChannelId::DEFAULT).events();
    let send = |texts: Vec<&str>| -> anyhow::Result<()> {
        let prepare = |text: &str| {
            // A uuid of its own for each copy.
            let event = NewEvent { uuid: None, ..NewEvent::parse(text, ParseMode::IMPORT)? };
            anyhow::Ok(log.prepare(event)?)
        };
        let events = texts.into_iter().map(prepare).collect::<Result<Vec<_>, _>>()?;
        store.append(AppendRequest::new(events))?.wait()?;
        Ok(())
    };
    let count: usize = requests.iter().map(Vec::len).sum();
    Ok(count as f64 / side_by_side(requests.to_vec(), callers, send)?)
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let texts = if options.smoke {
        (0..40).map(|number| format!(r#"{{"url":"/items/{number}?token=abc{number}"}}"#)).collect()
    } else {
        rows::texts(&options.events)?
    };
    let all: Vec<&str> = (0..options.copies).flat_map(|_| texts.iter().map(String::as_str)).collect();
    let requests: Vec<Vec<&str>> = all.chunks(EVENTS_PER_REQUEST).map(<[&str]>::to_vec).collect();
    println!(
        "{} texts, {} bytes each, {EVENTS_PER_REQUEST} a request",
        all.len(),
        all.iter().map(|t| t.len()).sum::<usize>() / all.len()
    );
    println!("{:12} {:>16} {:>12} {:>7}", "", "standard, rows/s", "none, rows/s", "ratio");
    for callers in [1, 4] {
        let (mut masked, mut plain) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            masked.push(rate(&options.directory, &requests, callers, MaskingPolicy::standard())?);
            plain.push(rate(&options.directory, &requests, callers, MaskingPolicy::none())?);
        }
        let ((masked, low, high), (plain, plain_low, plain_high)) = (median(masked), median(plain));
        println!(
            "{callers:3} caller{} {masked:17.0} {plain:12.0} {:7.2}   {low:.0}-{high:.0} beside {plain_low:.0}-{plain_high:.0}",
            if callers == 1 { " " } else { "s" },
            masked / plain
        );
    }
    Ok(())
}
