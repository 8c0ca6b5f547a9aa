//! Narrows the found entries: to those with certain values of a dimension, or to those without a
//! value.

use std::collections::HashSet;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::index::{Index, Matches};
use super::page::{Found, Key, LogPart, OfLog};
use super::term::Dimension;
use super::times::Point;
use super::{Damaged, IndexError};
use crate::connection::DbConnection;

/// Certain values of a dimension.
#[derive(Debug)]
pub(crate) enum Values {
    /// One of these values.
    OneOf(HashSet<Vec<u8>>),
    /// No value of the dimension.
    Missing,
}

/// The found entries of each log before they were narrowed.
#[derive(Debug)]
pub(crate) struct Whole(Vec<(Vec<Matches>, Vec<Point>)>);

impl Found<'_> {
    /// Keeps the entries with these values. For entries that are not indexed, `keeps` decides.
    pub(crate) fn narrow(
        &mut self,
        conn: &mut DbConnection,
        dimension: Dimension,
        values: &Values,
        keeps: impl Fn(i64, &Point) -> bool,
    ) -> Result<Whole, IndexError> {
        let mut whole = Vec::with_capacity(self.0.len());
        for OfLog { index, indexed, rest } in &mut self.0 {
            let narrowed = index.narrowed(conn, indexed, dimension, values)?;
            let kept = rest.iter().filter(|point| keeps(index.channel_id, point)).copied().collect();
            whole.push((std::mem::replace(indexed, narrowed), std::mem::replace(rest, kept)));
        }
        Ok(Whole(whole))
    }

    /// Restores the entries from before a [`Found::narrow`].
    pub(crate) fn widen(&mut self, whole: Whole) {
        for (log, (indexed, rest)) in self.0.iter_mut().zip(whole.0) {
            (log.indexed, log.rest) = (indexed, rest);
        }
    }

    /// The places of the entries that are not indexed.
    pub(crate) fn not_indexed(&self) -> impl Iterator<Item = (i64, i64)> {
        self.0.iter().flat_map(|log| log.rest.iter().map(|point| (log.index.channel_id, point.position)))
    }

    /// The entries of a page in the order of channels and positions.
    pub(crate) fn page_by_position(
        &mut self,
        conn: &mut DbConnection,
        descending: bool,
        mut skip: u64,
        limit: usize,
    ) -> Result<Vec<Key>, IndexError> {
        let mut parts = self.parts();
        if descending {
            parts.reverse();
        }
        let mut page: Vec<Key> = Vec::new();
        for part in parts {
            let count = self.len_of_part(part);
            if page.len() >= limit || skip >= count {
                skip = skip.saturating_sub(count);
                continue;
            }
            // A part has a range of positions, in any order of time.
            let (channel_id, mut entries) = self.entries(conn, part)?;
            entries.sort_unstable_by_key(|point| if descending { !point.position } else { point.position });
            let start = usize::try_from(skip).unwrap_or(usize::MAX);
            let of_part = entries.into_iter().skip(start).take(limit - page.len());
            page.extend(of_part.map(|point| (point.time, channel_id, point.position)));
            skip = 0;
        }
        Ok(page)
    }

    /// The entries of a part, and the channel of its log.
    fn entries(&mut self, conn: &mut DbConnection, (log, part): LogPart) -> Result<(i64, Vec<Point>), IndexError> {
        let OfLog { index, indexed, rest } = self.0.get_mut(log).ok_or(Damaged)?;
        let Some(matches) = indexed.get(part) else { return Ok((index.channel_id, rest.clone())) };
        let mut entries = Vec::new();
        for rank in matches.ranks() {
            entries.push(index.point(conn, matches.segment, rank)?);
        }
        Ok((index.channel_id, entries))
    }
}

impl Index<'_> {
    fn narrowed(
        &self,
        conn: &mut DbConnection,
        matches: &[Matches],
        dimension: Dimension,
        values: &Values,
    ) -> Result<Vec<Matches>, IndexError> {
        let mut having = vec![RoaringBitmap::new(); matches.len()];
        self.each_term(conn, matches, dimension, |at, value, ranks| {
            let is_meant = match values {
                Values::OneOf(values) => values.contains(value),
                Values::Missing => true,
            };
            if is_meant && let Some(having) = having.get_mut(at) {
                *having |= ranks.bitmap().ok_or(Damaged)?;
            }
            Ok(())
        })?;
        let mut narrowed = Vec::new();
        for (matches, having) in matches.iter().zip(having) {
            let ranks = match values {
                Values::OneOf(_) => having,
                Values::Missing => {
                    let mut all = RoaringBitmap::new();
                    all.insert_range(0..self.size(matches));
                    all - having
                }
            };
            narrowed.push(matches.clone().within(Arc::new(ranks)));
        }
        narrowed.retain(|matches| matches.len() > 0);
        Ok(narrowed)
    }
}
