//! A segment: an inverted index of neighbouring entries of a log.

use std::cmp::Ordering;

use sha2::{Digest, Sha256};

use super::Damaged;
use super::block::{Block, Blocks, Terms};
use super::days;
use super::ranks::Ranks;
use super::times::{ENTRIES_OF_A_BLOCK, Point, encode, put_fences};
use super::words::Words;

/// A segment for storage. Its entries are numbered by their rank in the order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The first position; the others follow without a gap.
    pub(crate) first: i64,
    /// The entries in the order of time.
    pub(crate) points: Vec<Point>,
    /// The terms and the entries of each.
    pub(crate) blocks: Vec<Block>,
    /// Whether the terms include words.
    pub(super) words: Words,
}

impl Segment {
    /// Merges neighbouring segments. The result is the same as if their entries had been indexed at
    /// once.
    pub(crate) fn merge(parts: &[Segment]) -> Result<Segment, Damaged> {
        let first = parts.first().ok_or(Damaged)?.first;
        let words = parts.iter().map(|part| part.words).reduce(Words::together).ok_or(Damaged)?;
        let (points, ranks) = merge_points(parts);
        let mut cursors: Vec<Cursor<'_>> = Vec::with_capacity(parts.len());
        for (part, ranks) in parts.iter().zip(&ranks) {
            cursors.push(Cursor::new(&part.blocks, ranks)?);
        }
        let (mut blocks, mut term, mut merged) = (Blocks::default(), Vec::new(), Vec::new());
        while let Some(least) = cursors.iter().filter_map(Cursor::term).min() {
            term.clear();
            term.extend_from_slice(least);
            merged.clear();
            for cursor in &mut cursors {
                if cursor.term().is_some_and(|here| here.cmp(&term) == Ordering::Equal) {
                    cursor.take(&mut merged)?;
                }
            }
            merged.sort_unstable();
            blocks.push(&term, &merged);
        }
        Ok(Segment { first, points, blocks: blocks.into_blocks(), words })
    }

    pub(crate) fn size(&self) -> i64 {
        self.points.len() as i64
    }

    pub(crate) fn fences(&self) -> Vec<u8> {
        put_fences(self.first, &self.points)
    }

    /// A hash of its terms and their entries.
    pub(crate) fn digest(&self) -> i64 {
        let mut hash = Sha256::new();
        for block in &self.blocks {
            hash.update((block.bytes.len() as u64).to_be_bytes());
            hash.update(&block.bytes);
        }
        let hash: [u8; 32] = hash.finalize().into();
        i64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
    }

    pub(crate) fn days(&self) -> Vec<u8> {
        days::encode(&self.points)
    }

    /// The points, split into blocks.
    pub(crate) fn times(&self) -> impl Iterator<Item = Vec<u8>> {
        self.points.chunks(ENTRIES_OF_A_BLOCK).map(|points| encode(self.first, points))
    }
}

/// The points of all parts in order, and for each part the new rank of each of its entries.
fn merge_points(parts: &[Segment]) -> (Vec<Point>, Vec<Vec<u16>>) {
    let mut all: Vec<(Point, usize)> = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        all.extend(part.points.iter().map(|point| (*point, number)));
    }
    // Each part is sorted already, and a merge sort makes use of that.
    all.sort();
    let mut ranks: Vec<Vec<u16>> = parts.iter().map(|part| Vec::with_capacity(part.points.len())).collect();
    for (rank, (_, number)) in all.iter().enumerate() {
        ranks[*number].push(rank as u16);
    }
    (all.into_iter().map(|(point, _)| point).collect(), ranks)
}

/// Iterates over the terms of a segment.
struct Cursor<'a> {
    blocks: std::slice::Iter<'a, Block>,
    terms: Terms<'a>,
    /// The ranks of the segment's entries in the merged segment.
    ranks: &'a [u16],
    term: Vec<u8>,
    here: Option<Ranks<'a>>,
}

impl<'a> Cursor<'a> {
    fn new(blocks: &'a [Block], ranks: &'a [u16]) -> Result<Cursor<'a>, Damaged> {
        let mut cursor = Cursor { blocks: blocks.iter(), terms: Terms::new(&[]), ranks, term: Vec::new(), here: None };
        cursor.step()?;
        Ok(cursor)
    }

    fn term(&self) -> Option<&[u8]> {
        self.here.is_some().then_some(self.term.as_slice())
    }

    /// Adds the entries of the current term, and moves to the next term.
    fn take(&mut self, into: &mut Vec<u16>) -> Result<(), Damaged> {
        let Some(here) = self.here.take() else { return Ok(()) };
        for rank in here.list().ok_or(Damaged)? {
            into.push(*self.ranks.get(usize::from(rank)).ok_or(Damaged)?);
        }
        self.step()
    }

    fn step(&mut self) -> Result<(), Damaged> {
        while self.terms.is_at_end() {
            let Some(block) = self.blocks.next() else { return Ok(()) };
            self.terms = Terms::new(&block.bytes);
        }
        let (term, ranks) = self.terms.next().ok_or(Damaged)?;
        self.term.clear();
        self.term.extend_from_slice(term);
        self.here = Some(ranks);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::postings::building::Building;
    use crate::postings::term::{Dimension, Term};
    use crate::postings::times;

    fn point(first: i64, at: usize, time: i8) -> Point {
        Point { time: i64::from(time), position: first + at as i64 }
    }

    fn object(value: u8) -> Term {
        Term::text(Dimension::ObjectId, &format!("object {value}"))
    }

    fn build(first: i64, drawn: &[(i8, u8)]) -> Segment {
        let mut building = Building::new(first, true);
        for (at, (time, value)) in drawn.iter().enumerate() {
            building.begin(point(first, at, *time));
            building.add(&Term::number(Dimension::Producer, i64::from(value % 3)));
            building.add(&object(*value));
        }
        building.finish()
    }

    proptest! {
        #[test]
        fn parts_that_are_merged_are_what_is_built_at_once(
            drawn in prop::collection::vec(any::<(i8, u8)>(), 1..1_500), cuts in prop::collection::vec(0..1_500usize, 0..8)
        ) {
            let whole = build(64, &drawn);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % drawn.len()).chain([0, drawn.len()]).collect();
            cuts.sort_unstable();
            let parts: Vec<Segment> = cuts
                .windows(2)
                .filter(|cut| cut[0] < cut[1])
                .map(|cut| build(64 + cut[0] as i64, &drawn[cut[0]..cut[1]]))
                .collect();
            prop_assert_eq!(&Segment::merge(&parts).unwrap(), &whole);
            let fences = times::fences(64, &whole.fences()).unwrap();
            let read: Vec<Point> = whole
                .times()
                .zip(whole.points.chunks(ENTRIES_OF_A_BLOCK))
                .enumerate()
                .flat_map(|(number, (bytes, block))| times::decode(64, fences[number], block.len(), &bytes).unwrap())
                .collect();
            prop_assert_eq!(&read, &whole.points);
        }

        #[test]
        fn a_term_is_found_with_the_entries_that_have_it(drawn in prop::collection::vec(any::<(i8, u8)>(), 1..3_000)) {
            let segment = build(0, &drawn);
            for value in 0..=u8::MAX {
                let term = object(value);
                let block = segment.blocks.iter().rev().find(|block| block.first_term.as_slice() <= term.bytes());
                let found = block.and_then(|block| Terms::new(&block.bytes).find(term.bytes()).unwrap());
                let points: Vec<Point> = found
                    .map(|ranks| ranks.list().unwrap().into_iter().map(|rank| segment.points[usize::from(rank)]).collect())
                    .unwrap_or_default();
                let with_value = drawn.iter().enumerate().filter(|(_, (_, drawn))| *drawn == value);
                let mut wanted: Vec<Point> = with_value.map(|(at, (time, _))| point(0, at, *time)).collect();
                wanted.sort();
                prop_assert_eq!(points, wanted);
            }
        }
    }
}
