//! Indexing what was appended.
//!
//! A step indexes a few thousand entries of one log in a transaction that holds the log's lock, which an append holds too: of several
//! servers one does it, the others find it done. Whatever ends a server between two steps, the next one goes on from there.

use std::collections::BTreeSet;

use audit_domain::Stream;
use diesel::prelude::*;

use super::block::Block;
use super::segment::Segment;
use super::times::Point;
use super::{IndexError, tiers, times};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::query::{ActionLogs, Events, Table};
use crate::schema::{logs, postings, segment_times, segments};

/// Entries of one step: how long the log's lock is held.
const STEP: i64 = tiers::TIERS[2];

/// How far the index of a log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Entries that are indexed.
    pub(crate) indexed: i64,
    /// Entries that a further step would index.
    pub(crate) left: i64,
}

/// Does a step.
pub(crate) fn step(conn: &mut DbConnection, channel_id: i64, stream: Stream) -> Result<Progress, StoreError> {
    // Most often there is nothing to do, and to see that takes no lock.
    let progress = progress(conn, channel_id, stream)?;
    if progress.left == 0 {
        return Ok(progress);
    }
    dialect::write(conn, |conn| {
        let (size, _) = dialect::lock_head(conn, channel_id, stream)?;
        match stream {
            Stream::Events => step_of::<Events>(conn, channel_id, size),
            Stream::ActionLogs => step_of::<ActionLogs>(conn, channel_id, size),
        }
    })
}

/// How far a log is indexed. An index that is not one that was made here has to be made again, whatever the log holds.
fn progress(conn: &mut DbConnection, channel_id: i64, stream: Stream) -> Result<Progress, StoreError> {
    let size: Vec<i64> = logs::table.find((channel_id, stream.number())).select(logs::next_position).load(conn)?;
    let (size, stored) = (size.first().copied().unwrap_or(0), stored(conn, channel_id, stream)?);
    let indexed = end_of(&stored);
    let left = if is_whole(&stored, size) { tiers::indexed(size) - indexed } else { tiers::indexed(size).max(1) };
    Ok(Progress { indexed, left })
}

fn end_of(stored: &[(i64, i64)]) -> i64 {
    stored.last().map_or(0, |(first, size)| first + size)
}

/// Whether these are the segments that a log of that size has.
fn is_whole(stored: &[(i64, i64)], size: i64) -> bool {
    let indexed = end_of(stored);
    indexed <= size && tiers::segments(0, indexed).eq(stored.iter().copied())
}

/// Forgets the index of a log, which is then made again.
pub(crate) fn drop_index(conn: &mut DbConnection, channel_id: i64, stream: Stream) -> Result<(), StoreError> {
    dialect::write(conn, |conn| {
        dialect::lock_head(conn, channel_id, stream)?;
        Ok(delete(conn, channel_id, stream, 0, i64::MAX)?)
    })
}

fn step_of<T: Table>(conn: &mut DbConnection, channel_id: i64, size: i64) -> Result<Progress, StoreError> {
    let mut stored = stored(conn, channel_id, T::STREAM)?;
    let mut indexed = end_of(&stored);
    if !is_whole(&stored, size) {
        tracing::warn!(
            channel_id,
            stream = T::STREAM.name(),
            "the index of this log is not one that was made here; it is made again"
        );
        delete(conn, channel_id, T::STREAM, 0, i64::MAX)?;
        (stored, indexed) = (Vec::new(), 0);
    }
    let end = tiers::indexed(size).min(indexed + STEP);
    let stored: BTreeSet<(i64, i64)> = stored.into_iter().collect();
    // Up to here all are of the largest tier, and stay.
    let unchanged = indexed - indexed % tiers::LARGEST;
    for (first, size) in tiers::segments(unchanged, end).filter(|segment| !stored.contains(segment)) {
        let parts: Vec<(i64, i64)> = stored.range((first, 0)..(first + size, 0)).copied().collect();
        match segment::<T>(conn, channel_id, first, size, &parts) {
            Ok(segment) => put(conn, channel_id, T::STREAM, &segment)?,
            Err(IndexError::Store(error)) => return Err(error),
            Err(IndexError::Damaged) => {
                tracing::error!(channel_id, stream = T::STREAM.name(), "the index of this log was changed; it is made again");
                delete(conn, channel_id, T::STREAM, 0, i64::MAX)?;
                return Ok(Progress { indexed: 0, left: tiers::indexed(size) });
            }
        }
    }
    Ok(Progress { indexed: end.max(indexed), left: tiers::indexed(size) - end.max(indexed) })
}

/// The segments of a log: first positions and sizes.
fn stored(conn: &mut DbConnection, channel_id: i64, stream: Stream) -> Result<Vec<(i64, i64)>, StoreError> {
    let of_log = segments::table.filter(segments::channel_id.eq(channel_id).and(segments::stream.eq(stream.number())));
    Ok(of_log.order(segments::first).select((segments::first, segments::size)).load(conn)?)
}

/// A segment, from those that are there for a part of it and from the log for the rest.
fn segment<T: Table>(
    conn: &mut DbConnection,
    channel_id: i64,
    first: i64,
    size: i64,
    parts: &[(i64, i64)],
) -> Result<Segment, IndexError> {
    let indexed = parts.last().map_or(first, |(first, size)| first + size);
    let mut merged = Vec::with_capacity(parts.len() + 1);
    for (first, size) in parts {
        merged.push(read(conn, channel_id, T::STREAM, *first, *size)?);
    }
    let mut from = indexed;
    while from < first + size {
        let to = (from + STEP).min(first + size);
        merged.push(Segment::build(from, T::to_index(conn, channel_id, from, to)?));
        from = to;
    }
    Ok(if merged.len() == 1 { merged.remove(0) } else { Segment::merge(&merged)? })
}

fn read(conn: &mut DbConnection, channel_id: i64, stream: Stream, first: i64, size: i64) -> Result<Segment, IndexError> {
    let stream = stream.number();
    let fences: Vec<u8> = segments::table.find((channel_id, stream, first)).select(segments::fences).first(conn)?;
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
    Ok(Segment { first, points, blocks })
}

/// Puts a segment in the place of those that it was made from.
fn put(conn: &mut DbConnection, channel_id: i64, stream: Stream, segment: &Segment) -> Result<(), StoreError> {
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

fn delete(conn: &mut DbConnection, channel_id: i64, stream: Stream, from: i64, to: i64) -> QueryResult<()> {
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
