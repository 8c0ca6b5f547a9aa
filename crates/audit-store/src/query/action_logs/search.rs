//! Looking into messages and traces, which only this side can: they are kept as JSON text, as received, and a search is for the
//! characters behind it.

use audit_domain::{ActionLogFilter, JsonText};
use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;

use super::predicate;
use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::schema::action_logs;

/// What is known of a record that was found.
#[derive(Queryable)]
pub(super) struct Found {
    pub(super) position: i64,
    pub(super) created_at: i64,
    pub(super) level: Option<i64>,
    pub(super) logger_name: Option<String>,
    pub(super) app_name: Option<String>,
    message: Option<String>,
    trace: Option<String>,
}

/// Calls back for each record of a channel that matches the whole filter, in no order: one statement, by whichever index, and one
/// record in memory at a time. Steps in some order would each sort what the filter's index finds.
pub(super) fn each(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &ActionLogFilter,
    mut found: impl FnMut(&Found),
) -> Result<(), StoreError> {
    let candidates = action_logs::table.filter(predicate::of(channel_id, filter)).select((
        action_logs::position,
        action_logs::created_at,
        action_logs::level,
        action_logs::logger_name,
        action_logs::app_name,
        action_logs::message,
        action_logs::trace,
    ));
    for candidate in candidates.load_iter::<Found, DefaultLoadingMode>(conn)? {
        let mut candidate = candidate?;
        let text = |text: &mut Option<String>| text.take().map(JsonText::from_trusted);
        let (message, trace) = (text(&mut candidate.message), text(&mut candidate.trace));
        if filter.finds(message.as_ref(), trace.as_ref()) {
            found(&candidate);
        }
    }
    Ok(())
}
