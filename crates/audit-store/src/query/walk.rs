//! Pages by cursor: a walk through the log that sees each entry once, however much arrives meanwhile.

use audit_domain::{ChannelGrant, ChannelId, Entry, EventFilter, Walk, WalkOrder, WalkPoint};

use super::start::Start;
use super::stride::Stride;
use super::table::{Filter, Part, Place, Table, directed, parts_of};
use super::{LogHead, at_places, count, heads};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;

/// One page of a walk.
#[derive(Debug, Clone)]
pub struct WalkQuery<F = EventFilter> {
    /// What is walked, in which order. Its channels are the ones that are read.
    pub walk: Walk<F>,
    /// The entry behind which the page starts; `None` for the first page.
    pub after: Option<WalkPoint>,
    /// Entries of a page; none counts as one. A page of many megabytes may have fewer and still not be the last.
    pub size: usize,
    /// Whether to count everything that matches as well.
    pub counted: bool,
}

/// Entries of a walk, of one snapshot.
#[derive(Debug, Clone)]
pub struct WalkPage<R> {
    /// The entries.
    pub records: Vec<R>,
    /// Where the next page starts; `None` behind the last entry.
    pub next: Option<WalkPoint>,
    /// How many entries match in all, where that was asked for.
    pub count: Option<i64>,
}

pub(crate) fn walk<T: Table>(conn: &mut DbConnection, query: &WalkQuery<T::Filter>) -> Result<WalkPage<T::Record>, StoreError> {
    let grant = match &query.walk.channels {
        None => ChannelGrant::All,
        Some(ids) => ChannelGrant::Only(ids.iter().filter_map(|id| ChannelId::new(*id)).collect()),
    };
    dialect::snapshot(conn, |conn| {
        let heads = heads(conn, T::STREAM, &grant)?;
        let mut total = 0;
        if query.counted {
            for head in &heads {
                total += count::<T>(conn, head, &query.walk.filter)?;
            }
        }
        let size = query.size.max(1);
        let sources = sources(&heads, &query.walk);
        let (records, more) = match sources.as_slice() {
            _ if query.walk.filter.is_impossible() => (Vec::new(), false),
            [source] => one_source::<T>(conn, source, query, size)?,
            several => merged::<T>(conn, several, query, size)?,
        };
        let next = records.last().filter(|_| more).map(|record| point(record));
        Ok(WalkPage { records, next, count: query.counted.then_some(total) })
    })
}

/// What a walk is merged from: entries of one channel that the database finds in the order of the walk.
struct Source<F> {
    channel_id: i64,
    filter: F,
}

fn sources<R, F: Filter<R>>(heads: &[LogHead], walk: &Walk<F>) -> Vec<Source<F>> {
    let parts = match walk.order {
        WalkOrder::Timestamp => parts_of(&walk.filter, heads.len()),
        WalkOrder::Position => vec![walk.filter.clone()],
    };
    let of_head = |head: &LogHead| {
        let channel_id = head.channel_id;
        parts.iter().map(move |part| Source { channel_id, filter: part.clone() })
    };
    heads.iter().flat_map(of_head).collect()
}

fn point(entry: &Entry) -> WalkPoint {
    WalkPoint { timestamp: entry.timestamp.micros(), channel_id: entry.channel_id.get(), position: entry.position }
}

fn order<T: Table, F>(walk: &Walk<F>) -> String {
    let position = directed("position", walk.descending);
    match walk.order {
        WalkOrder::Timestamp => format!("{}, {position}", directed(T::TIME, walk.descending)),
        WalkOrder::Position => position,
    }
}

/// Bytes of values after which a page ends early: a page is built in memory, and its cursor goes on behind its last entry.
const PAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The page that is being built.
struct Filling<R> {
    records: Vec<R>,
    bytes: usize,
    stride: Stride,
}

impl<R: std::ops::Deref<Target = Entry>> Filling<R> {
    fn new() -> Filling<R> {
        Filling { records: Vec::new(), bytes: 0, stride: Stride::FIRST }
    }

    /// Adds those of a stride that are kept.
    fn add(&mut self, records: Vec<R>, keeps: impl Fn(&R) -> bool) {
        self.stride = self.stride.after(records.iter().map(|record| record.slots.bytes()).sum());
        let kept = self.records.len();
        self.records.extend(records.into_iter().filter(keeps));
        self.bytes += self.records[kept..].iter().map(|record| record.slots.bytes()).sum::<usize>();
    }

    fn is_full(&self) -> bool {
        self.bytes >= PAGE_BYTES_MAX
    }
}

type Page<R> = (Vec<R>, bool);

/// The entries of a page of one source, and whether there are more behind it.
fn one_source<T: Table>(
    conn: &mut DbConnection,
    source: &Source<T::Filter>,
    query: &WalkQuery<T::Filter>,
    size: usize,
) -> Result<Page<T::Record>, StoreError> {
    let Walk { order: by, descending, .. } = &query.walk;
    let (order, filter) = (order::<T, _>(&query.walk), &source.filter);
    let asked = if filter.looks_into_records() { filter.in_order(*by) } else { filter.clone() };
    let mut after = query.after;
    let mut page = Filling::new();
    loop {
        // One more than is still wanted, to see whether there is a next one; of a search, who knows how many.
        let wanted = if filter.looks_into_records() { usize::MAX } else { (size - page.records.len()).saturating_add(1) };
        let wanted = wanted.min(page.stride.records());
        let start = Start::of(*by, *descending, source.channel_id, after);
        let part = Part { filter: &asked, order: &order, skip: 0, limit: wanted as i64 };
        let records = T::step(conn, source.channel_id, &start, &part)?;
        let is_last = records.len() < wanted;
        after = records.last().map(|record| point(record)).or(after);
        page.add(records, |record| !filter.looks_into_records() || filter.keeps(record));
        if is_last || page.is_full() || page.records.len() > size {
            // More than were wanted are the stride's; the next page reads them again.
            let more = !is_last || page.records.len() > size;
            page.records.truncate(size);
            return Ok((page.records, more));
        }
    }
}

/// The entries of a page of several sources, and whether there are more behind it.
fn merged<T: Table>(
    conn: &mut DbConnection,
    sources: &[Source<T::Filter>],
    query: &WalkQuery<T::Filter>,
    size: usize,
) -> Result<Page<T::Record>, StoreError> {
    let places = places::<T>(conn, sources, query, size.saturating_add(1))?;
    let mut page = Filling::new();
    let mut left = &places[..places.len().min(size)];
    while !left.is_empty() && !page.is_full() {
        let (places, rest) = left.split_at(left.len().min(page.stride.records()));
        page.add(at_places::<T>(conn, places)?, |_| true);
        left = rest;
    }
    let more = page.records.len() < places.len();
    Ok((page.records, more))
}

/// Where the next entries of several sources are, merged.
fn places<T: Table>(
    conn: &mut DbConnection,
    sources: &[Source<T::Filter>],
    query: &WalkQuery<T::Filter>,
    wanted: usize,
) -> Result<Vec<Place>, StoreError> {
    let mut points: Vec<(i64, i64, i64)> = Vec::new();
    for source in sources {
        let of_source = points_of::<T>(conn, source, query, wanted)?;
        points.extend(of_source.into_iter().map(|(at, position)| (at, source.channel_id, position)));
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

/// Instants and positions of the next entries of one source.
fn points_of<T: Table>(
    conn: &mut DbConnection,
    source: &Source<T::Filter>,
    query: &WalkQuery<T::Filter>,
    wanted: usize,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let Source { channel_id, filter } = source;
    let (channel_id, Walk { order: by, descending, .. }) = (*channel_id, &query.walk);
    let (order, start) = (order::<T, _>(&query.walk), Start::of(*by, *descending, channel_id, query.after));
    if !filter.looks_into_records() {
        let limit = i64::try_from(wanted).unwrap_or(i64::MAX);
        return T::step_points(conn, channel_id, &start, &Part { filter, order: &order, skip: 0, limit });
    }
    let asked = filter.in_order(*by);
    let (mut start, mut stride, mut found) = (start, Stride::FIRST, Vec::new());
    while found.len() < wanted {
        let part = Part { filter: &asked, order: &order, skip: 0, limit: stride.records() as i64 };
        let records = T::step(conn, channel_id, &start, &part)?;
        let kept = records.iter().filter(|record| filter.keeps(record));
        found.extend(kept.map(|record| (record.timestamp.micros(), record.position)));
        match records.last() {
            Some(last) if records.len() == stride.records() => {
                start = Start::of(*by, *descending, channel_id, Some(point(last)));
            }
            _ => break,
        }
        stride = stride.after(records.iter().map(|record| record.slots.bytes()).sum());
    }
    found.truncate(wanted);
    Ok(found)
}
