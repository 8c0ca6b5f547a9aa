//! Counts the matching entries by value, and by span of time.

use std::ops::Range;
use std::sync::Arc;

use audit_domain::Span;
use diesel::prelude::*;

use super::bits::Bits;
use super::block::Terms;
use super::index::{Index, Matches};
use super::ranks::Ranks;
use super::statements::BlocksOf;
use super::term::Dimension;
use super::times::ENTRIES_OF_A_BLOCK;
use super::value_range::ValueRange;
use super::{Damaged, IndexError};
use crate::connection::{DbConnection, on_inner};
use crate::dialect::{self, NumberList, PostingsOfEach};

/// Segments that are read at once. Sixteen of the largest have half a million entries: a few
/// megabytes of blocks if nearly every entry has its own value.
const SEGMENTS_AT_ONCE: usize = 16;

/// Bytes of the values of a dimension that a query reads and the cache keeps: a dimension with few
/// values of a million entries. A larger result would displace everything else from the cache, and
/// going through it takes longer than reading it.
const KEPT_BYTES_MAX: usize = 6 * 1024 * 1024;

impl Index<'_> {
    /// Counts the matching entries by value in a range of a dimension. The matches are in the order
    /// of their segments.
    pub(crate) fn groups(
        &self,
        conn: &mut DbConnection,
        matches: &[Matches],
        (dimension, range): (Dimension, &ValueRange),
        mut count: impl FnMut(&[u8], u64),
    ) -> Result<(), IndexError> {
        let mut segment = Current::default();
        let mut take = |at: usize, value: &[u8], ranks: &Ranks<'_>| {
            let Some(matches) = matches.get(at) else { return Ok(()) };
            let number = match segment.bits(at, matches, self.size(matches)) {
                None => ranks.len() as u64,
                Some(bits) => ranks.common(bits).ok_or(Damaged)?,
            };
            if number > 0 {
                count(value, number);
            }
            Ok(())
        };
        if range.is_whole() {
            return self.each_term(conn, matches, dimension, take);
        }
        let (from, to) = range.terms(dimension);
        self.each_term_between(conn, matches, SEGMENTS_AT_ONCE, (&from, &to), |at, term, ranks| {
            term.split_first().map_or(Ok(()), |(_, value)| take(at, value, ranks))
        })
    }

    /// Calls back for each value of a dimension in each segment with a match, one segment after the
    /// other in any order: with the index of the segment's matches, the value, and the entries of
    /// the segment that have it.
    /// If the cache does not have the values, those of a few segments are in memory at a time.
    pub(super) fn each_term(
        &self,
        conn: &mut DbConnection,
        matches: &[Matches],
        dimension: Dimension,
        mut take: impl FnMut(usize, &[u8], &Ranks<'_>) -> Result<(), Damaged>,
    ) -> Result<(), IndexError> {
        let range = (&[dimension as u8][..], &[dimension as u8 + 1][..]);
        let mut take = |at: usize, term: &[u8], ranks: &Ranks<'_>| match term.split_first() {
            Some((_, value)) => take(at, value, ranks),
            None => Ok(()),
        };
        let keys = self.keys(matches)?;
        let known = self.cache.blocks(dimension, &keys);
        let (mut numbers, mut missing) = (Vec::new(), Vec::new());
        for (at, (matches, known)) in matches.iter().zip(known).enumerate() {
            match known {
                Some(blocks) => {
                    blocks.iter().try_for_each(|bytes| each_term_in(bytes, range, |term, ranks| take(at, term, ranks)))?
                }
                None => {
                    numbers.push(at);
                    missing.push(matches.clone());
                }
            }
        }
        let mut read = vec![Vec::new(); missing.len()];
        let mut bytes_read = 0;
        self.each_block(conn, &missing, SEGMENTS_AT_ONCE, range, |at, bytes| {
            let number = numbers.get(at).copied().ok_or(Damaged)?;
            each_term_in(&bytes, range, |term, ranks| take(number, term, ranks))?;
            bytes_read += bytes.len();
            match read.get_mut(at) {
                Some(blocks) if bytes_read <= KEPT_BYTES_MAX => blocks.push(bytes),
                _ => read.clear(),
            }
            Ok(())
        })?;
        let of_numbers = numbers.iter().zip(read).filter_map(|(number, blocks)| Some((*keys.get(*number)?, blocks)));
        self.cache.keep_blocks(dimension, of_numbers);
        Ok(())
    }

    /// Calls back in the same way for each term in a half-open range, with the terms of `at_once`
    /// segments in memory.
    pub(super) fn each_term_between(
        &self,
        conn: &mut DbConnection,
        matches: &[Matches],
        at_once: usize,
        range: (&[u8], &[u8]),
        mut take: impl FnMut(usize, &[u8], &Ranks<'_>) -> Result<(), Damaged>,
    ) -> Result<(), IndexError> {
        self.each_block(conn, matches, at_once, range, |at, bytes| each_term_in(&bytes, range, |term, ranks| take(at, term, ranks)))
    }

    /// Calls back for each block with terms of a range, with the blocks of `at_once` segments in
    /// memory.
    fn each_block(
        &self,
        conn: &mut DbConnection,
        matches: &[Matches],
        at_once: usize,
        range: (&[u8], &[u8]),
        mut take: impl FnMut(usize, Vec<u8>) -> Result<(), Damaged>,
    ) -> Result<(), IndexError> {
        for (number, some) in matches.chunks(at_once).enumerate() {
            dialect::go_on(conn)?;
            let first = |matches: &Matches| Ok::<_, Damaged>(self.key(matches)?.first);
            let firsts = some.iter().map(first).collect::<Result<Vec<i64>, Damaged>>()?;
            let mut blocks = self.blocks_between(conn, range, &firsts)?;
            // The database may return them in any order. It is this one already, and costs nothing.
            blocks.sort_by_key(|(first, _)| *first);
            for (first, bytes) in blocks {
                take(number * at_once + firsts.binary_search(&first).map_err(|_| Damaged)?, bytes)?;
            }
        }
        Ok(())
    }

    pub(super) fn size(&self, matches: &Matches) -> u32 {
        self.segments.get(matches.segment).map_or(0, |header| header.key.size as u32)
    }

    /// The blocks of some segments with terms in a half-open range.
    fn blocks_between(
        &self,
        conn: &mut DbConnection,
        (from, to): (&[u8], &[u8]),
        segments: &[i64],
    ) -> Result<Vec<(i64, Vec<u8>)>, IndexError> {
        let (segments, each_segment) = (NumberList::new(conn, segments), PostingsOfEach::new(conn));
        let (from, to) = (from.to_vec(), to.to_vec());
        let blocks = BlocksOf { from, to, channel_id: self.channel_id, stream: self.stream, segments, each_segment };
        Ok(on_inner!(conn, |conn| blocks.load(conn))?)
    }

    /// Counts the matching entries by span of time.
    pub(crate) fn spans(
        &mut self,
        conn: &mut DbConnection,
        matches: &Matches,
        span: Span,
        mut count: impl FnMut(i64, u64),
    ) -> Result<(), IndexError> {
        let bits = matches.bits();
        for InSpan { start, ranks } in self.in_spans(conn, matches.segment, &bits, span)?.0 {
            match bits.count(ranks) {
                0 => {}
                number => count(start, number),
            }
        }
        Ok(())
    }

    /// Counts the matching entries by span of time, for each value of a dimension.
    pub(crate) fn spans_of_groups(
        &mut self,
        conn: &mut DbConnection,
        matches: &[Matches],
        dimension: Dimension,
        span: Span,
        mut count: impl FnMut(&[u8], &[(i64, u64)]),
    ) -> Result<(), IndexError> {
        let (mut spans, mut ends) = (Vec::with_capacity(matches.len()), Vec::with_capacity(matches.len()));
        for matches in matches {
            let of_segment = self.in_spans(conn, matches.segment, &matches.bits(), span)?.0;
            ends.push(of_segment.iter().map(|span| (span.ranks.start, span.ranks.end)).collect::<Vec<_>>());
            spans.push(of_segment);
        }
        let (mut segment, mut counts) = (Current::default(), Vec::new());
        self.each_term(conn, matches, dimension, |at, value, ranks| {
            let Some(((matches, spans), ends)) = matches.get(at).zip(spans.get(at)).zip(ends.get(at)) else { return Ok(()) };
            counts.clear();
            let mut add = |range: usize, count: u64| match (spans.get(range), counts.last_mut()) {
                (Some(span), Some((last, total))) if *last == span.start => *total += count,
                (Some(span), _) => counts.push((span.start, count)),
                (None, _) => {}
            };
            ranks.common_in(segment.bits_of(at, matches), ends, &mut add).ok_or(Damaged)?;
            count(value, &counts);
            Ok(())
        })
    }

    /// Splits the ranks of a segment by span of time. The ranks are in the order of time, so a span
    /// is one range of them. Ranges without a match are left out.
    fn in_spans(&mut self, conn: &mut DbConnection, segment: usize, matches: &Bits, span: Span) -> Result<InSpans, IndexError> {
        match span {
            Span::Hour => self.in_hours(conn, segment, matches),
            Span::Day | Span::Week | Span::Month => {
                let header = self.segments.get(segment).ok_or(Damaged)?;
                let mut spans = InSpans::default();
                for (day, ranks) in header.times.days.iter() {
                    if matches.count(ranks.clone()) > 0 {
                        spans.add(span.start(day), ranks);
                    }
                }
                Ok(spans)
            }
        }
    }

    /// Splits the ranks by hour, which reads the blocks that have a match and belong to several
    /// hours.
    fn in_hours(&mut self, conn: &mut DbConnection, segment: usize, matches: &Bits) -> Result<InSpans, IndexError> {
        let header = self.segments.get(segment).ok_or(Damaged)?;
        let (times, size) = (Arc::clone(&header.times), header.key.size as u32);
        let mut spans = InSpans::default();
        for (number, fence) in times.fences.iter().enumerate() {
            let first = (number * ENTRIES_OF_A_BLOCK) as u32;
            let end = (first + ENTRIES_OF_A_BLOCK as u32).min(size);
            if matches.count(first..end) == 0 {
                continue;
            }
            let start = Span::Hour.start(fence.time);
            let last = times.fences.get(number + 1).map_or(times.last, |fence| fence.time);
            if start == Span::Hour.start(last) {
                spans.add(start, first..end);
                continue;
            }
            for (rank, point) in (first..).zip(self.block(conn, segment, number)?) {
                spans.add(Span::Hour.start(point.time), rank..rank + 1);
            }
        }
        Ok(spans)
    }
}

/// Calls back for each term of a block that is in a range.
fn each_term_in(
    bytes: &[u8],
    (from, to): (&[u8], &[u8]),
    mut take: impl FnMut(&[u8], &Ranks<'_>) -> Result<(), Damaged>,
) -> Result<(), Damaged> {
    let mut terms = Terms::new(bytes);
    while !terms.is_at_end() {
        let (term, ranks) = terms.next().ok_or(Damaged)?;
        if from <= term && term < to {
            take(term, &ranks)?;
        }
    }
    Ok(())
}

/// Neighbouring ranks of a segment whose entries are in one span of time.
struct InSpan {
    start: i64,
    ranks: Range<u32>,
}

/// The ranks of a segment by span of time.
#[derive(Default)]
struct InSpans(Vec<InSpan>);

impl InSpans {
    fn add(&mut self, start: i64, ranks: Range<u32>) {
        match self.0.last_mut() {
            Some(last) if last.start == start && last.ranks.end == ranks.start => last.ranks.end = ranks.end,
            _ => self.0.push(InSpan { start, ranks }),
        }
    }
}

/// The matching entries of the segment whose terms are being counted.
#[derive(Default)]
struct Current(Option<(usize, Bits)>);

impl Current {
    /// The matching entries of a segment as bits; `None` if all its entries match.
    fn bits(&mut self, at: usize, matches: &Matches, size: u32) -> Option<&Bits> {
        (!matches.is_all(size)).then(|| self.bits_of(at, matches))
    }

    /// The same, also if all entries match.
    fn bits_of(&mut self, at: usize, matches: &Matches) -> &Bits {
        if self.0.as_ref().is_none_or(|(current, _)| *current != at) {
            self.0 = None;
        }
        &self.0.get_or_insert_with(|| (at, matches.bits())).1
    }
}
