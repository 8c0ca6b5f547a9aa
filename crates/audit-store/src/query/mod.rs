//! Reads. Every query names its channels: one without them cannot be built.

mod list;
mod order;
mod predicate;
mod summary;
mod walk;

#[cfg(test)]
mod plans;

pub use list::{ListPage, ListQuery, PageNumber, SliceQuery};
pub use summary::{Group, GroupBy, GroupKey, Summary};
pub use walk::{WalkPage, WalkQuery};

pub(crate) use list::{list, slice};
pub(crate) use summary::{summaries, summary};
pub(crate) use walk::walk;

use audit_domain::uuid::Uuid;
use audit_domain::{ChannelGrant, Event, EventFilter, Stream, Timestamp};
use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::row::EventRow;
use crate::schema::{events, logs};

const STREAM: i16 = Stream::Events.code() as i16;

/// A log and how far it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHead {
    /// Its channel.
    pub channel_id: i64,
    /// Its number of entries; positions are 0 to one less.
    pub size: i64,
    /// When the last one was committed.
    pub recorded_at: Option<Timestamp>,
}

/// The logs of the granted channels, ascending. A channel nothing was ever written to has none, even where a refused request
/// left a head behind.
pub(crate) fn heads(conn: &mut DbConnection, channels: &ChannelGrant) -> Result<Vec<LogHead>, StoreError> {
    let columns = (logs::channel_id, logs::next_position, logs::recorded_at);
    let written =
        logs::table.filter(logs::stream.eq(STREAM).and(logs::next_position.gt(0))).order(logs::channel_id).select(columns);
    let rows: Vec<(i64, i64, i64)> = match channels {
        ChannelGrant::All => written.load(conn)?,
        ChannelGrant::Only(ids) => written.filter(logs::channel_id.eq_any(ids.iter().map(|id| id.get()))).load(conn)?,
    };
    let head = |(channel_id, size, at)| LogHead { channel_id, size, recorded_at: Timestamp::from_micros(at) };
    Ok(rows.into_iter().map(head).collect())
}

/// Whether the database answers.
pub(crate) fn ping(conn: &mut DbConnection) -> Result<(), StoreError> {
    let _: Vec<i32> = diesel::select(1.into_sql::<diesel::sql_types::Integer>()).load(conn)?;
    Ok(())
}

/// By unique key. `.load()` without LIMIT: diesel spends 20 µs on building one.
pub(crate) fn find_event(conn: &mut DbConnection, channel_id: i64, uuid: Uuid) -> Result<Option<Event>, StoreError> {
    let rows: Vec<EventRow> = events::table
        .filter(events::channel_id.eq(channel_id).and(events::uuid.eq(uuid.as_bytes().as_slice())))
        .select(EventRow::as_select())
        .load(conn)?;
    rows.into_iter().next().map(Event::try_from).transpose()
}

/// How many events of a log match. Positions have no gaps, so the size of a log is its count.
pub(crate) fn count(conn: &mut DbConnection, head: &LogHead, filter: &EventFilter) -> Result<i64, StoreError> {
    if filter.is_impossible() {
        return Ok(0);
    }
    if filter.is_empty() {
        return Ok(head.size);
    }
    Ok(events::table.filter(predicate::of(head.channel_id, filter)).count().get_result(conn)?)
}

/// The events at these places, in this order.
pub(crate) fn at_places(conn: &mut DbConnection, places: &[(i64, i64)]) -> Result<Vec<Event>, StoreError> {
    let mut channels: Vec<i64> = places.iter().map(|(channel_id, _)| *channel_id).collect();
    channels.sort_unstable();
    channels.dedup();
    let mut found = std::collections::HashMap::with_capacity(places.len());
    for channel_id in channels {
        let positions = places.iter().filter(|(channel, _)| *channel == channel_id).map(|(_, position)| *position);
        let rows: Vec<EventRow> = events::table
            .filter(events::channel_id.eq(channel_id))
            .filter(events::position.eq_any(positions.collect::<Vec<_>>()))
            .select(EventRow::as_select())
            .load(conn)?;
        for row in rows {
            let event = Event::try_from(row)?;
            found.insert((channel_id, event.position), event);
        }
    }
    Ok(places.iter().filter_map(|place| found.remove(place)).collect())
}
