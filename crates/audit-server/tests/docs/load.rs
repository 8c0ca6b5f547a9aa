//! The load tool of `examples/load`, with few events and short measurements.

use std::process::Command;

use crate::common::run;
use crate::tools;

fn load() -> Command {
    let mut load = Command::new(tools::examples().join("load"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AUDIT_")) {
        load.env_remove(name);
    }
    load
}

#[test]
fn the_load_tool_measures_masking_in_pairs() {
    let short = ["--events", "1000", "--seconds", "0.2", "--connections", "2", "--only", "masking", "--rounds", "1"];
    let ended = run(load().args(short));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
    let rows: Vec<Vec<&str>> = ended
        .stdout
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.iter().map(|row| row[1]).collect::<Vec<_>>(), ["events", "action logs"], "{}", ended.stdout);
    for ratio in rows.iter().map(|row| row[5].parse::<f64>().unwrap()) {
        assert!(ratio > 0.0, "{}", ended.stdout);
    }
}

#[test]
fn the_load_tool_measures_every_part_without_an_error() {
    let ended = run(load().args(["--events", "2000", "--seconds", "0.1", "--connections", "1,4"]));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
    let titles: Vec<&str> = ended.stdout.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let lag = "Lag of the search index while batches are appended";
    assert_eq!(
        titles,
        ["Reads", "Queries one by one", "Mixed", "Appends beside eight readers", "Appends", lag, "The server at the end"]
    );
    // Two lines of the head of each, and what is measured: three requests, 26 queries, a mix of three with its sum, appends alone
    // and beside readers with the readers, two appends and the lag, all but the queries at two numbers of connections; memory, entries and
    // disk.
    let rows = ended.stdout.lines().filter(|line| line.starts_with('|')).count();
    assert_eq!(rows, 2 * titles.len() + 3 * 2 + 26 + 4 * 2 + 3 * 2 + 2 * 2 + 2 + 4, "{}", ended.stdout);
}
