//! The rows of erasures, and what their entries say.

use audit_domain::log::Erasure;
use audit_domain::uuid::Uuid;
use audit_domain::{ChannelId, Entry, ErasureRecord, Stream, Timestamp};
use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::log_key::LogKey;
use crate::query::{LogStream, RecordKey};
use crate::row::ErasureRow;
use crate::schema::erasures;

/// The logs with an erasure that has not ended.
pub(crate) fn pending(conn: &mut DbConnection) -> Result<Vec<LogKey>, StoreError> {
    let logs = erasures::table.filter(erasures::finished_at.is_null()).select((erasures::channel_id, erasures::stream)).distinct();
    let logs: Vec<(i64, i16)> = logs.load(conn)?;
    Ok(logs.into_iter().filter_map(|(channel_id, number)| Some((channel_id, Stream::from_number(number)?))).collect())
}

/// Whether a log has an erasure that has not ended.
pub(crate) fn is_pending(conn: &mut DbConnection, (channel_id, stream): LogKey) -> Result<bool, StoreError> {
    let of_log = erasures::channel_id.eq(channel_id).and(erasures::stream.eq(stream.number()));
    let pending = erasures::table.filter(of_log.and(erasures::finished_at.is_null())).select(erasures::position);
    Ok(pending.first::<i64>(conn).optional()?.is_some())
}

/// The erasures of a log with values that are left to erase, oldest first.
pub(super) fn begun(conn: &mut DbConnection, (channel_id, stream): LogKey) -> QueryResult<Vec<ErasureRow>> {
    let of_log = erasures::channel_id.eq(channel_id).and(erasures::stream.eq(stream.number()));
    let begun = erasures::table.filter(of_log.and(erasures::erased_to.le(erasures::last)));
    begun.order(erasures::position).select(ErasureRow::as_select()).load(conn)
}

/// Reads what an erasure says, from its entry, which is compared with its leaf hash.
pub(crate) fn record<S: LogStream>(conn: &mut DbConnection, row: &ErasureRow) -> Result<(ErasureRecord, Erasure), StoreError> {
    let (record, entry) = entry::<S>(conn, row)?;
    Ok((record, Erasure { at: entry.recorded_at, by_position: entry.position.unsigned_abs() }))
}

/// The same, with the entry.
fn entry<S: LogStream>(conn: &mut DbConnection, row: &ErasureRow) -> Result<(ErasureRecord, Entry), StoreError> {
    let changed =
        |what: String| StoreError::Changed { stream: S::STREAM, channel_id: row.channel_id, position: row.position, what };
    let found = S::find_checked(conn, row.channel_id, RecordKey::Position(row.position), None)?;
    let found = found.ok_or_else(|| changed("it is missing, though an erasure names it".to_owned()))?;
    let entry = found.as_ref();
    let record = ErasureRecord::read(S::STREAM, entry).map_err(|error| changed(error.to_string()))?;
    if record.bounds() != Some((row.first, row.last)) || record.entries() != row.entries {
        return Err(changed("it does not name the positions that its row in `erasures` has".to_owned()));
    }
    Ok((record, entry.clone()))
}

/// The rows of a log, oldest first.
pub(crate) fn rows(conn: &mut DbConnection, (channel_id, stream): LogKey) -> Result<Vec<ErasureRow>, StoreError> {
    let of_log = erasures::table.filter(erasures::channel_id.eq(channel_id).and(erasures::stream.eq(stream.number())));
    Ok(of_log.order(erasures::position).select(ErasureRow::as_select()).load(conn)?)
}

/// An erasure: what its entry says, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureState {
    /// The channel.
    pub channel_id: ChannelId,
    /// The stream.
    pub stream: Stream,
    /// The position of the entry [`ERASE`](audit_domain::ERASE).
    pub position: i64,
    /// The uuid of the entry.
    pub uuid: Uuid,
    /// When it was appended.
    pub at: Timestamp,
    /// The token that asked for the erasure; 0 for a program on the machine of the database.
    pub producer_id: i64,
    /// What is erased.
    pub record: ErasureRecord,
    /// Since when the values are in no row, in nothing that is made of rows, and in no file of an embedded
    /// database. `None` while the erasure goes on.
    pub finished_at: Option<Timestamp>,
}

/// Reads the erasures of a channel, the newest first, those before a position only.
pub(crate) fn list<S: LogStream>(
    conn: &mut DbConnection,
    channel: ChannelId,
    before: i64,
    limit: i64,
) -> Result<Vec<ErasureState>, StoreError> {
    let of_log = erasures::table.filter(erasures::channel_id.eq(channel.get()).and(erasures::stream.eq(S::STREAM.number())));
    let rows = of_log.filter(erasures::position.lt(before)).order(erasures::position.desc()).limit(limit);
    let rows: Vec<ErasureRow> = rows.select(ErasureRow::as_select()).load(conn)?;
    rows.iter().map(|row| state::<S>(conn, channel, row)).collect()
}

fn state<S: LogStream>(conn: &mut DbConnection, channel_id: ChannelId, row: &ErasureRow) -> Result<ErasureState, StoreError> {
    let (record, entry) = entry::<S>(conn, row)?;
    Ok(ErasureState {
        channel_id,
        stream: S::STREAM,
        position: row.position,
        uuid: entry.uuid,
        at: entry.recorded_at,
        producer_id: entry.producer_id,
        record,
        finished_at: row.finished_at.and_then(Timestamp::from_micros),
    })
}
