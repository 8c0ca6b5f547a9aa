//! Rows per second through the store, at several sizes of a request, beside raw inserts in the same run.

use std::path::Path;
use std::time::Instant;

use audit_store::{AppendRequest, Prepared};

use crate::{Options, forms, median, raw};

/// Events of a request, callers that wait for their receipt before they send the next, and how many events are sent in all.
struct Case {
    name: &'static str,
    per_request: usize,
    callers: usize,
    events: usize,
}

const CASES: [Case; 6] = [
    Case { name: "1 event, 1 caller", per_request: 1, callers: 1, events: 2_000 },
    Case { name: "1 event, 16 callers", per_request: 1, callers: 16, events: 10_000 },
    Case { name: "100 events, 1 caller", per_request: 100, callers: 1, events: usize::MAX },
    Case { name: "100 events, 4 callers", per_request: 100, callers: 4, events: usize::MAX },
    Case { name: "1,000 events, 1 caller", per_request: 1_000, callers: 1, events: usize::MAX },
    Case { name: "1,000 events, 4 callers", per_request: 1_000, callers: 4, events: usize::MAX },
];

/// The indexes that the table had until the search index took their place.
const OLD_TREES: &str = "
    CREATE INDEX events_by_content_type ON events (channel_id, content_type, timestamp, position) WHERE content_type IS NOT NULL;
    CREATE INDEX events_by_object_id ON events (channel_id, object_id, timestamp, position) WHERE object_id IS NOT NULL;
    CREATE INDEX events_by_table_name ON events (channel_id, table_name, timestamp, position) WHERE table_name IS NOT NULL;
    CREATE INDEX events_by_user_id ON events (channel_id, user_id, timestamp, position) WHERE user_id IS NOT NULL;
    CREATE INDEX events_by_user_name ON events (channel_id, user_name, timestamp, position) WHERE user_name IS NOT NULL;
    CREATE INDEX events_by_url ON events (channel_id, url, timestamp, position) WHERE url IS NOT NULL;
    CREATE INDEX events_by_action ON events (channel_id, action, timestamp, position) WHERE action IS NOT NULL";

/// Seconds until every caller has its last receipt.
fn append(directory: &Path, postgres: bool, events: &[Prepared], case: &Case) -> anyhow::Result<f64> {
    let (_place, store) = raw::scratch(directory, postgres)?;
    let requests: Vec<Vec<Prepared>> = events.chunks(case.per_request).map(<[Prepared]>::to_vec).collect();
    side_by_side(requests, case.callers, |events| store.append(AppendRequest::new(events))?.wait().map(drop))
}

/// Seconds until every caller is done with its share of the requests.
pub(crate) fn side_by_side<R: Send, E: Into<anyhow::Error> + Send>(
    requests: Vec<R>,
    callers: usize,
    send: impl Fn(R) -> Result<(), E> + Sync,
) -> anyhow::Result<f64> {
    let share = requests.len().div_ceil(callers);
    let mut shares = Vec::new();
    let mut requests = requests.into_iter().peekable();
    while requests.peek().is_some() {
        shares.push(requests.by_ref().take(share).collect::<Vec<_>>());
    }
    let (start, send) = (Instant::now(), &send);
    std::thread::scope(|scope| {
        let caller = |requests: Vec<R>| scope.spawn(move || requests.into_iter().try_for_each(send));
        let callers: Vec<_> = shares.into_iter().map(caller).collect();
        callers.into_iter().try_for_each(|caller| match caller.join() {
            Ok(outcome) => outcome.map_err(Into::into),
            Err(_) => Err(anyhow::anyhow!("a caller panicked")),
        })
    })?;
    Ok(start.elapsed().as_secs_f64())
}

pub(crate) fn run(options: &Options, events: &[Prepared]) -> anyhow::Result<()> {
    println!(
        "{:26} {:>12} {:>12} {:>7}   raw: as many rows in a transaction as a request has",
        "", "store rows/s", "raw rows/s", "ratio"
    );
    for case in CASES.iter().filter(|case| case.name.contains(&options.only)) {
        let events = &events[..case.events.min(events.len())];
        let (mut store_rates, mut raw_rates) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            store_rates.push(events.len() as f64 / append(&options.directory, options.postgres, events, case)?);
            let raw = if options.postgres {
                forms::insert(forms::Form::Copy, events, case.per_request)?
            } else {
                raw::insert(&options.directory, events, case.per_request, if options.old_trees { OLD_TREES } else { "" })?
            };
            raw_rates.push(events.len() as f64 / raw);
        }
        let ((store, low, high), (raw, raw_low, raw_high)) = (median(store_rates), median(raw_rates));
        println!(
            "{:26} {store:12.0} {raw:12.0} {:7.2}   {low:.0}-{high:.0} beside {raw_low:.0}-{raw_high:.0}",
            case.name,
            store / raw
        );
    }
    Ok(())
}
