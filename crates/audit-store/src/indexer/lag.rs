//! The lag of the indexes behind their logs, as stored in the database.

use audit_domain::{Stream, Timestamp};
use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::log_key::LogKey;
use crate::postings::tiers;
use crate::schema::{action_logs, events, logs, segments};

/// The lag of the index of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexLag {
    /// The channel of the log.
    pub channel_id: i64,
    /// Its stream.
    pub stream: Stream,
    /// Entries that the next steps will index. The tail of up to 63 entries does not count, because
    /// it is indexed only when there are 64.
    pub entries: i64,
    /// The commit time of the first of them.
    pub oldest: Option<Timestamp>,
}

/// Reads the lag of each log of a stream, with two lookups by key for each: its head and its last
/// segment. For the few logs that lag, it also reads one entry.
pub(crate) fn lags(conn: &mut DbConnection, stream: Stream) -> Result<Vec<IndexLag>, StoreError> {
    let of_log = segments::channel_id.eq(logs::channel_id).and(segments::stream.eq(logs::stream));
    let end = segments::table.filter(of_log).order(segments::first.desc()).limit(1).select(segments::first + segments::size);
    let rows: Vec<(i64, i64, Option<i64>)> = logs::table
        .filter(logs::stream.eq(stream.number()).and(logs::next_position.gt(0)))
        .order(logs::channel_id)
        .select((logs::channel_id, logs::next_position, end.single_value()))
        .load(conn)?;
    let lag = |(channel_id, size, end): (i64, i64, Option<i64>)| {
        let indexed = end.unwrap_or(0);
        let entries = (tiers::indexed(size) - indexed).max(0);
        let oldest = if entries > 0 { recorded_at(conn, channel_id, stream, indexed)? } else { None };
        Ok(IndexLag { channel_id, stream, entries, oldest })
    };
    rows.into_iter().map(lag).collect()
}

/// The logs whose indexes lag.
pub(crate) fn lagging(conn: &mut DbConnection) -> Result<Vec<LogKey>, StoreError> {
    let mut logs = Vec::new();
    for stream in [Stream::Events, Stream::ActionLogs] {
        logs.extend(lags(conn, stream)?.into_iter().filter(|lag| lag.entries > 0).map(|lag| (lag.channel_id, stream)));
    }
    Ok(logs)
}

fn recorded_at(conn: &mut DbConnection, channel_id: i64, stream: Stream, position: i64) -> Result<Option<Timestamp>, StoreError> {
    let key = (channel_id, position);
    let at: Option<i64> = match stream {
        Stream::Events => events::table.find(key).select(events::recorded_at).first(conn).optional()?,
        Stream::ActionLogs => action_logs::table.find(key).select(action_logs::recorded_at).first(conn).optional()?,
        Stream::Checkpoints => None,
    };
    Ok(at.and_then(Timestamp::from_micros))
}
