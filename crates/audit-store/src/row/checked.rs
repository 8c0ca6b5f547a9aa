//! Checks whether a stored row is what was appended. A row has most facts twice: the leaf hash
//! covers its slots, salts and columns, and the filter columns repeat its slots. A person who
//! changes one of them at a SQL prompt has to change the other too.
//!
//! Deliberately absent: the facts that a row has once. The leaf does not have the position, and a
//! person who computes a new leaf hash changes both sides. The tree over all leaves will show these
//! changes.

use std::borrow::Cow;

use audit_domain::log::leaf_hash;
use audit_domain::{ActionLog, ActionLogFilterColumns, Entry, Event, EventFilterColumns, Stream};

use super::{ActionLogRow, EventRow, NewActionLogRow, NewEventRow};
use crate::error::StoreError;

type Text = Option<Cow<'static, str>>;

fn taken(text: &mut Text) -> Option<String> {
    text.take().map(Cow::into_owned)
}

impl NewEventRow<'static> {
    /// Converts and checks a row of all columns.
    ///
    /// # Errors
    ///
    /// [`StoreError::Changed`] unless the row is what was appended.
    pub(crate) fn into_checked(mut self) -> Result<Event, StoreError> {
        let stored = EventFilterColumns {
            action: taken(&mut self.action),
            content_type: self.content_type,
            table_name: taken(&mut self.table_name),
            object_id: taken(&mut self.object_id),
            object_num: self.object_num,
            user_id: taken(&mut self.user_id),
            user_num: self.user_num,
            user_name: taken(&mut self.user_name),
            remote_addr: taken(&mut self.remote_addr),
            url: taken(&mut self.url),
        };
        let event = Event::try_from(EventRow::from(self))?;
        check_leaf(&event.entry, Stream::Events)?;
        let made = event.filter_columns();
        let columns = [
            ("action", stored.action == made.action),
            ("content_type", stored.content_type == made.content_type),
            ("table_name", stored.table_name == made.table_name),
            ("object_id", stored.object_id == made.object_id),
            ("object_num", stored.object_num == made.object_num),
            ("user_id", stored.user_id == made.user_id),
            ("user_num", stored.user_num == made.user_num),
            ("user_name", stored.user_name == made.user_name),
            ("remote_addr", stored.remote_addr == made.remote_addr),
            ("url", stored.url == made.url),
        ];
        check_columns(&event.entry, Stream::Events, &columns)?;
        Ok(event)
    }
}

impl NewActionLogRow<'static> {
    /// Converts and checks a row of all columns.
    ///
    /// # Errors
    ///
    /// [`StoreError::Changed`] unless the row is what was appended.
    pub(crate) fn into_checked(mut self) -> Result<ActionLog, StoreError> {
        let stored = ActionLogFilterColumns {
            level: self.level,
            logger_name: taken(&mut self.logger_name),
            app_name: taken(&mut self.app_name),
        };
        let log = ActionLog::try_from(ActionLogRow::from(self))?;
        check_leaf(&log.entry, Stream::ActionLogs)?;
        let made = log.filter_columns();
        let columns = [
            ("level", stored.level == made.level),
            ("logger_name", stored.logger_name == made.logger_name),
            ("app_name", stored.app_name == made.app_name),
        ];
        check_columns(&log.entry, Stream::ActionLogs, &columns)?;
        Ok(log)
    }
}

fn changed(entry: &Entry, stream: Stream, what: String) -> StoreError {
    StoreError::Changed { stream, channel_id: entry.channel_id.get(), position: entry.position, what }
}

/// Checks that slots, salts, uuid, channel, instants and producer give the leaf hash.
fn check_leaf(entry: &Entry, stream: Stream) -> Result<(), StoreError> {
    if leaf_hash(&entry.leaf_data(stream)) == entry.leaf_hash {
        return Ok(());
    }
    Err(changed(entry, stream, "its slots and columns do not match its leaf hash".to_owned()))
}

/// Checks the filter columns. With a column that differs from its slot, queries would find the
/// entry where it does not belong, or not find it.
fn check_columns(entry: &Entry, stream: Stream, columns: &[(&str, bool)]) -> Result<(), StoreError> {
    match columns.iter().find(|(_, is_same)| !is_same) {
        None => Ok(()),
        Some((column, _)) => Err(changed(entry, stream, format!("the filter column {column} does not match its slot"))),
    }
}
