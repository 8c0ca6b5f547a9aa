//! Rows and counters of a batch, in as few trips to the server as there are tables.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, SmallInt, Text};

use crate::counters::Delta;
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

/// One statement for each log, so that each names its channel. The rows of a log's counters are taken by whoever holds its head,
/// and by nobody else.
pub(in super::super) fn count(conn: &mut PgConnection, delta: &Delta) -> QueryResult<()> {
    let mut all_time: BTreeMap<(i64, i16), (Vec<i16>, Vec<&str>, Vec<i64>)> = BTreeMap::new();
    for ((channel_id, stream, dimension, key), added) in &delta.all_time {
        let (dimensions, keys, counts) = all_time.entry((*channel_id, *stream)).or_default();
        dimensions.push(*dimension);
        keys.push(key);
        counts.push(*added);
    }
    for ((channel_id, stream), (dimensions, keys, counts)) in all_time {
        let sql = "INSERT INTO counters (channel_id, stream, dimension, key, count) \
                   SELECT $1, $2, added.* FROM unnest($3, $4, $5) AS added \
                   ON CONFLICT (channel_id, stream, dimension, key) DO UPDATE SET count = counters.count + excluded.count";
        diesel::sql_query(sql)
            .bind::<BigInt, _>(channel_id)
            .bind::<SmallInt, _>(stream)
            .bind::<Array<SmallInt>, _>(dimensions)
            .bind::<Array<Text>, _>(keys)
            .bind::<Array<BigInt>, _>(counts)
            .execute(conn)?;
    }
    let mut by_hour: BTreeMap<(i64, i16), (Vec<i16>, Vec<&str>, Vec<i64>, Vec<i64>)> = BTreeMap::new();
    for (((channel_id, stream, dimension, key), hour), added) in &delta.by_hour {
        let (dimensions, keys, hours, counts) = by_hour.entry((*channel_id, *stream)).or_default();
        dimensions.push(*dimension);
        keys.push(key);
        hours.push(*hour);
        counts.push(*added);
    }
    for ((channel_id, stream), (dimensions, keys, hours, counts)) in by_hour {
        let sql = "INSERT INTO counters_by_hour (channel_id, stream, dimension, key, hour, count) \
                   SELECT $1, $2, added.* FROM unnest($3, $4, $5, $6) AS added \
                   ON CONFLICT (channel_id, stream, dimension, key, hour) \
                   DO UPDATE SET count = counters_by_hour.count + excluded.count";
        diesel::sql_query(sql)
            .bind::<BigInt, _>(channel_id)
            .bind::<SmallInt, _>(stream)
            .bind::<Array<SmallInt>, _>(dimensions)
            .bind::<Array<Text>, _>(keys)
            .bind::<Array<BigInt>, _>(hours)
            .bind::<Array<BigInt>, _>(counts)
            .execute(conn)?;
    }
    Ok(())
}
