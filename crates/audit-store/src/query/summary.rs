//! Counts by group.

use std::collections::HashMap;

use audit_domain::{ChannelGrant, JsonText, Span, Timestamp, limits, weekday};

use super::find;
use super::stream::StreamTypes;
use super::table::{Filter, Table};
use super::{LogState, count, heads, search};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::postings::{Cache, Dimension, Found, Term};

/// The common value of the entries of a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GroupKey {
    /// The entries have no such value.
    Null,
    /// The number of a content type, a level, the id of a token, or a day of the week, from 1 for
    /// Monday.
    Number(i64),
    /// A text, as JSON. If it is too long or too odd for an index, it is spelled as in one of the
    /// entries.
    Text(JsonText),
    /// The start of an hour, a day, a week or a month.
    Time(Timestamp),
}

/// One group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The common value.
    pub key: GroupKey,
    /// The number of entries.
    pub count: i64,
}

/// At most [`limits::GROUPS_MAX`] groups: the largest ones, largest first, and groups of equal size
/// by key. For spans of time, the latest ones in order. Days of the week are in order too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// The number of matching entries.
    pub total: i64,
    /// The groups.
    pub groups: Vec<Group>,
    /// The sum of the groups that are not listed.
    pub other: OtherGroups,
}

/// Groups that are not listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OtherGroups {
    /// The number of groups.
    pub groups: i64,
    /// The number of their entries.
    pub count: i64,
}

impl OtherGroups {
    fn sum<K>(groups: &[(K, (i64, i64))]) -> OtherGroups {
        OtherGroups { groups: groups.len() as i64, count: groups.iter().map(|(_, (count, _))| count).sum() }
    }
}

/// A value by which the entries of a stream can be grouped.
pub(crate) trait Grouping: Copy + PartialEq {
    type Table: Table;

    /// Counts every group of one channel except null, row by row. Without null, a partial index has
    /// everything that the query needs, and the remaining entries are the group of null.
    fn groups(
        self,
        conn: &mut DbConnection,
        channel_id: i64,
        filter: &<Self::Table as StreamTypes>::Filter,
    ) -> Result<Vec<RawGroup>, StoreError>;

    /// The form in which an index has the groups.
    fn indexed(self) -> IndexedAs;

    /// The key of an entry's group, unless the groups are spans of time or days of the week.
    fn value_of(self, record: &<Self::Table as StreamTypes>::Stored) -> Option<RawKey>;

    /// The key of an entry's group.
    fn key_of(self, record: &<Self::Table as StreamTypes>::Stored) -> Option<RawKey> {
        let micros = record.as_ref().timestamp.micros();
        match self.indexed() {
            IndexedAs::Spans(span) => Some(RawKey::Time(span.start(micros))),
            IndexedAs::Weekdays => Some(RawKey::Number(weekday(micros))),
            IndexedAs::Numbers(_) | IndexedAs::Texts(_) => self.value_of(record),
        }
    }

    /// The grouping by a span of time.
    fn of_spans(span: Span) -> Self;

    /// Counts the entries of one channel by span and group, without null, row by row. A span and
    /// group may come in several parts.
    fn spans_and_groups(
        self,
        conn: &mut DbConnection,
        channel_id: i64,
        filter: &<Self::Table as StreamTypes>::Filter,
        span: Span,
    ) -> Result<Vec<(i64, RawKey, i64)>, StoreError>;

    /// The original text of a key that is a digest, from one of the entries, which is searched row
    /// by row.
    fn text(self, conn: &mut DbConnection, channel_id: i64, key: &str) -> Result<Option<JsonText>, StoreError>;

    /// The text by which an entry is grouped, as received.
    fn text_of(self, record: &<Self::Table as StreamTypes>::Stored) -> Option<JsonText>;
}

/// The key of a group in the database.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum RawKey {
    Number(i64),
    Text(String),
    Time(i64),
    Null,
}

/// The form in which an index has groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexedAs {
    /// The numbers of a dimension.
    Numbers(Dimension),
    /// The texts of a dimension.
    Texts(Dimension),
    /// Times.
    Spans(Span),
    /// Days of the week.
    Weekdays,
}

impl IndexedAs {
    /// The key of a value of the dimension.
    pub(super) fn key(self, value: &[u8]) -> Option<RawKey> {
        match self {
            IndexedAs::Numbers(_) => Term::to_number(value).map(RawKey::Number),
            IndexedAs::Texts(_) => std::str::from_utf8(value).ok().map(|text| RawKey::Text(text.to_owned())),
            IndexedAs::Spans(_) | IndexedAs::Weekdays => None,
        }
    }
}

/// The counts of values of a dimension. A value comes once for each segment, and only the first
/// time is copied.
#[derive(Default)]
struct Values(HashMap<Vec<u8>, i64>);

impl Values {
    fn add(&mut self, value: &[u8], count: u64) {
        match self.0.get_mut(value) {
            Some(total) => *total += count as i64,
            None => drop(self.0.insert(value.to_vec(), count as i64)),
        }
    }
}

/// A group of one channel.
pub(crate) type RawGroup = (RawKey, i64);

pub(crate) fn summaries<G: Grouping, const N: usize>(
    conn: &mut DbConnection,
    cache: &Cache,
    channels: &ChannelGrant,
    filter: &<G::Table as StreamTypes>::Filter,
    by: [G; N],
) -> Result<[Summary; N], StoreError> {
    dialect::snapshot(conn, |conn| {
        let heads = heads(conn, G::Table::STREAM, channels)?;
        let mut found = if filter.is_impossible() { None } else { find::find::<G::Table>(conn, cache, &heads, filter)? };
        let mut summaries = by.map(|_| Summary::default());
        for (by, counted) in by.into_iter().zip(&mut summaries) {
            *counted = summary(conn, cache, &heads, found.as_mut(), filter, by)?;
        }
        Ok(summaries)
    })
}

fn summary<G: Grouping>(
    conn: &mut DbConnection,
    cache: &Cache,
    heads: &[LogState],
    mut found: Option<&mut Found<'_>>,
    filter: &<G::Table as StreamTypes>::Filter,
    by: G,
) -> Result<Summary, StoreError> {
    let Ranked { total, listed, other } = ranked(conn, cache, heads, found.as_deref_mut(), filter, by, limits::GROUPS_MAX)?;
    let mut groups = Vec::with_capacity(listed.len());
    for (key, (count, channel)) in listed {
        groups.push(Group { key: shown(conn, found.as_deref_mut(), key, channel, by)?, count });
    }
    Ok(Summary { total, groups, other })
}

/// The listed groups: the size of each, and a channel that has it.
pub(super) struct Ranked {
    pub(super) total: i64,
    pub(super) listed: Vec<(RawKey, (i64, i64))>,
    pub(super) other: OtherGroups,
}

/// Counts groups, and keeps at most `max` of them.
pub(super) fn ranked<G: Grouping>(
    conn: &mut DbConnection,
    cache: &Cache,
    heads: &[LogState],
    mut found: Option<&mut Found<'_>>,
    filter: &<G::Table as StreamTypes>::Filter,
    by: G,
    max: usize,
) -> Result<Ranked, StoreError> {
    let mut total = 0;
    let mut merged: HashMap<RawKey, (i64, i64)> = HashMap::new();
    for head in heads {
        dialect::go_on(conn)?;
        let (matching, mut groups) = groups(conn, cache, head, found.as_deref_mut(), filter, by)?;
        total += matching;
        let without_key = matching - groups.values().sum::<i64>();
        if without_key > 0 {
            groups.insert(RawKey::Null, without_key);
        }
        for (key, count) in groups {
            merged.entry(key).or_insert((0, head.channel_id)).0 += count;
        }
    }
    let mut merged: Vec<_> = merged.into_iter().collect();
    let beyond = merged.len().saturating_sub(max);
    let others: Vec<_> = match by.indexed() {
        IndexedAs::Spans(_) | IndexedAs::Weekdays => {
            merged.sort_by(|a, b| a.0.cmp(&b.0));
            merged.drain(..beyond).collect()
        }
        IndexedAs::Numbers(_) | IndexedAs::Texts(_) => {
            merged.sort_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| a.0.cmp(&b.0)));
            merged.drain(merged.len() - beyond..).collect()
        }
    };
    Ok(Ranked { total, listed: merged, other: OtherGroups::sum(&others) })
}

/// Counts the matching entries of a log, in all and by group, without null.
fn groups<G: Grouping>(
    conn: &mut DbConnection,
    cache: &Cache,
    head: &LogState,
    found: Option<&mut Found<'_>>,
    filter: &<G::Table as StreamTypes>::Filter,
    by: G,
) -> Result<(i64, HashMap<RawKey, i64>), StoreError> {
    if filter.is_impossible() {
        return Ok((0, HashMap::new()));
    }
    if let Some(found) = found
        && let Some(groups) = indexed::<G>(conn, head, found, filter, by)?
    {
        return Ok((found.len_of(head.channel_id) as i64, groups));
    }
    let matching = count::<G::Table>(conn, cache, std::slice::from_ref(head), filter)?;
    Ok((matching, counted(conn, head.channel_id, filter, by)?.into_iter().collect()))
}

/// Counts the groups of a log without null, row by row.
fn counted<G: Grouping>(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &<G::Table as StreamTypes>::Filter,
    by: G,
) -> Result<Vec<RawGroup>, StoreError> {
    if filter.reads_values() {
        return search::groups::<G::Table, _>(conn, channel_id, filter, |record| by.key_of(record));
    }
    by.groups(conn, channel_id, filter)
}

/// Counts the groups of a log from its index and from the rows after it.
fn indexed<G: Grouping>(
    conn: &mut DbConnection,
    head: &LogState,
    found: &mut Found<'_>,
    filter: &<G::Table as StreamTypes>::Filter,
    by: G,
) -> Result<Option<HashMap<RawKey, i64>>, StoreError> {
    let channel_id = head.channel_id;
    let (mut groups, mut values): (HashMap<RawKey, i64>, Values) = (HashMap::new(), Values::default());
    let mut add = |key: RawKey, count: u64| *groups.entry(key).or_default() += count as i64;
    let known = match by.indexed() {
        IndexedAs::Numbers(dimension) | IndexedAs::Texts(dimension) => {
            found.groups::<G::Table>(conn, channel_id, dimension, |value, count| values.add(value, count))?
        }
        IndexedAs::Spans(span) => {
            found.spans::<G::Table>(conn, channel_id, span, |start, count| add(RawKey::Time(start), count))?
        }
        // Two equal days of the week may have others in between, so only days are spans.
        IndexedAs::Weekdays => {
            found.spans::<G::Table>(conn, channel_id, Span::Day, |start, count| add(RawKey::Number(weekday(start)), count))?
        }
    };
    if known.is_none() {
        return Ok(None);
    }
    for (value, count) in values.0 {
        if let Some(key) = by.indexed().key(&value) {
            *groups.entry(key).or_default() += count;
        }
    }
    let after = found.end_of(channel_id);
    if after < head.size {
        for (key, count) in counted(conn, channel_id, &filter.starting_at(after), by)? {
            *groups.entry(key).or_default() += count;
        }
    }
    Ok(Some(groups))
}

/// The key as answers show it. The text of a digest comes from an entry that has it. The index
/// finds the entry, or the database reads each row.
pub(super) fn shown<G: Grouping>(
    conn: &mut DbConnection,
    found: Option<&mut Found<'_>>,
    key: RawKey,
    channel_id: i64,
    by: G,
) -> Result<GroupKey, StoreError> {
    dialect::go_on(conn)?;
    let key = match key {
        RawKey::Null => return Ok(GroupKey::Null),
        RawKey::Number(number) => return Ok(GroupKey::Number(number)),
        RawKey::Time(micros) => return Ok(Timestamp::from_micros(micros).map_or(GroupKey::Null, GroupKey::Time)),
        RawKey::Text(key) if !key.contains('\u{1}') => return Ok(GroupKey::Text(JsonText::string(&key))),
        RawKey::Text(key) => key,
    };
    if let (Some(found), IndexedAs::Texts(dimension)) = (found, by.indexed())
        && let Some(position) = found.position_of::<G::Table>(conn, channel_id, Term::text(dimension, &key))?
        && let Some(record) = G::Table::at(conn, channel_id, &[position])?.first()
        && let Some(text) = by.text_of(record)
    {
        return Ok(GroupKey::Text(text));
    }
    Ok(by.text(conn, channel_id, &key)?.map_or(GroupKey::Null, GroupKey::Text))
}

/// Counts by span of time. The database counts hours or days, and weeks and months are sums of
/// these.
pub(crate) fn by_time<T: Table>(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &T::Filter,
    span: Span,
) -> Result<Vec<RawGroup>, StoreError> {
    let mut groups: HashMap<RawKey, i64> = HashMap::new();
    for (start, count) in T::spans(conn, channel_id, filter, &start_sql::<T>(span))? {
        *groups.entry(RawKey::Time(span.start(start))).or_default() += count;
    }
    Ok(groups.into_iter().collect())
}

/// Counts by day of the week.
pub(crate) fn by_weekday<T: Table>(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &T::Filter,
) -> Result<Vec<RawGroup>, StoreError> {
    let mut groups: HashMap<RawKey, i64> = HashMap::new();
    for (start, count) in T::spans(conn, channel_id, filter, &start_sql::<T>(Span::Day))? {
        *groups.entry(RawKey::Number(weekday(start))).or_default() += count;
    }
    Ok(groups.into_iter().collect())
}

/// The SQL of the start of an entry's hour, or of its day for longer spans. In both databases `/`
/// cuts towards zero and `%` keeps the sign, so the years before 1970 need the extra terms.
pub(crate) fn start_sql<T: Table>(span: Span) -> String {
    let micros: i64 = if span == Span::Hour { 3_600_000_000 } else { 86_400_000_000 };
    let time = T::TIME;
    format!("{time} - (({time} % {micros}) + {micros}) % {micros}")
}
