//! Changes of single values.

use crate::common::{Dice, Raw};

/// A text as a literal.
pub(super) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// The bytes of a column of one row.
pub(super) fn blob(raw: &Raw, table: &str, column: &str, place: &str) -> Vec<u8> {
    bytes(&raw.strings(&format!("SELECT {column} FROM {table} WHERE {place}"))[0])
}

/// Flips a bit of a value, or adds or removes bytes.
pub(super) fn change_bytes(dice: &mut Dice, mut value: Vec<u8>) -> Vec<u8> {
    let at = dice.below(value.len().max(1) as u64) as usize;
    match dice.below(4) {
        _ if value.is_empty() => value.push(7),
        0 => value.push(dice.below(256) as u8),
        1 => drop(value.remove(at)),
        _ => value[at] ^= 1 << dice.below(8),
    }
    value
}

/// Changes a character of a text, or adds or removes one.
pub(super) fn change_text(dice: &mut Dice, value: &str) -> String {
    let mut letters: Vec<char> = value.chars().collect();
    let at = dice.below(letters.len().max(1) as u64) as usize;
    match dice.below(4) {
        _ if letters.is_empty() => letters.push('x'),
        0 => letters.push('x'),
        1 => drop(letters.remove(at)),
        _ => letters[at] = if letters[at] == 'x' { 'y' } else { 'x' },
    }
    letters.into_iter().collect()
}

/// Sets a column of one row.
pub(super) fn set(raw: &Raw, table: &str, column: &str, value: &str, place: &str) {
    raw.execute(&format!("UPDATE {table} SET {column} = {value} WHERE {place}"));
}

/// Exchanges a column of two rows, which a unique key may have.
pub(super) fn swap_number(raw: &Raw, table: &str, column: &str, of_log: &str, a: i64, b: i64) {
    let aside = 1_000_000_000;
    for (from, to) in [(a, aside), (b, a), (aside, b)] {
        set(raw, table, column, &to.to_string(), &format!("{of_log} AND {column} = {from}"));
    }
}
