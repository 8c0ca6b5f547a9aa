//! What each trigger and each index of the schema costs an insert: by dropping them in turn.

use audit_store::Prepared;

use crate::{Options, raw};

/// Rows of a transaction: enough that the commit does not hide the rest.
const PER_COMMIT: usize = 1_000;

const ALTERED: [(&str, &str); 6] = [
    ("PRAGMA temp_store = MEMORY", "PRAGMA temp_store = DEFAULT"),
    ("trigger events_refuse_replace", "DROP TRIGGER events_refuse_replace"),
    ("all triggers", "DROP TRIGGER events_refuse_replace; DROP TRIGGER events_only_erase; DROP TRIGGER events_keep_rows"),
    ("events_by_timestamp", "DROP INDEX events_by_timestamp"),
    (
        "refuse_replace: rowid only",
        "DROP TRIGGER events_refuse_replace;
         CREATE TRIGGER events_refuse_replace BEFORE INSERT ON events WHEN EXISTS (SELECT 1 FROM events WHERE rowid = NEW.rowid)
         BEGIN SELECT RAISE(ABORT, 'taken'); END",
    ),
    (
        "refuse_replace: uuid only",
        "DROP TRIGGER events_refuse_replace;
         CREATE TRIGGER events_refuse_replace BEFORE INSERT ON events
         WHEN EXISTS (SELECT 1 FROM events WHERE channel_id = NEW.channel_id AND uuid = NEW.uuid)
         BEGIN SELECT RAISE(ABORT, 'taken'); END",
    ),
];

pub(crate) fn run(options: &Options, events: &[Prepared]) -> anyhow::Result<()> {
    let microseconds = |alter: &str| -> anyhow::Result<f64> {
        Ok(1e6 * raw::insert(&options.directory, events, PER_COMMIT, alter)? / events.len() as f64)
    };
    // The fastest round of each: what disturbs one only ever makes it slower.
    println!("{:30} {:>8} {:>8} {:>9}   µs a row, the fastest of all rounds", "", "with", "without", "costs");
    for (name, alter) in ALTERED.iter().filter(|(name, _)| name.contains(&options.only)) {
        let (mut with, mut without) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..options.rounds {
            with = with.min(microseconds("")?);
            without = without.min(microseconds(alter)?);
        }
        println!("{name:30} {with:8.1} {without:8.1} {:+9.1} {:+4.0}%", with - without, 100.0 * (with - without) / with);
    }
    Ok(())
}
