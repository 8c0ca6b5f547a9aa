//! Reads. Every query names its channels; a query without channels cannot be built.

mod action_logs;
mod cursor;
mod erasing;
mod events;
mod expressions;
mod fetch_size;
mod find;
mod histogram;
mod list;
mod ranked;
mod room;
mod search;
mod sorted;
mod start;
mod stream;
mod summary;
mod table;
mod value_counts;

pub use action_logs::{ActionLogGroupBy, ActionLogs};
pub use cursor::CursorPage;
pub use events::{Events, GroupBy};
pub use histogram::{Histogram, SpanCount};
pub use list::{Page, PageNumber};
pub use stream::{LogStream, StreamTypes};
pub use summary::{Group, GroupKey, OtherGroups, Summary};

pub(crate) use cursor::{CursorRead, page_by_cursor};
pub(crate) use erasing::Erasing;
pub(crate) use fetch_size::{FetchSize, in_fetches};
pub(crate) use histogram::histogram;
pub(crate) use list::{list, slice};
pub(crate) use room::Room;
pub(crate) use summary::summaries;
pub(crate) use table::{Filter, RecordKey, Table};

use std::collections::{BTreeMap, BTreeSet};

use audit_domain::uuid::Uuid;
use audit_domain::{ChannelGrant, ChannelId, Entry, Stream, Timestamp, index_key};
use diesel::prelude::*;

pub(crate) use self::table::LogPosition;
use crate::connection::{DbConnection, on_inner};
use crate::dialect::{self, among};
use crate::error::StoreError;
use crate::postings::Cache;
use crate::schema::logs;

/// Encodes uuids as the database stores them.
fn bytes_of(uuids: &BTreeSet<Uuid>) -> Vec<Vec<u8>> {
    uuids.iter().map(|uuid| uuid.as_bytes().to_vec()).collect()
}

/// Encodes texts as the filter columns store them.
fn keys_of(texts: &BTreeSet<String>) -> Vec<String> {
    texts.iter().map(|text| index_key(text.as_bytes())).collect()
}

/// A log and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogState {
    /// The channel of the log.
    pub channel_id: i64,
    /// The number of entries; positions are 0 to one less.
    pub size: i64,
    /// The commit time of the last entry.
    pub recorded_at: Option<Timestamp>,
}

/// Reads the logs of a stream in the granted channels, ascending. A channel without any entry has
/// no log, even if a refused request left a head.
pub(crate) fn heads(conn: &mut DbConnection, stream: Stream, channels: &ChannelGrant) -> Result<Vec<LogState>, StoreError> {
    let columns = (logs::channel_id, logs::next_position, logs::recorded_at);
    let written = || {
        let written = logs::stream.eq(stream.number()).and(logs::next_position.gt(0));
        logs::table.filter(written).order(logs::channel_id).select(columns)
    };
    let rows: Vec<(i64, i64, i64)> = match channels {
        ChannelGrant::All => written().load(conn)?,
        ChannelGrant::Only(ids) => match ids.iter().map(|id| id.get()).collect::<Vec<_>>().as_slice() {
            // Most requests read one channel, and unfolding a list takes longer than reading a row.
            [id] => {
                let granted = written().filter(logs::channel_id.eq(*id));
                on_inner!(conn, |conn| granted.load(conn))?
            }
            ids => {
                let granted = written().filter(among(conn, logs::channel_id, ids));
                on_inner!(conn, |conn| granted.load(conn))?
            }
        },
    };
    let head = |(channel_id, size, at)| LogState { channel_id, size, recorded_at: Timestamp::from_micros(at) };
    Ok(rows.into_iter().map(head).collect())
}

/// Checks whether the database answers.
pub(crate) fn ping(conn: &mut DbConnection) -> Result<(), StoreError> {
    let _: Vec<i32> = diesel::select(1.into_sql::<diesel::sql_types::Integer>()).load(conn)?;
    Ok(())
}

/// Reads entries of a log by position, in any order.
pub(crate) fn entries_at(
    conn: &mut DbConnection,
    stream: Stream,
    channel_id: i64,
    positions: &[i64],
) -> Result<Vec<Entry>, StoreError> {
    Ok(match stream {
        Stream::Events => Events::at(conn, channel_id, positions)?.into_iter().map(|event| event.entry).collect(),
        Stream::ActionLogs => ActionLogs::at(conn, channel_id, positions)?.into_iter().map(|log| log.entry).collect(),
        Stream::Checkpoints => Vec::new(),
    })
}

/// Finds the record with a key, which is unique in a channel. Among several channels, `first` comes
/// first, then the lowest.
pub(crate) fn find_in_several<T: Table>(
    conn: &mut DbConnection,
    channels: &ChannelGrant,
    first: Option<ChannelId>,
    key: RecordKey,
    bytes_max: Option<usize>,
) -> Result<Option<T::Stored>, StoreError> {
    let first = first.map(ChannelId::get);
    dialect::snapshot(conn, |conn| {
        let mut candidates: Vec<i64> = heads(conn, T::STREAM, channels)?.into_iter().map(|head| head.channel_id).collect();
        candidates.sort_by_key(|id| (Some(*id) != first, *id));
        for channel_id in candidates {
            dialect::go_on(conn)?;
            if let Some(record) = T::find_checked(conn, channel_id, key, bytes_max)? {
                return Ok(Some(record));
            }
        }
        Ok(None)
    })
}

/// Counts the matching entries in some channels.
pub(crate) fn count_in<T: Table>(
    conn: &mut DbConnection,
    cache: &Cache,
    channels: &ChannelGrant,
    filter: &T::Filter,
) -> Result<i64, StoreError> {
    dialect::snapshot(conn, |conn| {
        let heads = heads(conn, T::STREAM, channels)?;
        count::<T>(conn, cache, &heads, filter)
    })
}

/// Counts the matching entries of some logs: by their indexes, otherwise by the database, row by
/// row.
fn count<T: Table>(conn: &mut DbConnection, cache: &Cache, heads: &[LogState], filter: &T::Filter) -> Result<i64, StoreError> {
    if filter.is_impossible() {
        return Ok(0);
    }
    if filter.is_everything() {
        return Ok(heads.iter().map(|head| head.size).sum());
    }
    if let Some(found) = find::find::<T>(conn, cache, heads, filter)? {
        return Ok(found.len() as i64);
    }
    let mut count = 0;
    for head in heads {
        dialect::go_on(conn)?;
        if filter.reads_values() {
            search::each::<T>(conn, head.channel_id, filter, |_| count += 1)?;
        } else {
            count += T::count(conn, head.channel_id, filter)?;
        }
    }
    Ok(count)
}

/// Reads the entries at these places, in this order. It leaves some out if there is no room for
/// all.
pub(crate) fn at_places<T: Table>(
    conn: &mut DbConnection,
    places: &[LogPosition],
    room: &mut Room,
) -> Result<Vec<T::Stored>, StoreError> {
    let mut found = std::collections::HashMap::with_capacity(places.len());
    for (channel_id, positions) in places_of(places) {
        dialect::go_on(conn)?;
        for record in T::at_within(conn, channel_id, &positions, room)? {
            found.insert((channel_id, record.as_ref().position), record);
        }
        if room.is_full() {
            break;
        }
    }
    Ok(places.iter().filter_map(|place| found.remove(place)).collect())
}

/// Groups places by channel, with the positions in each.
pub(crate) fn places_of(places: &[LogPosition]) -> BTreeMap<i64, Vec<i64>> {
    let mut channels: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (channel_id, position) in places {
        channels.entry(*channel_id).or_default().push(*position);
    }
    channels
}
