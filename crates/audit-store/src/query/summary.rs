//! Counts by group.

use std::collections::HashMap;

use audit_domain::{ChannelGrant, JsonText, Timestamp};

use super::table::{Filter, Table};
use super::{at_places, count, heads};
use crate::connection::DbConnection;
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

/// All groups: largest first, hours and days in order; of equal size, by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How many entries match.
    pub total: i64,
    /// The groups.
    pub groups: Vec<Group>,
}

/// What the entries of a stream can be grouped by.
pub(crate) trait Grouping: Copy + PartialEq {
    type Table: Table;

    /// Every group of one channel but null's: without it, a partial index has all that is asked for, and what null's group
    /// counts is what is left.
    fn groups(
        self,
        conn: &mut DbConnection,
        channel_id: i64,
        filter: &<Self::Table as Table>::Filter,
    ) -> Result<Vec<RawGroup>, StoreError>;

    /// Whether the groups are spans of time, which are listed in their order.
    fn is_by_time(self) -> bool;

    /// The text that an entry is grouped by, as it was received.
    fn text(self, record: &<Self::Table as Table>::Record) -> Option<JsonText>;
}

/// A group's key as the database has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum RawKey {
    Number(i64),
    Text(String),
    Time(i64),
    Null,
}

/// A group of one channel, and the position of one of its entries, which shows what a digest in the key stands for.
pub(crate) struct RawGroup {
    pub(crate) key: RawKey,
    pub(crate) count: i64,
    pub(crate) example: i64,
}

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
    let mut merged: HashMap<RawKey, Counted> = HashMap::new();
    for head in heads(conn, G::Table::STREAM, channels)? {
        let matching = count::<G::Table>(conn, &head, filter)?;
        total += matching;
        let mut groups = if filter.is_impossible() { Vec::new() } else { by.groups(conn, head.channel_id, filter)? };
        let without_key = matching - groups.iter().map(|group| group.count).sum::<i64>();
        if without_key > 0 {
            groups.push(RawGroup { key: RawKey::Null, count: without_key, example: 0 });
        }
        for RawGroup { key, count, example } in groups {
            let counted = merged.entry(key).or_insert(Counted { count: 0, example: (head.channel_id, example) });
            counted.count += count;
        }
    }
    let mut merged: Vec<_> = merged.into_iter().collect();
    if by.is_by_time() {
        merged.sort_by(|a, b| a.0.cmp(&b.0));
    } else {
        merged.sort_by(|a, b| b.1.count.cmp(&a.1.count).then_with(|| a.0.cmp(&b.0)));
    }
    let shown = |(key, Counted { count, example })| Ok(Group { key: shown(conn, key, example, by)?, count });
    Ok(Summary { total, groups: merged.into_iter().map(shown).collect::<Result<_, StoreError>>()? })
}

/// A group of all channels.
struct Counted {
    count: i64,
    example: (i64, i64),
}

fn shown<G: Grouping>(conn: &mut DbConnection, key: RawKey, example: (i64, i64), by: G) -> Result<GroupKey, StoreError> {
    Ok(match key {
        RawKey::Null => GroupKey::Null,
        RawKey::Number(number) => GroupKey::Number(number),
        RawKey::Time(micros) => Timestamp::from_micros(micros).map_or(GroupKey::Null, GroupKey::Time),
        RawKey::Text(key) if !key.contains('\u{1}') => GroupKey::Text(JsonText::string(&key)),
        // The key is a digest. What people are shown comes from the slot.
        RawKey::Text(_) => {
            let record = at_places::<G::Table>(conn, &[example])?.into_iter().next();
            record.and_then(|record| by.text(&record)).map_or(GroupKey::Null, GroupKey::Text)
        }
    })
}

/// Spans of time by which entries are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    Hour,
    Day,
}

/// The groups of spans of time. `/` cuts towards zero and `%` keeps the sign in both databases, hence the detour for the years
/// before 1970.
pub(crate) fn by_time<T: Table>(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &T::Filter,
    span: Span,
) -> Result<Vec<RawGroup>, StoreError> {
    let micros: i64 = match span {
        Span::Hour => 3_600_000_000,
        Span::Day => 86_400_000_000,
    };
    let time = T::TIME;
    let start = format!("{time} - (({time} % {micros}) + {micros}) % {micros}");
    let spans = T::spans(conn, channel_id, filter, &start)?;
    Ok(spans.into_iter().map(|(start, count)| RawGroup { key: RawKey::Time(start), count, example: 0 }).collect())
}
