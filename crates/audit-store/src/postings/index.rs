//! The index of a log for a query: it reads the list of segments first, and then only the contents
//! that the query needs.

use std::collections::HashMap;
use std::sync::Arc;

use audit_domain::{Interval, Stream};
use diesel::prelude::*;
use roaring::RoaringBitmap;

use super::bits::Bits;
use super::block::Terms;
use super::cache::{Cache, RanksOfTerm, SegmentKey};
use super::condition::Condition;
use super::statements::BlocksWith;
use super::term::Term;
use super::times::{self, ENTRIES_OF_A_BLOCK, Point, Times};
use super::{Damaged, IndexError};
use crate::connection::{DbConnection, on_inner};
use crate::dialect::{self, NumberList, among};
use crate::schema::{segment_times, segments};

/// The segments of a log, without a gap from its first entry on.
#[derive(Debug)]
pub(crate) struct Index<'a> {
    pub(super) cache: &'a Cache,
    pub(crate) channel_id: i64,
    pub(super) stream: i16,
    pub(super) segments: Vec<Header>,
}

/// A segment, without its terms.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) key: SegmentKey,
    pub(super) times: Arc<Times>,
    /// The blocks of points that were read.
    blocks: HashMap<usize, Arc<Vec<Point>>>,
}

impl<'a> Index<'a> {
    pub(crate) fn load(
        conn: &mut DbConnection,
        cache: &'a Cache,
        channel_id: i64,
        stream: Stream,
    ) -> Result<Index<'a>, IndexError> {
        let stream = stream.number();
        let of_log = segments::table.filter(segments::channel_id.eq(channel_id).and(segments::stream.eq(stream)));
        let columns =
            (segments::first, segments::size, segments::first_time, segments::last_time, segments::words, segments::digest);
        let rows: Vec<(i64, i64, i64, i64, i16, i64)> =
            on_inner!(conn, |conn| of_log.order(segments::first).select(columns).load(conn))?;
        let mut index = Index { cache, channel_id, stream, segments: Vec::with_capacity(rows.len()) };
        let (mut keys, mut end) = (Vec::with_capacity(rows.len()), 0);
        for (first, size, first_time, last_time, words, digest) in rows {
            // The entries after a gap are read row by row.
            if first != end || size < 1 {
                break;
            }
            end = first + size;
            keys.push(SegmentKey { channel_id, stream, first, size, first_time, last_time, words, digest });
        }
        let mut known = cache.times(&keys);
        index.read_missing(conn, &keys, &mut known)?;
        for (key, times) in keys.into_iter().zip(known) {
            index.segments.push(Header { key, times: times.ok_or(Damaged)?, blocks: HashMap::new() });
        }
        Ok(index)
    }

    /// Reads the times of the segments that are not in the cache.
    fn read_missing(
        &self,
        conn: &mut DbConnection,
        keys: &[SegmentKey],
        known: &mut [Option<Arc<Times>>],
    ) -> Result<(), IndexError> {
        let missing: Vec<i64> = keys.iter().zip(&*known).filter(|(_, times)| times.is_none()).map(|(key, _)| key.first).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let of_log = segments::table.filter(segments::channel_id.eq(self.channel_id).and(segments::stream.eq(self.stream)));
        let of_missing = of_log.filter(among(conn, segments::first, &missing));
        let columns = (segments::first, segments::fences, segments::days);
        let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = on_inner!(conn, |conn| of_missing.select(columns).load(conn))?;
        for (first, fences, days) in rows {
            let at = keys.binary_search_by_key(&first, |key| key.first).map_err(|_| Damaged)?;
            if let (Some(key), Some(times)) = (keys.get(at), known.get_mut(at)) {
                let read = Arc::new(Times::read(key, &fences, &days)?);
                self.cache.keep_times(*key, &read);
                *times = Some(read);
            }
        }
        Ok(())
    }

    /// The first position that is not indexed.
    pub(crate) fn end(&self) -> i64 {
        self.segments.last().map_or(0, |segment| segment.key.first + segment.key.size)
    }

    /// Drops the points of a segment that this query has read: those of ten million entries take
    /// 160 MB.
    pub(crate) fn forget_points(&mut self, segment: usize) {
        if let Some(header) = self.segments.get_mut(segment) {
            header.blocks.clear();
        }
    }

    /// The point at a rank of a segment.
    pub(crate) fn point(&mut self, conn: &mut DbConnection, segment: usize, rank: u32) -> Result<Point, IndexError> {
        let rank = rank as usize;
        let block = self.block(conn, segment, rank / ENTRIES_OF_A_BLOCK)?;
        block.get(rank % ENTRIES_OF_A_BLOCK).copied().ok_or(IndexError::Damaged)
    }

    /// The number of entries of a segment before a point.
    pub(super) fn rank(&mut self, conn: &mut DbConnection, segment: usize, point: Point) -> Result<u32, IndexError> {
        let header = self.segments.get(segment).ok_or(Damaged)?;
        if point.time < header.times.first {
            return Ok(0);
        }
        if point.time > header.times.last {
            return Ok(header.key.size as u32);
        }
        let Some(number) = header.times.fences.partition_point(|fence| *fence < point).checked_sub(1) else { return Ok(0) };
        let block = self.block(conn, segment, number)?;
        Ok((number * ENTRIES_OF_A_BLOCK + block.partition_point(|here| *here < point)) as u32)
    }

    /// The ranks of the entries of a segment with positions in a range.
    fn at_positions(&mut self, conn: &mut DbConnection, segment: usize, positions: Interval) -> Result<RoaringBitmap, IndexError> {
        let blocks = self.segments.get(segment).ok_or(Damaged)?.times.fences.len();
        let mut ranks = RoaringBitmap::new();
        for number in 0..blocks {
            let first = (number * ENTRIES_OF_A_BLOCK) as u32;
            let inside = (first..).zip(self.block(conn, segment, number)?).filter(|(_, point)| positions.contains(point.position));
            ranks.extend(inside.map(|(rank, _)| rank));
        }
        Ok(ranks)
    }

    pub(super) fn block(&mut self, conn: &mut DbConnection, segment: usize, number: usize) -> Result<&[Point], IndexError> {
        let (channel_id, stream) = (self.channel_id, self.stream);
        let header = self.segments.get_mut(segment).ok_or(Damaged)?;
        let segment = header.key;
        if !header.blocks.contains_key(&number)
            && let Some(points) = self.cache.points(segment, number)
        {
            header.blocks.insert(number, points);
        }
        if !header.blocks.contains_key(&number) {
            let of_block = segment_times::table.find((channel_id, stream, header.key.first, number as i16));
            let bytes: Vec<Vec<u8>> = on_inner!(conn, |conn| of_block.select(segment_times::points).load(conn))?;
            let fence = *header.times.fences.get(number).ok_or(Damaged)?;
            let count = ENTRIES_OF_A_BLOCK.min(header.key.size as usize - number * ENTRIES_OF_A_BLOCK);
            let points = bytes.first().and_then(|bytes| times::decode(header.key.first, fence, count, bytes)).ok_or(Damaged)?;
            let points = Arc::new(points);
            self.cache.keep_points(segment, number, &points);
            header.blocks.insert(number, points);
        }
        Ok(header.blocks.get(&number).map_or(&[], |points| points.as_slice()))
    }
}

/// The matching entries of a segment.
#[derive(Debug, Clone)]
pub(crate) struct Matches {
    /// The index of the segment.
    pub(crate) segment: usize,
    /// The range of ranks. `set` has the matching ranks of the range; without a set, all of them
    /// match.
    from: u32,
    to: u32,
    set: Option<Arc<RoaringBitmap>>,
    /// The number of matching entries.
    len: u64,
}

impl Matches {
    fn new(segment: usize, from: u32, to: u32, set: Option<Arc<RoaringBitmap>>) -> Matches {
        let mut matches = Matches { segment, from, to, set, len: 0 };
        matches.len = matches.counted(to);
        matches
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The number of matching entries before a rank.
    pub(super) fn before(&self, rank: u32) -> u64 {
        // For all segments, except those in which a page begins, it is none or all of them.
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

    /// The matching entries as bits.
    pub(super) fn bits(&self) -> Bits {
        match &self.set {
            None => Bits::from_range(self.from..self.to),
            Some(set) => Bits::from_set(set, self.from..self.to),
        }
    }

    /// Whether all entries of a segment of this size match.
    pub(super) fn is_all(&self, size: u32) -> bool {
        self.len == u64::from(size)
    }

    /// Keeps the matching entries that are also in another set of the segment.
    pub(crate) fn within(self, other: Arc<RoaringBitmap>) -> Matches {
        let set = match self.set {
            Some(set) => Arc::new(&*set & &*other),
            None => other,
        };
        Matches::new(self.segment, self.from, self.to, Some(set))
    }

    /// Removes the matching entries that are in another set of the segment.
    fn without(self, other: &RoaringBitmap) -> Matches {
        let set = match self.set {
            Some(set) => &*set - other,
            None => {
                let mut all = RoaringBitmap::new();
                all.insert_range(self.from..self.to);
                all - other
            }
        };
        Matches::new(self.segment, self.from, self.to, Some(Arc::new(set)))
    }

    /// The ranks of the matching entries.
    pub(crate) fn ranks(&self) -> impl Iterator<Item = u32> {
        let all = self.set.is_none().then_some(self.from..self.to);
        let some = self.set.iter().flat_map(|set| set.range(self.from..self.to));
        all.into_iter().flatten().chain(some)
    }

    /// The rank of the matching entry after `number` others.
    pub(super) fn nth(&self, number: u64) -> Option<u32> {
        let rank = match &self.set {
            None => self.from.checked_add(u32::try_from(number).ok()?)?,
            Some(set) => set.select(u32::try_from(set.range_cardinality(..self.from) + number).ok()?)?,
        };
        (rank < self.to).then_some(rank)
    }
}

impl Index<'_> {
    /// Finds the matching entries of each segment that has any.
    pub(crate) fn matches(&mut self, conn: &mut DbConnection, condition: &Condition) -> Result<Vec<Matches>, IndexError> {
        let mut all = self.in_ranges(conn, condition)?;
        for one_of in &condition.all_of {
            let sets = self.ranks_of_any(conn, one_of, &all)?;
            let with_set = |(matches, set): (Matches, Option<_>)| Some(matches.within(set?)).filter(|matches| matches.len() > 0);
            all = all.into_iter().zip(sets).filter_map(with_set).collect();
        }
        for (pattern, is_wanted) in &condition.patterns {
            let sets = self.ranks_of_pattern(conn, pattern, &all)?;
            let kept = |(matches, set): (Matches, RanksOfTerm)| match (set, is_wanted) {
                (Some(set), true) => Some(matches.within(set)),
                (Some(set), false) => Some(matches.without(&set)),
                (None, is_wanted) => (!is_wanted).then_some(matches),
            };
            all = all.into_iter().zip(sets).filter_map(kept).filter(|matches| matches.len() > 0).collect();
        }
        let sets = self.ranks_of_any(conn, &condition.none_of, &all)?;
        let without_set = |(matches, set): (Matches, Option<Arc<RoaringBitmap>>)| match set {
            Some(set) => Some(matches.without(&set)).filter(|matches| matches.len() > 0),
            None => Some(matches),
        };
        Ok(all.into_iter().zip(sets).filter_map(without_set).collect())
    }

    /// The position of one entry with a term.
    pub(crate) fn first_with(&mut self, conn: &mut DbConnection, term: Term) -> Result<Option<i64>, IndexError> {
        let condition = Condition { all_of: vec![vec![term]], ..Condition::default() };
        let first = self.matches(conn, &condition)?.first().and_then(|matches| Some((matches.segment, matches.nth(0)?)));
        let Some((segment, rank)) = first else { return Ok(None) };
        Ok(Some(self.point(conn, segment, rank)?.position))
    }

    /// The entries that have any of some terms, in the segments that have matches so far.
    pub(super) fn ranks_of_any(
        &self,
        conn: &mut DbConnection,
        terms: &[Term],
        matches: &[Matches],
    ) -> Result<Vec<Option<Arc<RoaringBitmap>>>, IndexError> {
        let mut sets: Vec<Option<Arc<RoaringBitmap>>> = vec![None; matches.len()];
        for term in terms {
            if matches.is_empty() {
                break;
            }
            dialect::go_on(conn)?;
            for (set, ranks) in sets.iter_mut().zip(self.ranks_of(conn, term, matches)?) {
                *set = match (set.take(), ranks) {
                    (Some(set), Some(ranks)) => Some(Arc::new(&*set | &*ranks)),
                    (set, ranks) => set.or(ranks),
                };
            }
        }
        Ok(sets)
    }

    /// The entries of a term in the segments that have matches so far.
    fn ranks_of(&self, conn: &mut DbConnection, term: &Term, matches: &[Matches]) -> Result<Vec<RanksOfTerm>, IndexError> {
        let keys = self.keys(matches)?;
        let known = self.cache.ranks(term, &keys);
        let missing: Vec<SegmentKey> = keys.iter().zip(&known).filter(|(_, ranks)| ranks.is_none()).map(|(key, _)| *key).collect();
        if missing.is_empty() {
            return Ok(known.into_iter().map(Option::flatten).collect());
        }
        let segments: Vec<i64> = missing.iter().map(|key| key.first).collect();
        let segments = NumberList::new(conn, &segments);
        let blocks = BlocksWith { term: term.bytes().to_vec(), channel_id: self.channel_id, stream: self.stream, segments };
        let mut found: HashMap<i64, RanksOfTerm> = HashMap::with_capacity(missing.len());
        let blocks: Vec<(i64, Option<Vec<u8>>)> = on_inner!(conn, |conn| blocks.load(conn))?;
        for (first, bytes) in blocks {
            let ranks = match &bytes {
                Some(bytes) => Terms::new(bytes).find(term.bytes())?,
                // All terms of the segment are greater.
                None => None,
            };
            found.insert(first, ranks.map(|ranks| ranks.bitmap().map(Arc::new).ok_or(Damaged)).transpose()?);
        }
        let read = |key: &SegmentKey| found.get(&key.first).cloned().flatten();
        self.keep(term, missing.iter().map(|key| (*key, read(key))));
        Ok(keys.iter().zip(known).map(|(key, known)| known.unwrap_or_else(|| read(key))).collect())
    }

    pub(super) fn key(&self, matches: &Matches) -> Result<SegmentKey, Damaged> {
        self.segments.get(matches.segment).map(|header| header.key).ok_or(Damaged)
    }

    pub(super) fn keys(&self, matches: &[Matches]) -> Result<Vec<SegmentKey>, Damaged> {
        matches.iter().map(|matches| self.key(matches)).collect()
    }

    /// The cached entries of a term, or of a key that is cached like a term.
    pub(super) fn known(&self, term: &Term, matches: &[Matches]) -> Result<Vec<Option<RanksOfTerm>>, Damaged> {
        Ok(self.cache.ranks(term, &self.keys(matches)?))
    }

    pub(super) fn keep(&self, term: &Term, ranks: impl Iterator<Item = (SegmentKey, RanksOfTerm)>) {
        self.cache.keep_ranks(term, ranks);
    }

    /// The entries in the ranges of time and of positions.
    fn in_ranges(&mut self, conn: &mut DbConnection, condition: &Condition) -> Result<Vec<Matches>, IndexError> {
        let (time, positions) = (condition.time, condition.position);
        let at = |time| Point { time, position: i64::MIN };
        let mut all = Vec::new();
        for segment in 0..self.segments.len() {
            let Some((first, size)) = self.segments.get(segment).map(|header| (header.key.first, header.key.size)) else { break };
            if first + size <= positions.start || first >= positions.end {
                continue;
            }
            let from = if time.start == i64::MIN { 0 } else { self.rank(conn, segment, at(time.start))? };
            let to = if time.end == i64::MAX { size as u32 } else { self.rank(conn, segment, at(time.end))? };
            let is_whole = first >= positions.start && first + size <= positions.end;
            let set = if is_whole { None } else { Some(Arc::new(self.at_positions(conn, segment, positions)?)) };
            if from < to {
                all.extend(Some(Matches::new(segment, from, to, set)).filter(|matches| matches.len() > 0));
            }
        }
        Ok(all)
    }
}
