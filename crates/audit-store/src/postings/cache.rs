//! A cache of what queries read from the indexes of a store's logs.
//!
//! A segment changes only by an erasure, which gives it another digest and so another key. A segment
//! that is built again is the same, or has other words and so another key, too. So the cached values stay valid. Two generations are enough
//! to keep values that are used often: when the young generation is full, it becomes the old one,
//! and values that are used then move back to the young one.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roaring::RoaringBitmap;

use super::term::{Dimension, Term};
use super::times::{Point, Times};

/// Bytes of a generation.
const GENERATION_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of a cached value besides its contents: its key and its place in a table.
const ENTRY_BYTES: usize = 128;

/// Bytes of the allocation of a block besides its contents.
const ALLOCATION_BYTES: usize = 40;

/// A segment: its place, and the times of its entries. If a log was put back to an earlier state
/// and continued from there, its segments at the same positions have other times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SegmentKey {
    pub(crate) channel_id: i64,
    pub(super) stream: i16,
    pub(super) first: i64,
    pub(super) size: i64,
    pub(super) first_time: i64,
    pub(super) last_time: i64,
    /// The entries whose words are indexed; a rebuild may change them.
    pub(super) words: i16,
    /// The hash of the terms; an erasure changes them.
    pub(super) digest: i64,
}

/// The entries of a segment that have a term; `None` if no entry has it.
pub(super) type RanksOfTerm = Option<Arc<RoaringBitmap>>;

/// The blocks of a segment with terms of a dimension.
pub(super) type BlocksOfDimension = Vec<Vec<u8>>;

/// The cache, shared by all queries of a store, and what a query may have in memory besides.
#[derive(Debug)]
pub(crate) struct Cache {
    generations: Mutex<Generations>,
    values_at_once: usize,
}

impl Default for Cache {
    fn default() -> Cache {
        Cache::new(usize::MAX)
    }
}

#[derive(Debug, Default)]
struct Generations {
    young: Entries,
    old: Entries,
    /// The bytes of the young generation.
    bytes: usize,
}

#[derive(Debug, Default)]
struct Entries {
    times: HashMap<SegmentKey, Arc<Times>>,
    points: HashMap<(SegmentKey, usize), Arc<Vec<Point>>>,
    ranks: HashMap<Term, HashMap<SegmentKey, RanksOfTerm>>,
    blocks: HashMap<(Dimension, SegmentKey), Arc<BlocksOfDimension>>,
}

impl Cache {
    /// Makes an empty cache. A summary counts so many values at once.
    pub(crate) fn new(values_at_once: usize) -> Cache {
        Cache { generations: Mutex::default(), values_at_once }
    }

    /// The number of values that a summary counts at once.
    pub(crate) fn values_at_once(&self) -> usize {
        self.values_at_once
    }

    /// The times of some segments, in the given order, if the cache has them.
    pub(super) fn times(&self, segments: &[SegmentKey]) -> Vec<Option<Arc<Times>>> {
        let mut state = self.lock();
        segments.iter().map(|segment| state.times(segment)).collect()
    }

    pub(super) fn keep_times(&self, segment: SegmentKey, times: &Arc<Times>) {
        self.lock().keep_times(segment, times);
    }

    /// A block of the points of a segment.
    pub(super) fn points(&self, segment: SegmentKey, block: usize) -> Option<Arc<Vec<Point>>> {
        let mut state = self.lock();
        let key = (segment, block);
        if let Some(points) = state.young.points.get(&key) {
            return Some(Arc::clone(points));
        }
        let points = state.old.points.remove(&key)?;
        state.keep_points(key, &points);
        Some(points)
    }

    pub(super) fn keep_points(&self, segment: SegmentKey, block: usize, points: &Arc<Vec<Point>>) {
        self.lock().keep_points((segment, block), points);
    }

    /// The entries of a term in some segments, in the given order, if the cache has them.
    pub(super) fn ranks(&self, term: &Term, segments: &[SegmentKey]) -> Vec<Option<RanksOfTerm>> {
        let mut state = self.lock();
        let known = |entries: &Entries, segment| entries.ranks.get(term)?.get(segment).cloned();
        let mut used = Vec::new();
        let mut all = Vec::with_capacity(segments.len());
        for segment in segments {
            all.push(known(&state.young, segment).or_else(|| {
                let ranks = known(&state.old, segment)?;
                used.push((*segment, ranks.clone()));
                Some(ranks)
            }));
        }
        if !used.is_empty() {
            state.keep_ranks(term, used.into_iter());
        }
        all
    }

    pub(super) fn keep_ranks(&self, term: &Term, ranks: impl Iterator<Item = (SegmentKey, RanksOfTerm)>) {
        self.lock().keep_ranks(term, ranks);
    }

    /// The blocks of a dimension in some segments, in the given order, if the cache has them.
    pub(super) fn blocks(&self, dimension: Dimension, segments: &[SegmentKey]) -> Vec<Option<Arc<BlocksOfDimension>>> {
        let mut state = self.lock();
        segments.iter().map(|segment| state.blocks((dimension, *segment))).collect()
    }

    pub(super) fn keep_blocks(&self, dimension: Dimension, blocks: impl Iterator<Item = (SegmentKey, BlocksOfDimension)>) {
        let mut state = self.lock();
        for (segment, blocks) in blocks {
            state.keep_blocks((dimension, segment), &Arc::new(blocks));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn times(&mut self, segment: &SegmentKey) -> Option<Arc<Times>> {
        if let Some(times) = self.young.times.get(segment) {
            return Some(Arc::clone(times));
        }
        let times = self.old.times.remove(segment)?;
        self.keep_times(*segment, &times);
        Some(times)
    }

    fn keep_times(&mut self, segment: SegmentKey, times: &Arc<Times>) {
        if insert(&mut self.young.times, segment, Arc::clone(times)) {
            self.count(ENTRY_BYTES + times.fences.len() * size_of::<Point>() + times.days.bytes());
        }
    }

    fn keep_points(&mut self, key: (SegmentKey, usize), points: &Arc<Vec<Point>>) {
        if insert(&mut self.young.points, key, Arc::clone(points)) {
            self.count(ENTRY_BYTES + points.len() * size_of::<Point>());
        }
    }

    fn blocks(&mut self, key: (Dimension, SegmentKey)) -> Option<Arc<BlocksOfDimension>> {
        if let Some(blocks) = self.young.blocks.get(&key) {
            return Some(Arc::clone(blocks));
        }
        let blocks = self.old.blocks.remove(&key)?;
        self.keep_blocks(key, &blocks);
        Some(blocks)
    }

    fn keep_blocks(&mut self, key: (Dimension, SegmentKey), blocks: &Arc<BlocksOfDimension>) {
        if insert(&mut self.young.blocks, key, Arc::clone(blocks)) {
            self.count(ENTRY_BYTES + blocks.iter().map(|bytes| ALLOCATION_BYTES + bytes.capacity()).sum::<usize>());
        }
    }

    fn keep_ranks(&mut self, term: &Term, ranks: impl Iterator<Item = (SegmentKey, RanksOfTerm)>) {
        let mut bytes = 0;
        let of_term = self.young.ranks.entry(term.clone()).or_insert_with(|| {
            bytes += ENTRY_BYTES + term.bytes().len();
            HashMap::new()
        });
        for (segment, ranks) in ranks {
            let in_memory = ranks.as_ref().map_or(0, |ranks| ranks.serialized_size());
            if insert(of_term, segment, ranks) {
                bytes += ENTRY_BYTES + in_memory;
            }
        }
        self.count(bytes);
    }

    fn count(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes > GENERATION_BYTES {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
    }
}

/// Inserts a value. Returns whether the key is new.
fn insert<K: Hash + Eq, V>(map: &mut HashMap<K, V>, key: K, value: V) -> bool {
    map.insert(key, value).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(first: i64) -> SegmentKey {
        SegmentKey { channel_id: 1, stream: 1, first, size: 64, first_time: 0, last_time: 0, words: 2, digest: 0 }
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let cache = Cache::default();
        let points = Arc::new(vec![Point { time: 0, position: 0 }; 512]);
        cache.keep_points(segment(0), 7, &points);
        for first in 1..10_000 {
            cache.keep_points(segment(first), 0, &points);
            assert!(cache.points(segment(0), 7).is_some());
        }
        assert!(cache.points(segment(1), 0).is_none() && cache.points(segment(0), 0).is_none());
        let state = cache.lock();
        let kept = state.young.points.len() + state.old.points.len();
        assert!(kept * 512 * size_of::<Point>() < 2 * GENERATION_BYTES + 1024 * 1024);
    }

    #[test]
    fn a_term_is_known_of_some_segments() {
        let cache = Cache::default();
        let (term, ranks) = (Term::number(Dimension::Level, 7), Some(Arc::new(RoaringBitmap::from_iter([3u32, 5]))));
        cache.keep_ranks(&term, [(segment(0), ranks.clone()), (segment(64), None)].into_iter());
        assert_eq!(cache.ranks(&term, &[segment(64), segment(128), segment(0)]), [Some(None), None, Some(ranks)]);
        assert_eq!(cache.ranks(&Term::number(Dimension::Level, 8), &[segment(0)]), [None]);
        // A larger segment that includes this one has another key, and so has a segment with other
        // times.
        assert_eq!(cache.ranks(&term, &[SegmentKey { size: 512, ..segment(0) }]), [None]);
        assert_eq!(cache.ranks(&term, &[SegmentKey { last_time: 1, ..segment(0) }]), [None]);
        assert_eq!(cache.ranks(&term, &[SegmentKey { words: 0, ..segment(0) }]), [None]);
        assert_eq!(cache.ranks(&term, &[SegmentKey { digest: 1, ..segment(0) }]), [None]);
    }
}
