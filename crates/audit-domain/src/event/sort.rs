//! The sort of events.

use std::cmp::Ordering;

use uuid::Uuid;

use super::Event;
use crate::sort::{Sort, SortBy, SortKey, null_last};

/// A field by which events can be sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SortField {
    /// The time at which the event happened.
    Timestamp,
    /// The number of the content type; null last.
    ContentType,
    /// Numbers in numeric order, texts after numbers, null last.
    ObjectId,
    /// The user's id, ordered like the object's.
    User,
    /// The uuid, compared byte by byte.
    Uuid,
    /// The position in the log.
    Position,
}

/// The order of a list of events.
pub type EventSort = Sort<SortField>;

/// The values by which an event is sorted. They are enough to merge pages of several channels.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the same names")]
pub struct SortRow {
    pub channel_id: i64,
    pub position: i64,
    pub timestamp: i64,
    pub uuid: Uuid,
    pub content_type: Option<i64>,
    pub object_num: Option<i64>,
    pub object_id: Option<String>,
    pub user_num: Option<i64>,
    pub user_id: Option<String>,
}

impl SortRow {
    /// Takes the sort values from an event.
    #[must_use]
    pub fn from_event(event: &Event) -> SortRow {
        let keys = event.filter_columns();
        SortRow {
            channel_id: event.entry.channel_id.get(),
            position: event.entry.position,
            timestamp: event.entry.timestamp.micros(),
            uuid: event.entry.uuid,
            content_type: keys.content_type,
            object_num: keys.object_num,
            object_id: keys.object_id,
            user_num: keys.user_num,
            user_id: keys.user_id,
        }
    }
}

impl SortBy for SortField {
    type Row = SortRow;

    /// Newest first.
    const DEFAULT: SortKey<SortField> = SortKey { field: SortField::Timestamp, descending: true };

    fn compare(self, a: &SortRow, b: &SortRow, directed: &dyn Fn(Ordering) -> Ordering) -> Ordering {
        match self {
            SortField::Timestamp => directed(a.timestamp.cmp(&b.timestamp)),
            SortField::Uuid => directed(a.uuid.cmp(&b.uuid)),
            SortField::Position => directed(a.position.cmp(&b.position)),
            SortField::ContentType => null_last(&a.content_type, &b.content_type, directed),
            SortField::ObjectId => {
                null_last(&a.object_num, &b.object_num, directed).then_with(|| null_last(&a.object_id, &b.object_id, directed))
            }
            SortField::User => {
                null_last(&a.user_num, &b.user_num, directed).then_with(|| null_last(&a.user_id, &b.user_id, directed))
            }
        }
    }

    fn place(row: &SortRow) -> (i64, i64) {
        (row.channel_id, row.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_counts_once_and_ties_follow_the_last_key() {
        let key = |field, descending| SortKey { field, descending };
        let sort = EventSort::by(vec![key(SortField::User, false), key(SortField::User, true), key(SortField::User, true)]);
        assert_eq!(sort.keys(), [key(SortField::User, false)]);
        assert!(sort.ties_descend());
        let many = (0..100_000).map(|n| key(if n % 2 == 0 { SortField::Uuid } else { SortField::Timestamp }, n % 3 == 0));
        assert_eq!(EventSort::by(many.collect()).keys().len(), 2);
        assert_eq!(EventSort::by(Vec::new()), EventSort::default());
    }
}
