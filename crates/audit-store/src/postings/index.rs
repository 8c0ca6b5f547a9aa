//! The index of a log as a query reads it: the segments first, and of what they hold only what is asked for.

use std::collections::HashMap;

use audit_domain::{Interval, Stream};
use diesel::prelude::*;
use roaring::RoaringBitmap;

use super::block::Terms;
use super::condition::Condition;
use super::ranks::Ranks;
use super::statements::{BlocksOf, BlocksWith};
use super::term::{Dimension, Term};
use super::times::{self, ENTRIES_OF_A_BLOCK, Point};
use super::{Damaged, IndexError};
use crate::connection::DbConnection;
use crate::dialect;
use crate::schema::{segment_times, segments};

/// The segments of a log, from its first entry on without a gap.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) channel_id: i64,
    stream: i16,
    pub(super) segments: Vec<Header>,
}

/// A segment, without its terms.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) first: i64,
    pub(super) size: i64,
    pub(super) first_time: i64,
    pub(super) last_time: i64,
    fences: Vec<Point>,
    /// Those of its points that were read.
    blocks: HashMap<usize, Vec<Point>>,
}

impl Index {
    pub(super) fn load(conn: &mut DbConnection, channel_id: i64, stream: Stream) -> Result<Index, IndexError> {
        type Row = (i64, i64, i64, i64, Vec<u8>);
        let of_log = segments::table.filter(segments::channel_id.eq(channel_id).and(segments::stream.eq(stream.number())));
        let columns = (segments::first, segments::size, segments::first_time, segments::last_time, segments::fences);
        let rows: Vec<Row> = of_log.order(segments::first).select(columns).load(conn)?;
        let mut index = Index { channel_id, stream: stream.number(), segments: Vec::with_capacity(rows.len()) };
        for (first, size, first_time, last_time, fences) in rows {
            // Whatever lies behind a gap is looked at row by row.
            if first != index.end() || size < 1 {
                break;
            }
            let fences = times::fences(first, &fences).ok_or(Damaged)?;
            if fences.len() as i64 != (size - 1) / ENTRIES_OF_A_BLOCK as i64 + 1 {
                return Err(Damaged.into());
            }
            index.segments.push(Header { first, size, first_time, last_time, fences, blocks: HashMap::new() });
        }
        Ok(index)
    }

    /// The first position that is not indexed.
    pub(super) fn end(&self) -> i64 {
        self.segments.last().map_or(0, |segment| segment.first + segment.size)
    }

    /// The point of a rank of a segment.
    pub(super) fn point(&mut self, conn: &mut DbConnection, segment: usize, rank: u32) -> Result<Point, IndexError> {
        let rank = rank as usize;
        let block = self.block(conn, segment, rank / ENTRIES_OF_A_BLOCK)?;
        block.get(rank % ENTRIES_OF_A_BLOCK).copied().ok_or(IndexError::Damaged)
    }

    /// How many entries of a segment come before a point.
    pub(super) fn rank(&mut self, conn: &mut DbConnection, segment: usize, point: Point) -> Result<u32, IndexError> {
        let header = self.segments.get(segment).ok_or(Damaged)?;
        if point.time < header.first_time {
            return Ok(0);
        }
        if point.time > header.last_time {
            return Ok(header.size as u32);
        }
        let Some(number) = header.fences.partition_point(|fence| *fence < point).checked_sub(1) else { return Ok(0) };
        let block = self.block(conn, segment, number)?;
        Ok((number * ENTRIES_OF_A_BLOCK + block.partition_point(|here| *here < point)) as u32)
    }

    /// The ranks of the entries of a segment whose positions are in a range.
    fn at_positions(&mut self, conn: &mut DbConnection, segment: usize, positions: Interval) -> Result<RoaringBitmap, IndexError> {
        let blocks = self.segments.get(segment).ok_or(Damaged)?.fences.len();
        let mut ranks = RoaringBitmap::new();
        for number in 0..blocks {
            let first = (number * ENTRIES_OF_A_BLOCK) as u32;
            let inside = (first..).zip(self.block(conn, segment, number)?).filter(|(_, point)| positions.contains(point.position));
            ranks.extend(inside.map(|(rank, _)| rank));
        }
        Ok(ranks)
    }

    fn block(&mut self, conn: &mut DbConnection, segment: usize, number: usize) -> Result<&[Point], IndexError> {
        let (channel_id, stream) = (self.channel_id, self.stream);
        let header = self.segments.get_mut(segment).ok_or(Damaged)?;
        if !header.blocks.contains_key(&number) {
            let of_block = segment_times::table.find((channel_id, stream, header.first, number as i16));
            let bytes: Vec<Vec<u8>> = of_block.select(segment_times::points).load(conn)?;
            let fence = *header.fences.get(number).ok_or(Damaged)?;
            let count = ENTRIES_OF_A_BLOCK.min(header.size as usize - number * ENTRIES_OF_A_BLOCK);
            let points = bytes.first().and_then(|bytes| times::decode(header.first, fence, count, bytes)).ok_or(Damaged)?;
            header.blocks.insert(number, points);
        }
        Ok(header.blocks.get(&number).map_or(&[], Vec::as_slice))
    }
}

/// Which entries of a segment match.
#[derive(Debug)]
pub(super) struct Matches {
    /// The number of the segment.
    pub(super) segment: usize,
    /// The ranks that are asked for, of which `set` has those that match; without one, all do.
    from: u32,
    to: u32,
    set: Option<RoaringBitmap>,
    /// How many they are.
    len: u64,
}

impl Matches {
    fn new(segment: usize, from: u32, to: u32, set: Option<RoaringBitmap>) -> Matches {
        let mut matches = Matches { segment, from, to, set, len: 0 };
        matches.len = matches.counted(to);
        matches
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// How many come before a rank.
    pub(super) fn before(&self, rank: u32) -> u64 {
        // Of all segments but those that a page begins in, it is none or all.
        if rank <= self.from {
            0
        } else if rank >= self.to {
            self.len
        } else {
            self.counted(rank)
        }
    }

    fn counted(&self, to: u32) -> u64 {
        match &self.set {
            None => u64::from(to - self.from),
            Some(set) => set.range_cardinality(self.from..to),
        }
    }

    /// What is in another set of the same segment as well.
    fn within(self, other: RoaringBitmap) -> Matches {
        let set = match self.set {
            Some(set) => set & other,
            None => other,
        };
        Matches::new(self.segment, self.from, self.to, Some(set))
    }

    /// How many of them are in a set of a segment of that size.
    fn common(&self, ranks: &Ranks<'_>, size: u32) -> Option<u64> {
        match &self.set {
            None if self.from == 0 && self.to == size => Some(ranks.len() as u64),
            None => Some(ranks.bitmap()?.range_cardinality(self.from..self.to)),
            Some(set) if ranks.is_short() => {
                let inside = |rank: &&u16| (self.from..self.to).contains(&u32::from(**rank)) && set.contains(u32::from(**rank));
                Some(ranks.list()?.iter().filter(inside).count() as u64)
            }
            Some(set) => {
                let mut common = ranks.bitmap()? & set;
                common.remove_range(..self.from);
                common.remove_range(self.to..);
                Some(common.len())
            }
        }
    }

    /// The rank of the one before which so many come.
    pub(super) fn nth(&self, number: u64) -> Option<u32> {
        let rank = match &self.set {
            None => self.from.checked_add(u32::try_from(number).ok()?)?,
            Some(set) => set.select(u32::try_from(set.range_cardinality(..self.from) + number).ok()?)?,
        };
        (rank < self.to).then_some(rank)
    }
}

impl Index {
    /// What matches in each segment in which something does.
    pub(super) fn matches(&mut self, conn: &mut DbConnection, condition: &Condition) -> Result<Vec<Matches>, IndexError> {
        let mut all = self.in_ranges(conn, condition)?;
        for one_of in &condition.all_of {
            if all.is_empty() {
                break;
            }
            let mut sets: HashMap<i64, RoaringBitmap> = HashMap::new();
            for term in one_of {
                dialect::go_on(conn)?;
                for (first, bytes) in self.blocks_with(conn, term, condition.time)? {
                    if let Some(ranks) = Terms::new(&bytes).find(term.bytes())? {
                        *sets.entry(first).or_default() |= ranks.bitmap().ok_or(Damaged)?;
                    }
                }
            }
            let with_set = all.into_iter().filter_map(|matches: Matches| {
                let set = self.segments.get(matches.segment).and_then(|header| sets.remove(&header.first))?;
                Some(matches.within(set)).filter(|matches| matches.len() > 0)
            });
            all = with_set.collect();
        }
        Ok(all)
    }

    /// What is in the ranges of time and of positions.
    fn in_ranges(&mut self, conn: &mut DbConnection, condition: &Condition) -> Result<Vec<Matches>, IndexError> {
        let (time, positions) = (condition.time, condition.position);
        let at = |time| Point { time, position: i64::MIN };
        let mut all = Vec::new();
        for segment in 0..self.segments.len() {
            let Some((first, size)) = self.segments.get(segment).map(|header| (header.first, header.size)) else { break };
            if first + size <= positions.start || first >= positions.end {
                continue;
            }
            let from = if time.start == i64::MIN { 0 } else { self.rank(conn, segment, at(time.start))? };
            let to = if time.end == i64::MAX { size as u32 } else { self.rank(conn, segment, at(time.end))? };
            let is_whole = first >= positions.start && first + size <= positions.end;
            let set = if is_whole { None } else { Some(self.at_positions(conn, segment, positions)?) };
            if from < to {
                all.extend(Some(Matches::new(segment, from, to, set)).filter(|matches| matches.len() > 0));
            }
        }
        Ok(all)
    }

    /// Of each segment of a range of time, the block in which a term is, if it has it.
    fn blocks_with(&self, conn: &mut DbConnection, term: &Term, time: Interval) -> Result<Vec<(i64, Vec<u8>)>, IndexError> {
        let (channel_id, stream) = (self.channel_id, self.stream);
        Ok(BlocksWith { term: term.bytes().to_vec(), channel_id, stream, start: time.start, end: time.end }.load(conn)?)
    }
}

impl Index {
    /// How many of what matches has each of the values of a dimension. The matches are in the order of their segments.
    pub(super) fn groups(
        &self,
        conn: &mut DbConnection,
        matches: &[Matches],
        dimension: Dimension,
        mut count: impl FnMut(&[u8], u64),
    ) -> Result<(), IndexError> {
        let of_segment: HashMap<i64, &Matches> =
            matches.iter().filter_map(|matches| Some((self.segments.get(matches.segment)?.first, matches))).collect();
        for (first, bytes) in self.blocks_of(conn, dimension)? {
            let Some(matches) = of_segment.get(&first) else { continue };
            let mut terms = Terms::new(&bytes);
            while !terms.is_at_end() {
                let (term, ranks) = terms.next().ok_or(Damaged)?;
                if let Some((number, value)) = term.split_first()
                    && *number == dimension as u8
                {
                    match matches.common(&ranks, self.size(matches)).ok_or(Damaged)? {
                        0 => {}
                        number => count(value, number),
                    }
                }
            }
        }
        Ok(())
    }

    fn size(&self, matches: &Matches) -> u32 {
        self.segments.get(matches.segment).map_or(0, |header| header.size as u32)
    }

    /// The blocks that have terms of a dimension.
    fn blocks_of(&self, conn: &mut DbConnection, dimension: Dimension) -> Result<Vec<(i64, Vec<u8>)>, IndexError> {
        let (from, to) = (vec![dimension as u8], vec![dimension as u8 + 1]);
        Ok(BlocksOf { from, to, channel_id: self.channel_id, stream: self.stream }.load(conn)?)
    }

    /// How many of what matches happened in each span of time.
    pub(super) fn spans(
        &mut self,
        conn: &mut DbConnection,
        matches: &Matches,
        start_of: impl Fn(i64) -> i64,
        mut count: impl FnMut(i64, u64),
    ) -> Result<(), IndexError> {
        let (segment, size) = (matches.segment, self.size(matches));
        let blocks = self.segments.get(segment).ok_or(Damaged)?.fences.len();
        for number in 0..blocks {
            let header = self.segments.get(segment).ok_or(Damaged)?;
            let first = (number * ENTRIES_OF_A_BLOCK) as u32;
            let end = (first + ENTRIES_OF_A_BLOCK as u32).min(size);
            let of_block = matches.before(end) - matches.before(first);
            let span = start_of(header.fences.get(number).ok_or(Damaged)?.time);
            let last = header.fences.get(number + 1).map_or(header.last_time, |fence| fence.time);
            if of_block == 0 {
                continue;
            }
            if span == start_of(last) {
                count(span, of_block);
                continue;
            }
            for (rank, point) in (first..).zip(self.block(conn, segment, number)?) {
                match matches.before(rank + 1) - matches.before(rank) {
                    0 => {}
                    number => count(start_of(point.time), number),
                }
            }
        }
        Ok(())
    }
}
