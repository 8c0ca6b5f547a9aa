//! How fast the append path is, beside raw inserts of the same rows.
//!
//! `cargo bench -p audit-store --bench append -- --help`

mod costs;
mod forms;
mod masking;
#[path = "../../tests/postgres/mod.rs"]
#[expect(dead_code, unused_imports, clippy::unwrap_used, reason = "not all of it is needed here")]
mod postgres_server;
mod raw;
mod rows;
mod speed;

use std::path::PathBuf;

use anyhow::{Context, bail};

const HELP: &str = "\
Measures the append path beside raw prepared inserts of the same rows.

cargo bench -p audit-store --bench append -- [OPTIONS]

  --events FILE     events in the native shape, one a line (.gz too) [default: the server's test data]
  --directory DIR   where the scratch databases are made; its disk is part of what is measured [default: target/tmp]
  --rounds N        rounds, of which the median counts [default: 5]
  --copies N        how often the events are repeated, with new uuids [default: 1]
  --costs           what each trigger and each index costs, instead
  --old-trees       raw inserts into the table as it was with seven more indexes and no search index, instead of today's
  --postgres        the store on a private PostgreSQL server beside raw COPYs, instead of SQLite
  --masking         the store from the texts on, with the standard masking policy beside none, instead
  --forms           on a private PostgreSQL server: COPY, unnest, several rows of VALUES, one row a statement, instead
  --only PART       only what has this in its name
  --test            a few rows, once, in all ways: whether it runs (as without --bench, which `cargo bench` gives)
  --help            this text";

/// What to measure, and on what.
struct Options {
    events: PathBuf,
    directory: PathBuf,
    rounds: usize,
    copies: usize,
    costs: bool,
    old_trees: bool,
    postgres: bool,
    forms: bool,
    masking: bool,
    only: String,
    smoke: bool,
}

fn options() -> anyhow::Result<Option<Options>> {
    let mut options = Options {
        events: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../audit-server/tests/data/events-dev.ndjson.gz")),
        directory: PathBuf::from(env!("CARGO_TARGET_TMPDIR")),
        rounds: 5,
        copies: 1,
        costs: false,
        old_trees: false,
        postgres: false,
        forms: false,
        masking: false,
        only: String::new(),
        smoke: true,
    };
    let mut test = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--events" => options.events = value()?.into(),
            "--directory" => options.directory = value()?.into(),
            "--rounds" => options.rounds = value()?.parse::<usize>()?.max(1),
            "--copies" => options.copies = value()?.parse::<usize>()?.max(1),
            "--only" => options.only = value()?,
            "--costs" => options.costs = true,
            "--old-trees" => options.old_trees = true,
            "--postgres" => options.postgres = true,
            "--forms" => options.forms = true,
            "--masking" => options.masking = true,
            "--bench" => options.smoke = false,
            "--test" => test = true,
            "--help" | "-h" => return Ok(None),
            other => bail!("{other} is not known; see --help"),
        }
    }
    options.smoke |= test;
    Ok(Some(options))
}

fn main() -> anyhow::Result<()> {
    let Some(mut options) = options()? else {
        println!("{HELP}");
        return Ok(());
    };
    if options.smoke {
        options.rounds = 1;
    }
    if options.masking {
        return masking::run(&options);
    }
    let events = if options.smoke { rows::few()? } else { rows::read(&options.events, options.copies)? };
    println!("{} events, {} bytes each, {} rounds", events.len(), rows::bytes_each(&events), options.rounds);
    match (options.costs, options.forms) {
        (true, _) => costs::run(&options, &events),
        (_, true) => forms::run(&options, &events),
        _ if options.smoke => {
            speed::run(&options, &events)?;
            forms::run(&options, &events)?;
            masking::run(&options)
        }
        _ => speed::run(&options, &events),
    }
}

/// The middle one of several measurements, and how far they are apart.
fn median(mut rates: Vec<f64>) -> (f64, f64, f64) {
    rates.sort_by(f64::total_cmp);
    (rates[rates.len() / 2], rates[0], rates[rates.len() - 1])
}
