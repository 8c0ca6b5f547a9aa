//! Making the counters anew from the log.

use diesel::prelude::*;

use super::HOUR_MICROS;
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::query::{ActionLogs, Events, Table};
use crate::schema::{counters, counters_by_hour};

/// Counts everything again, in one transaction: whoever reads meanwhile sees the old counters, whoever appends waits. Returns
/// how many counters there are.
pub(crate) fn rebuild(conn: &mut DbConnection) -> Result<i64, StoreError> {
    dialect::write(conn, |conn| {
        diesel::delete(counters::table).execute(conn)?;
        diesel::delete(counters_by_hour::table).execute(conn)?;
        of_stream::<Events>(conn)?;
        of_stream::<ActionLogs>(conn)?;
        let (all_time, by_hour): (i64, i64) =
            (counters::table.count().get_result(conn)?, counters_by_hour::table.count().get_result(conn)?);
        Ok(all_time + by_hour)
    })
}

fn of_stream<T: Table>(conn: &mut DbConnection) -> Result<(), StoreError> {
    let (stream, table, time) = (T::STREAM.number(), T::NAME, T::TIME);
    let hour = format!("{time} - (({time} % {HOUR_MICROS}) + {HOUR_MICROS}) % {HOUR_MICROS}");
    for (dimension, key) in T::DIMENSIONS {
        let number = dimension.number();
        let selected = format!("SELECT channel_id, {stream}, {number}, {key}");
        let counted = format!("{selected}, COUNT(*) FROM {table} WHERE {key} IS NOT NULL GROUP BY channel_id, {key}");
        diesel::sql_query(format!("INSERT INTO counters (channel_id, stream, dimension, key, count) {counted}")).execute(conn)?;
        if dimension.is_hourly() {
            let counted =
                format!("{selected}, {hour}, COUNT(*) FROM {table} WHERE {key} IS NOT NULL GROUP BY channel_id, {key}, {hour}");
            let columns = "channel_id, stream, dimension, key, hour, count";
            diesel::sql_query(format!("INSERT INTO counters_by_hour ({columns}) {counted}")).execute(conn)?;
        }
    }
    Ok(())
}
