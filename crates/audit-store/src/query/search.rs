//! Searches in records, for conditions that neither SQL nor an index can answer. Values are stored
//! as JSON text as received, and a search compares the decoded characters.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::ControlFlow;

use audit_domain::{CursorKey, CursorOrder, Interval, SortBy};

use super::cursor::order;
use super::fetch_size::FetchSize;
use super::start::PageStart;
use super::table::{Filter, Selection, Table};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;

/// Positions of one statement.
const POSITIONS_AT_ONCE: usize = 10_000;

/// Calls back for each matching record of a channel, in an order of the database. If rows arrive
/// one by one, it runs one statement; if a result comes whole, it runs several, one for each
/// fetch.
pub(crate) fn each<T: Table>(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &T::Filter,
    mut found: impl FnMut(&T::Stored),
) -> Result<(), StoreError> {
    let in_fetches_only = !dialect::gives_rows_as_they_come(conn);
    // The tail has few positions, while a range of time may be a small part of the log.
    let by = if filter.position() == Interval::default() { CursorOrder::Timestamp } else { CursorOrder::Position };
    let order = order::<T>(by, false);
    let (mut after, mut fetch) = (None, FetchSize::FIRST);
    loop {
        dialect::go_on(conn)?;
        let limit = if in_fetches_only { fetch.records() } else { usize::MAX };
        let (mut read, mut bytes) = (0, 0);
        let start = PageStart::new(by, false, channel_id, after);
        let part = Selection { filter, order: &order, skip: 0, limit: i64::try_from(limit).unwrap_or(i64::MAX) };
        T::step(conn, channel_id, &start, &part, &mut |record| {
            after =
                Some(CursorKey { timestamp: record.as_ref().timestamp.micros(), channel_id, position: record.as_ref().position });
            read += 1;
            bytes += record.as_ref().slots.bytes();
            if filter.keeps(&record) {
                found(&record);
            }
            ControlFlow::Continue(())
        })?;
        if read < limit {
            return Ok(());
        }
        fetch = fetch.after(bytes);
    }
}

/// The sort values of all matching records, in any order.
pub(crate) fn rows<T: Table>(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &T::Filter,
) -> Result<Vec<<T::SortField as SortBy>::Row>, StoreError> {
    let mut positions = Vec::new();
    each::<T>(conn, channel_id, filter, |record| positions.push(record.as_ref().position))?;
    let mut rows = Vec::with_capacity(positions.len());
    for some in positions.chunks(POSITIONS_AT_ONCE) {
        dialect::go_on(conn)?;
        rows.extend(T::sort_rows_at(conn, channel_id, some)?);
    }
    Ok(rows)
}

/// Counts the matching records by key, without those that have no key.
pub(crate) fn groups<T: Table, K: Hash + Eq>(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &T::Filter,
    key_of: impl Fn(&T::Stored) -> Option<K>,
) -> Result<Vec<(K, i64)>, StoreError> {
    let mut groups: HashMap<K, i64> = HashMap::new();
    each::<T>(conn, channel_id, filter, |record| {
        if let Some(key) = key_of(record) {
            *groups.entry(key).or_default() += 1;
        }
    })?;
    Ok(groups.into_iter().collect())
}
