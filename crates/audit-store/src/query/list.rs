//! Pages by number with an exact count: the lists of the published APIs.

use audit_domain::{ChannelGrant, Sort, SortBy};

use super::find;
use super::room::whole_page;
use super::sorted::sorted;
use super::table::{Filter, LogPosition, Selection, Table, order_by};
use super::{LogState, count, heads, search};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::postings::{Cache, Found};

/// The number of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageNumber {
    /// The number, counted from 1.
    Number(i64),
    /// The last page in the snapshot.
    Last,
}

impl From<i64> for PageNumber {
    fn from(number: i64) -> PageNumber {
        PageNumber::Number(number)
    }
}

/// A page of a list and the count of the whole list, from one snapshot.
#[derive(Debug, Clone)]
pub struct Page<R> {
    /// The number of matching entries.
    pub count: i64,
    /// The number of the page, from 1.
    pub number: i64,
    /// The number of pages; 1 for an empty list.
    pub pages: i64,
    /// The entries; empty after the last page.
    pub records: Vec<R>,
}

impl<R> IntoIterator for Page<R> {
    type Item = R;
    type IntoIter = std::vec::IntoIter<R>;

    fn into_iter(self) -> Self::IntoIter {
        self.records.into_iter()
    }
}

impl<'a, R> IntoIterator for &'a Page<R> {
    type Item = &'a R;
    type IntoIter = std::slice::Iter<'a, R>;

    fn into_iter(self) -> Self::IntoIter {
        self.records.iter()
    }
}

pub(crate) fn list<T: Table>(
    conn: &mut DbConnection,
    cache: &Cache,
    channels: &ChannelGrant,
    filter: &T::Filter,
    sort: &Sort<T::SortField>,
    (page, size): (PageNumber, i64),
) -> Result<Page<T::Stored>, StoreError> {
    let size = size.max(1);
    dialect::snapshot(conn, |conn| {
        let listed = ListSource::<T>::new(conn, cache, channels, filter)?;
        let total = listed.count(conn, cache, filter)?;
        let pages = (total / size + i64::from(total % size > 0)).max(1);
        let number = match page {
            PageNumber::Number(number) => number,
            PageNumber::Last => pages,
        };
        let mut page = Page { count: total, number, pages, records: Vec::new() };
        if total > 0 && (1..=pages).contains(&number) {
            let places = listed.places(conn, cache, filter, sort, (number - 1) * size, size)?;
            page.records = whole_page::<T>(conn, &places)?;
        }
        Ok(page)
    })
}

pub(crate) fn slice<T: Table>(
    conn: &mut DbConnection,
    cache: &Cache,
    channels: &ChannelGrant,
    filter: &T::Filter,
    sort: &Sort<T::SortField>,
    (skip, size): (i64, i64),
) -> Result<Vec<T::Stored>, StoreError> {
    if filter.is_impossible() {
        return Ok(Vec::new());
    }
    dialect::snapshot(conn, |conn| {
        let listed = ListSource::<T>::new(conn, cache, channels, filter)?;
        let places = listed.places(conn, cache, filter, sort, skip.max(0), size.max(0))?;
        whole_page::<T>(conn, &places)
    })
}

/// The source of the pages of a list.
enum ListSource<'a, T: Table> {
    /// The logs, in which the database finds the matching entries.
    Logs(Vec<LogState>),
    /// The entries that were found by reading records, once for the count and the page.
    Found(Vec<<T::SortField as SortBy>::Row>),
    /// The matching entries by the indexes of the logs.
    Indexed(Vec<LogState>, Found<'a>),
    /// All entries of the logs: their number is known, and the first ones are found without an
    /// index of their values.
    Everything(Vec<LogState>),
}

impl<'a, T: Table> ListSource<'a, T> {
    fn new(
        conn: &mut DbConnection,
        cache: &'a Cache,
        channels: &ChannelGrant,
        filter: &T::Filter,
    ) -> Result<ListSource<'a, T>, StoreError> {
        let heads = heads(conn, T::STREAM, channels)?;
        if filter.is_impossible() {
            return Ok(ListSource::Logs(heads));
        }
        if filter.is_everything() {
            return Ok(ListSource::Everything(heads));
        }
        ListSource::matching(conn, cache, heads, filter)
    }

    /// Finds the matching entries of the logs.
    fn matching(
        conn: &mut DbConnection,
        cache: &'a Cache,
        heads: Vec<LogState>,
        filter: &T::Filter,
    ) -> Result<ListSource<'a, T>, StoreError> {
        if let Some(found) = find::find::<T>(conn, cache, &heads, filter)? {
            return Ok(ListSource::Indexed(heads, found));
        }
        if !filter.reads_values() {
            return Ok(ListSource::Logs(heads));
        }
        Ok(ListSource::Found(looked_through::<T>(conn, &heads, filter)?))
    }

    fn count(&self, conn: &mut DbConnection, cache: &Cache, filter: &T::Filter) -> Result<i64, StoreError> {
        match self {
            ListSource::Logs(heads) => count::<T>(conn, cache, heads, filter),
            ListSource::Found(rows) => Ok(rows.len() as i64),
            ListSource::Indexed(_, found) => Ok(found.len() as i64),
            ListSource::Everything(heads) => Ok(heads.iter().map(|head| head.size).sum()),
        }
    }

    /// The places of the entries of a page. Finding the places first keeps large values out of
    /// sorts and skipped rows.
    fn places(
        self,
        conn: &mut DbConnection,
        cache: &'a Cache,
        filter: &T::Filter,
        sort: &Sort<T::SortField>,
        skip: i64,
        limit: i64,
    ) -> Result<Vec<LogPosition>, StoreError> {
        let heads = match self {
            ListSource::Everything(heads) => {
                if let Some(places) = first_by_time::<T>(conn, &heads, sort, skip, limit)? {
                    return Ok(places);
                }
                return ListSource::<T>::matching(conn, cache, heads, filter)?.places(conn, cache, filter, sort, skip, limit);
            }
            ListSource::Found(rows) => return Ok(cut(rows, sort, skip, limit)),
            ListSource::Logs(heads) => heads,
            ListSource::Indexed(heads, mut found) => {
                dialect::go_on(conn)?;
                let (skip, limit) = (skip.max(0) as u64, usize::try_from(limit).unwrap_or(0));
                if let Some(places) = sorted::<T>(conn, &mut found, sort, skip, limit)? {
                    return Ok(places);
                }
                if filter.reads_values() {
                    return Ok(cut(looked_through::<T>(conn, &heads, filter)?, sort, skip as i64, limit as i64));
                }
                heads
            }
        };
        dialect::go_on(conn)?;
        let order = order_by::<T>(sort, &["position"]);
        if let [head] = heads.as_slice() {
            let positions = T::positions(conn, head.channel_id, &Selection { filter, order: &order, skip, limit })?;
            return Ok(positions.into_iter().map(|position| (head.channel_id, position)).collect());
        }
        let end = skip.saturating_add(limit);
        if end > MERGED_ROWS_MAX {
            let channels: Vec<i64> = heads.iter().map(|head| head.channel_id).collect();
            let order = order_by::<T>(sort, &["channel_id", "position"]);
            return T::places(conn, &channels, &Selection { filter, order: &order, skip, limit });
        }
        let mut rows = Vec::new();
        for head in heads {
            dialect::go_on(conn)?;
            rows.extend(T::sort_rows(conn, head.channel_id, &Selection { filter, order: &order, skip: 0, limit: end })?);
        }
        Ok(cut(rows, sort, skip, limit))
    }
}

/// Rows that the database counts off in its index by time. The newest entries, which most clients
/// read, are among them, and this is cheaper than a search index.
const COUNTED_OFF_MAX: i64 = 1_000;

/// A page of all entries of a log by time. Returns `None` for a page that is far from the first
/// one, and for other sorts.
fn first_by_time<T: Table>(
    conn: &mut DbConnection,
    heads: &[LogState],
    sort: &Sort<T::SortField>,
    skip: i64,
    limit: i64,
) -> Result<Option<Vec<LogPosition>>, StoreError> {
    let ([head], [key]) = (heads, sort.keys()) else { return Ok(None) };
    if !T::is_by_time(key) || key.descending != sort.ties_descend() || skip.saturating_add(limit) > COUNTED_OFF_MAX {
        return Ok(None);
    }
    dialect::go_on(conn)?;
    let positions = T::positions_by_time(conn, head.channel_id, key.descending, skip, limit)?;
    Ok(Some(positions.into_iter().map(|position| (head.channel_id, position)).collect()))
}

/// Finds the matching entries by reading each record.
fn looked_through<T: Table>(
    conn: &mut DbConnection,
    heads: &[LogState],
    filter: &T::Filter,
) -> Result<Vec<<T::SortField as SortBy>::Row>, StoreError> {
    let mut rows = Vec::new();
    for head in heads {
        dialect::go_on(conn)?;
        rows.extend(search::rows::<T>(conn, head.channel_id, filter)?);
    }
    Ok(rows)
}

/// Rows of each channel that are merged in memory. The usual pages are within this limit. For the
/// others, the database sorts all channels at once, which takes longer for a first page and no
/// memory for a last one.
const MERGED_ROWS_MAX: i64 = 5_000;

/// Cuts a page from rows that are not sorted yet.
pub(super) fn cut<F: SortBy>(mut rows: Vec<F::Row>, sort: &Sort<F>, skip: i64, limit: i64) -> Vec<LogPosition> {
    rows.sort_by(|a, b| sort.compare(a, b));
    let page = rows.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX));
    page.map(F::place).take(usize::try_from(limit).unwrap_or(usize::MAX)).collect()
}
