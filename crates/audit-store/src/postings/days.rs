//! The days of a segment: where each day begins among the entries in the order of time.
//!
//! Counts by day, week or month need the number of matching entries of each day. With the first
//! rank of each day they need no times. Otherwise they would read nearly all times of a log whose
//! entries arrived in another order than they happened: each segment of such a log has a few
//! entries of every day.

use std::ops::Range;

use super::Damaged;
use super::bytes::{Reader, put_number};
use super::times::Point;

/// The microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// The days with entries, in order: the number of the day since the epoch, and its first rank.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Days {
    days: Vec<(i32, u32)>,
    /// The entries of the segment.
    size: u32,
}

/// Encodes the days of points, which must be ascending. Each day has its distance from the day
/// before and the number of entries in between.
pub(super) fn encode(points: &[Point]) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut day, mut first) = (points.first().map_or(0, |point| day_of(point.time)), 0);
    for (rank, point) in (0u64..).zip(points) {
        let here = day_of(point.time);
        if rank == 0 || here != day {
            put_number(&mut out, (here - day) as u64);
            put_number(&mut out, rank - first);
            (day, first) = (here, rank);
        }
    }
    out
}

impl Days {
    /// Decodes the days of a segment with this first and last time.
    pub(super) fn read((first, last): (i64, i64), size: u32, stored: &[u8]) -> Result<Days, Damaged> {
        let mut reader = Reader(stored);
        let mut days: Vec<(i32, u32)> = Vec::new();
        let (mut day, mut rank) = (day_of(first), 0);
        while !reader.is_empty() {
            let (days_after, entries) = (reader.number().ok_or(Damaged)?, reader.number().ok_or(Damaged)?);
            let is_first = days.is_empty();
            if is_first != (days_after == 0) || is_first != (entries == 0) {
                return Err(Damaged);
            }
            day = i64::try_from(days_after).ok().and_then(|after| day.checked_add(after)).ok_or(Damaged)?;
            rank = u32::try_from(entries).ok().and_then(|entries| entries.checked_add(rank)).ok_or(Damaged)?;
            days.push((i32::try_from(day).map_err(|_| Damaged)?, rank));
        }
        let is_whole = !days.is_empty() && day == day_of(last) && rank < size;
        if is_whole { Ok(Days { days, size }) } else { Err(Damaged) }
    }

    /// The start of each day with entries, in microseconds since the epoch, and its ranks.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, Range<u32>)> {
        let ends = self.days.iter().skip(1).map(|(_, rank)| *rank).chain([self.size]);
        self.days.iter().zip(ends).map(|((day, first), end)| (i64::from(*day) * DAY, *first..end))
    }

    /// Whether the entry at a rank may happen at a time: its day is that of the time.
    pub(super) fn contains(&self, rank: u32, time: i64) -> bool {
        let after = self.days.partition_point(|(_, first)| *first <= rank);
        after.checked_sub(1).and_then(|at| self.days.get(at)).is_some_and(|(day, _)| i64::from(*day) == day_of(time))
    }

    /// The bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.days.len() * size_of::<(i32, u32)>()
    }
}

fn day_of(time: i64) -> i64 {
    time.div_euclid(DAY)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(times: &[i64]) -> (Vec<u8>, (i64, i64), u32) {
        let points: Vec<Point> = times.iter().map(|time| Point { time: *time, position: 0 }).collect();
        (encode(&points), (times[0], times[times.len() - 1]), times.len() as u32)
    }

    proptest! {
        #[test]
        fn each_day_has_the_ranks_of_its_entries(mut times in prop::collection::vec(-20 * DAY..20 * DAY, 1..200)) {
            times.sort_unstable();
            let (bytes, ends, size) = of(&times);
            let mut ranks = 0..;
            for (start, range) in Days::read(ends, size, &bytes).unwrap().iter() {
                prop_assert!(!range.is_empty());
                for rank in range.clone() {
                    prop_assert!(Days::read(ends, size, &bytes).unwrap().contains(rank, times[rank as usize]));
                    prop_assert_eq!(ranks.next(), Some(rank));
                    prop_assert!((start..start + DAY).contains(&times[rank as usize]));
                }
            }
            prop_assert_eq!(ranks.next(), Some(size));
        }

        #[test]
        fn changed_bytes_are_an_error_or_days_of_the_segment(
            mut times in prop::collection::vec(-20 * DAY..20 * DAY, 1..50), at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            times.sort_unstable();
            let (mut bytes, ends, size) = of(&times);
            let cut = at.index(bytes.len());
            prop_assert_eq!(Days::read(ends, size, &bytes[..cut]).is_ok(), false);
            bytes[cut] = byte;
            if let Ok(days) = Days::read(ends, size, &bytes) {
                prop_assert!(days.iter().all(|(_, range)| !range.is_empty() && range.end <= size));
            }
        }
    }

    #[test]
    fn the_ends_of_time_have_days() {
        let first = Days::read((0, 0), 2, &[0, 0]).unwrap();
        assert_eq!(first.iter().collect::<Vec<_>>(), [(0, 0..2)]);
        let ends = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"];
        let times = ends.map(|text| audit_domain::Timestamp::parse(text).unwrap().micros());
        let (bytes, ends, size) = of(&times);
        let days: Vec<_> = Days::read(ends, size, &bytes).unwrap().iter().collect();
        assert_eq!(days, [(times[0], 0..1), (times[1] + 1 - DAY, 1..2)]);
        for (damaged, size) in [(&[][..], 1), (&[1, 0], 1), (&[0, 1], 2), (&[0, 0, 0, 1], 2), (&[0, 0, 1, 0], 2), (&[0, 0, 1], 2)] {
            assert_eq!(Days::read((0, DAY * i64::from(size - 1)), size, damaged), Err(Damaged), "{damaged:?}");
        }
    }
}
