//! The times and positions of the entries of a segment, in the order of time.

use super::Damaged;
use super::bytes::{Reader, put_number};
use super::cache::SegmentKey;
use super::days::Days;

/// Entries of a block of points.
pub(super) const ENTRIES_OF_A_BLOCK: usize = 512;

/// The key that orders the entries of a log by time. Entries of the same microsecond are ordered by
/// position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Point {
    /// The time of the entry, in microseconds.
    pub(crate) time: i64,
    pub(crate) position: i64,
}

/// Encodes the points of a block, which must be ascending. Positions are distances from the
/// segment's first position.
pub(super) fn encode(first_position: i64, points: &[Point]) -> Vec<u8> {
    let mut out = Vec::with_capacity(points.len() * 6);
    let mut before = points.first().map_or(0, |point| point.time);
    for point in points {
        put_number(&mut out, point.time.wrapping_sub(before) as u64);
        before = point.time;
    }
    for point in points {
        out.extend_from_slice(&((point.position - first_position) as u16).to_le_bytes());
    }
    out
}

/// Decodes a block of `count` points, of which the first is known.
pub(super) fn decode(first_position: i64, first: Point, count: usize, bytes: &[u8]) -> Option<Vec<Point>> {
    let mut reader = Reader(bytes);
    let mut time = first.time;
    let mut points = Vec::with_capacity(count);
    for _ in 0..count {
        time = time.wrapping_add(reader.number()? as i64);
        points.push(Point { time, position: 0 });
    }
    for point in &mut points {
        point.position = first_position + i64::from(u16::from_le_bytes(reader.take(2)?.try_into().ok()?));
    }
    (reader.is_empty() && points.first() == Some(&first)).then_some(points)
}

/// Encodes the first point of each block as one row of bytes.
pub(super) fn put_fences(first_position: i64, points: &[Point]) -> Vec<u8> {
    let mut out = Vec::new();
    for block in points.chunks(ENTRIES_OF_A_BLOCK) {
        let Some(first) = block.first() else { continue };
        out.extend_from_slice(&first.time.to_le_bytes());
        out.extend_from_slice(&((first.position - first_position) as u16).to_le_bytes());
    }
    out
}

/// Decodes the first point of each block.
pub(super) fn fences(first_position: i64, bytes: &[u8]) -> Option<Vec<Point>> {
    let mut reader = Reader(bytes);
    let mut fences = Vec::with_capacity(bytes.len() / 10);
    while !reader.is_empty() {
        let time = i64::from_le_bytes(reader.take(8)?.try_into().ok()?);
        let position = first_position + i64::from(u16::from_le_bytes(reader.take(2)?.try_into().ok()?));
        fences.push(Point { time, position });
    }
    Some(fences)
}

/// The times of the entries of a segment.
#[derive(Debug)]
pub(super) struct Times {
    pub(super) first: i64,
    pub(super) last: i64,
    /// The first point of each block.
    pub(super) fences: Vec<Point>,
    pub(super) days: Days,
}

impl Times {
    pub(super) fn read(key: &SegmentKey, stored_fences: &[u8], stored_days: &[u8]) -> Result<Times, Damaged> {
        let (first, last) = (key.first_time, key.last_time);
        let fences = fences(key.first, stored_fences).ok_or(Damaged)?;
        let days = Days::read((first, last), u32::try_from(key.size).map_err(|_| Damaged)?, stored_days)?;
        let ranks = (0..).step_by(ENTRIES_OF_A_BLOCK);
        let has_days = fences.iter().zip(ranks).all(|(fence, rank)| days.contains(rank, fence.time));
        let is_whole = has_days && fences.len() as i64 == (key.size - 1) / ENTRIES_OF_A_BLOCK as i64 + 1;
        if is_whole { Ok(Times { first, last, fences, days }) } else { Err(Damaged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_read_as_they_were_written() {
        let times = [i64::MIN, -5, 0, 0, 3, i64::MAX - 1, i64::MAX];
        let points: Vec<Point> =
            times.iter().zip([7, 9, 1, 3, 32_767, 0, 2]).map(|(time, at)| Point { time: *time, position: 640 + at }).collect();
        let bytes = encode(640, &points);
        assert_eq!(decode(640, points[0], points.len(), &bytes).as_ref(), Some(&points));
        assert_eq!(decode(640, points[0], points.len() - 1, &bytes), None);
        assert_eq!(decode(640, points[0], points.len(), &bytes[..bytes.len() - 1]), None);
        assert_eq!(fences(640, &put_fences(640, &points)), Some(vec![points[0]]));
    }
}
