//! Counts by span of time, split by group.

use std::collections::HashMap;

use audit_domain::{ChannelGrant, Span, Timestamp, limits};

use super::find;
use super::ranked::ranked;
use super::stream::StreamTypes;
use super::summary::{Group, Grouping, IndexedAs, OtherGroups, RawKey, shown};
use super::table::Filter;
use super::{LogState, heads, search};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::postings::{Cache, Found};

/// The number of matching entries in each span of time, without empty spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    /// The number of matching entries.
    pub total: i64,
    /// The spans in order: the latest [`limits::HISTOGRAM_SPANS_MAX`].
    pub spans: Vec<SpanCount>,
    /// The sum of the spans before them.
    pub earlier: OtherGroups,
    /// The groups that split the spans, over all matching entries: the largest
    /// [`limits::HISTOGRAM_GROUPS_MAX`], largest first. Empty if the spans are not split.
    pub groups: Vec<Group>,
    /// The sum of the groups that are not listed.
    pub other: OtherGroups,
}

/// One span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanCount {
    /// Its first microsecond.
    pub start: Timestamp,
    /// The number of entries in the span.
    pub count: i64,
    /// The numbers of entries of the listed groups, in their order.
    pub counts: Vec<i64>,
}

pub(crate) fn histogram<G: Grouping>(
    conn: &mut DbConnection,
    cache: &Cache,
    channels: &ChannelGrant,
    filter: &<G::Table as StreamTypes>::Filter,
    span: Span,
    split_by: Option<G>,
) -> Result<Histogram, StoreError> {
    dialect::snapshot(conn, |conn| {
        let heads = heads(conn, G::Table::STREAM, channels)?;
        let mut found = if filter.is_impossible() { None } else { find::find::<G::Table>(conn, cache, &heads, filter)? };
        let max = limits::HISTOGRAM_SPANS_MAX;
        let by_span = ranked(conn, cache, &heads, found.as_mut(), filter, G::of_spans(span), max)?;
        let (total, earlier) = (by_span.total, by_span.other);
        let start = |key| if let RawKey::Time(at) = key { Timestamp::from_micros(at) } else { None };
        let spans = by_span.listed.into_iter();
        let spans = spans.filter_map(|(key, (count, _))| Some(SpanCount { start: start(key)?, count, counts: Vec::new() }));
        let mut histogram = Histogram { total, spans: spans.collect(), earlier, groups: Vec::new(), other: OtherGroups::default() };
        let Some(by) = split_by.filter(|_| total > 0) else { return Ok(histogram) };
        let groups = ranked(conn, cache, &heads, found.as_mut(), filter, by, limits::HISTOGRAM_GROUPS_MAX)?;
        histogram.other = groups.other;
        let mut split = Split::new(&histogram.spans, groups.listed.iter().map(|(key, _)| key));
        // The number of spans that are not listed is not limited.
        let since = histogram.spans.first().map_or(i64::MIN, |first| first.start.micros());
        let narrowed = filter.since(since);
        let mut found = if histogram.earlier.groups == 0 { found } else { find::find::<G::Table>(conn, cache, &heads, &narrowed)? };
        for head in &heads {
            dialect::go_on(conn)?;
            split.add_log(conn, head, found.as_mut(), &narrowed, span, by)?;
        }
        split.finish(&mut histogram.spans);
        for (key, (count, channel)) in groups.listed {
            histogram.groups.push(Group { key: shown(conn, found.as_mut(), key, channel, by)?, count });
        }
        Ok(histogram)
    })
}

/// Counts the entries of a log by span and group, without the entries that have no value, by
/// reading each. A span and group may come in several parts.
fn spans_and_groups<G: Grouping>(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &<G::Table as StreamTypes>::Filter,
    span: Span,
    by: G,
) -> Result<Vec<(i64, RawKey, i64)>, StoreError> {
    if !filter.reads_values() {
        return by.spans_and_groups(conn, channel_id, filter, span);
    }
    let counts = search::groups::<G::Table, _>(conn, channel_id, filter, |record| {
        Some((span.start(record.as_ref().timestamp.micros()), by.key_of(record)?))
    })?;
    Ok(counts.into_iter().map(|((start, key), count)| (start, key, count)).collect())
}

/// The counts of listed spans by listed group.
struct Split {
    span_of: HashMap<i64, usize>,
    group_of: HashMap<RawKey, usize>,
    /// For each span, the counts of the groups, and the number of entries that have a value at all.
    counts: Vec<(Vec<i64>, i64)>,
}

impl Split {
    fn new<'k>(spans: &[SpanCount], groups: impl Iterator<Item = &'k RawKey>) -> Split {
        let span_of = spans.iter().enumerate().map(|(at, span)| (span.start.micros(), at)).collect();
        let group_of: HashMap<RawKey, usize> = groups.enumerate().map(|(at, key)| (key.clone(), at)).collect();
        let counts = vec![(vec![0; group_of.len()], 0); spans.len()];
        Split { span_of, group_of, counts }
    }

    fn add(&mut self, start: i64, group: Option<usize>, count: i64) {
        let Some((counts, with_value)) = self.span_of.get(&start).and_then(|at| self.counts.get_mut(*at)) else { return };
        *with_value += count;
        if let Some(of_group) = group.and_then(|group| counts.get_mut(group)) {
            *of_group += count;
        }
    }

    /// Adds the entries of a log: from its index and from the rows after it; or all rows if the
    /// index cannot be used.
    fn add_log<G: Grouping>(
        &mut self,
        conn: &mut DbConnection,
        head: &LogState,
        found: Option<&mut Found<'_>>,
        filter: &<G::Table as StreamTypes>::Filter,
        span: Span,
        by: G,
    ) -> Result<(), StoreError> {
        if filter.is_impossible() {
            return Ok(());
        }
        let mut counted = Vec::new();
        let indexed_to = match found {
            Some(found) => self.indexed::<G>(conn, head, found, span, by, &mut counted)?,
            None => None,
        };
        if indexed_to.is_none_or(|end| end < head.size) {
            let rest = indexed_to.map(|end| filter.starting_at(end));
            counted.extend(spans_and_groups(conn, head.channel_id, rest.as_ref().unwrap_or(filter), span, by)?);
        }
        for (start, key, count) in counted {
            let group = self.group_of.get(&key).copied();
            self.add(start, group, count);
        }
        Ok(())
    }

    /// Counts the indexed entries. Returns the position up to which they are indexed.
    fn indexed<G: Grouping>(
        &mut self,
        conn: &mut DbConnection,
        head: &LogState,
        found: &mut Found<'_>,
        span: Span,
        by: G,
        counted: &mut Vec<(i64, RawKey, i64)>,
    ) -> Result<Option<i64>, StoreError> {
        let (IndexedAs::Numbers(dimension) | IndexedAs::Texts(dimension)) = by.indexed() else { return Ok(None) };
        // The counts are added only after the whole index turned out to be readable.
        let mut values: HashMap<i64, i64> = HashMap::new();
        let known = found.spans_of_groups::<G::Table>(conn, head.channel_id, dimension, span, |value, spans| {
            let listed = by.indexed().key(value).filter(|key| self.group_of.contains_key(key));
            for (start, count) in spans {
                match &listed {
                    Some(key) => counted.push((*start, key.clone(), *count as i64)),
                    None => *values.entry(*start).or_default() += *count as i64,
                }
            }
        })?;
        if known.is_none() {
            counted.clear();
            return Ok(None);
        }
        for (start, count) in values {
            self.add(start, None, count);
        }
        Ok(Some(found.end_of(head.channel_id)))
    }

    /// Puts the counts into the spans. The remaining entries have no value.
    fn finish(self, spans: &mut [SpanCount]) {
        let null = self.group_of.get(&RawKey::Null).copied();
        for (span, (mut counts, with_value)) in spans.iter_mut().zip(self.counts) {
            if let Some(of_null) = null.and_then(|at| counts.get_mut(at)) {
                *of_null = span.count - with_value;
            }
            span.counts = counts;
        }
    }
}
