//! Where in a channel a page of a walk starts.

use std::cmp::Ordering;

use audit_domain::{CursorKey, CursorOrder};

/// The entries of one channel behind a point, in the direction of the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageStart {
    pub(crate) descending: bool,
    pub(crate) behind: Behind,
}

/// Behind what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behind {
    /// All of them.
    Nothing,
    /// None of them.
    Everything,
    /// Behind a position, in a walk by position.
    Position(i64),
    /// Behind an entry of this channel: later, or of the same instant and behind its position.
    Entry { at: i64, position: i64 },
    /// Later than an entry of another channel, whose entries of that instant come after this channel's.
    Instant(i64),
    /// Not earlier than an entry of another channel, whose entries of that instant come before this channel's.
    InstantOn(i64),
}

impl PageStart {
    /// The start in one channel of the page behind a point, which may be one of another channel.
    pub(crate) fn new(order: CursorOrder, descending: bool, channel_id: i64, after: Option<CursorKey>) -> PageStart {
        let behind = match after {
            None => Behind::Nothing,
            Some(after) => {
                let channel = channel_id.cmp(&after.channel_id);
                let channel = if descending { channel.reverse() } else { channel };
                match (order, channel) {
                    (CursorOrder::Position, Ordering::Less) => Behind::Everything,
                    (CursorOrder::Position, Ordering::Greater) => Behind::Nothing,
                    (CursorOrder::Position, Ordering::Equal) => Behind::Position(after.position),
                    (CursorOrder::Timestamp, Ordering::Equal) => Behind::Entry { at: after.timestamp, position: after.position },
                    (CursorOrder::Timestamp, Ordering::Less) => Behind::Instant(after.timestamp),
                    (CursorOrder::Timestamp, Ordering::Greater) => Behind::InstantOn(after.timestamp),
                }
            }
        };
        PageStart { descending, behind }
    }
}

/// The conditions of a start, on the columns of a table. `>= AND (> OR >)`: the first part is a range of the index, which
/// `> OR (= AND >)` would not be.
macro_rules! begin {
    ($query:expr, $start:expr, $time:expr, $position:expr) => {
        match ($start.behind, $start.descending) {
            (Behind::Nothing, _) => $query,
            (Behind::Everything, _) => $query.filter($position.lt(0)),
            (Behind::Position(position), true) => $query.filter($position.lt(position)),
            (Behind::Position(position), false) => $query.filter($position.gt(position)),
            (Behind::Entry { at, position }, true) => $query.filter($time.le(at)).filter($time.lt(at).or($position.lt(position))),
            (Behind::Entry { at, position }, false) => $query.filter($time.ge(at)).filter($time.gt(at).or($position.gt(position))),
            (Behind::Instant(at), true) => $query.filter($time.lt(at)),
            (Behind::Instant(at), false) => $query.filter($time.gt(at)),
            (Behind::InstantOn(at), true) => $query.filter($time.le(at)),
            (Behind::InstantOn(at), false) => $query.filter($time.ge(at)),
        }
    };
}

pub(crate) use begin;
