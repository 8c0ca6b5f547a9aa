//! Counts by group.

use std::collections::HashMap;

use audit_domain::{ChannelGrant, JsonText, Span, Timestamp, limits, weekday};

use super::find;
use super::ranked::{Ranked, ranked};
use super::stream::StreamTypes;
use super::table::{Filter, Table};
use super::{LogState, heads};
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
    /// The key of a value of the dimension, or of a number for times and days of the week.
    pub(super) fn key(self, value: &[u8]) -> Option<RawKey> {
        match self {
            IndexedAs::Numbers(_) => Term::to_number(value).map(RawKey::Number),
            IndexedAs::Texts(_) => std::str::from_utf8(value).ok().map(|text| RawKey::Text(text.to_owned())),
            IndexedAs::Spans(_) => Term::to_number(value).map(RawKey::Time),
            IndexedAs::Weekdays => Term::to_number(value).map(RawKey::Number),
        }
    }
}

impl RawKey {
    /// The key as a value of a dimension; `None` for null.
    pub(super) fn into_value(self) -> Option<Vec<u8>> {
        match self {
            RawKey::Number(number) | RawKey::Time(number) => Some(Term::number_value(number)),
            RawKey::Text(text) => Some(text.into_bytes()),
            RawKey::Null => None,
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
