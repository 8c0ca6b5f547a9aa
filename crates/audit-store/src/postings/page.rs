//! Pages of the entries of several segments and of the rows after them, in the order of time.
//!
//! Segments may overlap in time in any way. For each segment, two or three blocks are enough to
//! count the entries before an instant. So a binary search finds the instant at which a page
//! starts, however deep the page is. From there on, the next entry is the smallest of the next
//! entries of all segments.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::IndexError;
use super::index::{Index, Matches};
use super::times::Point;
use crate::connection::DbConnection;

/// The key that orders entries of several logs by time.
pub(crate) type Key = (i64, i64, i64);

/// The matching entries of a log.
#[derive(Debug)]
pub(crate) struct OfLog<'a> {
    pub(crate) index: Index<'a>,
    pub(crate) indexed: Vec<Matches>,
    /// The matching entries that are not indexed yet, in the order of time.
    pub(crate) rest: Vec<Point>,
}

/// The matching entries of several logs. The logs are in the order of their channels.
#[derive(Debug)]
pub(crate) struct Found<'a>(pub(crate) Vec<OfLog<'a>>);

/// A log and one of its parts: a segment, or the rest, which has the number after the last segment.
pub(super) type LogPart = (usize, usize);

impl OfLog<'_> {
    pub(crate) fn len(&self) -> u64 {
        self.indexed.iter().map(Matches::len).sum::<u64>() + self.rest.len() as u64
    }
}

impl Found<'_> {
    pub(crate) fn len(&self) -> u64 {
        self.0.iter().map(OfLog::len).sum()
    }

    /// Adds the found entries of other logs.
    pub(crate) fn join(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self.0.sort_by_key(|log| log.index.channel_id);
        self
    }

    /// The entries of a page in the order of time, at most `limit`.
    pub(crate) fn page(
        &mut self,
        conn: &mut DbConnection,
        descending: bool,
        skip: u64,
        limit: usize,
    ) -> Result<Vec<Key>, IndexError> {
        let total = self.len();
        if limit == 0 || skip >= total {
            return Ok(Vec::new());
        }
        let split = self.split_at(conn, if descending { total - skip } else { skip })?;
        self.merge(conn, split, descending, limit)
    }

    /// The entries after a key in the order of time, at most `limit`. The key may be of an entry
    /// that does not match.
    pub(crate) fn page_after(
        &mut self,
        conn: &mut DbConnection,
        descending: bool,
        (time, channel_id, position): Key,
        limit: usize,
    ) -> Result<Vec<Key>, IndexError> {
        let position = if descending { position } else { position.saturating_add(1) };
        let mut split = Vec::new();
        for part in self.parts() {
            let of_part = self.0.get(part.0).map_or(0, |log| log.index.channel_id);
            let position = match of_part.cmp(&channel_id) {
                std::cmp::Ordering::Less => i64::MAX,
                std::cmp::Ordering::Equal => position,
                std::cmp::Ordering::Greater => i64::MIN,
            };
            split.push((part, self.before(conn, part, Point { time, position })?));
        }
        self.merge(conn, split, descending, limit)
    }

    /// For each part, the number of its entries among the first `count` of all.
    fn split_at(&mut self, conn: &mut DbConnection, count: u64) -> Result<Vec<(LogPart, u64)>, IndexError> {
        if count == 0 || count >= self.len() {
            // Most pages start at one of these ends, which need no look at the times.
            let all = |(log, part)| if count == 0 { 0 } else { self.len_of_part((log, part)) };
            return Ok(self.parts().into_iter().map(|part| (part, all(part))).collect());
        }
        // The last instant before which at most `count` entries happened.
        let (mut low, mut high) = self.span();
        while low < high {
            let middle = low.midpoint(high);
            let middle = if middle == low { high } else { middle };
            if self.before_instant(conn, middle)? <= count {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        let mut left = count - self.before_instant(conn, low)?;
        let mut split = Vec::new();
        for part in self.parts() {
            let from = self.before(conn, part, Point { time: low, position: i64::MIN })?;
            // Entries of the same instant are in the order of the parts.
            let at_once = self.before(conn, part, Point { time: low, position: i64::MAX })? - from;
            let passed_over = left.min(at_once);
            left -= passed_over;
            split.push((part, from + passed_over));
        }
        Ok(split)
    }

    pub(super) fn len_of_part(&self, (log, part): LogPart) -> u64 {
        let Some(log) = self.0.get(log) else { return 0 };
        log.indexed.get(part).map_or(log.rest.len() as u64, Matches::len)
    }

    /// The number of entries before an instant.
    fn before_instant(&mut self, conn: &mut DbConnection, time: i64) -> Result<u64, IndexError> {
        let point = Point { time, position: i64::MIN };
        let mut count = 0;
        for log in &mut self.0 {
            for matches in &log.indexed {
                let rank = log.index.rank(conn, matches.segment, point)?;
                count += matches.before(rank);
            }
            count += log.rest.partition_point(|here| *here < point) as u64;
        }
        Ok(count)
    }

    /// The first and the last instant that an entry may have.
    fn span(&self) -> (i64, i64) {
        let (mut first, mut last) = (i64::MAX, i64::MIN);
        for log in &self.0 {
            let segments = log.indexed.iter().filter_map(|matches| log.index.segments.get(matches.segment));
            let rest = log.rest.first().zip(log.rest.last()).map(|(first, last)| (first.time, last.time));
            for (from, to) in segments.map(|segment| (segment.times.first, segment.times.last)).chain(rest) {
                (first, last) = (first.min(from), last.max(to));
            }
        }
        (first, last)
    }

    pub(super) fn parts(&self) -> Vec<LogPart> {
        let parts = |(at, log): (usize, &OfLog<'_>)| (0..=log.indexed.len()).map(move |part| (at, part));
        self.0.iter().enumerate().flat_map(parts).collect()
    }

    /// The number of entries of a part before a point.
    fn before(&mut self, conn: &mut DbConnection, (log, part): LogPart, point: Point) -> Result<u64, IndexError> {
        let log = self.0.get_mut(log).ok_or(IndexError::Damaged)?;
        match log.indexed.get(part) {
            Some(matches) => {
                let rank = log.index.rank(conn, matches.segment, point)?;
                Ok(matches.before(rank))
            }
            None => Ok(log.rest.partition_point(|here| *here < point) as u64),
        }
    }

    /// Merges the entries after a split of each part, in the order of time.
    fn merge(
        &mut self,
        conn: &mut DbConnection,
        split: Vec<(LogPart, u64)>,
        descending: bool,
        limit: usize,
    ) -> Result<Vec<Key>, IndexError> {
        // Complements of numbers are in the opposite order.
        let in_order = |(time, channel_id, position): Key| {
            if descending { (!time, !channel_id, !position) } else { (time, channel_id, position) }
        };
        let after = |number: u64| if descending { number.checked_sub(1) } else { number.checked_add(1) };
        // The possible next entry of each part, and whether it was read.
        let mut next: BinaryHeap<Reverse<(Key, LogPart, u64, bool)>> = BinaryHeap::new();
        for (part, count) in split {
            let first = if descending { count.checked_sub(1) } else { Some(count) };
            // The bound of a part is known without reading the entry, and most parts never need to
            // be read.
            if let Some((number, bound)) = first.zip(self.bound(part, descending)) {
                next.push(Reverse((in_order(bound), part, number, false)));
            }
        }
        let mut page = Vec::with_capacity(limit.min(1_024));
        while page.len() < limit
            && let Some(Reverse((key, part, number, is_entry))) = next.pop()
        {
            if is_entry {
                page.push(in_order(key));
            }
            if let Some(number) = if is_entry { after(number) } else { Some(number) }
                && let Some(key) = self.nth(conn, part, number)?
            {
                next.push(Reverse((in_order(key), part, number, true)));
            }
        }
        Ok(page)
    }

    /// No entry of a part comes before this key in the order of the page.
    fn bound(&self, (log, part): LogPart, descending: bool) -> Option<Key> {
        let log = self.0.get(log)?;
        let (first, last) = match log.indexed.get(part) {
            Some(matches) => {
                let times = &log.index.segments.get(matches.segment)?.times;
                (times.first, times.last)
            }
            None => (log.rest.first()?.time, log.rest.last()?.time),
        };
        Some(if descending { (last, i64::MAX, i64::MAX) } else { (first, i64::MIN, i64::MIN) })
    }

    /// The entry of a part after `number` others.
    fn nth(&mut self, conn: &mut DbConnection, (log, part): LogPart, number: u64) -> Result<Option<Key>, IndexError> {
        let log = self.0.get_mut(log).ok_or(IndexError::Damaged)?;
        let point = match log.indexed.get(part) {
            Some(matches) => match matches.nth(number) {
                Some(rank) => Some(log.index.point(conn, matches.segment, rank)?),
                None => None,
            },
            None => usize::try_from(number).ok().and_then(|number| log.rest.get(number)).copied(),
        };
        Ok(point.map(|point| (point.time, log.index.channel_id, point.position)))
    }
}
