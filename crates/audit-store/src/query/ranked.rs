//! The largest groups of the matching entries, and the sum of the others. Values of a dimension may
//! be millions, so they are counted in ranges that fit into memory.

use std::collections::HashMap;

use audit_domain::{Span, weekday};

use super::stream::StreamTypes;
use super::summary::{Grouping, IndexedAs, OtherGroups, RawGroup, RawKey};
use super::table::Filter;
use super::value_counts::{Counted, ValueCounts};
use super::{LogState, count, search};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::postings::{Cache, Found, ValueRange};

/// The listed groups: the size of each, and a channel that has it.
pub(super) struct Ranked {
    pub(super) total: i64,
    pub(super) listed: Vec<(RawKey, (i64, i64))>,
    pub(super) other: OtherGroups,
}

/// Counts groups, and keeps at most `max` of them.
pub(super) fn ranked<G: Grouping>(
    conn: &mut DbConnection,
    cache: &Cache,
    heads: &[LogState],
    mut found: Option<&mut Found<'_>>,
    filter: &<G::Table as StreamTypes>::Filter,
    by: G,
    max: usize,
) -> Result<Ranked, StoreError> {
    let is_by_size = matches!(by.indexed(), IndexedAs::Numbers(_) | IndexedAs::Texts(_));
    // Spans of time are not so many, and without an index, each range would read all rows.
    let at_once = if is_by_size && found.is_some() { cache.values_at_once() } else { usize::MAX };
    let mut top = Top { is_by_size, max, listed: Vec::new(), other: OtherGroups::default() };
    let (mut total, mut null, mut is_first) = (0, (0, 0), true);
    let (mut ranges, mut rows_after) = (vec![ValueRange::whole()], RowsAfter::default());
    while let Some(range) = ranges.pop() {
        let mut counts = ValueCounts::new(range.clone(), at_once);
        for head in heads.iter().filter(|_| !filter.is_impossible()) {
            dialect::go_on(conn)?;
            let mut of_log = ValueCounts::new(range.clone(), at_once);
            let is_indexed = match found.as_deref_mut() {
                Some(found) => indexed::<G>(conn, head, found, filter, by, (&mut of_log, &mut rows_after))?,
                None => false,
            };
            if !is_indexed {
                of_log = ValueCounts::new(range.clone(), at_once);
                add_rows(&mut of_log, counted(conn, head.channel_id, filter, by)?, head.channel_id);
            }
            if is_first {
                let matching = match found.as_deref() {
                    Some(found) if is_indexed => found.len_of(head.channel_id) as i64,
                    _ => count::<G::Table>(conn, cache, std::slice::from_ref(head), filter)?,
                };
                total += matching;
                if matching > of_log.entries {
                    null = (null.0 + matching - of_log.entries, if null.0 == 0 { head.channel_id } else { null.1 });
                }
            }
            counts.absorb(of_log);
        }
        is_first = false;
        let (counted, rest) = counts.finish();
        top.add(counted);
        ranges.extend(rest);
    }
    Ok(top.finish(by.indexed(), total, null))
}

/// The largest groups so far; of spans of time and days of the week, the latest.
struct Top {
    is_by_size: bool,
    max: usize,
    listed: Vec<Counted>,
    other: OtherGroups,
}

impl Top {
    fn add(&mut self, counted: impl Iterator<Item = Counted>) {
        self.listed.extend(counted);
        let dropped = drop_others(&mut self.listed, self.is_by_size, self.max);
        self.other.groups += dropped.groups;
        self.other.count += dropped.count;
    }

    fn finish(self, indexed: IndexedAs, total: i64, null: (i64, i64)) -> Ranked {
        let Top { is_by_size, max, listed, mut other } = self;
        let keys = listed.into_iter().filter_map(|(value, group)| Some((indexed.key(&value)?, group)));
        let mut listed: Vec<(RawKey, (i64, i64))> = keys.chain((null.0 > 0).then_some((RawKey::Null, null))).collect();
        let dropped = drop_others(&mut listed, is_by_size, max);
        other.groups += dropped.groups;
        other.count += dropped.count;
        Ranked { total, listed, other }
    }
}

/// Sorts groups, largest first or by key, and drops those that are not listed.
fn drop_others<K: Ord>(groups: &mut Vec<(K, (i64, i64))>, is_by_size: bool, max: usize) -> OtherGroups {
    let beyond = groups.len().saturating_sub(max);
    let others = if is_by_size {
        groups.sort_unstable_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| a.0.cmp(&b.0)));
        groups.drain(groups.len() - beyond..)
    } else {
        groups.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        groups.drain(..beyond)
    };
    others.fold(OtherGroups::default(), |sum, (_, (count, _))| OtherGroups { groups: sum.groups + 1, count: sum.count + count })
}

/// The groups of the rows after the index of each log, by channel: they are read once for all
/// ranges.
type RowsAfter = HashMap<i64, Vec<RawGroup>>;

/// Counts the groups of a log without null, row by row.
fn counted<G: Grouping>(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &<G::Table as StreamTypes>::Filter,
    by: G,
) -> Result<Vec<RawGroup>, StoreError> {
    if filter.reads_values() {
        return search::groups::<G::Table, _>(conn, channel_id, filter, |record| by.key_of(record));
    }
    by.groups(conn, channel_id, filter)
}

fn add_rows(counts: &mut ValueCounts, rows: impl IntoIterator<Item = RawGroup>, channel_id: i64) {
    for (key, count) in rows {
        if let Some(value) = key.into_value() {
            counts.add(&value, count, channel_id);
        }
    }
}

/// Counts the groups of a log from its index and from the rows after it. Returns whether the index
/// could be read to its end.
fn indexed<G: Grouping>(
    conn: &mut DbConnection,
    head: &LogState,
    found: &mut Found<'_>,
    filter: &<G::Table as StreamTypes>::Filter,
    by: G,
    (counts, rows_after): (&mut ValueCounts, &mut RowsAfter),
) -> Result<bool, StoreError> {
    let channel_id = head.channel_id;
    let mut add = |key: RawKey, count: u64| add_rows(counts, [(key, count as i64)], channel_id);
    let known = match by.indexed() {
        IndexedAs::Numbers(dimension) | IndexedAs::Texts(dimension) => {
            let range = counts.range().clone();
            found.groups::<G::Table>(conn, channel_id, (dimension, &range), |value, count| {
                counts.add(value, count as i64, channel_id);
            })?
        }
        IndexedAs::Spans(span) => {
            found.spans::<G::Table>(conn, channel_id, span, |start, count| add(RawKey::Time(start), count))?
        }
        // Two equal days of the week may have others in between, so only days are spans.
        IndexedAs::Weekdays => found.spans::<G::Table>(conn, channel_id, Span::Day, |start, count| {
            add(RawKey::Number(weekday(start)), count);
        })?,
    };
    if known.is_none() {
        return Ok(false);
    }
    let after = found.end_of(channel_id);
    if after < head.size {
        let rows = match rows_after.remove(&channel_id) {
            Some(rows) => rows,
            None => counted(conn, channel_id, &filter.starting_at(after), by)?,
        };
        add_rows(counts, rows.iter().cloned(), channel_id);
        rows_after.insert(channel_id, rows);
    }
    Ok(true)
}
