//! Finds the matching entries of some logs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use audit_domain::Span;

use super::table::{Filter, LogPosition, Table};
use super::{FetchSize, LogState};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::postings::{
    Cache, Candidates, Condition, Dimension, Found, Index, IndexError, Key, Matches, OfLog, Point, Term, ValueRange, Values, Whole,
};

/// Finds the matching entries in a snapshot. Returns `None` if the database has to look at each
/// row.
pub(crate) fn find<'a, T: Table>(
    conn: &mut DbConnection,
    cache: &'a Cache,
    heads: &[LogState],
    filter: &T::Filter,
) -> Result<Option<Found<'a>>, StoreError> {
    look::<T>(conn, cache, heads, filter, true)
}

/// Finds the entries that may match in a snapshot. If the filter reads values, the caller checks
/// each of them. Returns `None` as above.
pub(crate) fn candidates<'a, T: Table>(
    conn: &mut DbConnection,
    cache: &'a Cache,
    heads: &[LogState],
    filter: &T::Filter,
) -> Result<Option<Found<'a>>, StoreError> {
    look::<T>(conn, cache, heads, filter, false)
}

fn look<'a, T: Table>(
    conn: &mut DbConnection,
    cache: &'a Cache,
    heads: &[LogState],
    filter: &T::Filter,
    is_exact: bool,
) -> Result<Option<Found<'a>>, StoreError> {
    let Some(condition) = filter.condition() else { return Ok(None) };
    let mut in_memory = 0;
    let mut found = Vec::with_capacity(heads.len());
    for head in heads {
        dialect::go_on(conn)?;
        let Some(mut index) = usable::<T, _>(Index::load(conn, cache, head.channel_id, T::STREAM))? else { return Ok(None) };
        if head.size - index.end() > NOT_INDEXED_MAX {
            return Ok(None);
        }
        let condition = at_positions::<T>(conn, head, &condition)?;
        let confirms = is_exact.then_some(filter);
        let Some(indexed) = usable::<T, _>(indexed::<T>(conn, &mut index, &condition, confirms))? else { return Ok(None) };
        let rest = rest::<T>(conn, head, index.end(), &condition, filter, is_exact)?;
        in_memory += rest.len();
        if in_memory > IN_MEMORY_MAX {
            return Ok(None);
        }
        found.push(OfLog { index, indexed, rest });
    }
    Ok(Some(Found(found)))
}

/// Rows of a log that a query reads one by one. If an index lacks more rows, it is not used.
const NOT_INDEXED_MAX: i64 = 200_000;

/// Matching rows of this kind, of all logs, that are in memory, with 16 bytes each.
const IN_MEMORY_MAX: usize = 1_000_000;

/// Replaces the condition on the commit time by a condition on the position.
fn at_positions<T: Table>(conn: &mut DbConnection, head: &LogState, condition: &Condition) -> Result<Condition, StoreError> {
    let mut condition = condition.clone();
    let recorded_at = std::mem::take(&mut condition.recorded_at);
    if let Some(start) = recorded_at.lower() {
        condition.position.ge(first_recorded::<T>(conn, head, start)?);
    }
    if let Some(end) = recorded_at.upper() {
        condition.position.lt(first_recorded::<T>(conn, head, end)?);
    }
    Ok(condition)
}

/// The first position of a log with a commit at `instant` or later.
fn first_recorded<T: Table>(conn: &mut DbConnection, head: &LogState, instant: i64) -> Result<i64, StoreError> {
    let (mut low, mut high) = (0, head.size);
    while low < high {
        let middle = low.midpoint(high);
        match T::recorded_at(conn, head.channel_id, middle)? {
            Some(recorded_at) if recorded_at < instant => low = middle + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// Returns the outcome if the index is undamaged, and `None` if it is damaged: the query then uses
/// the log itself.
fn usable<T: Table, V>(outcome: Result<V, IndexError>) -> Result<Option<V>, StoreError> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(IndexError::Store(error)) => Err(error),
        Err(IndexError::Damaged) => {
            let stream = T::STREAM.name();
            tracing::error!(
                stream,
                "an index was changed in the database; queries read every row until `audit-server rebuild` has rebuilt it"
            );
            Ok(None)
        }
    }
}

/// The indexed entries that match. Without a filter that confirms them, the entries that may match.
fn indexed<T: Table>(
    conn: &mut DbConnection,
    index: &mut Index<'_>,
    condition: &Condition,
    confirms: Option<&T::Filter>,
) -> Result<Vec<Matches>, IndexError> {
    let matches = index.matches(conn, condition)?;
    let has_marks = condition.asks_changed && index.has_any(conn, &Term::changed_mark(), &matches)?;
    let mut candidates = match &condition.search {
        Some(search) => index.candidates(conn, matches, search)?,
        None if has_marks => matches.into_iter().map(Candidates::sure).collect(),
        None => return Ok(matches),
    };
    if has_marks {
        index.doubt(conn, &mut candidates, &Term::changed_mark())?;
    }
    let mut indexed = Vec::new();
    for Candidates { matches, sure } in candidates {
        let Some(filter) = confirms else {
            indexed.push(matches);
            continue;
        };
        let mut ranks: HashMap<i64, u32> = HashMap::new();
        for rank in matches.ranks().filter(|rank| !sure.contains(*rank)) {
            ranks.insert(index.point(conn, matches.segment, rank)?.position, rank);
        }
        let positions: Vec<i64> = ranks.keys().copied().collect();
        let mut set = (*sure).clone();
        for position in kept::<T>(conn, index.channel_id, positions, filter)? {
            set.extend(ranks.get(&position));
        }
        index.forget_points(matches.segment);
        indexed.extend(Some(matches.within(Arc::new(set))).filter(|matches| matches.len() > 0));
    }
    Ok(indexed)
}

/// The positions whose records match.
fn kept<T: Table>(
    conn: &mut DbConnection,
    channel_id: i64,
    mut positions: Vec<i64>,
    filter: &T::Filter,
) -> Result<Vec<i64>, StoreError> {
    positions.sort_unstable();
    let (mut left, mut fetch, mut kept) = (positions.as_slice(), FetchSize::FIRST, Vec::new());
    while !left.is_empty() {
        dialect::go_on(conn)?;
        let (now, later) = left.split_at(fetch.records().min(left.len()));
        let records = T::at(conn, channel_id, now)?;
        fetch = fetch.after(records.iter().map(|record| record.as_ref().slots.bytes()).sum());
        kept.extend(records.iter().filter(|record| filter.keeps(record)).map(|record| record.as_ref().position));
        left = later;
    }
    Ok(kept)
}

/// The entries from a position on that match or may match.
fn rest<T: Table>(
    conn: &mut DbConnection,
    head: &LogState,
    from: i64,
    condition: &Condition,
    filter: &T::Filter,
    is_exact: bool,
) -> Result<Vec<Point>, StoreError> {
    if from >= head.size.min(condition.position.end) {
        return Ok(Vec::new());
    }
    let mut points: Vec<Point> = T::points(conn, head.channel_id, from..head.size, filter)?;
    if is_exact && filter.reads_values() {
        let positions = points.iter().map(|point| point.position).collect();
        let kept: HashSet<i64> = kept::<T>(conn, head.channel_id, positions, filter)?.into_iter().collect();
        points.retain(|point| kept.contains(&point.position));
    }
    points.sort_unstable();
    Ok(points)
}

/// The places of the entries of a page by number, in the order of time.
pub(crate) fn places<T: Table>(
    conn: &mut DbConnection,
    found: &mut Found<'_>,
    descending: bool,
    skip: u64,
    limit: usize,
) -> Result<Option<Vec<LogPosition>>, StoreError> {
    let page = found.page(conn, descending, skip, limit);
    Ok(usable::<T, _>(page)?.map(places_of))
}

/// The places of the entries of a page by number, in the order of channels and positions.
pub(crate) fn places_by_position<T: Table>(
    conn: &mut DbConnection,
    found: &mut Found<'_>,
    descending: bool,
    skip: u64,
    limit: usize,
) -> Result<Option<Vec<LogPosition>>, StoreError> {
    let page = found.page_by_position(conn, descending, skip, limit);
    Ok(usable::<T, _>(page)?.map(places_of))
}

/// Keeps the entries with certain values of a dimension, and the entries of the tail at these
/// places.
pub(crate) fn narrow<T: Table>(
    conn: &mut DbConnection,
    found: &mut Found<'_>,
    dimension: Dimension,
    values: &Values,
    not_indexed: &HashSet<LogPosition>,
) -> Result<Option<Whole>, StoreError> {
    let keeps = |channel_id, point: &Point| not_indexed.contains(&(channel_id, point.position));
    usable::<T, _>(found.narrow(conn, dimension, values, keeps))
}

/// The places of the entries after a point, in the order of time.
pub(crate) fn next_places<T: Table>(
    conn: &mut DbConnection,
    found: &mut Found<'_>,
    descending: bool,
    after: Option<Key>,
    limit: usize,
) -> Result<Option<Vec<LogPosition>>, StoreError> {
    let page = match after {
        None => found.page(conn, descending, 0, limit),
        Some(after) => found.page_after(conn, descending, after, limit),
    };
    Ok(usable::<T, _>(page)?.map(places_of))
}

fn places_of(page: Vec<Key>) -> Vec<LogPosition> {
    page.into_iter().map(|(_, channel_id, position)| (channel_id, position)).collect()
}

impl Found<'_> {
    /// The number of logs, with or without a matching entry.
    pub(crate) fn logs(&self) -> usize {
        self.0.len()
    }

    /// The channels of these logs.
    pub(crate) fn channels(&self) -> Vec<i64> {
        self.0.iter().map(|log| log.index.channel_id).collect()
    }

    /// The number of found entries of one log.
    pub(crate) fn len_of(&self, channel_id: i64) -> u64 {
        self.of_log(channel_id).map_or(0, OfLog::len)
    }

    /// The first position of a log that is not indexed.
    pub(crate) fn end_of(&self, channel_id: i64) -> i64 {
        self.of_log(channel_id).map_or(0, |log| log.index.end())
    }

    /// Counts the found entries of a log that are indexed, by value in a range of a dimension.
    pub(crate) fn groups<T: Table>(
        &mut self,
        conn: &mut DbConnection,
        channel_id: i64,
        values: (Dimension, &ValueRange),
        count: impl FnMut(&[u8], u64),
    ) -> Result<Option<()>, StoreError> {
        let Some(log) = self.of_log(channel_id) else { return Ok(None) };
        usable::<T, _>(log.index.groups(conn, &log.indexed, values, count))
    }

    /// Counts the found entries of a log that are indexed, by span of time.
    pub(crate) fn spans<T: Table>(
        &mut self,
        conn: &mut DbConnection,
        channel_id: i64,
        span: Span,
        mut count: impl FnMut(i64, u64),
    ) -> Result<Option<()>, StoreError> {
        let Some(log) = self.0.iter_mut().find(|log| log.index.channel_id == channel_id) else { return Ok(None) };
        for matches in &log.indexed {
            if usable::<T, _>(log.index.spans(conn, matches, span, &mut count))?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(()))
    }

    /// Counts in the same way for each value of a dimension. A value has a list of spans and counts
    /// in each segment.
    pub(crate) fn spans_of_groups<T: Table>(
        &mut self,
        conn: &mut DbConnection,
        channel_id: i64,
        dimension: Dimension,
        span: Span,
        count: impl FnMut(&[u8], &[(i64, u64)]),
    ) -> Result<Option<()>, StoreError> {
        let Some(log) = self.0.iter_mut().find(|log| log.index.channel_id == channel_id) else { return Ok(None) };
        usable::<T, _>(log.index.spans_of_groups(conn, &log.indexed, dimension, span, count))
    }

    /// The position of any entry of a log that has a term.
    pub(crate) fn position_of<T: Table>(
        &mut self,
        conn: &mut DbConnection,
        channel_id: i64,
        term: Term,
    ) -> Result<Option<i64>, StoreError> {
        let Some(log) = self.0.iter_mut().find(|log| log.index.channel_id == channel_id) else { return Ok(None) };
        Ok(usable::<T, _>(log.index.first_with(conn, term))?.flatten())
    }

    fn of_log(&self, channel_id: i64) -> Option<&OfLog<'_>> {
        self.0.iter().find(|log| log.index.channel_id == channel_id)
    }
}
