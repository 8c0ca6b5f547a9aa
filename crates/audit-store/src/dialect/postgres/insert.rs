//! Rows and counters of a batch, in as few trips to the server as there are tables.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, SmallInt, Text};

use crate::counters::{CounterKey, Delta};
use crate::row::NewRows;
use crate::schema::{action_logs, events};

/// Up to so many rows, a prepared statement for each takes fewer trips than a COPY, which has a beginning and an end.
const ROWS_ONE_BY_ONE: usize = 2;

/// COPY in its binary form: of ten rows and more the fastest form measured (`docs/performance.md`), and it has no limit of bound
/// values. One row goes a third faster by itself.
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

/// One statement for each log and table, so that each names its channel. The counters of a log are touched by whoever holds its
/// head, and by nobody else.
pub(in super::super) fn count(conn: &mut PgConnection, delta: &Delta) -> QueryResult<()> {
    for ((channel_id, stream), added) in by_log(delta.all_time.iter().map(|(key, count)| (key, 0, *count))) {
        let sql = "INSERT INTO counters (channel_id, stream, dimension, key, count) \
                   SELECT $1, $2, added.* FROM unnest($3, $4, $5) AS added \
                   ON CONFLICT (channel_id, stream, dimension, key) DO UPDATE SET count = counters.count + excluded.count";
        diesel::sql_query(sql)
            .bind::<BigInt, _>(channel_id)
            .bind::<SmallInt, _>(stream)
            .bind::<Array<SmallInt>, _>(added.dimensions)
            .bind::<Array<Text>, _>(added.keys)
            .bind::<Array<BigInt>, _>(added.counts)
            .execute(conn)?;
    }
    for ((channel_id, stream), added) in by_log(delta.by_hour.iter().map(|((key, hour), count)| (key, *hour, *count))) {
        let sql = "INSERT INTO counters_by_hour (channel_id, stream, dimension, key, hour, count) \
                   SELECT $1, $2, added.* FROM unnest($3, $4, $5, $6) AS added \
                   ON CONFLICT (channel_id, stream, dimension, key, hour) \
                   DO UPDATE SET count = counters_by_hour.count + excluded.count";
        diesel::sql_query(sql)
            .bind::<BigInt, _>(channel_id)
            .bind::<SmallInt, _>(stream)
            .bind::<Array<SmallInt>, _>(added.dimensions)
            .bind::<Array<Text>, _>(added.keys)
            .bind::<Array<BigInt>, _>(added.hours)
            .bind::<Array<BigInt>, _>(added.counts)
            .execute(conn)?;
    }
    Ok(())
}

/// What is added to the counters of one log, column by column.
#[derive(Default)]
struct Added<'a> {
    dimensions: Vec<i16>,
    keys: Vec<&'a str>,
    hours: Vec<i64>,
    counts: Vec<i64>,
}

fn by_log<'a>(counters: impl Iterator<Item = (&'a CounterKey, i64, i64)>) -> BTreeMap<(i64, i16), Added<'a>> {
    let mut logs: BTreeMap<(i64, i16), Added<'a>> = BTreeMap::new();
    for ((channel_id, stream, dimension, key), hour, count) in counters {
        let added = logs.entry((*channel_id, *stream)).or_default();
        added.dimensions.push(*dimension);
        added.keys.push(key);
        added.hours.push(hour);
        added.counts.push(count);
    }
    logs
}
