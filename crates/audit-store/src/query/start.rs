//! The start of a page of a walk in a channel.

use std::cmp::Ordering;

use audit_domain::{CursorKey, CursorOrder};

/// The entries of one channel after a point, in the direction of the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageStart {
    pub(crate) descending: bool,
    pub(crate) behind: Behind,
}

/// The point after which a page starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behind {
    /// All entries of the channel.
    Nothing,
    /// No entry of the channel.
    Everything,
    /// After a position, in a walk by position.
    Position(i64),
    /// After an entry of this channel: at a later instant, or at the same instant and a later
    /// position.
    Entry { at: i64, position: i64 },
    /// After the instant of an entry of another channel, whose entries of that instant come after
    /// this channel's.
    Instant(i64),
    /// From the instant of an entry of another channel, whose entries of that instant come before
    /// this channel's.
    InstantOn(i64),
}

impl PageStart {
    /// The start in one channel for the page after a point, which may be in another channel.
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

/// The conditions of a start, on the columns of a table: `>= AND (> OR >)`. The first part is a
/// range of the index, which `> OR (= AND >)` would not be.
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
