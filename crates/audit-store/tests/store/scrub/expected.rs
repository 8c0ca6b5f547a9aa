//! Where the finding of a change has to be, and which findings follow from it.

use audit_store::{Finding, Part};

use super::Said;

/// A log: its channel and the number of its stream.
pub(super) type LogOf = (i64, i16);

/// A place that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Entry(LogOf, i64),
    Tile(LogOf, i16, i64),
    Head(LogOf),
    /// A size of a log that its entries do not have: the first position that shows it.
    Size(LogOf, i64),
    Tree(LogOf),
    Checkpoint(LogOf),
    Segment(LogOf, &'static str, i64),
    Stray(LogOf, &'static str),
    LogName(i64),
    SigningKey(i64),
    /// Its absence is no proof of a change: the scrub says that it could not compare.
    NotChecked(LogOf),
}

impl Place {
    fn log(&self) -> Option<LogOf> {
        match self {
            Place::Entry(log, _)
            | Place::Size(log, _)
            | Place::Tile(log, ..)
            | Place::Head(log)
            | Place::Tree(log)
            | Place::Checkpoint(log) => Some(*log),
            Place::Segment(log, ..) | Place::Stray(log, _) | Place::NotChecked(log) => Some(*log),
            Place::LogName(_) | Place::SigningKey(_) => None,
        }
    }

    /// Whether a finding is at this place.
    fn has(&self, finding: &Finding) -> bool {
        let is_of = |log: &LogOf| finding.log == Some(*log);
        match (self, &finding.part) {
            (Place::Entry(log, at) | Place::Size(log, at), Part::Entry { position, .. }) => is_of(log) && position == at,
            // Without the tile above, nobody knows whether the entry or its tile was changed.
            (Place::Entry(log, at), Part::Tile { level: 0, tile, index: Some(index) }) => {
                is_of(log) && 256 * tile + i64::from(*index) == *at
            }
            (Place::Tile(log, wanted, number), Part::Tile { level, tile, .. }) => is_of(log) && (level, tile) == (wanted, number),
            (Place::Head(log), Part::Head) | (Place::Tree(log), Part::Tree) | (Place::Checkpoint(log), Part::Checkpoint { .. }) => {
                is_of(log)
            }
            (Place::Segment(log, wanted, at), Part::Index { table, first, .. }) => is_of(log) && (table, first) == (wanted, at),
            (Place::Stray(log, wanted), Part::Stray { table }) => is_of(log) && table == wanted,
            (Place::LogName(wanted), Part::LogName { number }) | (Place::SigningKey(wanted), Part::SigningKey { number }) => {
                wanted == number
            }
            _ => false,
        }
    }

    /// Whether a scrub found the change.
    pub(super) fn is_found(&self, said: &Said) -> bool {
        match self {
            Place::NotChecked((channel, stream)) => {
                let name = if *stream == 1 { "events" } else { "action-logs" };
                said.summary.not_checked.iter().any(|text| text.starts_with(&format!("{channel}/{name} ")))
            }
            place => said.findings.iter().any(|finding| place.has(finding)),
        }
    }
}

/// Whether a finding is at one of the places, or follows from a change there.
pub(super) fn is_explained(finding: &Finding, places: &[Place]) -> bool {
    if places.iter().any(|place| place.has(finding)) {
        return true;
    }
    let of_log = || places.iter().filter(|place| place.log() == finding.log);
    let any = |is: fn(&Place) -> bool| of_log().any(is);
    // With another size, a log has entries that are too many, or lacks some.
    if any(|place| matches!(place, Place::Size(..) | Place::Stray(..))) {
        return true;
    }
    match finding.part {
        // Another root follows from another entry.
        Part::Tree | Part::Checkpoint { .. } => any(|place| matches!(place, Place::Entry(..) | Place::Tree(_))),
        // A segment that is not where it was leaves a gap, and rows that belong to none. The index follows
        // from the entries.
        Part::Index { table: "segments", .. } => any(|place| matches!(place, Place::Entry(..) | Place::Segment(..))),
        Part::Index { .. } => any(|place| matches!(place, Place::Entry(..) | Place::Segment(_, "segments", _))),
        Part::Tile { .. } => any(|place| matches!(place, Place::Tree(_))),
        Part::SigningKey { .. } => places.iter().any(|place| matches!(place, Place::Checkpoint(_) | Place::LogName(_))),
        _ => false,
    }
}
