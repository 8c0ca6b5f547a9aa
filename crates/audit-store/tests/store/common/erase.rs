//! The one update there is, as an erasure will make it.

use audit_store::domain::Entry;
use audit_store::domain::log::Opening;

use super::{Kind, Raw};

/// The seals of an entry once some of its slots are erased.
pub(crate) fn openings_after(entry: &Entry, erased: &[u8]) -> Vec<u8> {
    let mut seals = Vec::new();
    for slot in entry.slots.iter() {
        match slot.opening {
            Opening::Salt(salt) if !erased.contains(&slot.number) => seals.extend([[slot.number, 0].as_slice(), &salt].concat()),
            _ => seals.extend([[slot.number, 1].as_slice(), &slot.commitment()].concat()),
        }
    }
    seals
}

/// The one update there is.
pub(crate) fn erase<K: Kind>(conn: &Raw, entry: &Entry, erased: &[u8]) {
    let gone = K::SLOTS.iter().filter(|(number, ..)| erased.contains(number));
    let nulls: Vec<String> =
        gone.flat_map(|(_, column, keys)| keys.iter().chain([column]).map(|c| format!("{c} = NULL"))).collect();
    let place = format!("channel_id = {} AND position = {}", entry.channel_id, entry.position);
    conn.execute(&format!(
        "UPDATE {} SET {}, seals = {} WHERE {place}",
        K::TABLE,
        nulls.join(", "),
        conn.blob(&openings_after(entry, erased))
    ));
}
