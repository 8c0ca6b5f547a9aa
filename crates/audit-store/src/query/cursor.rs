//! Pages by cursor. A query by cursor returns no entry twice, whatever is appended meanwhile.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use audit_domain::{ChannelGrant, ChannelId, CursorKey, CursorOrder, CursorScope, Entry, limits};

use super::fetch_size::FetchSize;
use super::find;
use super::room::{Room, first_that_fit};
use super::start::PageStart;
use super::table::{Filter, LogPosition, Selection, Table, directed};
use super::{LogState, at_places, count, heads};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::postings::{Cache, Found};

/// One page of a query by cursor.
pub(crate) struct CursorRead<'a, F> {
    /// The filter, the channels and the order of the query.
    pub(crate) scope: &'a CursorScope<F>,
    /// The entry after which the page starts; `None` for the first page.
    pub(crate) after: Option<CursorKey>,
    /// Entries of a page; 0 counts as 1. A page of many megabytes may have fewer and still not be
    /// the last one.
    pub(crate) size: usize,
    /// Whether to count all matching entries too.
    pub(crate) counted: bool,
}

/// Entries of a query by cursor, from one snapshot.
#[derive(Debug, Clone)]
pub struct CursorPage<R> {
    /// The entries.
    pub records: Vec<R>,
    /// The point at which the next page starts; `None` after the last entry.
    pub next: Option<CursorKey>,
    /// The number of all matching entries, if the query counts them.
    pub count: Option<i64>,
}

impl<R> IntoIterator for CursorPage<R> {
    type Item = R;
    type IntoIter = std::vec::IntoIter<R>;

    fn into_iter(self) -> Self::IntoIter {
        self.records.into_iter()
    }
}

pub(crate) fn page_by_cursor<T: Table>(
    conn: &mut DbConnection,
    cache: &Cache,
    query: &CursorRead<'_, T::Filter>,
) -> Result<CursorPage<T::Stored>, StoreError> {
    let grant = match &query.scope.channels {
        None => ChannelGrant::All,
        Some(ids) => ChannelGrant::Only(ids.iter().filter_map(|id| ChannelId::new(*id)).collect()),
    };
    dialect::snapshot(conn, |conn| {
        let heads = heads(conn, T::STREAM, &grant)?;
        if let Some(page) = indexed::<T>(conn, cache, &heads, query)? {
            return Ok(page);
        }
        let total = if query.counted { count::<T>(conn, cache, &heads, &query.scope.filter)? } else { 0 };
        let size = query.size.max(1);
        let filter = &query.scope.filter;
        let sources: Vec<_> = heads.iter().map(|head| Source { channel_id: head.channel_id, filter: filter.clone() }).collect();
        let (records, more) = match sources.as_slice() {
            _ if query.scope.filter.is_impossible() => (Vec::new(), false),
            [source] => one_source::<T>(conn, source, query, size)?,
            several => merged::<T>(conn, several, query, size)?,
        };
        let next = records.last().filter(|_| more).map(point);
        Ok(CursorPage { records, next, count: query.counted.then_some(total) })
    })
}

/// A page of the entries that the indexes of the logs find, for a filter with values.
fn indexed<T: Table>(
    conn: &mut DbConnection,
    cache: &Cache,
    heads: &[LogState],
    query: &CursorRead<'_, T::Filter>,
) -> Result<Option<CursorPage<T::Stored>>, StoreError> {
    let filter = &query.scope.filter;
    // The database has the entries of a range of time or positions in order.
    let has_terms = filter.condition().is_some_and(|condition| condition.has_terms());
    if filter.is_impossible() || !has_terms {
        return Ok(None);
    }
    match query.scope.order {
        CursorOrder::Timestamp => {
            // The page confirms the candidates of a search as it is read. Counting them takes a
            // check of all of them.
            let found = if query.counted { find::find::<T> } else { find::candidates::<T> };
            let Some(found) = found(conn, cache, heads, filter)? else { return Ok(None) };
            let count = query.counted.then(|| found.len() as i64);
            page::<T>(conn, found, query, count, |conn, found, (_, after), wanted| {
                find::next_places::<T>(conn, found, query.scope.descending, after.map(key), wanted)
            })
        }
        CursorOrder::Position => {
            let Some(found) = after_position::<T>(conn, cache, heads, query)? else { return Ok(None) };
            let count = if query.counted { Some(count::<T>(conn, cache, heads, filter)?) } else { None };
            page::<T>(conn, found, query, count, |conn, found, (read, _), wanted| {
                find::places_by_position::<T>(conn, found, query.scope.descending, read, wanted)
            })
        }
    }
}

/// Places of candidates that are read at once, at first and at most. In the order of positions, each read sorts
/// a segment.
const PLACES_AT_FIRST: usize = 64;
const PLACES_AT_ONCE_MAX: usize = 4_096;

/// The candidates after the point of a query by position.
fn after_position<'a, T: Table>(
    conn: &mut DbConnection,
    cache: &'a Cache,
    heads: &[LogState],
    query: &CursorRead<'_, T::Filter>,
) -> Result<Option<Found<'a>>, StoreError> {
    let CursorScope { filter, descending, .. } = query.scope;
    let Some(after) = query.after else { return find::candidates::<T>(conn, cache, heads, filter) };
    let (mut its_log, mut later) = (Vec::new(), Vec::new());
    for head in heads {
        match head.channel_id.cmp(&after.channel_id) {
            Ordering::Equal => its_log.push(*head),
            order if (order == Ordering::Greater) != *descending => later.push(*head),
            _ => {}
        }
    }
    let rest =
        if *descending { filter.ending_before(after.position) } else { filter.starting_at(after.position.saturating_add(1)) };
    let Some(rest) = find::candidates::<T>(conn, cache, &its_log, &rest)? else { return Ok(None) };
    let Some(later) = find::candidates::<T>(conn, cache, &later, filter)? else { return Ok(None) };
    Ok(Some(rest.join(later)))
}

/// A page of the matching entries among the candidates of the indexes. `next` gives the places
/// after a number of read candidates and after a point.
fn page<'a, T: Table>(
    conn: &mut DbConnection,
    mut found: Found<'a>,
    query: &CursorRead<'_, T::Filter>,
    count: Option<i64>,
    next: impl Fn(&mut DbConnection, &mut Found<'a>, (u64, Option<CursorKey>), usize) -> Result<Option<Vec<LogPosition>>, StoreError>,
) -> Result<Option<CursorPage<T::Stored>>, StoreError> {
    let (filter, size) = (&query.scope.filter, query.size.max(1));
    if !filter.reads_values() {
        let Some(places) = next(conn, &mut found, (0, query.after), size.saturating_add(1))? else { return Ok(None) };
        let records = first_that_fit::<T>(conn, &places[..places.len().min(size)])?;
        let next = records.last().filter(|_| records.len() < places.len()).map(point);
        return Ok(Some(CursorPage { records, next, count }));
    }
    let (mut read, mut after, mut fetch, mut page) = (0, query.after, FetchSize::FIRST, Filling::new(size));
    let mut wanted = PLACES_AT_FIRST;
    loop {
        let Some(places) = next(conn, &mut found, (read, after), wanted)? else { return Ok(None) };
        let mut left = places.as_slice();
        while !left.is_empty() && !page.is_full {
            dialect::go_on(conn)?;
            let (now, later) = left.split_at(fetch.records().min(left.len()));
            let mut bytes = 0;
            for record in at_places::<T>(conn, now, &mut Room::endless())? {
                bytes += record.as_ref().slots.bytes();
                after = Some(point(&record));
                if filter.keeps(&record) && page.add(record).is_break() {
                    break;
                }
            }
            fetch = fetch.after(bytes);
            left = later;
        }
        read += places.len() as u64;
        if page.is_full || places.len() < wanted {
            break;
        }
        wanted = (4 * wanted).min(PLACES_AT_ONCE_MAX);
    }
    let next = page.records.last().filter(|_| page.is_full).map(point);
    Ok(Some(CursorPage { records: page.records, next, count }))
}

/// A page that is filled with records as they arrive.
struct Filling<R> {
    size: usize,
    room: Room,
    records: Vec<R>,
    /// Whether there was one more record.
    is_full: bool,
}

impl<R: AsRef<Entry>> Filling<R> {
    fn new(size: usize) -> Filling<R> {
        Filling { size, room: Room::of_page(), records: Vec::new(), is_full: false }
    }

    fn add(&mut self, record: R) -> ControlFlow<()> {
        // A page has at least one entry. Otherwise a query would end at an entry that is larger than
        // a page.
        let fits = self.room.take(record.as_ref().slots.bytes()) || self.records.is_empty();
        if self.records.len() == self.size || !fits {
            self.is_full = true;
            return ControlFlow::Break(());
        }
        self.records.push(record);
        ControlFlow::Continue(())
    }
}

/// A source of a query: entries of one channel that the database finds in the order of the query.
struct Source<F> {
    channel_id: i64,
    filter: F,
}

/// The key that orders a point among entries of other channels.
fn key(point: CursorKey) -> (i64, i64, i64) {
    (point.timestamp, point.channel_id, point.position)
}

fn point(record: &impl AsRef<Entry>) -> CursorKey {
    let entry = record.as_ref();
    CursorKey { timestamp: entry.timestamp.micros(), channel_id: entry.channel_id.get(), position: entry.position }
}

pub(super) fn order<T: Table>(by: CursorOrder, descending: bool) -> String {
    let position = directed("position", descending);
    match by {
        CursorOrder::Timestamp => format!("{}, {position}", directed(T::TIME, descending)),
        CursorOrder::Position => position,
    }
}

type Page<R> = (Vec<R>, bool);

/// The entries of a page from one source, and whether there are more after it.
fn one_source<T: Table>(
    conn: &mut DbConnection,
    source: &Source<T::Filter>,
    query: &CursorRead<'_, T::Filter>,
    size: usize,
) -> Result<Page<T::Stored>, StoreError> {
    let is_search = source.filter.reads_values();
    if !is_search && size > limits::PAGE_SIZE_THAT_FITS && !dialect::gives_rows_as_they_come(conn) {
        return merged::<T>(conn, std::slice::from_ref(source), query, size);
    }
    let mut page = Filling::new(size);
    each_next::<T>(conn, source, query, size.saturating_add(1), |record| {
        if is_search && !source.filter.keeps(&record) { ControlFlow::Continue(()) } else { page.add(record) }
    })?;
    Ok((page.records, page.is_full))
}

/// Calls back for the next entries of a source, until the callback has enough or `wanted` entries
/// were read. The number of entries that a search needs is not known. If rows arrive one by one, it
/// runs one statement; if a result comes whole, it runs several, one for each fetch.
fn each_next<T: Table>(
    conn: &mut DbConnection,
    source: &Source<T::Filter>,
    query: &CursorRead<'_, T::Filter>,
    wanted: usize,
    mut take: impl FnMut(T::Stored) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let Source { channel_id, filter } = source;
    let (channel_id, CursorScope { order: by, descending, .. }) = (*channel_id, query.scope);
    let (is_search, order) = (filter.reads_values(), order::<T>(query.scope.order, query.scope.descending));
    let asked = if is_search { filter.in_order(*by) } else { filter.clone() };
    let mut left = if is_search { usize::MAX } else { wanted };
    let in_fetches_only = !dialect::gives_rows_as_they_come(conn);
    let (mut after, mut fetch) = (query.after, FetchSize::FIRST);
    loop {
        dialect::go_on(conn)?;
        let limit = if in_fetches_only { left.min(fetch.records()) } else { left };
        let (mut read, mut bytes, mut is_enough) = (0, 0, false);
        let start = PageStart::new(*by, *descending, channel_id, after);
        let part = Selection { filter: &asked, order: &order, skip: 0, limit: i64::try_from(limit).unwrap_or(i64::MAX) };
        T::step(conn, channel_id, &start, &part, &mut |record| {
            after = Some(point(&record));
            read += 1;
            bytes += record.as_ref().slots.bytes();
            let flow = take(record);
            is_enough = flow.is_break();
            flow
        })?;
        left -= read;
        if is_enough || read < limit || left == 0 {
            return Ok(());
        }
        fetch = fetch.after(bytes);
    }
}

/// The entries of a page from several sources, and whether there are more after it.
fn merged<T: Table>(
    conn: &mut DbConnection,
    sources: &[Source<T::Filter>],
    query: &CursorRead<'_, T::Filter>,
    size: usize,
) -> Result<Page<T::Stored>, StoreError> {
    let places = places::<T>(conn, sources, query, size.saturating_add(1))?;
    let page = first_that_fit::<T>(conn, &places[..places.len().min(size)])?;
    let more = page.len() < places.len();
    Ok((page, more))
}

/// The places of the next entries of several sources, merged.
fn places<T: Table>(
    conn: &mut DbConnection,
    sources: &[Source<T::Filter>],
    query: &CursorRead<'_, T::Filter>,
    wanted: usize,
) -> Result<Vec<LogPosition>, StoreError> {
    let mut points: Vec<(i64, i64, i64)> = Vec::new();
    for source in sources {
        dialect::go_on(conn)?;
        let of_source = points_of::<T>(conn, source, query, wanted)?;
        points.extend(of_source.into_iter().map(|(at, position)| (at, source.channel_id, position)));
    }
    let (descending, order) = (query.scope.descending, query.scope.order);
    points.sort_by(|a, b| {
        let ascending = match order {
            CursorOrder::Timestamp => a.cmp(b),
            CursorOrder::Position => (a.1, a.2).cmp(&(b.1, b.2)),
        };
        if descending { ascending.reverse() } else { ascending }
    });
    Ok(points.into_iter().take(wanted).map(|(_, channel, position)| (channel, position)).collect())
}

/// The times and positions of the next entries of one source.
fn points_of<T: Table>(
    conn: &mut DbConnection,
    source: &Source<T::Filter>,
    query: &CursorRead<'_, T::Filter>,
    wanted: usize,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let Source { channel_id, filter } = source;
    if !filter.reads_values() {
        let CursorScope { order: by, descending, .. } = query.scope;
        let (order, start) =
            (order::<T>(query.scope.order, query.scope.descending), PageStart::new(*by, *descending, *channel_id, query.after));
        let limit = i64::try_from(wanted).unwrap_or(i64::MAX);
        return T::step_points(conn, *channel_id, &start, &Selection { filter, order: &order, skip: 0, limit });
    }
    let mut found = Vec::new();
    each_next::<T>(conn, source, query, usize::MAX, |record| {
        if filter.keeps(&record) {
            found.push((record.as_ref().timestamp.micros(), record.as_ref().position));
        }
        if found.len() < wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(found)
}
