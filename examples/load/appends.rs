//! Single events and batches at full rate, and the lag of the search index meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::anyhow;

use crate::Options;
use crate::database::Database;
use crate::lag;
use crate::material::{BATCH, Material};
use crate::rates::{self, Kind, Measured};
use crate::server::Server;
use crate::table::{Table, grouped, percentile};

/// A table of the appends, and one of the lag.
pub(crate) fn measure(
    options: &Options,
    server: &Server,
    material: &Material,
    database: &mut Database,
) -> anyhow::Result<[Table; 2]> {
    let head: Vec<&str> = ["request"].into_iter().chain(rates::HEAD).chain(["events/s"]).collect();
    let mut appends = Table::new("Appends", &head);
    let head = [
        "connections",
        "events/s",
        "events behind, p50",
        "events behind, p99",
        "lag, s, p50",
        "lag, s, p99",
        "nothing behind after, s",
    ];
    let mut lags = Table::new("Lag of the search index while batches are appended", &head);
    let mut row = |name: &str, events: usize, measured: &Measured| {
        let mut cells = vec![name.to_owned()];
        cells.extend(measured.cells(0));
        cells.push(grouped((measured.rate(0) * events as f64).round() as u64));
        appends.row(cells);
    };
    for connections in options.connections() {
        let single = Kind { name: "POST of one event", requests: &material.singles, weight: 1 };
        let name = single.name;
        row(name, 1, &rates::run(server, &[single], connections, options.time())?);
        // What is left of the one must not count as the lag of the next.
        lag::wait_until_indexed(database)?;
        let (measured, behind) = batches(options, server, material, database, connections)?;
        row("POST of 1,000 events", BATCH, &measured);
        let caught_up = lag::wait_until_indexed(database)?;
        let rate = measured.rate(0) * BATCH as f64;
        let count = |percent| percentile(&behind, percent).map_or("-".to_owned(), grouped);
        let lag = |percent| match percentile(&behind, percent) {
            Some(behind) if rate > 0.0 => format!("{:.2}", behind as f64 / rate),
            _ => "-".to_owned(),
        };
        let rate = grouped(rate.round() as u64);
        let caught_up = format!("{:.2}", caught_up.as_secs_f64());
        lags.row([connections.to_string(), rate, count(50), count(99), lag(50), lag(99), caught_up]);
    }
    Ok([appends, lags])
}

/// Batches, and how many entries the index was behind meanwhile.
fn batches(
    options: &Options,
    server: &Server,
    material: &Material,
    database: &mut Database,
    connections: usize,
) -> anyhow::Result<(Measured, Vec<u64>)> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let sampler = scope.spawn(|| lag::sample(database, &over));
        let kind = Kind { name: "POST of 1,000 events", requests: &material.batches, weight: 1 };
        let measured = rates::run(server, &[kind], connections, options.time());
        over.store(true, Ordering::SeqCst);
        let behind = sampler.join().map_err(|_| anyhow!("the sampler panicked"))?;
        Ok((measured?, behind?))
    })
}
