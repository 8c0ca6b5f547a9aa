//! How many of what matches has each value, or happened in each span of time.

use std::collections::HashMap;

use diesel::prelude::*;

use super::block::Terms;
use super::index::{Index, Matches};
use super::statements::BlocksOf;
use super::term::Dimension;
use super::times::ENTRIES_OF_A_BLOCK;
use super::{Damaged, IndexError};
use crate::connection::DbConnection;

impl Index<'_> {
    /// How many of what matches has each of the values of a dimension. The matches are in the order of their segments.
    pub(super) fn groups(
        &self,
        conn: &mut DbConnection,
        matches: &[Matches],
        dimension: Dimension,
        mut count: impl FnMut(&[u8], u64),
    ) -> Result<(), IndexError> {
        let of_segment: HashMap<i64, &Matches> =
            matches.iter().filter_map(|matches| Some((self.segments.get(matches.segment)?.key.first, matches))).collect();
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

    pub(super) fn size(&self, matches: &Matches) -> u32 {
        self.segments.get(matches.segment).map_or(0, |header| header.key.size as u32)
    }

    /// The blocks that have terms of a dimension.
    pub(super) fn blocks_of(&self, conn: &mut DbConnection, dimension: Dimension) -> Result<Vec<(i64, Vec<u8>)>, IndexError> {
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
        let blocks = self.segments.get(segment).ok_or(Damaged)?.times.fences.len();
        for number in 0..blocks {
            let header = self.segments.get(segment).ok_or(Damaged)?;
            let first = (number * ENTRIES_OF_A_BLOCK) as u32;
            let end = (first + ENTRIES_OF_A_BLOCK as u32).min(size);
            let of_block = matches.before(end) - matches.before(first);
            let span = start_of(header.times.fences.get(number).ok_or(Damaged)?.time);
            let last = header.times.fences.get(number + 1).map_or(header.times.last, |fence| fence.time);
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
