//! What masking costs the append rate: the real records of the tests, through a server with the standard policy and through one
//! with none.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use flate2::read::GzDecoder;

use crate::Options;
use crate::client::Request;
use crate::material::BATCH;
use crate::rates::{self, Kind, Measured};
use crate::scratch::Scratch;
use crate::server::Server;
use crate::table::{Table, grouped};

/// A row for each kind of record and number of connections. Both servers use the same database, one after the other, in an order that
/// alternates.
pub(crate) fn measure(options: &Options, scratch: &Scratch) -> anyhow::Result<Table> {
    let head = ["records", "connections", "standard, records/s", "none, records/s", "ratio", "ratio of CPU time a record"];
    let mut table = Table::new("Appends of 1,000 real records with and without masking, medians", &head);
    for (name, path, file) in
        [("events", "/api/v1/events", "events-dev.ndjson.gz"), ("action logs", "/api/v1/action-logs", "action-log-dev.ndjson.gz")]
    {
        let batches = batches(path, file)?;
        for connections in options.connections() {
            let rounds = (0..options.rounds).map(|round| pair(options, scratch, &batches, connections, round % 2 == 0));
            let rounds: Vec<(Measured, Measured)> = rounds.collect::<Result<_, _>>()?;
            let median_of = |value: &dyn Fn(&(Measured, Measured)) -> f64| median(rounds.iter().map(value).collect());
            let rate = |measured: &Measured| measured.rate(0) * BATCH as f64;
            let cpu = |measured: &Measured| measured.cpu_a_request().map_or(f64::NAN, |time| time.as_secs_f64());
            table.row([
                name.to_owned(),
                connections.to_string(),
                grouped(median_of(&|(standard, _)| rate(standard)).round() as u64),
                grouped(median_of(&|(_, none)| rate(none)).round() as u64),
                format!("{:.3}", median_of(&|(standard, none)| rate(standard) / rate(none))),
                format!("{:.3}", median_of(&|(standard, none)| cpu(standard) / cpu(none))),
            ]);
        }
    }
    Ok(table)
}

/// Measures with the standard policy and with none.
fn pair(
    options: &Options,
    scratch: &Scratch,
    batches: &[Request],
    connections: usize,
    standard_first: bool,
) -> anyhow::Result<(Measured, Measured)> {
    let run = |policy| {
        let server = Server::start(scratch, options.keys, &[("AUDIT_MASKING", policy)])?;
        let kind = Kind { name: "POST of 1,000 records", requests: batches, weight: 1 };
        let measured = rates::run(&server, &[kind], connections, options.time());
        server.stop()?;
        measured
    };
    if standard_first {
        let standard = run("standard")?;
        return Ok((standard, run("none")?));
    }
    let none = run("none")?;
    Ok((run("standard")?, none))
}

/// The records of a file, without their uuids: each is new whenever it is sent.
fn batches(path: &'static str, file: &str) -> anyhow::Result<Vec<Request>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file);
    let mut text = String::new();
    let opened = File::open(&file).with_context(|| file.display().to_string())?;
    GzDecoder::new(opened).read_to_string(&mut text)?;
    let lines: Vec<String> = text.lines().map(|line| without_uuid(line).unwrap_or_else(|| line.to_owned())).collect();
    Ok(lines.chunks_exact(BATCH).map(|batch| Request::post(path, "application/x-ndjson", batch.join("\n"))).collect())
}

/// An event without the uuid that it starts with.
fn without_uuid(line: &str) -> Option<String> {
    let rest = line.strip_prefix(r#"{"uuid":""#)?;
    rest.split_once(',').map(|(_, rest)| format!("{{{rest}"))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
