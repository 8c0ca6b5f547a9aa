//! Pages of what an index found, in whatever order.
//!
//! The values of a dimension are counted first, as for a summary. That tells which of them a page has, and only the entries with those
//! are looked at: all of them have the same leading key, and the next key goes on from there in the same way.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use audit_domain::{Sort, SortBy, SortKey, canonical_integer};

use super::list::cut;
use super::places_of;
use super::table::{Place, Table};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::postings::{self, Dimension, Found, Term, Values};

/// Entries that are sorted in memory by whatever is asked for: all that was found, or those of several values, so that a page of values
/// which few entries have is not one look at the index for each of them.
const SORTED_ROWS_MAX: u64 = 1_000;

/// Entries that are not indexed yet and whose values are kept in memory.
const NOT_INDEXED_MAX: usize = 10_000;

/// The entries of a page; `None` where only the database can sort them: by uuid, and by something after the time or the position.
pub(crate) fn sorted<T: Table>(
    conn: &mut DbConnection,
    found: &mut Found<'_>,
    sort: &Sort<T::SortField>,
    skip: u64,
    limit: usize,
) -> Result<Option<Vec<Place>>, StoreError> {
    page::<T>(conn, found, sort, sort.keys(), (skip, limit))
}

/// A page of entries that are the same by the keys before these.
fn page<T: Table>(
    conn: &mut DbConnection,
    found: &mut Found<'_>,
    sort: &Sort<T::SortField>,
    keys: &[SortKey<T::SortField>],
    (skip, limit): (u64, usize),
) -> Result<Option<Vec<Place>>, StoreError> {
    dialect::go_on(conn)?;
    match keys {
        [] => postings::places_by_position::<T>(conn, found, sort.ties_descend(), skip, limit),
        [key] if T::is_by_time(key) && key.descending == sort.ties_descend() => {
            postings::places::<T>(conn, found, key.descending, skip, limit)
        }
        [key, ..] if T::is_by_position(key) && found.logs() == 1 => {
            postings::places_by_position::<T>(conn, found, key.descending, skip, limit)
        }
        _ if found.len() <= SORTED_ROWS_MAX => {
            let Some(places) = postings::places::<T>(conn, found, false, 0, usize::MAX)? else { return Ok(None) };
            let (skip, limit) = (i64::try_from(skip).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
            Ok(Some(cut(rows_at::<T>(conn, &places)?, sort, skip, limit)))
        }
        [key, ..] => match T::dimension(key.field) {
            Some(dimension) => by_values::<T>(conn, found, sort, keys, dimension, (skip, limit)),
            None => Ok(None),
        },
    }
}

/// A value of a dimension as its term has it; none, which comes last.
type Value = Option<Vec<u8>>;

fn by_values<T: Table>(
    conn: &mut DbConnection,
    found: &mut Found<'_>,
    sort: &Sort<T::SortField>,
    keys: &[SortKey<T::SortField>],
    dimension: Dimension,
    (skip, limit): (u64, usize),
) -> Result<Option<Vec<Place>>, StoreError> {
    let [key, next @ ..] = keys else { return Ok(None) };
    let not_indexed: Vec<Place> = found.not_indexed().take(NOT_INDEXED_MAX + 1).collect();
    if not_indexed.len() > NOT_INDEXED_MAX {
        return Ok(None);
    }
    let rows = rows_at::<T>(conn, &not_indexed)?;
    let values: HashMap<Place, Value> = rows.iter().map(|row| (T::SortField::place(row), T::value(key.field, row))).collect();
    let Some(groups) = groups::<T>(conn, found, dimension, &values, key.descending)? else { return Ok(None) };
    let (before, on_page) = of_page(groups, skip, limit);
    let (mut skip, mut left, mut places) = (skip - before, limit, Vec::new());
    for Run { values: of_run, .. } in runs(on_page) {
        let kept: HashSet<Place> = values.iter().filter(|(_, value)| of_run.contains(value)).map(|(place, _)| *place).collect();
        // Of several values, the entries are few, and sorted in memory.
        let keys = if of_run.len() == 1 { next } else { keys };
        let meant = match of_run.as_slice() {
            [None] => Values::Missing,
            _ => Values::OneOf(of_run.into_iter().flatten().collect()),
        };
        let Some(whole) = postings::narrow::<T>(conn, found, dimension, &meant, &kept)? else { return Ok(None) };
        let page = page::<T>(conn, found, sort, keys, (skip, left));
        found.widen(whole);
        let Some(page) = page? else { return Ok(None) };
        left -= page.len();
        skip = 0;
        places.extend(page);
    }
    Ok(Some(places))
}

/// The values of what was found and how many entries have each, in their order; at the end those that have none.
fn groups<T: Table>(
    conn: &mut DbConnection,
    found: &mut Found<'_>,
    dimension: Dimension,
    not_indexed: &HashMap<Place, Value>,
    descending: bool,
) -> Result<Option<Vec<(Value, u64)>>, StoreError> {
    let mut sizes: HashMap<Vec<u8>, u64> = HashMap::new();
    for value in not_indexed.values().flatten() {
        *sizes.entry(value.clone()).or_default() += 1;
    }
    for channel_id in found.channels() {
        dialect::go_on(conn)?;
        let count = |value: &[u8], count| match sizes.get_mut(value) {
            Some(size) => *size += count,
            None => drop(sizes.insert(value.to_vec(), count)),
        };
        if found.groups::<T>(conn, channel_id, dimension, count)?.is_none() {
            return Ok(None);
        }
    }
    let without = found.len().saturating_sub(sizes.values().sum());
    let mut groups: Vec<_> = sizes.into_iter().map(|(value, size)| (Ranked::new(dimension, value), size)).collect();
    groups.sort_unstable_by(|(a, _), (b, _)| a.compare(b, descending));
    let groups = groups.into_iter().map(|(ranked, size)| (Some(ranked.value), size));
    Ok(Some(groups.chain((without > 0).then_some((None, without))).collect()))
}

/// A value, and the number that it is.
struct Ranked {
    number: Option<i64>,
    value: Vec<u8>,
}

impl Ranked {
    fn new(dimension: Dimension, value: Vec<u8>) -> Ranked {
        let number = if dimension.is_of_numbers() {
            Term::to_number(&value)
        } else {
            std::str::from_utf8(&value).ok().and_then(canonical_integer)
        };
        Ranked { number, value }
    }

    /// Numbers come before texts in both directions.
    fn compare(&self, other: &Ranked, descending: bool) -> Ordering {
        let directed = |order: Ordering| if descending { order.reverse() } else { order };
        match (self.number, other.number) {
            (Some(a), Some(b)) => directed(a.cmp(&b)),
            (None, None) => directed(self.value.cmp(&other.value)),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }
}

/// The values that a page has some of, and how many entries come before theirs.
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

/// Neighbouring values whose entries are looked at together: one, or some that few have.
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

/// What the entries at these places are ordered by.
fn rows_at<T: Table>(conn: &mut DbConnection, places: &[Place]) -> Result<Vec<<T::SortField as SortBy>::Row>, StoreError> {
    let mut rows = Vec::with_capacity(places.len());
    for (channel_id, positions) in places_of(places) {
        dialect::go_on(conn)?;
        rows.extend(T::sort_rows_at(conn, channel_id, &positions)?);
    }
    Ok(rows)
}
