//! Changes of entries and tiles.

use super::super::expected::{LogOf, Place};
use super::super::values::{blob, change_bytes, change_text, swap_number, text};
use super::{Changing, Kind, LOGS, at, of_log};

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
pub(in crate::scrub) const OF_ENTRIES: [Kind; 13] = [
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
