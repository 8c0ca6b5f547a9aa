//! The changes of a database: each kind draws a place that nothing else changed, changes it, and says
//! where a scrub has to find it.

mod entries;
mod index;
mod rows;

use std::collections::BTreeSet;

use super::expected::{LogOf, Place};
use crate::common::{Dice, Raw};

pub(in crate::scrub) use entries::OF_ENTRIES;
pub(in crate::scrub) use index::OF_INDEX;
pub(in crate::scrub) use rows::OF_LOGS;

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
