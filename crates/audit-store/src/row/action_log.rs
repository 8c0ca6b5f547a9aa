//! The rows of action logs.

use std::borrow::Cow;

use audit_domain::{ActionLog, ActionLogFilterColumns, PreparedEntry, Stream, action_log_slot};
use diesel::prelude::*;

use super::columns::{Columns, rows};
use super::{Common, Placement};
use crate::error::StoreError;
use crate::schema::action_logs;

rows! {
    table: action_logs, Stream::ActionLogs, ActionLog, time: created_at;
    rows: ActionLogRow, ActionLogRecordRow;
    ActionLogSlots {
        action_log_slot::SUBJECT => subject_json,
        action_log_slot::MESSAGE => message,
        action_log_slot::TRACE => trace,
        action_log_slot::EXTRA => extra,
        action_log_slot::MASKED => masked,
    }
    ActionLogFilterRow from ActionLogFilterColumns {
        numbers: level;
        texts: logger_name, app_name, correlation_id,
    }
}
