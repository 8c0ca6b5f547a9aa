//! Making the counters anew from the log.

use std::collections::BTreeSet;

use audit_domain::Stream;
use diesel::prelude::*;

use super::HOUR_MICROS;
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::query::{ActionLogs, Events, Table};
use crate::schema::{counters, counters_by_hour, logs};

/// Counts everything again, log by log, each in a transaction of its own: whoever reads meanwhile sees the old counters of a log or
/// the new ones, whoever appends to it waits. Returns how many counters there are.
pub(crate) fn rebuild(conn: &mut DbConnection) -> Result<i64, StoreError> {
    for stream in [Stream::Events, Stream::ActionLogs] {
        for channel_id in channels(conn, stream)? {
            dialect::write(conn, |conn| {
                // Nobody else touches the counters of a log whose head is locked.
                dialect::lock_head(conn, channel_id, stream)?;
                match stream {
                    Stream::Events => of_log::<Events>(conn, channel_id),
                    Stream::ActionLogs => of_log::<ActionLogs>(conn, channel_id),
                }
            })?;
        }
    }
    let (all_time, by_hour): (i64, i64) =
        (counters::table.count().get_result(conn)?, counters_by_hour::table.count().get_result(conn)?);
    Ok(all_time + by_hour)
}

/// The channels that have a log, and those that only have counters, which somebody put there.
fn channels(conn: &mut DbConnection, stream: Stream) -> Result<BTreeSet<i64>, StoreError> {
    let stream = stream.number();
    let logs: Vec<i64> = logs::table.filter(logs::stream.eq(stream)).select(logs::channel_id).load(conn)?;
    let all_time: Vec<i64> =
        counters::table.filter(counters::stream.eq(stream)).select(counters::channel_id).distinct().load(conn)?;
    let by_hour = counters_by_hour::table.filter(counters_by_hour::stream.eq(stream));
    let by_hour: Vec<i64> = by_hour.select(counters_by_hour::channel_id).distinct().load(conn)?;
    Ok(logs.into_iter().chain(all_time).chain(by_hour).collect())
}

fn of_log<T: Table>(conn: &mut DbConnection, channel_id: i64) -> Result<(), StoreError> {
    let (stream, table, time) = (T::STREAM.number(), T::NAME, T::TIME);
    diesel::delete(counters::table.filter(counters::channel_id.eq(channel_id).and(counters::stream.eq(stream)))).execute(conn)?;
    let of_log = counters_by_hour::channel_id.eq(channel_id).and(counters_by_hour::stream.eq(stream));
    diesel::delete(counters_by_hour::table.filter(of_log)).execute(conn)?;
    let hour = format!("{time} - (({time} % {HOUR_MICROS}) + {HOUR_MICROS}) % {HOUR_MICROS}");
    for (dimension, key) in T::DIMENSIONS {
        let selected = format!("SELECT channel_id, {stream}, {}, {key}", dimension.number());
        let matching = format!("FROM {table} WHERE channel_id = {channel_id} AND {key} IS NOT NULL GROUP BY channel_id, {key}");
        let counted = format!("{selected}, COUNT(*) {matching}");
        diesel::sql_query(format!("INSERT INTO counters (channel_id, stream, dimension, key, count) {counted}")).execute(conn)?;
        if dimension.is_hourly() {
            let counted = format!("{selected}, {hour}, COUNT(*) {matching}, {hour}");
            let columns = "channel_id, stream, dimension, key, hour, count";
            diesel::sql_query(format!("INSERT INTO counters_by_hour ({columns}) {counted}")).execute(conn)?;
        }
    }
    Ok(())
}
