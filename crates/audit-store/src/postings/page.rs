//! Pages of the entries of several segments, and of the rows after them, in the order of time.
//!
//! Segments may overlap in time in any way. How many entries come before an instant is known of each of them by a look at two or three
//! blocks, so the instant at which a page starts is found by halving, however deep the page is; from there on, the next entry is the
//! least of those that come next in each.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::IndexError;
use super::index::{Index, Matches};
use super::times::Point;
use crate::connection::DbConnection;

/// What orders the entries of several logs by time.
pub(crate) type Key = (i64, i64, i64);

/// A log's entries that match.
#[derive(Debug)]
pub(crate) struct OfLog<'a> {
    pub(super) index: Index<'a>,
    pub(super) indexed: Vec<Matches>,
    /// Those that are not indexed yet, in the order of time.
    pub(super) rest: Vec<Point>,
}

/// The entries of several logs that match. The logs are in the order of their channels.
#[derive(Debug)]
pub(crate) struct Found<'a>(pub(super) Vec<OfLog<'a>>);

/// Which log, and which of its parts: a segment, or with a number beyond those, the rest.
type Part = (usize, usize);

impl OfLog<'_> {
    pub(super) fn len(&self) -> u64 {
        self.indexed.iter().map(Matches::len).sum::<u64>() + self.rest.len() as u64
    }
}

impl Found<'_> {
    pub(crate) fn len(&self) -> u64 {
        self.0.iter().map(OfLog::len).sum()
    }

    /// The entries with these numbers in the order of time, up to so many.
    pub(crate) fn page(&mut self, conn: &mut DbConnection, skip: u64, limit: usize) -> Result<Vec<Key>, IndexError> {
        if limit == 0 || skip >= self.len() {
            return Ok(Vec::new());
        }
        // The last instant before which no more than `skip` happened.
        let (mut low, mut high) = self.span();
        while low < high {
            let middle = low.midpoint(high);
            let middle = if middle == low { high } else { middle };
            if self.before_instant(conn, middle)? <= skip {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        let mut left = skip - self.before_instant(conn, low)?;
        let mut starts = Vec::new();
        for part in self.parts() {
            let from = self.before(conn, part, Point { time: low, position: i64::MIN })?;
            // Those of one instant are in the order of the parts.
            let at_once = self.before(conn, part, Point { time: low, position: i64::MAX })? - from;
            let passed_over = left.min(at_once);
            left -= passed_over;
            starts.push((part, from + passed_over));
        }
        self.merge(conn, starts, limit)
    }

    /// How many come before an entry, which may be one that does not match, or of another log.
    pub(crate) fn before_key(&mut self, conn: &mut DbConnection, (time, channel_id, position): Key) -> Result<u64, IndexError> {
        let mut count = 0;
        for part in self.parts() {
            let of_part = self.0.get(part.0).map_or(0, |log| log.index.channel_id);
            let position = match of_part.cmp(&channel_id) {
                std::cmp::Ordering::Less => i64::MAX,
                std::cmp::Ordering::Equal => position,
                std::cmp::Ordering::Greater => i64::MIN,
            };
            count += self.before(conn, part, Point { time, position })?;
        }
        Ok(count)
    }

    /// How many happened before an instant.
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

    /// The first and the last instant at which something may have happened.
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

    fn parts(&self) -> Vec<Part> {
        let parts = |(at, log): (usize, &OfLog<'_>)| (0..=log.indexed.len()).map(move |part| (at, part));
        self.0.iter().enumerate().flat_map(parts).collect()
    }

    /// How many of a part come before a point.
    fn before(&mut self, conn: &mut DbConnection, (log, part): Part, point: Point) -> Result<u64, IndexError> {
        let log = self.0.get_mut(log).ok_or(IndexError::Damaged)?;
        match log.indexed.get(part) {
            Some(matches) => {
                let rank = log.index.rank(conn, matches.segment, point)?;
                Ok(matches.before(rank))
            }
            None => Ok(log.rest.partition_point(|here| *here < point) as u64),
        }
    }

    /// Merges what comes from a number on in each part.
    fn merge(&mut self, conn: &mut DbConnection, starts: Vec<(Part, u64)>, limit: usize) -> Result<Vec<Key>, IndexError> {
        let mut next: BinaryHeap<Reverse<(Key, Part, Option<u64>)>> = BinaryHeap::new();
        for (part, number) in starts {
            // Where it begins is known without reading it, which most of them never need.
            if let Some(earliest) = self.earliest(part) {
                next.push(Reverse((earliest, part, Some(number))));
            }
        }
        let mut page = Vec::with_capacity(limit.min(1_024));
        let mut numbers: std::collections::HashMap<Part, u64> = std::collections::HashMap::new();
        while page.len() < limit
            && let Some(Reverse((key, part, unread))) = next.pop()
        {
            let number = match unread {
                Some(number) => number,
                None => {
                    page.push(key);
                    numbers.get(&part).copied().unwrap_or(0) + 1
                }
            };
            numbers.insert(part, number);
            if let Some(key) = self.nth(conn, part, number)? {
                next.push(Reverse((key, part, None)));
            }
        }
        Ok(page)
    }

    /// No entry of a part comes before this.
    fn earliest(&self, (log, part): Part) -> Option<Key> {
        let log = self.0.get(log)?;
        let time = match log.indexed.get(part) {
            Some(matches) => log.index.segments.get(matches.segment)?.times.first,
            None => log.rest.first()?.time,
        };
        Some((time, i64::MIN, i64::MIN))
    }

    /// The entry of a part before which so many come.
    fn nth(&mut self, conn: &mut DbConnection, (log, part): Part, number: u64) -> Result<Option<Key>, IndexError> {
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
