//! The lag of the trees behind their logs, as stored in the database.

use audit_domain::Stream;
use diesel::prelude::*;

use super::stored::current_log_name;
use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::log_key::LogKey;
use crate::schema::{logs, trees};

/// The lag of the tree of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeLag {
    /// The channel of the log.
    pub channel_id: i64,
    /// Its stream.
    pub stream: Stream,
    /// Entries that the tree does not have yet. Negative if the log is smaller than its tree, which
    /// means that an older copy of the log was restored.
    pub entries: i64,
}

/// Reads the lag of each log of a stream, with two lookups by key for each.
pub(crate) fn lags(conn: &mut DbConnection, stream: Stream) -> Result<Vec<TreeLag>, StoreError> {
    let of_log = trees::channel_id.eq(logs::channel_id).and(trees::stream.eq(logs::stream));
    let size = trees::table.filter(of_log).select(trees::size);
    let rows: Vec<(i64, i64, Option<i64>)> = logs::table
        .filter(logs::stream.eq(stream.number()).and(logs::next_position.gt(0)))
        .order(logs::channel_id)
        .select((logs::channel_id, logs::next_position, size.single_value()))
        .load(conn)?;
    let lag = |(channel_id, entries, size): (i64, i64, Option<i64>)| {
        let entries = entries - size.unwrap_or(0);
        TreeLag { channel_id, stream, entries }
    };
    Ok(rows.into_iter().map(lag).collect())
}

/// The logs whose trees have another size, or were begun under another name.
pub(crate) fn lagging(conn: &mut DbConnection) -> Result<Vec<LogKey>, StoreError> {
    let mut logs = Vec::new();
    for stream in [Stream::Events, Stream::ActionLogs, Stream::Checkpoints] {
        logs.extend(lags(conn, stream)?.into_iter().filter(|lag| lag.entries != 0).map(|lag| (lag.channel_id, stream)));
    }
    logs.extend(begun_under_another_name(conn)?);
    Ok(logs)
}

/// The logs whose trees have to start again because the logs have a new name since.
fn begun_under_another_name(conn: &mut DbConnection) -> Result<Vec<LogKey>, StoreError> {
    let current = current_log_name(conn)?;
    let earlier = trees::table.filter(trees::log_name.lt(current)).select((trees::channel_id, trees::stream));
    let rows: Vec<(i64, i16)> = earlier.load(conn)?;
    let log = |(channel_id, number)| Stream::from_number(number).map(|stream| (channel_id, stream));
    Ok(rows.into_iter().filter_map(log).collect())
}
