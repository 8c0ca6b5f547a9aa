//! Pages by number, with an exact count: what the published APIs list.

use audit_domain::uuid::Uuid;
use audit_domain::{ChannelGrant, Event, EventFilter, EventSort, SortRow};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Untyped;

use super::{LogHead, at_places, count, heads, order, predicate};
use crate::connection::{Backend, DbConnection};
use crate::dialect;
use crate::error::StoreError;
use crate::schema::events;

/// A page of a list.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// The channels that are read, merged.
    pub channels: ChannelGrant,
    /// What is asked for.
    pub filter: EventFilter,
    /// The order.
    pub sort: EventSort,
    /// Which page.
    pub page: PageNumber,
    /// Events of a page; less than one counts as one.
    pub size: i64,
}

/// Which page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageNumber {
    /// Counted from 1.
    Number(i64),
    /// The last one, whichever that is in the snapshot.
    Last,
}

/// A page and the count it belongs to, of one snapshot.
#[derive(Debug, Clone)]
pub struct ListPage {
    /// How many events match.
    pub count: i64,
    /// The page's number, from 1.
    pub number: i64,
    /// How many pages there are; 1 for an empty list.
    pub pages: i64,
    /// The events; empty behind the last page.
    pub events: Vec<Event>,
}

/// A stretch of a list that nobody has to count.
#[derive(Debug, Clone)]
pub struct SliceQuery {
    /// The channels that are read, merged.
    pub channels: ChannelGrant,
    /// What is asked for.
    pub filter: EventFilter,
    /// The order.
    pub sort: EventSort,
    /// Events that are passed over.
    pub skip: i64,
    /// Events of the stretch.
    pub size: i64,
}

pub(crate) fn slice(conn: &mut DbConnection, query: &SliceQuery) -> Result<Vec<Event>, StoreError> {
    let SliceQuery { channels, filter, sort, .. } = query.clone();
    let list = ListQuery { channels, filter, sort, page: PageNumber::Number(1), size: query.size };
    if query.filter.is_impossible() {
        return Ok(Vec::new());
    }
    dialect::snapshot(conn, |conn| {
        let heads = heads(conn, &query.channels)?;
        let places = places(conn, &heads, &list, query.skip.max(0), query.size.max(0))?;
        at_places(conn, &places)
    })
}

pub(crate) fn list(conn: &mut DbConnection, query: &ListQuery) -> Result<ListPage, StoreError> {
    let size = query.size.max(1);
    dialect::snapshot(conn, |conn| {
        let heads = heads(conn, &query.channels)?;
        let mut total = 0;
        for head in &heads {
            total += count(conn, head, &query.filter)?;
        }
        let pages = (total / size + i64::from(total % size > 0)).max(1);
        let number = match query.page {
            PageNumber::Number(number) => number,
            PageNumber::Last => pages,
        };
        let mut page = ListPage { count: total, number, pages, events: Vec::new() };
        if total > 0 && (1..=pages).contains(&number) {
            let places = places(conn, &heads, query, (number - 1) * size, size)?;
            page.events = at_places(conn, &places)?;
        }
        Ok(page)
    })
}

/// Where the events of a page are. Finding the places first keeps big values out of sorts and skipped rows.
fn places(
    conn: &mut DbConnection,
    heads: &[LogHead],
    query: &ListQuery,
    offset: i64,
    size: i64,
) -> Result<Vec<(i64, i64)>, StoreError> {
    if let [head] = heads {
        let selected = ordered(head.channel_id, query).select(events::position).limit(size).offset(offset);
        let positions: Vec<i64> = selected.load(conn)?;
        return Ok(positions.into_iter().map(|position| (head.channel_id, position)).collect());
    }
    let end = offset.saturating_add(size);
    if end > MERGED_ROWS_MAX {
        return merged_by_database(conn, heads, query, offset, size);
    }
    let mut rows: Vec<SortRow> = Vec::new();
    for head in heads {
        rows.extend(sort_rows(conn, head.channel_id, query, end)?);
    }
    rows.sort_by(|a, b| query.sort.compare(a, b));
    let page = rows.into_iter().skip(usize::try_from(offset).unwrap_or(usize::MAX));
    let places = page.map(|row| (row.channel_id, row.position));
    Ok(places.take(usize::try_from(size).unwrap_or(usize::MAX)).collect())
}

/// Rows of each channel that are merged in memory. The pages that people look at are within; for the others the database
/// sorts all channels at once, which takes longer for a first page and no memory for a last one.
const MERGED_ROWS_MAX: i64 = 5_000;

fn merged_by_database(
    conn: &mut DbConnection,
    heads: &[LogHead],
    query: &ListQuery,
    offset: i64,
    size: i64,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let channels: Vec<i64> = heads.iter().map(|head| head.channel_id).collect();
    let clause = order::clause(&query.sort, &["channel_id", "position"]);
    let matching = events::table.filter(predicate::of_any(channels, &query.filter)).order(sql::<Untyped>(&clause));
    Ok(matching.select((events::channel_id, events::position)).limit(size).offset(offset).load(conn)?)
}

fn ordered(channel_id: i64, query: &ListQuery) -> events::BoxedQuery<'static, Backend> {
    let clause = order::clause(&query.sort, &["position"]);
    events::table.filter(predicate::of(channel_id, &query.filter)).order(sql::<Untyped>(&clause)).into_boxed()
}

type Selected = (i64, i64, i64, Vec<u8>, Option<i64>, Option<i64>, Option<String>, Option<i64>, Option<String>);

fn sort_rows(conn: &mut DbConnection, channel_id: i64, query: &ListQuery, limit: i64) -> Result<Vec<SortRow>, StoreError> {
    let rows: Vec<Selected> = ordered(channel_id, query)
        .select((
            events::channel_id,
            events::position,
            events::timestamp,
            events::uuid,
            events::content_type,
            events::object_num,
            events::object_id,
            events::user_num,
            events::user_id,
        ))
        .limit(limit)
        .load(conn)?;
    rows.into_iter()
        .map(|(channel_id, position, timestamp, uuid, content_type, object_num, object_id, user_num, user_id)| {
            let uuid = Uuid::from_slice(&uuid);
            let uuid = uuid.map_err(|_| StoreError::Corrupt { channel_id, position, what: "uuid".to_owned() })?;
            Ok(SortRow { channel_id, position, timestamp, uuid, content_type, object_num, object_id, user_num, user_id })
        })
        .collect()
}
