//! The changes of a database: each kind draws a place that nothing else changed, changes it, and says
//! where a scrub has to find it.

use std::collections::BTreeSet;

use super::expected::{LogOf, Place};
use super::values::{blob, change_bytes, change_text, set, swap_number, text};
use crate::common::{Dice, Raw};

/// The logs, their tables and their sizes.
pub(super) const LOGS: [(LogOf, &str, i64); 3] =
    [((1, 1), "events", 6_200), ((7, 1), "events", 800), ((7, 2), "action_logs", 3_000)];

/// The database that is changed.
pub(super) struct Changing<'c> {
    pub(super) raw: &'c Raw,
    pub(super) dice: &'c mut Dice,
    /// Blocks of entries, and other places, that are changed already.
    taken: BTreeSet<(LogOf, String)>,
}

/// A kind of change. Returns nothing if the database refused it.
pub(super) type Kind = fn(&mut Changing<'_>) -> Result<Vec<Place>, String>;

impl<'c> Changing<'c> {
    pub(super) fn new(raw: &'c Raw, dice: &'c mut Dice) -> Changing<'c> {
        Changing { raw, dice, taken: BTreeSet::new() }
    }

    fn below(&mut self, bound: i64) -> i64 {
        self.dice.below(bound as u64) as i64
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.dice.below(of.len() as u64) as usize]
    }

    /// Takes a place, unless it is taken.
    fn take(&mut self, log: LogOf, what: String) -> Result<(), String> {
        if self.taken.insert((log, what)) { Ok(()) } else { Err("taken".to_owned()) }
    }

    /// A position in a block that nothing else changed.
    fn position(&mut self) -> Result<(LogOf, &'static str, i64), String> {
        let (log, table, size) = self.pick(&LOGS);
        let position = self.below(size);
        self.take(log, format!("block {}", position / 256))?;
        Ok((log, table, position))
    }

    fn set(&self, table: &str, column: &str, value: &str, place: &str) -> Result<(), String> {
        self.raw.try_execute(&format!("UPDATE {table} SET {column} = {value} WHERE {place}"))
    }
}

fn at((channel, _): LogOf, position: i64) -> String {
    format!("channel_id = {channel} AND position = {position}")
}

pub(super) fn of_log((channel, stream): LogOf) -> String {
    format!("channel_id = {channel} AND stream = {stream}")
}

fn slot(c: &mut Changing<'_>) -> Result<Vec<Place>, String> {
    let (log, table, position) = c.position()?;
    let slots: &[&str] = match table {
        "events" => &[
            "subject_json",
            "user_json",
            "url_json",
            "content",
            "query_params",
            "post_data",
            "headers",
            "description_json",
            "extra",
        ],
        _ => &["subject_json", "message", "trace", "extra"],
    };
    let (column, place) = (c.pick(slots), at(log, position));
    let value = c.raw.rows(&format!("SELECT {column} FROM {table} WHERE {place}")).remove(0).remove(0);
    let changed = match value {
        None => text("{}"),
        Some(_) if c.below(6) == 0 => "NULL".to_owned(),
        Some(value) => text(&change_text(c.dice, &value)),
    };
    c.set(table, column, &changed, &place)?;
    Ok(vec![Place::Entry(log, position)])
}

fn bytes_of_entry(c: &mut Changing<'_>) -> Result<Vec<Place>, String> {
    let (log, table, position) = c.position()?;
    let (column, place) = (c.pick(&["seals", "leaf_hash", "leaf_hash", "uuid"]), at(log, position));
    let changed = change_bytes(c.dice, blob(c.raw, table, column, &place));
    c.set(table, column, &c.raw.blob(&changed), &place)?;
    Ok(vec![Place::Entry(log, position)])
}

fn filter_column(c: &mut Changing<'_>) -> Result<Vec<Place>, String> {
    let (log, table, position) = c.position()?;
    let (texts, numbers): (&[&str], &[&str]) = match table {
        "events" => (
            &[
                "action",
                "table_name",
                "object_id",
                "user_id",
                "user_name",
                "user_email",
                "remote_addr",
                "url",
                "outcome",
                "correlation_id",
                "source",
                "impersonator_id",
            ],
            &["content_type", "object_num", "user_num"],
        ),
        _ => (&["logger_name", "app_name", "correlation_id"], &["level"]),
    };
    let place = at(log, position);
    let is_text = c.below(4) > 0;
    let column = c.pick(if is_text { texts } else { numbers });
    let value = if is_text { format!("coalesce({column}, '') || 'x'") } else { format!("coalesce({column}, 6) + 1") };
    c.set(table, column, &value, &place)?;
    Ok(vec![Place::Entry(log, position)])
}

fn number_of_entry(c: &mut Changing<'_>) -> Result<Vec<Place>, String> {
    let (log, table, position) = c.position()?;
    let time = if table == "events" { "timestamp" } else { "created_at" };
    let column = c.pick(&[time, "recorded_at", "producer_id"]);
    let by = c.pick(&[-1, 1, 1_000_000]);
    c.set(table, column, &format!("{column} + {by}"), &at(log, position))?;
    Ok(vec![Place::Entry(log, position)])
}

fn deleted_entry(c: &mut Changing<'_>) -> Result<Vec<Place>, String> {
    let (log, table, position) = c.position()?;
    c.raw.execute(&format!("DELETE FROM {table} WHERE {}", at(log, position)));
    Ok(vec![Place::Entry(log, position)])
}

fn swapped_entries(c: &mut Changing<'_>) -> Result<Vec<Place>, String> {
    let (log, table, a) = c.position()?;
    let size = LOGS.iter().find(|(other, ..)| *other == log).unwrap().2;
    let b = if c.below(2) == 0 { a ^ 1 } else { c.below(size) };
    if b >= size || a == b || (a / 256 != b / 256 && c.take(log, format!("block {}", b / 256)).is_err()) {
        return Err("taken".to_owned());
    }
    swap_number(c.raw, table, "position", &format!("channel_id = {}", log.0), a, b);
    Ok(vec![Place::Entry(log, a), Place::Entry(log, b)])
}

fn appended_entry(c: &mut Changing<'_>) -> Result<Vec<Place>, String> {
    let (log, table, position) = c.position()?;
    let (_, _, size) = LOGS.into_iter().find(|(other, ..)| *other == log).unwrap();
    let to = c.pick(&[size, size + 1, size + 1_000, -1]);
    c.take(log, format!("beyond {to}"))?;
    c.set(table, "position", &to.to_string(), &at(log, position))?;
    Ok(vec![Place::Entry(log, to), Place::Entry(log, position)])
}

fn entry_of_no_log(c: &mut Changing<'_>) -> Result<Vec<Place>, String> {
    let (log, table, position) = c.position()?;
    c.set(table, "channel_id", "99", &at(log, position))?;
    Ok(vec![Place::Entry(log, position), Place::Stray((99, log.1), table)])
}

/// A tile whose block nothing else changed.
fn a_tile(c: &mut Changing<'_>) -> Result<(LogOf, i16, i64, String), String> {
    let (log, _, size) = c.pick(&LOGS);
    let level = i16::from(c.below(5) == 0);
    let tile = if level == 0 { c.below((size - 1) / 256 + 1) } else { 0 };
    // The level above shows who is right.
    c.take(log, format!("level {level}"))?;
    c.take(log, format!("level {}", 1 - level))?;
    c.take(log, format!("block {tile}"))?;
    Ok((log, level, tile, format!("{} AND level = {level} AND tile = {tile}", of_log(log))))
}

fn tile(c: &mut Changing<'_>) -> Result<Vec<Place>, String> {
    let (log, level, tile, place) = a_tile(c)?;
    let mut places = vec![Place::Tile(log, level, tile)];
    match c.below(5) {
        0 => c.raw.execute(&format!("DELETE FROM tiles WHERE {place}")),
        1 => {
            c.set("tiles", "channel_id", "99", &place)?;
            places.push(Place::Stray((99, log.1), "tiles"));
        }
        2 => {
            let longer = [blob(c.raw, "tiles", "hashes", &place), vec![7; 32]].concat();
            c.set("tiles", "hashes", &c.raw.blob(&longer), &place)?;
        }
        3 => {
            c.set("tiles", "tile", "tile + 1000", &place)?;
            places.push(Place::Tile(log, level, tile + 1_000));
        }
        _ => {
            let changed = change_bytes(c.dice, blob(c.raw, "tiles", "hashes", &place));
            c.set("tiles", "hashes", &c.raw.blob(&changed), &place)?;
        }
    }
    Ok(places)
}

fn swapped_tiles(c: &mut Changing<'_>) -> Result<Vec<Place>, String> {
    let (log, level, a, _) = a_tile(c)?;
    let b = a + 1;
    let rows = c.raw.strings(&format!("SELECT tile FROM tiles WHERE {} AND level = {level}", of_log(log)));
    if !rows.contains(&b.to_string()) || c.take(log, format!("block {b}")).is_err() {
        return Err("taken".to_owned());
    }
    swap_number(c.raw, "tiles", "tile", &format!("{} AND level = {level}", of_log(log)), a, b);
    Ok(vec![Place::Tile(log, level, a), Place::Tile(log, level, b)])
}

/// The changes of entries and tiles, those of slots more than once.
pub(super) const OF_ENTRIES: [Kind; 13] = [
    slot,
    slot,
    bytes_of_entry,
    bytes_of_entry,
    filter_column,
    filter_column,
    number_of_entry,
    deleted_entry,
    swapped_entries,
    appended_entry,
    entry_of_no_log,
    tile,
    swapped_tiles,
];

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
            places = vec![Place::Stray((98, log.1), "segments"), Place::Segment(log, "postings", first)];
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
pub(super) const OF_INDEX: [Kind; 3] = [segment_row, row_of_segment, row_of_segment];

/// A log of which nothing else was changed.
fn a_log(c: &mut Changing<'_>) -> Result<(LogOf, String), String> {
    let (log, ..) = c.pick(&LOGS);
    c.take(log, "whole".to_owned())?;
    Ok((log, of_log(log)))
}

fn head(c: &mut Changing<'_>) -> Result<Vec<Place>, String> {
    let (log, place) = a_log(c)?;
    let table = LOGS.iter().find(|(other, ..)| *other == log).unwrap().1;
    let (channel, size) = (log.0, LOGS.iter().find(|(other, ..)| *other == log).unwrap().2);
    match c.below(4) {
        0 => {
            let more = c.pick(&[1, 300]);
            c.set("logs", "next_position", &format!("next_position + {more}"), &place)?;
            Ok(vec![Place::Head(log), Place::Entry(log, size)])
        }
        1 => {
            let fewer = c.pick(&[1, 300]);
            c.set("logs", "next_position", &format!("next_position - {fewer}"), &place)?;
            Ok(vec![Place::Tree(log), Place::Entry(log, size - fewer)])
        }
        2 => {
            let by = c.pick(&[-1, 1]);
            c.set("logs", "recorded_at", &format!("recorded_at + {by}"), &place)?;
            Ok(vec![Place::Head(log)])
        }
        _ => {
            c.take((channel, 0), "head".to_owned())?;
            c.raw.execute(&format!("DELETE FROM logs WHERE {place}"));
            let tables = [table, "trees", "tiles", "checkpoints", "segments", "segment_times", "postings"];
            Ok(tables.into_iter().map(|table| Place::Stray(log, table)).collect())
        }
    }
}

fn tree(c: &mut Changing<'_>) -> Result<Vec<Place>, String> {
    let (log, place) = a_log(c)?;
    match c.below(5) {
        0 => {
            let by = c.pick(&[1, -1, 256, -256]);
            c.set("trees", "size", &format!("size + {by}"), &place)?;
        }
        1 => c.set("trees", "log_name", "log_name + 1", &place)?,
        2 => c.raw.execute(&format!("DELETE FROM trees WHERE {place}")),
        _ => {
            let mut root = blob(c.raw, "trees", "root", &place);
            root[c.dice.below(32) as usize] ^= 1 << c.dice.below(8);
            c.set("trees", "root", &c.raw.blob(&root), &place)?;
        }
    }
    Ok(vec![Place::Tree(log)])
}

fn checkpoint(c: &mut Changing<'_>) -> Result<Vec<Place>, String> {
    let (log, place) = a_log(c)?;
    match c.below(5) {
        0 => {
            let by = c.pick(&[1, -1]);
            c.set("checkpoints", "size", &format!("size + {by}"), &place)?;
        }
        1 => {
            c.raw.execute(&format!("DELETE FROM checkpoints WHERE {place}"));
            return Ok(vec![Place::NotChecked(log)]);
        }
        2 => {
            let (other, _) = a_log(c)?;
            let notes =
                [log, other].map(|log| c.raw.strings(&format!("SELECT note FROM checkpoints WHERE {}", of_log(log))).remove(0));
            c.set("checkpoints", "note", &text(&notes[1]), &place)?;
            c.set("checkpoints", "note", &text(&notes[0]), &of_log(other))?;
            return Ok(vec![Place::Checkpoint(log), Place::Checkpoint(other)]);
        }
        3 => c.set("checkpoints", "log_name", "2", &place)?,
        _ => {
            let note = c.raw.strings(&format!("SELECT note FROM checkpoints WHERE {place}")).remove(0);
            // Without the first line, it is the checkpoint of a log whose key nobody gave.
            let (origin, rest) = note.split_once('\n').unwrap();
            let changed = format!("{origin}\n{}", change_text(c.dice, rest));
            c.set("checkpoints", "note", &text(&changed), &place)?;
        }
    }
    Ok(vec![Place::Checkpoint(log)])
}

fn name_or_key(c: &mut Changing<'_>) -> Result<Vec<Place>, String> {
    c.take((0, 0), "name or key".to_owned())?;
    match c.below(3) {
        0 => {
            c.set("log_names", "name", "name || 'x'", "number = 1")?;
            Ok(vec![Place::LogName(1)])
        }
        1 => {
            c.set("log_names", "number", "2", "number = 1")?;
            Ok(vec![Place::LogName(2)])
        }
        _ => {
            let mut key = blob(c.raw, "signing_keys", "public_key", "number = 1");
            key[c.dice.below(32) as usize] ^= 1 << c.dice.below(8);
            set(c.raw, "signing_keys", "public_key", &c.raw.blob(&key), "number = 1");
            Ok(vec![Place::SigningKey(1)])
        }
    }
}

/// The changes of the rows that a log has once, and of those of the whole database.
pub(super) const OF_LOGS: [Kind; 4] = [head, tree, checkpoint, name_or_key];
