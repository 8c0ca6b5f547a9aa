//! Compares the stored rows of a segment with those that it should have.

use std::cmp::Ordering;

use audit_domain::Stream;
use diesel::prelude::*;

use super::block::{Block, Terms};
use super::segment::Segment;
use super::term::Dimension;
use super::tiers;
use super::times::{self, Point};
use super::words::Words;
use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::schema::{postings, segment_times, segments};

/// The rows of a segment, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredRows {
    first: i64,
    pub(crate) size: i64,
    first_time: i64,
    last_time: i64,
    fences: Vec<u8>,
    days: Vec<u8>,
    words: i16,
    digest: i64,
    /// By their numbers.
    times: Vec<(i16, Vec<u8>)>,
    /// By their first terms.
    blocks: Vec<Block>,
}

/// A row that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowDifference {
    pub(crate) table: &'static str,
    /// The number of the row among those of the segment.
    pub(crate) row: i64,
    pub(crate) what: String,
}

type Header = (i64, i64, i64, Vec<u8>, Vec<u8>, i16, i64);

impl StoredRows {
    /// Reads them. `None` if no segment begins at the position.
    pub(crate) fn read(
        conn: &mut DbConnection,
        channel_id: i64,
        stream: Stream,
        first: i64,
    ) -> Result<Option<StoredRows>, StoreError> {
        let stream = stream.number();
        let times = (segments::size, segments::first_time, segments::last_time);
        let columns = (times.0, times.1, times.2, segments::fences, segments::days, segments::words, segments::digest);
        let header: Option<Header> = segments::table.find((channel_id, stream, first)).select(columns).first(conn).optional()?;
        let Some((size, first_time, last_time, fences, days, words, digest)) = header else { return Ok(None) };
        let of_segment = segment_times::channel_id.eq(channel_id).and(segment_times::stream.eq(stream));
        let times = segment_times::table.filter(of_segment.and(segment_times::first.eq(first)));
        let times = times.order(segment_times::block).select((segment_times::block, segment_times::points)).load(conn)?;
        let of_segment = postings::channel_id.eq(channel_id).and(postings::stream.eq(stream)).and(postings::first.eq(first));
        let blocks: Vec<(Vec<u8>, Vec<u8>)> =
            postings::table.filter(of_segment).select((postings::first_term, postings::terms)).load(conn)?;
        let mut blocks: Vec<Block> = blocks.into_iter().map(|(first_term, bytes)| Block { first_term, bytes }).collect();
        blocks.sort_by(|a, b| a.first_term.cmp(&b.first_term));
        Ok(Some(StoredRows { first, size, first_time, last_time, fences, days, words, digest, times, blocks }))
    }

    /// Whether the words of each group of 64 entries are indexed, as the row of the segment says; `None`
    /// if that differs from group to group, or the row does not say it.
    pub(crate) fn all_have_words(&self) -> Option<bool> {
        match Words::from_number(self.words)? {
            Words::Absent => Some(false),
            Words::Complete => Some(true),
            Words::Partial => None,
        }
    }

    /// Whether the words of each group of 64 entries are indexed, by the marks of its entries: without
    /// words, each of them has one. `None` if the rows cannot be read.
    pub(crate) fn groups_with_words(&self) -> Option<Vec<bool>> {
        let size = usize::try_from(self.size).ok()?;
        let mut points: Vec<Point> = Vec::new();
        for (fence, (_, bytes)) in times::fences(self.first, &self.fences)?.into_iter().zip(&self.times) {
            let count = times::ENTRIES_OF_A_BLOCK.min(size.checked_sub(points.len())?);
            points.extend(times::decode(self.first, fence, count, bytes)?);
        }
        let mark = [Dimension::Word as u8];
        let block = self.blocks.iter().rev().find(|block| block.first_term.as_slice() <= mark.as_slice());
        let ranks = match block.map(|block| Terms::new(&block.bytes).find(&mark)) {
            Some(Ok(Some(ranks))) => ranks.list()?,
            Some(Ok(None)) | None => Vec::new(),
            Some(Err(_)) => return None,
        };
        let mut marked = vec![0; size / tiers::TIERS[0] as usize];
        for rank in ranks {
            let position = points.get(usize::from(rank))?.position;
            *marked.get_mut(((position - self.first) / tiers::TIERS[0]) as usize)? += 1;
        }
        Some(marked.into_iter().map(|marked| marked < tiers::TIERS[0]).collect())
    }

    /// The rows that are not those of a segment.
    pub(crate) fn differences(&self, wanted: &Segment) -> Vec<RowDifference> {
        let mut found = self.in_header(wanted);
        self.in_times(wanted, &mut found);
        self.in_blocks(wanted, &mut found);
        found
    }

    fn in_header(&self, wanted: &Segment) -> Vec<RowDifference> {
        let times = wanted.points.first().zip(wanted.points.last()).map(|(first, last)| (first.time, last.time));
        let columns = [
            ("size", self.size == wanted.size()),
            ("first_time", times.is_some_and(|(first, _)| first == self.first_time)),
            ("last_time", times.is_some_and(|(_, last)| last == self.last_time)),
            ("fences", self.fences == wanted.fences()),
            ("days", self.days == wanted.days()),
            ("words", self.words == wanted.words as i16),
            ("digest", self.digest == wanted.digest()),
        ];
        let wrong = columns.into_iter().filter(|(_, is_same)| !is_same);
        let what = |name: &str| format!("its {name} is not that of the entries");
        wrong.map(|(name, _)| RowDifference { table: "segments", row: 0, what: what(name) }).collect()
    }

    fn in_times(&self, wanted: &Segment, found: &mut Vec<RowDifference>) {
        let wanted: Vec<Vec<u8>> = wanted.times().collect();
        let mut add = |row: i64, what: &str| found.push(RowDifference { table: "segment_times", row, what: what.to_owned() });
        for (number, points) in wanted.iter().enumerate() {
            match self.times.iter().find(|(stored, _)| usize::try_from(*stored) == Ok(number)) {
                None => add(number as i64, "it is missing"),
                Some((_, stored)) if stored != points => add(number as i64, "its times or positions are not those of the entries"),
                Some(_) => {}
            }
        }
        let is_wanted = |number: i16| usize::try_from(number).is_ok_and(|number| number < wanted.len());
        self.times.iter().filter(|(number, _)| !is_wanted(*number)).for_each(|(number, _)| add((*number).into(), "it is too many"));
    }

    fn in_blocks(&self, wanted: &Segment, found: &mut Vec<RowDifference>) {
        let mut add =
            |row: usize, what: &str| found.push(RowDifference { table: "postings", row: row as i64, what: what.to_owned() });
        let mut stored = self.blocks.iter().peekable();
        for (row, block) in wanted.blocks.iter().enumerate() {
            while stored.next_if(|stored| stored.first_term < block.first_term).is_some() {
                add(row, "another row before it is too many");
            }
            match stored.peek().map(|stored| stored.first_term.cmp(&block.first_term)) {
                Some(Ordering::Equal) => {
                    if stored.next().is_some_and(|stored| stored.bytes != block.bytes) {
                        add(row, "its values are not those of the entries");
                    }
                }
                _ => add(row, "it is missing"),
            }
        }
        stored.for_each(|_| add(wanted.blocks.len(), "it is too many"));
    }
}
