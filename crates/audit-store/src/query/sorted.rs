//! Pages of the entries that an index found, in any sort.
//!
//! This first counts the values of a dimension, as for a summary. The counts show which values the
//! page has, and only the entries with those values are read: all of them have the same leading
//! key, and the next key continues from there in the same way.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use audit_domain::{Sort, SortBy, SortKey, canonical_integer};

use super::find;
use super::list::cut;
use super::places_of;
use super::table::{LogPosition, Table};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::postings::{Dimension, Found, Term, ValueRange, Values};

/// Entries that are sorted in memory by all keys: all found entries, or those of several values. So
/// a page of values that few entries have does not take a lookup for each value.
const SORTED_ROWS_MAX: u64 = 1_000;

/// Entries that are not indexed yet and whose values are in memory.
const NOT_INDEXED_MAX: usize = 10_000;

/// The entries of a page. Returns `None` if only the database can sort them: by uuid, and by a
/// field after the time or the position.
pub(crate) fn sorted<T: Table>(
    conn: &mut DbConnection,
    found: &mut Found<'_>,
    sort: &Sort<T::SortField>,
    skip: u64,
    limit: usize,
) -> Result<Option<Vec<LogPosition>>, StoreError> {
    page::<T>(conn, found, sort, sort.keys(), (skip, limit))
}

/// A page of entries that are equal in all keys before these.
fn page<T: Table>(
    conn: &mut DbConnection,
    found: &mut Found<'_>,
    sort: &Sort<T::SortField>,
    keys: &[SortKey<T::SortField>],
    (skip, limit): (u64, usize),
) -> Result<Option<Vec<LogPosition>>, StoreError> {
    dialect::go_on(conn)?;
    match keys {
        [] => find::places_by_position::<T>(conn, found, sort.ties_descend(), skip, limit),
        [key] if T::is_by_time(key) && key.descending == sort.ties_descend() => {
            find::places::<T>(conn, found, key.descending, skip, limit)
        }
        [key, ..] if T::is_by_position(key) && found.logs() == 1 => {
            find::places_by_position::<T>(conn, found, key.descending, skip, limit)
        }
        _ if found.len() <= SORTED_ROWS_MAX => {
            let Some(places) = find::places::<T>(conn, found, false, 0, usize::MAX)? else { return Ok(None) };
            let (skip, limit) = (i64::try_from(skip).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
            Ok(Some(cut(rows_at::<T>(conn, &places)?, sort, skip, limit)))
        }
        [key, ..] => match T::dimension(key.field) {
            Some(dimension) => by_values::<T>(conn, found, sort, keys, dimension, (skip, limit)),
            None => Ok(None),
        },
    }
}

/// A value of a dimension as in its term; `None` comes last.
type Value = Option<Vec<u8>>;

fn by_values<T: Table>(
    conn: &mut DbConnection,
    found: &mut Found<'_>,
    sort: &Sort<T::SortField>,
    keys: &[SortKey<T::SortField>],
    dimension: Dimension,
    (skip, limit): (u64, usize),
) -> Result<Option<Vec<LogPosition>>, StoreError> {
    let [key, next @ ..] = keys else { return Ok(None) };
    let not_indexed: Vec<LogPosition> = found.not_indexed().take(NOT_INDEXED_MAX + 1).collect();
    if not_indexed.len() > NOT_INDEXED_MAX {
        return Ok(None);
    }
    let rows = rows_at::<T>(conn, &not_indexed)?;
    let values: HashMap<LogPosition, Value> = rows.iter().map(|row| (T::SortField::place(row), T::value(key.field, row))).collect();
    let leading = Leading::new(dimension, key.descending, skip.saturating_add(limit as u64));
    let Some(groups) = groups::<T>(conn, found, leading, &values)? else { return Ok(None) };
    let (before, on_page) = of_page(groups, skip, limit);
    let (mut skip, mut left, mut places) = (skip - before, limit, Vec::new());
    for Run { values: of_run, .. } in runs(on_page) {
        let kept: HashSet<LogPosition> =
            values.iter().filter(|(_, value)| of_run.contains(value)).map(|(place, _)| *place).collect();
        // Entries of several values are few, and are sorted in memory.
        let keys = if of_run.len() == 1 { next } else { keys };
        let meant = match of_run.as_slice() {
            [None] => Values::Missing,
            _ => Values::OneOf(of_run.into_iter().flatten().collect()),
        };
        let Some(whole) = find::narrow::<T>(conn, found, dimension, &meant, &kept)? else { return Ok(None) };
        let page = page::<T>(conn, found, sort, keys, (skip, left));
        found.widen(whole);
        let Some(page) = page? else { return Ok(None) };
        left -= page.len();
        skip = 0;
        places.extend(page);
    }
    Ok(Some(places))
}

/// The first values of the found entries and the number of entries of each, in order. The entries
/// without a value come last.
fn groups<T: Table>(
    conn: &mut DbConnection,
    found: &mut Found<'_>,
    mut leading: Leading,
    not_indexed: &HashMap<LogPosition, Value>,
) -> Result<Option<Vec<(Value, u64)>>, StoreError> {
    for value in not_indexed.values().flatten() {
        leading.add(value, 1);
    }
    let dimension = leading.dimension;
    for channel_id in found.channels() {
        dialect::go_on(conn)?;
        let count = |value: &[u8], count| leading.add(value, count);
        if found.groups::<T>(conn, channel_id, (dimension, &ValueRange::whole()), count)?.is_none() {
            return Ok(None);
        }
    }
    let without = found.len().saturating_sub(leading.all);
    let groups = leading.sizes.into_iter().map(|(ranked, size)| (Some(ranked.value), size));
    Ok(Some(groups.chain((without > 0).then_some((None, without))).collect()))
}

/// The first values in a sort, as many as the page and the pages before it need. An index may have
/// millions of values, and the first page has ten.
struct Leading {
    dimension: Dimension,
    descending: bool,
    /// Entries up to the end of the page.
    wanted: u64,
    sizes: BTreeMap<Ranked, u64>,
    /// Entries with these values.
    kept: u64,
    /// Entries with any value.
    all: u64,
}

impl Leading {
    fn new(dimension: Dimension, descending: bool, wanted: u64) -> Leading {
        Leading { dimension, descending, wanted, sizes: BTreeMap::new(), kept: 0, all: 0 }
    }

    /// Counts entries with a value. A dropped value is never needed again, because the count of the
    /// values before it only grows.
    fn add(&mut self, value: &[u8], count: u64) {
        self.all += count;
        let number = Ranked::number(self.dimension, value);
        let is_enough = self.kept >= self.wanted;
        if is_enough && self.sizes.last_key_value().is_none_or(|(last, _)| last.is_before(number, value)) {
            return;
        }
        let ranked = Ranked { number, value: value.to_vec(), descending: self.descending };
        *self.sizes.entry(ranked).or_default() += count;
        self.kept += count;
        while let Some(last) = self.sizes.last_entry()
            && self.kept - last.get() >= self.wanted
        {
            self.kept -= last.remove();
        }
    }
}

/// A value, and its number if it is one.
#[derive(PartialEq, Eq)]
struct Ranked {
    number: Option<i64>,
    value: Vec<u8>,
    descending: bool,
}

impl Ranked {
    fn number(dimension: Dimension, value: &[u8]) -> Option<i64> {
        if dimension.is_of_numbers() { Term::to_number(value) } else { std::str::from_utf8(value).ok().and_then(canonical_integer) }
    }

    fn is_before(&self, number: Option<i64>, value: &[u8]) -> bool {
        self.compare(number, value).is_lt()
    }

    /// Numbers come before texts in both directions.
    fn compare(&self, number: Option<i64>, value: &[u8]) -> Ordering {
        let directed = |order: Ordering| if self.descending { order.reverse() } else { order };
        match (self.number, number) {
            (Some(own), Some(other)) => directed(own.cmp(&other)),
            (None, None) => directed(self.value.as_slice().cmp(value)),
            (own, other) => other.is_some().cmp(&own.is_some()),
        }
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> Ordering {
        self.compare(other.number, &other.value)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The values of a page, and the number of entries before them.
fn of_page(groups: Vec<(Value, u64)>, skip: u64, limit: usize) -> (u64, Vec<(Value, u64)>) {
    let (mut before, mut end, mut on_page) = (0, 0, Vec::new());
    for (value, size) in groups {
        if end >= skip.saturating_add(limit as u64) {
            break;
        }
        end += size;
        if end <= skip {
            before = end;
        } else {
            on_page.push((value, size));
        }
    }
    (before, on_page)
}

/// Neighbouring values whose entries are read together: one value, or several that few entries
/// have.
struct Run {
    values: Vec<Value>,
    size: u64,
}

fn runs(groups: Vec<(Value, u64)>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (value, size) in groups {
        match runs.last_mut() {
            Some(run) if value.is_some() && run.size + size <= SORTED_ROWS_MAX => {
                run.values.push(value);
                run.size += size;
            }
            _ => runs.push(Run { values: vec![value], size }),
        }
    }
    runs
}

/// The sort values of the entries at these places.
fn rows_at<T: Table>(conn: &mut DbConnection, places: &[LogPosition]) -> Result<Vec<<T::SortField as SortBy>::Row>, StoreError> {
    let mut rows = Vec::with_capacity(places.len());
    for (channel_id, positions) in places_of(places) {
        dialect::go_on(conn)?;
        rows.extend(T::sort_rows_at(conn, channel_id, &positions)?);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers come first, in the direction of the sort; texts come after them.
    fn in_order(sizes: &HashMap<&str, u64>, descending: bool) -> Vec<(Value, u64)> {
        let mut all: Vec<(&str, u64)> = sizes.iter().map(|(value, size)| (*value, *size)).collect();
        all.sort_by(|(a, _), (b, _)| {
            let directed = |order: Ordering| if descending { order.reverse() } else { order };
            match (a.parse::<i64>(), b.parse::<i64>()) {
                (Ok(a), Ok(b)) => directed(a.cmp(&b)),
                (Err(_), Err(_)) => directed(a.cmp(b)),
                (a, b) => b.is_ok().cmp(&a.is_ok()),
            }
        });
        all.into_iter().map(|(value, size)| (Some(value.as_bytes().to_vec()), size)).collect()
    }

    #[test]
    fn values_that_a_page_needs_are_kept_with_all_their_entries() {
        let values = ["9", "10", "-3", "x", "aa", "100", "y7", "12", "0", "b"];
        for descending in [false, true] {
            for wanted in 0..70 {
                let mut leading = Leading::new(Dimension::ObjectId, descending, wanted);
                let mut sizes: HashMap<&str, u64> = HashMap::new();
                // Each value is in several segments, in another order in each.
                for round in 0..3 {
                    for at in 0..values.len() {
                        let value = values[(at * 7 + round * 3) % values.len()];
                        let count = (at as u64 + round as u64) % 4 + 1;
                        leading.add(value.as_bytes(), count);
                        *sizes.entry(value).or_default() += count;
                    }
                }
                assert_eq!(leading.all, sizes.values().sum::<u64>());
                let kept: Vec<(Value, u64)> = leading.sizes.into_iter().map(|(ranked, size)| (Some(ranked.value), size)).collect();
                let all = in_order(&sizes, descending);
                for skip in 0..=wanted {
                    let limit = (wanted - skip) as usize;
                    assert_eq!(of_page(kept.clone(), skip, limit), of_page(all.clone(), skip, limit), "{skip} and {limit}");
                }
                // It keeps no more values than needed.
                let but_the_last: u64 = kept.iter().rev().skip(1).map(|(_, size)| size).sum();
                assert!(but_the_last < wanted.max(1), "{wanted}: {kept:?}");
            }
        }
    }
}
