//! Checks whether a stored row is what was appended. A row has most facts twice: the leaf hash
//! covers its slots, salts and columns, and the filter columns repeat its slots. A person who
//! changes one of them at a SQL prompt has to change the other too.
//!
//! Deliberately absent: the facts that a row has once. The leaf does not have the position, and a
//! person who computes a new leaf hash changes both sides. The tree over all leaves will show these
//! changes.

use audit_domain::log::{LeafHash, leaf_hash};
use audit_domain::{ActionLog, Entry, Event, Stream};

use super::{ActionLogRow, EventRow};
use crate::error::StoreError;

/// A row that is an entry, and how it compares with itself.
pub(crate) struct Compared {
    pub(crate) entry: Entry,
    /// The hash of the leaf that its slots and columns make.
    pub(crate) computed: LeafHash,
    /// The first filter column that differs from its slot.
    pub(crate) column: Option<&'static str>,
}

impl EventRow<'static> {
    /// Converts a row and compares it with itself.
    ///
    /// # Errors
    ///
    /// [`StoreError::Changed`] if it cannot be an entry.
    pub(crate) fn into_compared(self) -> Result<Compared, StoreError> {
        let (record, filter_columns) = self.into_parts();
        let event = Event::try_from(record)?;
        let (computed, column) = (leaf_hash(&event.leaf_data()), filter_columns.difference(&event.filter_columns()));
        Ok(Compared { entry: event.entry, computed, column })
    }

    /// Converts and checks a row.
    ///
    /// # Errors
    ///
    /// [`StoreError::Changed`] unless the row is what was appended.
    pub(crate) fn into_checked(self) -> Result<Event, StoreError> {
        let (record, filter_columns) = self.into_parts();
        let event = Event::try_from(record)?;
        check(&event.entry, Stream::Events, || filter_columns.difference(&event.filter_columns()))?;
        Ok(event)
    }
}

impl ActionLogRow<'static> {
    /// Converts a row and compares it with itself.
    ///
    /// # Errors
    ///
    /// [`StoreError::Changed`] if it cannot be an entry.
    pub(crate) fn into_compared(self) -> Result<Compared, StoreError> {
        let (record, filter_columns) = self.into_parts();
        let log = ActionLog::try_from(record)?;
        let computed = leaf_hash(&log.entry.leaf_data(Stream::ActionLogs));
        Ok(Compared { computed, column: filter_columns.difference(&log.filter_columns()), entry: log.entry })
    }

    /// Converts and checks a row.
    ///
    /// # Errors
    ///
    /// [`StoreError::Changed`] unless the row is what was appended.
    pub(crate) fn into_checked(self) -> Result<ActionLog, StoreError> {
        let (record, filter_columns) = self.into_parts();
        let log = ActionLog::try_from(record)?;
        check(&log.entry, Stream::ActionLogs, || filter_columns.difference(&log.filter_columns()))?;
        Ok(log)
    }
}

/// Checks that slots, salts, uuid, channel, instants and producer give the leaf hash, and then the
/// filter columns. With a column that differs from its slot, queries would find the entry where it
/// does not belong, or not find it.
fn check(entry: &Entry, stream: Stream, difference: impl FnOnce() -> Option<&'static str>) -> Result<(), StoreError> {
    let what = if leaf_hash(&entry.leaf_data(stream)) != entry.leaf_hash {
        "its slots and columns do not match its leaf hash".to_owned()
    } else if let Some(column) = difference() {
        format!("the filter column {column} does not match its slot")
    } else {
        return Ok(());
    };
    Err(StoreError::Changed { stream, channel_id: entry.channel_id.get(), position: entry.position, what })
}
