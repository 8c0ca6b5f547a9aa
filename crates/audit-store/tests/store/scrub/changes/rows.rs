//! Changes of the rows that a log has once, and of names and keys.

use super::super::expected::{LogOf, Place};
use super::super::values::{blob, change_text, set, text};
use super::{Changing, Kind, LOGS, of_log};

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
            Ok(vec![Place::Size(log, size)])
        }
        1 => {
            let fewer = c.pick(&[1, 300]);
            c.set("logs", "next_position", &format!("next_position - {fewer}"), &place)?;
            Ok(vec![Place::Tree(log), Place::Size(log, size - fewer)])
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
pub(in crate::scrub) const OF_LOGS: [Kind; 4] = [head, tree, checkpoint, name_or_key];
