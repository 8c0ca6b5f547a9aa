//! Counts by group.

use std::collections::HashMap;

use audit_domain::{ChannelGrant, JsonText, Timestamp, limits};

use super::table::{Filter, Table};
use super::{count, heads};
use crate::connection::DbConnection;
use crate::counters::{self, Dimension, HOUR_MICROS, Hours};
use crate::dialect;
use crate::error::StoreError;

/// What the entries of a group have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GroupKey {
    /// They have no such value.
    Null,
    /// A numeric object type, or a level.
    Number(i64),
    /// A text, as JSON; spelled as in one of them when it is too long or too odd for an index.
    Text(JsonText),
    /// The start of an hour or a day.
    Time(Timestamp),
}

/// One group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What they have in common.
    pub key: GroupKey,
    /// How many they are.
    pub count: i64,
}

/// The groups, at most [`limits::GROUPS_MAX`] of them: the largest, largest first, and of equal size by key; of hours and days the
/// latest, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How many entries match.
    pub total: i64,
    /// The groups.
    pub groups: Vec<Group>,
    /// What the groups that are not listed come to.
    pub other: OtherGroups,
}

/// Groups that are not listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OtherGroups {
    /// How many groups they are.
    pub groups: i64,
    /// How many entries they have together.
    pub count: i64,
}

impl OtherGroups {
    fn of<K>(groups: &[(K, (i64, i64))]) -> OtherGroups {
        OtherGroups { groups: groups.len() as i64, count: groups.iter().map(|(_, (count, _))| count).sum() }
    }
}

/// What the entries of a stream can be grouped by.
pub(crate) trait Grouping: Copy + PartialEq {
    type Table: Table;

    /// Every group of one channel but null's, counted one by one: without null's, a partial index has all that is asked for, and
    /// what null's group counts is what is left.
    fn groups(
        self,
        conn: &mut DbConnection,
        channel_id: i64,
        filter: &<Self::Table as Table>::Filter,
    ) -> Result<Vec<RawGroup>, StoreError>;

    /// Where the groups are counted.
    fn counted(self) -> Counted;

    /// The text of a key that is a digest, as it was received with one of the entries.
    fn text(self, conn: &mut DbConnection, channel_id: i64, key: &str) -> Result<Option<JsonText>, StoreError>;
}

/// A group's key as the database has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum RawKey {
    Number(i64),
    Text(String),
    Time(i64),
    Null,
}

impl RawKey {
    /// The key of a counter, which is a text in every dimension.
    fn of(dimension: Dimension, key: String) -> RawKey {
        match dimension {
            Dimension::ContentType | Dimension::Level => key.parse().map_or(RawKey::Text(key), RawKey::Number),
            _ => RawKey::Text(key),
        }
    }
}

/// How counters help with a grouping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Under the keys of a dimension.
    Keys(Dimension),
    /// By the hour.
    Spans(Span),
}

/// A group of one channel.
pub(crate) type RawGroup = (RawKey, i64);

pub(crate) fn summaries<G: Grouping>(
    conn: &mut DbConnection,
    channels: &ChannelGrant,
    filter: &<G::Table as Table>::Filter,
    by: &[G],
) -> Result<Vec<Summary>, StoreError> {
    dialect::snapshot(conn, |conn| by.iter().map(|by| summary(conn, channels, filter, *by)).collect())
}

fn summary<G: Grouping>(
    conn: &mut DbConnection,
    channels: &ChannelGrant,
    filter: &<G::Table as Table>::Filter,
    by: G,
) -> Result<Summary, StoreError> {
    let mut total = 0;
    // With the size of a group, a channel that has it.
    let mut merged: HashMap<RawKey, (i64, i64)> = HashMap::new();
    for head in heads(conn, G::Table::STREAM, channels)? {
        dialect::go_on(conn)?;
        let matching = count::<G::Table>(conn, &head, filter)?;
        total += matching;
        let mut groups = if filter.is_impossible() { Vec::new() } else { groups(conn, head.channel_id, filter, by)? };
        let without_key = matching - groups.iter().map(|(_, count)| count).sum::<i64>();
        if without_key > 0 {
            groups.push((RawKey::Null, without_key));
        }
        for (key, count) in groups {
            merged.entry(key).or_insert((0, head.channel_id)).0 += count;
        }
    }
    let mut merged: Vec<_> = merged.into_iter().collect();
    let beyond = merged.len().saturating_sub(limits::GROUPS_MAX);
    let others: Vec<_> = match by.counted() {
        Counted::Spans(_) => {
            merged.sort_by(|a, b| a.0.cmp(&b.0));
            merged.drain(..beyond).collect()
        }
        Counted::Keys(_) => {
            merged.sort_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| a.0.cmp(&b.0)));
            merged.drain(merged.len() - beyond..).collect()
        }
    };
    let other = OtherGroups::of(&others);
    let shown = |(key, (count, channel))| Ok(Group { key: shown(conn, key, channel, by)?, count });
    Ok(Summary { total, groups: merged.into_iter().map(shown).collect::<Result<_, StoreError>>()?, other })
}

/// The groups of one channel but null's: from the counters where they can tell, and the rest one by one.
fn groups<G: Grouping>(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &<G::Table as Table>::Filter,
    by: G,
) -> Result<Vec<RawGroup>, StoreError> {
    let stream = G::Table::STREAM.number();
    let Some(tally) = filter.tally() else { return by.groups(conn, channel_id, filter) };
    let hours = Hours::of(tally.time);
    let mut groups: HashMap<RawKey, i64> = HashMap::new();
    match by.counted() {
        Counted::Keys(dimension) if tally.is_total() && tally.is_for_all_time() => {
            let counted = counters::groups(conn, channel_id, stream, dimension, None)?;
            return Ok(counted.into_iter().flatten().map(|(key, count)| (RawKey::of(dimension, key), count)).collect());
        }
        Counted::Keys(dimension) if tally.is_total() && dimension.is_hourly() => {
            let Some(counted) = counters::groups(conn, channel_id, stream, dimension, Some(hours.whole))? else {
                return by.groups(conn, channel_id, filter);
            };
            groups.extend(counted.into_iter().map(|(key, count)| (RawKey::of(dimension, key), count)));
        }
        Counted::Spans(span) if tally.dimension.is_hourly() => {
            for (hour, count) in counters::by_hour(conn, channel_id, stream, &tally, hours.whole)? {
                *groups.entry(RawKey::Time(span.start(hour))).or_default() += count;
            }
        }
        Counted::Keys(_) | Counted::Spans(_) => return by.groups(conn, channel_id, filter),
    }
    for edge in hours.edges.into_iter().filter(|edge| !edge.is_empty()) {
        for (key, count) in by.groups(conn, channel_id, &filter.within(edge))? {
            *groups.entry(key).or_default() += count;
        }
    }
    Ok(groups.into_iter().collect())
}

fn shown<G: Grouping>(conn: &mut DbConnection, key: RawKey, channel_id: i64, by: G) -> Result<GroupKey, StoreError> {
    dialect::go_on(conn)?;
    Ok(match key {
        RawKey::Null => GroupKey::Null,
        RawKey::Number(number) => GroupKey::Number(number),
        RawKey::Time(micros) => Timestamp::from_micros(micros).map_or(GroupKey::Null, GroupKey::Time),
        RawKey::Text(key) if !key.contains('\u{1}') => GroupKey::Text(JsonText::string(&key)),
        // The key is a digest. What people are shown comes from the slot.
        RawKey::Text(key) => by.text(conn, channel_id, &key)?.map_or(GroupKey::Null, GroupKey::Text),
    })
}

/// Spans of time by which entries are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    Hour,
    Day,
}

impl Span {
    fn micros(self) -> i64 {
        match self {
            Span::Hour => HOUR_MICROS,
            Span::Day => 24 * HOUR_MICROS,
        }
    }

    /// The start of the span that an instant is in.
    pub(crate) fn start(self, at: i64) -> i64 {
        at.div_euclid(self.micros()) * self.micros()
    }
}

/// The groups of spans of time. `/` cuts towards zero and `%` keeps the sign in both databases, hence the detour for the years
/// before 1970.
pub(crate) fn by_time<T: Table>(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &T::Filter,
    span: Span,
) -> Result<Vec<RawGroup>, StoreError> {
    let (micros, time) = (span.micros(), T::TIME);
    let start = format!("{time} - (({time} % {micros}) + {micros}) % {micros}");
    let spans = T::spans(conn, channel_id, filter, &start)?;
    Ok(spans.into_iter().map(|(start, count)| (RawKey::Time(start), count)).collect())
}
