//! The sort of action logs.

use std::cmp::Ordering;

use super::ActionLog;
use crate::sort::{Sort, SortBy, SortKey, null_last};

/// A field by which action logs can be sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActionLogSortField {
    /// The time at which the record was made.
    CreatedAt,
    /// The level.
    Level,
    /// The position in the log, in the same order as the id.
    Position,
}

/// The order of a list of action logs.
pub type ActionLogSort = Sort<ActionLogSortField>;

/// The values by which an action log is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the same names")]
pub struct ActionLogSortRow {
    pub channel_id: i64,
    pub position: i64,
    pub created_at: i64,
    pub level: Option<i64>,
}

impl ActionLogSortRow {
    /// Takes the sort values from an action log.
    #[must_use]
    pub fn from_action_log(log: &ActionLog) -> ActionLogSortRow {
        ActionLogSortRow {
            channel_id: log.entry.channel_id.get(),
            position: log.entry.position,
            created_at: log.entry.timestamp.micros(),
            level: log.subject().map(|subject| subject.level),
        }
    }
}

impl SortBy for ActionLogSortField {
    type Row = ActionLogSortRow;

    /// Newest first.
    const DEFAULT: SortKey<ActionLogSortField> = SortKey { field: ActionLogSortField::CreatedAt, descending: true };

    fn compare(self, a: &ActionLogSortRow, b: &ActionLogSortRow, directed: &dyn Fn(Ordering) -> Ordering) -> Ordering {
        match self {
            ActionLogSortField::CreatedAt => directed(a.created_at.cmp(&b.created_at)),
            ActionLogSortField::Position => directed(a.position.cmp(&b.position)),
            // An erased level is null.
            ActionLogSortField::Level => null_last(&a.level, &b.level, directed),
        }
    }

    fn place(row: &ActionLogSortRow) -> (i64, i64) {
        (row.channel_id, row.position)
    }
}
