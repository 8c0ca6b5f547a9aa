//! The segments in the database.

use audit_domain::Stream;
use diesel::prelude::*;

use super::block::Block;
use super::segment::Segment;
use super::times::Point;
use super::words::Words;
use super::{IndexError, tiers, times};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::schema::{erasures, postings, segment_times, segments};

/// The state of the index of a log. What was prepared from another state is out of date.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Stored {
    /// The segments: their first positions and sizes.
    pub(crate) segments: Vec<(i64, i64)>,
    /// How far each erasure of the log is: it changes entries, and segments without moving them.
    erased_to: Vec<i64>,
}

impl Stored {
    pub(crate) fn load(conn: &mut DbConnection, channel_id: i64, stream: Stream) -> Result<Stored, StoreError> {
        let of_log = segments::table.filter(segments::channel_id.eq(channel_id).and(segments::stream.eq(stream.number())));
        let segments = of_log.order(segments::first).select((segments::first, segments::size)).load(conn)?;
        let of_log = erasures::table.filter(erasures::channel_id.eq(channel_id).and(erasures::stream.eq(stream.number())));
        let erased_to = of_log.order(erasures::position).select(erasures::erased_to).load(conn)?;
        Ok(Stored { segments, erased_to })
    }

    /// The number of indexed entries.
    pub(crate) fn end(&self) -> i64 {
        self.segments.last().map_or(0, |(first, size)| first + size)
    }

    /// Whether these are the segments that a log of this size should have.
    pub(crate) fn is_whole(&self, size: i64) -> bool {
        self.end() <= size && tiers::segments(0, self.end()).eq(self.segments.iter().copied())
    }
}

/// Deletes the index of a log, which is then rebuilt.
pub(crate) fn drop_index(conn: &mut DbConnection, channel_id: i64, stream: Stream) -> Result<(), StoreError> {
    dialect::write(conn, |conn| {
        dialect::lock_log(conn, channel_id, stream)?;
        Ok(delete(conn, channel_id, stream, 0, i64::MAX)?)
    })
}

pub(crate) fn read(conn: &mut DbConnection, channel_id: i64, stream: Stream, first: i64, size: i64) -> Result<Segment, IndexError> {
    let stream = stream.number();
    let of_segment = segments::table.find((channel_id, stream, first)).select((segments::fences, segments::words));
    let header: Option<(Vec<u8>, i16)> = of_segment.first(conn).optional()?;
    let (fences, words) = header.ok_or(IndexError::Damaged)?;
    let words = Words::from_number(words).ok_or(IndexError::Damaged)?;
    let of_segment = segment_times::channel_id.eq(channel_id).and(segment_times::stream.eq(stream));
    let blocks = segment_times::table.filter(of_segment.and(segment_times::first.eq(first))).order(segment_times::block);
    let blocks: Vec<Vec<u8>> = blocks.select(segment_times::points).load(conn)?;
    let fences = times::fences(first, &fences).ok_or(IndexError::Damaged)?;
    let mut points: Vec<Point> = Vec::with_capacity(size as usize);
    for (fence, bytes) in fences.into_iter().zip(&blocks) {
        let count = times::ENTRIES_OF_A_BLOCK.min(size as usize - points.len());
        points.extend(times::decode(first, fence, count, bytes).ok_or(IndexError::Damaged)?);
    }
    if points.len() as i64 != size {
        return Err(IndexError::Damaged);
    }
    let of_segment = postings::channel_id.eq(channel_id).and(postings::stream.eq(stream)).and(postings::first.eq(first));
    let blocks = postings::table.filter(of_segment).order(postings::first_term).select((postings::first_term, postings::terms));
    let blocks: Vec<(Vec<u8>, Vec<u8>)> = blocks.load(conn)?;
    let blocks = blocks.into_iter().map(|(first_term, bytes)| Block { first_term, bytes }).collect();
    Ok(Segment { first, points, blocks, words })
}

/// Stores a segment in place of the segments that it was made from.
pub(crate) fn put(conn: &mut DbConnection, channel_id: i64, stream: Stream, segment: &Segment) -> Result<(), StoreError> {
    delete(conn, channel_id, stream, segment.first, segment.first + segment.size())?;
    let (first_time, last_time) = match segment.points.as_slice() {
        [first, .., last] => (first.time, last.time),
        [only] => (only.time, only.time),
        [] => return Ok(()),
    };
    diesel::insert_into(segments::table)
        .values((
            segments::channel_id.eq(channel_id),
            segments::stream.eq(stream.number()),
            segments::first.eq(segment.first),
            segments::size.eq(segment.size()),
            segments::first_time.eq(first_time),
            segments::last_time.eq(last_time),
            segments::fences.eq(segment.fences()),
            segments::days.eq(segment.days()),
            segments::words.eq(segment.words as i16),
            segments::digest.eq(segment.digest()),
        ))
        .execute(conn)?;
    for (number, points) in segment.times().enumerate() {
        diesel::insert_into(segment_times::table)
            .values((
                segment_times::channel_id.eq(channel_id),
                segment_times::stream.eq(stream.number()),
                segment_times::first.eq(segment.first),
                segment_times::block.eq(number as i16),
                segment_times::points.eq(points),
            ))
            .execute(conn)?;
    }
    for block in &segment.blocks {
        diesel::insert_into(postings::table)
            .values((
                postings::channel_id.eq(channel_id),
                postings::stream.eq(stream.number()),
                postings::first.eq(segment.first),
                postings::first_term.eq(&block.first_term),
                postings::terms.eq(&block.bytes),
            ))
            .execute(conn)?;
    }
    Ok(())
}

pub(crate) fn delete(conn: &mut DbConnection, channel_id: i64, stream: Stream, from: i64, to: i64) -> QueryResult<()> {
    let stream = stream.number();
    let of_log = segments::channel_id.eq(channel_id).and(segments::stream.eq(stream));
    diesel::delete(segments::table.filter(of_log.and(segments::first.ge(from)).and(segments::first.lt(to)))).execute(conn)?;
    let of_log = segment_times::channel_id.eq(channel_id).and(segment_times::stream.eq(stream));
    let within = segment_times::first.ge(from).and(segment_times::first.lt(to));
    diesel::delete(segment_times::table.filter(of_log.and(within))).execute(conn)?;
    let of_log = postings::channel_id.eq(channel_id).and(postings::stream.eq(stream));
    diesel::delete(postings::table.filter(of_log.and(postings::first.ge(from)).and(postings::first.lt(to)))).execute(conn)?;
    Ok(())
}
