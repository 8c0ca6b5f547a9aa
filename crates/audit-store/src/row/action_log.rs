//! Action logs as the database holds them.

use audit_domain::{ActionLog, ActionLogKeys, JsonText, PreparedEntry, action_log_slot};
use diesel::prelude::*;

use super::{Common, Placement};
use crate::error::StoreError;
use crate::schema::action_logs;

/// An action log as it is read.
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

    /// Fails for a row that no append could have written: somebody changed it behind the log's back.
    fn try_from(mut row: ActionLogRow) -> Result<ActionLog, StoreError> {
        let common = Common {
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
        common.into_entry(action_log_slot::SUBJECT..=action_log_slot::EXTRA, take).map(ActionLog)
    }
}

/// An action log as it is inserted.
#[derive(Insertable)]
#[diesel(table_name = action_logs, treat_none_as_default_value = false)]
pub(crate) struct NewActionLogRow<'a> {
    channel_id: i64,
    position: i64,
    uuid: &'a [u8],
    created_at: i64,
    recorded_at: i64,
    producer_id: i64,
    level: Option<i64>,
    logger_name: Option<&'a str>,
    app_name: Option<&'a str>,
    seals: Vec<u8>,
    leaf_hash: &'a [u8],
    subject_json: Option<&'a str>,
    message: Option<&'a str>,
    trace: Option<&'a str>,
    extra: Option<&'a str>,
}

impl<'a> NewActionLogRow<'a> {
    pub(crate) fn new(
        log: &'a PreparedEntry,
        keys: &'a ActionLogKeys,
        uuid: &'a [u8; 16],
        placement: &'a Placement,
    ) -> NewActionLogRow<'a> {
        let slots = log.slots();
        let value = |number| slots.value(number).map(JsonText::as_str);
        NewActionLogRow {
            channel_id: log.channel_id().get(),
            position: placement.position,
            uuid,
            created_at: log.timestamp().micros(),
            recorded_at: placement.recorded_at.micros(),
            producer_id: placement.producer_id,
            level: keys.level,
            logger_name: keys.logger_name.as_deref(),
            app_name: keys.app_name.as_deref(),
            seals: slots.seals(),
            leaf_hash: &placement.leaf_hash.0,
            subject_json: value(action_log_slot::SUBJECT),
            message: value(action_log_slot::MESSAGE),
            trace: value(action_log_slot::TRACE),
            extra: value(action_log_slot::EXTRA),
        }
    }
}
