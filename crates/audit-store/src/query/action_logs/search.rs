//! Looking into messages and traces, which only this side can: they are kept as JSON text, as received, and a search is for the
//! characters behind it.

use audit_domain::{ActionLogFilter, JsonText};
use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;

use super::predicate;
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::limit;
use crate::query::{Stride, among};
use crate::schema::action_logs;

/// What is known of a record that was found.
#[derive(Queryable)]
pub(super) struct Found {
    pub(super) position: i64,
    pub(super) created_at: i64,
    pub(super) producer_id: i64,
    pub(super) level: Option<i64>,
    pub(super) logger_name: Option<String>,
    pub(super) app_name: Option<String>,
    message: Option<String>,
    trace: Option<String>,
}

impl Found {
    fn bytes(&self) -> usize {
        [&self.message, &self.trace].into_iter().flatten().map(String::len).sum()
    }
}

type Columns = (
    action_logs::position,
    action_logs::created_at,
    action_logs::producer_id,
    action_logs::level,
    action_logs::logger_name,
    action_logs::app_name,
    action_logs::message,
    action_logs::trace,
);

const COLUMNS: Columns = (
    action_logs::position,
    action_logs::created_at,
    action_logs::producer_id,
    action_logs::level,
    action_logs::logger_name,
    action_logs::app_name,
    action_logs::message,
    action_logs::trace,
);

/// Positions that are looked for at once where a database sends whole results: eight megabytes of them.
const POSITIONS_MAX: i64 = 500_000;

/// Calls back for each record of a channel that matches the whole filter, in no order, with a few records in memory at a time.
///
/// SQLite gives rows as they come: one statement, by whichever index. PostgreSQL sends a result whole, so there only the positions
/// are asked for by the filter, and the records by their positions. Steps in some order would each sort what the filter's index finds.
pub(super) fn each(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &ActionLogFilter,
    mut found: impl FnMut(&Found),
) -> Result<(), StoreError> {
    let mut look = |mut candidate: Found| {
        let text = |text: &mut Option<String>| text.take().map(JsonText::from_trusted);
        let (message, trace) = (text(&mut candidate.message), text(&mut candidate.trace));
        if filter.finds(message.as_ref(), trace.as_ref()) {
            found(&candidate);
        }
    };
    if dialect::gives_rows_as_they_come(conn) {
        let candidates = action_logs::table.filter(predicate::of(channel_id, filter)).select(COLUMNS);
        for candidate in candidates.load_iter::<Found, DefaultLoadingMode>(conn)? {
            limit::check()?;
            look(candidate?);
        }
        return Ok(());
    }
    let mut left = filter.clone();
    loop {
        let positions = action_logs::table.filter(predicate::of(channel_id, &left)).order(action_logs::position);
        let positions: Vec<i64> = positions.limit(POSITIONS_MAX).select(action_logs::position).load(conn)?;
        at_positions(conn, channel_id, &positions, &mut look)?;
        match positions.last() {
            Some(last) if positions.len() as i64 == POSITIONS_MAX => left.position.from(last + 1),
            _ => return Ok(()),
        }
    }
}

/// Looks at the records at these positions, stride by stride.
fn at_positions(
    conn: &mut DbConnection,
    channel_id: i64,
    positions: &[i64],
    mut look: impl FnMut(Found),
) -> Result<(), StoreError> {
    let (mut left, mut stride) = (positions, Stride::FIRST);
    while !left.is_empty() {
        dialect::go_on(conn)?;
        let (now, later) = left.split_at(stride.records().min(left.len()));
        let candidates =
            action_logs::table.filter(action_logs::channel_id.eq(channel_id)).filter(among(conn, action_logs::position, now));
        let candidates: Vec<Found> = candidates.select(COLUMNS).load(conn)?;
        stride = stride.after(candidates.iter().map(Found::bytes).sum());
        candidates.into_iter().for_each(&mut look);
        left = later;
    }
    Ok(())
}
