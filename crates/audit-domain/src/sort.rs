//! In which order events are listed. [`EventSort::compare`] is the reference order; SQL is tested against it.

use std::cmp::Ordering;

use uuid::Uuid;

use crate::event::Event;

/// What events can be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SortField {
    /// When it happened.
    Timestamp,
    /// The numeric object type; null last.
    ContentType,
    /// Numbers in numeric order, texts after numbers, null last.
    ObjectId,
    /// The user's id, ordered like the object's.
    User,
    /// The uuid, byte by byte.
    Uuid,
    /// The place in the log.
    Position,
}

/// One sort key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SortKey {
    /// What to compare.
    pub field: SortField,
    /// Whether large values come first. Texts stay after numbers and null stays last in both directions.
    pub descending: bool,
}

/// Sort keys, most significant first; ties are broken by channel and position, in the direction of the last key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventSort {
    keys: Vec<SortKey>,
    ties_descend: bool,
}

impl Default for EventSort {
    /// Newest first.
    fn default() -> Self {
        EventSort { keys: vec![SortKey { field: SortField::Timestamp, descending: true }], ties_descend: true }
    }
}

/// The values an event is ordered by: what is needed to merge pages of several channels.
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
    /// The values of an event.
    #[must_use]
    pub fn of(event: &Event) -> SortRow {
        let keys = event.keys();
        SortRow {
            channel_id: event.channel_id.get(),
            position: event.position,
            timestamp: event.timestamp.micros(),
            uuid: event.uuid,
            content_type: keys.content_type,
            object_num: keys.object_num,
            object_id: keys.object_id,
            user_num: keys.user_num,
            user_id: keys.user_id,
        }
    }
}

impl EventSort {
    /// Sorts by these keys; by the default when there are none. Of a field that comes twice, the second key is left out: it
    /// could not change the order, and a client may send thousands.
    #[must_use]
    pub fn by(keys: Vec<SortKey>) -> EventSort {
        // Ties go in the direction of the last key that was given, even where that key is left out.
        let mut sort = EventSort { ties_descend: keys.last().is_some_and(|key| key.descending), keys: Vec::new() };
        for key in keys {
            if sort.keys.iter().all(|other| other.field != key.field) {
                sort.keys.push(key);
            }
        }
        if sort.keys.is_empty() { EventSort::default() } else { sort }
    }

    /// The keys, most significant first; never empty.
    #[must_use]
    pub fn keys(&self) -> &[SortKey] {
        &self.keys
    }

    /// The direction in which ties are broken.
    #[must_use]
    pub fn ties_descend(&self) -> bool {
        self.ties_descend
    }

    /// Which of two rows comes first.
    #[must_use]
    pub fn compare(&self, a: &SortRow, b: &SortRow) -> Ordering {
        let by_keys = self.keys.iter().map(|key| compare_field(*key, a, b)).find(|order| order.is_ne());
        by_keys.unwrap_or_else(|| {
            let by_place = (a.channel_id, a.position).cmp(&(b.channel_id, b.position));
            if self.ties_descend() { by_place.reverse() } else { by_place }
        })
    }
}

fn compare_field(key: SortKey, a: &SortRow, b: &SortRow) -> Ordering {
    let direction = |order: Ordering| if key.descending { order.reverse() } else { order };
    match key.field {
        SortField::Timestamp => direction(a.timestamp.cmp(&b.timestamp)),
        SortField::Uuid => direction(a.uuid.cmp(&b.uuid)),
        SortField::Position => direction(a.position.cmp(&b.position)),
        SortField::ContentType => null_last(&a.content_type, &b.content_type, direction),
        SortField::ObjectId => {
            null_last(&a.object_num, &b.object_num, direction).then_with(|| null_last(&a.object_id, &b.object_id, direction))
        }
        SortField::User => {
            null_last(&a.user_num, &b.user_num, direction).then_with(|| null_last(&a.user_id, &b.user_id, direction))
        }
    }
}

fn null_last<T: Ord>(a: &Option<T>, b: &Option<T>, direction: impl Fn(Ordering) -> Ordering) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => direction(a.cmp(b)),
        (a, b) => b.is_some().cmp(&a.is_some()),
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
