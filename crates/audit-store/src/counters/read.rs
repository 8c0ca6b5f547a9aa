//! Reading the counters.

use audit_domain::Interval;
use diesel::prelude::*;

use super::{Dimension, Hours};
use crate::connection::{Backend, DbConnection};
use crate::dialect;
use crate::error::StoreError;
use crate::query::{Filter, LogHead, Table};
use crate::schema::{counters, counters_by_hour};

/// What a filter asks for, where it is something that is counted: one key of one dimension, in a range of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) dimension: Dimension,
    pub(crate) key: String,
    pub(crate) time: Interval,
}

impl Tally {
    /// Whether it asks for everything that happened in the range.
    pub(crate) fn is_total(&self) -> bool {
        self.dimension == Dimension::Total
    }

    pub(crate) fn is_for_all_time(&self) -> bool {
        self.time == Interval::default()
    }
}

/// How many entries of a log are meant: from the counters, and from the index for parts of hours. `None` for what is not counted.
pub(crate) fn whole<T: Table>(
    conn: &mut DbConnection,
    head: &LogHead,
    filter: &T::Filter,
    tally: &Tally,
) -> Result<Option<i64>, StoreError> {
    if tally.is_for_all_time() {
        if tally.is_total() {
            return Ok(Some(head.size));
        }
        let counter = counters::table.find((head.channel_id, T::STREAM.number(), tally.dimension.number(), &tally.key));
        return Ok(Some(counter.select(counters::count).load::<i64>(conn)?.into_iter().sum()));
    }
    if !tally.dimension.is_hourly() {
        return Ok(None);
    }
    let hours = Hours::of(tally.time);
    let mut count = 0;
    if !hours.whole.is_empty() {
        let counted: Vec<i64> =
            within(hourly(head.channel_id, T::STREAM.number(), tally), hours.whole).select(counters_by_hour::count).load(conn)?;
        count += counted.into_iter().sum::<i64>();
    }
    for edge in hours.edges.into_iter().filter(|edge| !edge.is_empty()) {
        count += T::count(conn, head.channel_id, &filter.within(edge))?;
    }
    Ok(Some(count))
}

/// Keys whose hours are looked up one by one; with more, to go through the entries is quicker.
const KEYS_MAX: usize = 1000;

/// The counters of all keys of a dimension, for all time or for whole hours; `None` where that would take longer than to count.
pub(crate) fn groups(
    conn: &mut DbConnection,
    channel_id: i64,
    stream: i16,
    dimension: Dimension,
    hours: Option<Interval>,
) -> Result<Option<Vec<(String, i64)>>, StoreError> {
    let of_dimension = counters::channel_id.eq(channel_id).and(counters::stream.eq(stream));
    let of_dimension = of_dimension.and(counters::dimension.eq(dimension.number()));
    let keys: Vec<(String, i64)> = counters::table.filter(of_dimension).select((counters::key, counters::count)).load(conn)?;
    let Some(hours) = hours else { return Ok(Some(keys)) };
    if keys.len() > KEYS_MAX {
        return Ok(None);
    }
    let mut groups = Vec::new();
    // Key by key: the hours of one key are a range of the primary key, those of all keys are not.
    for (key, _) in keys {
        dialect::go_on(conn)?;
        let tally = Tally { dimension, key, time: hours };
        let counted: Vec<i64> = within(hourly(channel_id, stream, &tally), hours).select(counters_by_hour::count).load(conn)?;
        let count: i64 = counted.into_iter().sum();
        if count > 0 {
            groups.push((tally.key, count));
        }
    }
    Ok(Some(groups))
}

/// The hours of a tally and their counts, in order.
pub(crate) fn by_hour(
    conn: &mut DbConnection,
    channel_id: i64,
    stream: i16,
    tally: &Tally,
    hours: Interval,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let counted = within(hourly(channel_id, stream, tally), hours).order(counters_by_hour::hour);
    Ok(counted.select((counters_by_hour::hour, counters_by_hour::count)).load(conn)?)
}

/// Hours that are read at once on the way to a page.
const HOURS_STEP: i64 = 512;

/// Where a list by time stands after so many entries: the hour that holds the next one, and how many of that hour come before it.
/// `None` behind the last one.
pub(crate) fn hours_behind(
    conn: &mut DbConnection,
    channel_id: i64,
    stream: i16,
    tally: &Tally,
    descending: bool,
    skip: i64,
) -> Result<Option<(i64, i64)>, StoreError> {
    let (mut left, mut hours) = (skip, Interval::default());
    loop {
        dialect::go_on(conn)?;
        let counted = within(hourly(channel_id, stream, tally), hours).limit(HOURS_STEP);
        let counted = if descending { counted.order(counters_by_hour::hour.desc()) } else { counted.order(counters_by_hour::hour) };
        let counted: Vec<(i64, i64)> = counted.select((counters_by_hour::hour, counters_by_hour::count)).load(conn)?;
        for (hour, count) in &counted {
            if left < *count {
                return Ok(Some((*hour, left)));
            }
            left -= count;
        }
        match counted.last() {
            Some((last, _)) if counted.len() as i64 == HOURS_STEP && descending => hours.below(*last),
            Some((last, _)) if counted.len() as i64 == HOURS_STEP => hours.from(last + 1),
            _ => return Ok(None),
        }
    }
}

type Hourly<'a> = counters_by_hour::BoxedQuery<'a, Backend>;

fn hourly<'a>(channel_id: i64, stream: i16, tally: &Tally) -> Hourly<'a> {
    let of_key = counters_by_hour::channel_id.eq(channel_id).and(counters_by_hour::stream.eq(stream));
    let of_key = of_key.and(counters_by_hour::dimension.eq(tally.dimension.number()));
    counters_by_hour::table.filter(of_key.and(counters_by_hour::key.eq(tally.key.clone()))).into_boxed()
}

fn within(mut query: Hourly<'_>, hours: Interval) -> Hourly<'_> {
    if let Some(start) = hours.lower() {
        query = query.filter(counters_by_hour::hour.ge(start));
    }
    if let Some(end) = hours.upper() {
        query = query.filter(counters_by_hour::hour.lt(end));
    }
    query
}
