//! Changes of the search index.

use super::super::expected::{LogOf, Place};
use super::super::values::{blob, change_bytes};
use super::{Changing, Kind, LOGS, of_log};
use crate::common::Raw;

/// A segment that nothing else changed.
fn segment(c: &mut Changing<'_>) -> Result<(LogOf, i64, String), String> {
    let (log, ..) = c.pick(&LOGS);
    let firsts = c.raw.strings(&format!("SELECT first FROM segments WHERE {} ORDER BY first", of_log(log)));
    let first: i64 = firsts[c.dice.below(firsts.len() as u64) as usize].parse().unwrap();
    c.take(log, format!("segment {first}"))?;
    Ok((log, first, format!("{} AND first = {first}", of_log(log))))
}

fn segment_row(c: &mut Changing<'_>) -> Result<Vec<Place>, String> {
    let (log, first, place) = segment(c)?;
    let mut places = vec![Place::Segment(log, "segments", first)];
    match c.below(8) {
        0 => {
            let by = c.pick(&[1, 64, -64]);
            c.set("segments", "size", &format!("size + {by}"), &place)?;
        }
        1 => c.set("segments", "words", "(words + 1) % 3", &place)?,
        2 => {
            // What is left of the last one is found by its other rows.
            c.raw.execute(&format!("DELETE FROM segments WHERE {place}"));
            places = vec![Place::Segment(log, "postings", first), Place::Segment(log, "segment_times", first)];
        }
        3 => {
            c.set("segments", "channel_id", "98", &place)?;
            places = vec![Place::Segment(log, "postings", first), Place::Segment(log, "segment_times", first)];
            places.push(Place::Stray((98, log.1), "segments"));
        }
        which => {
            let column = c.pick(&["first_time", "last_time", "fences", "days"]);
            if which % 2 == 0 && column.ends_with("time") {
                c.set("segments", column, &format!("{column} + 1"), &place)?;
            } else {
                let column = c.pick(&["fences", "days"]);
                let changed = change_bytes(c.dice, blob(c.raw, "segments", column, &place));
                c.set("segments", column, &c.raw.blob(&changed), &place)?;
            }
        }
    }
    Ok(places)
}

fn row_of_segment(c: &mut Changing<'_>) -> Result<Vec<Place>, String> {
    let (log, first, place) = segment(c)?;
    let (table, key, column) = c.pick(&[
        ("segment_times", "block", "points"),
        ("postings", "first_term", "terms"),
        ("postings", "first_term", "first_term"),
    ]);
    let keys = c.raw.strings(&format!("SELECT {key} FROM {table} WHERE {place}"));
    let number = c.dice.below(keys.len() as u64) as usize;
    let key_value = if key == "block" { keys[number].clone() } else { hex(c.raw, &keys[number]) };
    let row = format!("{place} AND {key} = {key_value}");
    let mut places = vec![Place::Segment(log, table, first)];
    match c.below(5) {
        0 => c.raw.execute(&format!("DELETE FROM {table} WHERE {row}")),
        1 => {
            c.set(table, "channel_id", "97", &row)?;
            places.push(Place::Stray((97, log.1), table));
        }
        2 if key == "block" => c.set(table, "block", "block + 100", &row)?,
        _ => {
            let changed = change_bytes(c.dice, blob(c.raw, table, column, &row));
            c.set(table, column, &c.raw.blob(&changed), &row)?;
        }
    }
    Ok(places)
}

fn hex(raw: &Raw, hex: &str) -> String {
    let bytes: Vec<u8> = (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
    raw.blob(&bytes)
}

/// The changes of the search index, from which all counts come.
pub(in crate::scrub) const OF_INDEX: [Kind; 3] = [segment_row, row_of_segment, row_of_segment];
