//! The rows of action logs.

use std::borrow::Cow;

use audit_domain::{ActionLog, ActionLogFilterColumns, PreparedEntry, Stream, action_log_slot};
use diesel::prelude::*;

use super::{Common, Placement};
use crate::error::StoreError;
use crate::schema::action_logs;

/// An action log for reading.
#[derive(Queryable, Selectable)]
#[diesel(table_name = action_logs)]
pub(crate) struct ActionLogRow {
    channel_id: i64,
    position: i64,
    uuid: Vec<u8>,
    created_at: i64,
    recorded_at: i64,
    producer_id: i64,
    seals: Vec<u8>,
    leaf_hash: Vec<u8>,
    subject_json: Option<String>,
    message: Option<String>,
    trace: Option<String>,
    extra: Option<String>,
}

impl TryFrom<ActionLogRow> for ActionLog {
    type Error = StoreError;

    /// Fails for a row that no append could have written. `checked.rs` compares other rows with
    /// their leaf hash.
    fn try_from(mut row: ActionLogRow) -> Result<ActionLog, StoreError> {
        let common = Common {
            stream: Stream::ActionLogs,
            channel_id: row.channel_id,
            position: row.position,
            uuid: std::mem::take(&mut row.uuid),
            timestamp: row.created_at,
            recorded_at: row.recorded_at,
            producer_id: row.producer_id,
            seals: std::mem::take(&mut row.seals),
            leaf_hash: std::mem::take(&mut row.leaf_hash),
        };
        let take = |number| match number {
            action_log_slot::SUBJECT => row.subject_json.take(),
            action_log_slot::MESSAGE => row.message.take(),
            action_log_slot::TRACE => row.trace.take(),
            action_log_slot::EXTRA => row.extra.take(),
            _ => None,
        };
        common.into_entry(action_log_slot::SUBJECT..=action_log_slot::EXTRA, take).map(ActionLog::from)
    }
}

/// An action log for an insert, and for a copy from one database to another: every column.
#[derive(Insertable, Queryable, Selectable, PartialEq)]
#[diesel(table_name = action_logs, treat_none_as_default_value = false)]
pub(crate) struct NewActionLogRow<'a> {
    pub(crate) channel_id: i64,
    pub(crate) position: i64,
    uuid: Vec<u8>,
    pub(crate) created_at: i64,
    pub(crate) recorded_at: i64,
    producer_id: i64,
    pub(super) level: Option<i64>,
    pub(super) logger_name: Option<Cow<'a, str>>,
    pub(super) app_name: Option<Cow<'a, str>>,
    seals: Vec<u8>,
    leaf_hash: Vec<u8>,
    subject_json: Option<Cow<'a, str>>,
    message: Option<Cow<'a, str>>,
    trace: Option<Cow<'a, str>>,
    extra: Option<Cow<'a, str>>,
}

impl<'a> NewActionLogRow<'a> {
    pub(super) fn new(log: &'a PreparedEntry, keys: &'a ActionLogFilterColumns, placement: &Placement) -> NewActionLogRow<'a> {
        let slots = log.slots();
        let value = |number| slots.value(number).map(|value| Cow::Borrowed(value.as_str()));
        NewActionLogRow {
            channel_id: log.channel_id().get(),
            position: placement.position,
            uuid: log.uuid().as_bytes().to_vec(),
            created_at: log.timestamp().micros(),
            recorded_at: placement.recorded_at.micros(),
            producer_id: placement.producer_id,
            level: keys.level,
            logger_name: keys.logger_name.as_deref().map(Cow::Borrowed),
            app_name: keys.app_name.as_deref().map(Cow::Borrowed),
            seals: slots.encode_openings(),
            leaf_hash: placement.leaf_hash.0.to_vec(),
            subject_json: value(action_log_slot::SUBJECT),
            message: value(action_log_slot::MESSAGE),
            trace: value(action_log_slot::TRACE),
            extra: value(action_log_slot::EXTRA),
        }
    }
}

impl NewActionLogRow<'_> {
    /// The bytes of the slots.
    pub(crate) fn bytes(&self) -> usize {
        [&self.subject_json, &self.message, &self.trace, &self.extra].into_iter().flatten().map(|slot| slot.len()).sum()
    }
}

impl From<NewActionLogRow<'_>> for ActionLogRow {
    fn from(row: NewActionLogRow<'_>) -> ActionLogRow {
        let text = |slot: Option<Cow<'_, str>>| slot.map(Cow::into_owned);
        ActionLogRow {
            channel_id: row.channel_id,
            position: row.position,
            uuid: row.uuid,
            created_at: row.created_at,
            recorded_at: row.recorded_at,
            producer_id: row.producer_id,
            seals: row.seals,
            leaf_hash: row.leaf_hash,
            subject_json: text(row.subject_json),
            message: text(row.message),
            trace: text(row.trace),
            extra: text(row.extra),
        }
    }
}
