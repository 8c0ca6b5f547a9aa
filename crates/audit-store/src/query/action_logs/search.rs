//! Looking into messages and traces, which only this side can: they are kept as JSON text, as received, and a search is for the
//! characters behind it.

use audit_domain::{ActionLogFilter, JsonText};
use diesel::prelude::*;

use super::predicate;
use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::query::stride::Stride;
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

/// Calls back for each record of a channel that matches the whole filter, in the order of positions.
pub(super) fn each(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &ActionLogFilter,
    mut found: impl FnMut(&Found),
) -> Result<(), StoreError> {
    let (mut behind, mut stride) = (-1, Stride::FIRST);
    loop {
        let mut candidates: Vec<Found> = action_logs::table
            .filter(predicate::of(channel_id, filter))
            .filter(action_logs::position.gt(behind))
            .order(action_logs::position)
            .select((
                action_logs::position,
                action_logs::created_at,
                action_logs::level,
                action_logs::logger_name,
                action_logs::app_name,
                action_logs::message,
                action_logs::trace,
            ))
            .limit(stride.records() as i64)
            .load(conn)?;
        let mut bytes = 0;
        for candidate in &mut candidates {
            let text = |text: &mut Option<String>| text.take().map(JsonText::from_trusted);
            let (message, trace) = (text(&mut candidate.message), text(&mut candidate.trace));
            bytes += [&message, &trace].into_iter().flatten().map(|text| text.as_str().len()).sum::<usize>();
            if filter.finds(message.as_ref(), trace.as_ref()) {
                found(candidate);
            }
        }
        match candidates.last() {
            Some(last) if candidates.len() == stride.records() => behind = last.position,
            _ => return Ok(()),
        }
        stride = stride.after(bytes);
    }
}
