//! Inserts the rows of a batch, with as few round trips as there are tables.

use diesel::prelude::*;

use crate::row::NewRows;
use crate::schema::{action_logs, events};

/// Up to this number of rows, a prepared statement for each takes fewer round trips than a COPY,
/// which has a beginning and an end.
const ROWS_ONE_BY_ONE: usize = 2;

/// Uses COPY in its binary form, which measured fastest for ten rows and more
/// (`docs/performance.md`) and has no limit of bound values. A single row is a third faster in a
/// statement of its own.
pub(in super::super) fn insert(conn: &mut PgConnection, rows: &NewRows<'_>) -> QueryResult<()> {
    if rows.events.len() > ROWS_ONE_BY_ONE {
        diesel::copy_from(events::table).from_insertable(&rows.events).execute(conn)?;
    } else {
        for row in &rows.events {
            diesel::insert_into(events::table).values(row).execute(conn)?;
        }
    }
    if rows.action_logs.len() > ROWS_ONE_BY_ONE {
        diesel::copy_from(action_logs::table).from_insertable(&rows.action_logs).execute(conn)?;
    } else {
        for row in &rows.action_logs {
            diesel::insert_into(action_logs::table).values(row).execute(conn)?;
        }
    }
    Ok(())
}
