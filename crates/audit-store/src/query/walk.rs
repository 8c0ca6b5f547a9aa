//! Pages by cursor: a walk through the log that sees each event once, however much arrives meanwhile.

use std::cmp::Ordering;

use audit_domain::{ChannelGrant, ChannelId, Event, Walk, WalkOrder, WalkPoint};
use diesel::prelude::*;

use super::{LogHead, at_places, count, heads, predicate};
use crate::connection::{Backend, DbConnection};
use crate::dialect;
use crate::error::StoreError;
use crate::row::EventRow;
use crate::schema::events;

/// One page of a walk.
#[derive(Debug, Clone)]
pub struct WalkQuery {
    /// What is walked, in which order. Its channels are the ones that are read.
    pub walk: Walk,
    /// The event behind which the page starts; `None` for the first page.
    pub after: Option<WalkPoint>,
    /// Events of a page; none counts as one. A page of many megabytes may have fewer and still not be the last.
    pub size: usize,
    /// Whether to count everything that matches as well.
    pub counted: bool,
}

/// Events of a walk, of one snapshot.
#[derive(Debug, Clone)]
pub struct WalkPage {
    /// The events.
    pub events: Vec<Event>,
    /// Where the next page starts; `None` behind the last event.
    pub next: Option<WalkPoint>,
    /// How many events match in all, where that was asked for.
    pub count: Option<i64>,
}

pub(crate) fn walk(conn: &mut DbConnection, query: &WalkQuery) -> Result<WalkPage, StoreError> {
    let grant = match &query.walk.channels {
        None => ChannelGrant::All,
        Some(ids) => ChannelGrant::Only(ids.iter().filter_map(|id| ChannelId::new(*id)).collect()),
    };
    dialect::snapshot(conn, |conn| {
        let heads = heads(conn, &grant)?;
        let mut total = 0;
        if query.counted {
            for head in &heads {
                total += count(conn, head, &query.walk.filter)?;
            }
        }
        let size = query.size.max(1);
        let (events, more) = if query.walk.filter.is_impossible() { (Vec::new(), false) } else { page(conn, &heads, query, size)? };
        let next = events.last().filter(|_| more).map(point);
        Ok(WalkPage { events, next, count: query.counted.then_some(total) })
    })
}

fn point(event: &Event) -> WalkPoint {
    WalkPoint { timestamp: event.timestamp.micros(), channel_id: event.channel_id.get(), position: event.position }
}

/// Bytes of values after which a page ends early: a page is built in memory, and its cursor goes on behind its last event.
const PAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The page that is being built.
struct Filling {
    events: Vec<Event>,
    bytes: usize,
    /// Events that are read at once: more and more of them, as long as they are small.
    step: usize,
}

impl Filling {
    /// The first step, of the largest events: half of what a page may have.
    const FIRST_STEP: usize = 16;

    fn new() -> Filling {
        Filling { events: Vec::new(), bytes: 0, step: Filling::FIRST_STEP }
    }

    fn add(&mut self, events: Vec<Event>) {
        let bytes: usize = events.iter().map(|event| event.slots.bytes()).sum();
        self.bytes += bytes;
        self.events.extend(events);
        self.step = if bytes < PAGE_BYTES_MAX / 16 { self.step * 2 } else { Filling::FIRST_STEP };
    }

    fn is_full(&self) -> bool {
        self.bytes >= PAGE_BYTES_MAX
    }
}

/// The events of a page, and whether there are more behind it.
fn page(conn: &mut DbConnection, heads: &[LogHead], query: &WalkQuery, size: usize) -> Result<(Vec<Event>, bool), StoreError> {
    let mut page = Filling::new();
    if let [head] = heads {
        let mut after = query.after;
        loop {
            // One more than is still wanted, to see whether there is a next one.
            let wanted = (size - page.events.len()).saturating_add(1).min(page.step);
            let rows = keyset(head.channel_id, query, after).select(EventRow::as_select()).limit(wanted as i64);
            let rows: Vec<EventRow> = rows.load(conn)?;
            let is_last = rows.len() < wanted;
            page.add(rows.into_iter().map(Event::try_from).collect::<Result<_, _>>()?);
            after = page.events.last().map(point);
            if is_last || page.is_full() || page.events.len() > size {
                page.events.truncate(size);
                return Ok((page.events, !is_last));
            }
        }
    }
    let places = places(conn, heads, query, size.saturating_add(1))?;
    let mut left = &places[..places.len().min(size)];
    while !left.is_empty() && !page.is_full() {
        let (step, rest) = left.split_at(left.len().min(page.step));
        page.add(at_places(conn, step)?);
        left = rest;
    }
    let more = page.events.len() < places.len();
    Ok((page.events, more))
}

/// Where the next events of several channels are, merged.
fn places(conn: &mut DbConnection, heads: &[LogHead], query: &WalkQuery, wanted: usize) -> Result<Vec<(i64, i64)>, StoreError> {
    let limit = i64::try_from(wanted).unwrap_or(i64::MAX);
    let mut points: Vec<(i64, i64, i64)> = Vec::new();
    for head in heads {
        let columns = (events::timestamp, events::channel_id, events::position);
        let of_channel = keyset(head.channel_id, query, query.after).select(columns).limit(limit);
        points.extend(of_channel.load::<(i64, i64, i64)>(conn)?);
    }
    let (descending, order) = (query.walk.descending, query.walk.order);
    points.sort_by(|a, b| {
        let ascending = match order {
            WalkOrder::Timestamp => a.cmp(b),
            WalkOrder::Position => (a.1, a.2).cmp(&(b.1, b.2)),
        };
        if descending { ascending.reverse() } else { ascending }
    });
    Ok(points.into_iter().take(wanted).map(|(_, channel, position)| (channel, position)).collect())
}

/// The events of one channel behind the point, in order.
fn keyset(channel_id: i64, query: &WalkQuery, after: Option<WalkPoint>) -> events::BoxedQuery<'static, Backend> {
    let mut boxed = events::table.filter(predicate::of(channel_id, &query.walk.filter)).into_boxed();
    let descending = query.walk.descending;
    boxed = match (query.walk.order, descending) {
        (WalkOrder::Timestamp, false) => boxed.order((events::timestamp.asc(), events::position.asc())),
        (WalkOrder::Timestamp, true) => boxed.order((events::timestamp.desc(), events::position.desc())),
        (WalkOrder::Position, false) => boxed.order(events::position.asc()),
        (WalkOrder::Position, true) => boxed.order(events::position.desc()),
    };
    let Some(after) = after else { return boxed };
    // Where this channel stands to the one of the point, in the direction of the walk.
    let channel = channel_id.cmp(&after.channel_id);
    let channel = if descending { channel.reverse() } else { channel };
    match (query.walk.order, channel) {
        (WalkOrder::Position, Ordering::Less) => boxed.filter(events::position.lt(0)),
        (WalkOrder::Position, Ordering::Greater) => boxed,
        (WalkOrder::Position, Ordering::Equal) if descending => boxed.filter(events::position.lt(after.position)),
        (WalkOrder::Position, Ordering::Equal) => boxed.filter(events::position.gt(after.position)),
        // `>= AND (> OR >)`: the first part is a range of the index, which `> OR (= AND >)` would not be.
        (WalkOrder::Timestamp, Ordering::Equal) if descending => boxed
            .filter(events::timestamp.le(after.timestamp))
            .filter(events::timestamp.lt(after.timestamp).or(events::position.lt(after.position))),
        (WalkOrder::Timestamp, Ordering::Equal) => boxed
            .filter(events::timestamp.ge(after.timestamp))
            .filter(events::timestamp.gt(after.timestamp).or(events::position.gt(after.position))),
        (WalkOrder::Timestamp, Ordering::Less) if descending => boxed.filter(events::timestamp.lt(after.timestamp)),
        (WalkOrder::Timestamp, Ordering::Less) => boxed.filter(events::timestamp.gt(after.timestamp)),
        (WalkOrder::Timestamp, Ordering::Greater) if descending => boxed.filter(events::timestamp.le(after.timestamp)),
        (WalkOrder::Timestamp, Ordering::Greater) => boxed.filter(events::timestamp.ge(after.timestamp)),
    }
}
