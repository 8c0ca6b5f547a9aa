//! Counts by group.

use std::collections::HashMap;

use audit_domain::{ChannelGrant, Event, EventFilter, JsonKind, JsonText, Timestamp, slot};
use diesel::dsl::{count_star, max, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::{at_places, count, heads, predicate};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::schema::events;

/// What events are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// The named object type.
    TableName,
    /// The numeric object type.
    ContentType,
    /// The user's id.
    User,
    /// The user's name, else the id.
    Person,
    /// The action.
    Action,
    /// The hour of the timestamp, UTC.
    Hour,
    /// The day of the timestamp, UTC.
    Day,
}

/// What the events of a group have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GroupKey {
    /// They have no such value.
    Null,
    /// A numeric object type.
    Number(i64),
    /// A text, as JSON; spelled as in the latest of them when it is too long or too odd for an index.
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
    /// How many events match.
    pub total: i64,
    /// The groups.
    pub groups: Vec<Group>,
}

pub(crate) fn summaries(
    conn: &mut DbConnection,
    channels: &ChannelGrant,
    filter: &EventFilter,
    by: &[GroupBy],
) -> Result<Vec<Summary>, StoreError> {
    dialect::snapshot(conn, |conn| by.iter().map(|by| one(conn, channels, filter, *by)).collect())
}

pub(crate) fn summary(
    conn: &mut DbConnection,
    channels: &ChannelGrant,
    filter: &EventFilter,
    by: GroupBy,
) -> Result<Summary, StoreError> {
    dialect::snapshot(conn, |conn| one(conn, channels, filter, by))
}

fn one(conn: &mut DbConnection, channels: &ChannelGrant, filter: &EventFilter, by: GroupBy) -> Result<Summary, StoreError> {
    let mut total = 0;
    let mut merged: HashMap<Raw, Counted> = HashMap::new();
    for head in heads(conn, channels)? {
        let matching = count(conn, &head, filter)?;
        total += matching;
        let mut groups = groups(conn, head.channel_id, filter, by)?;
        let without_key = matching - groups.iter().map(|(_, count, _)| count).sum::<i64>();
        if without_key > 0 {
            groups.push((Raw::Null, without_key, 0));
        }
        for (raw, count, latest) in groups {
            let counted = merged.entry(raw).or_insert(Counted { count: 0, latest: (head.channel_id, latest) });
            counted.count += count;
        }
    }
    let mut merged: Vec<_> = merged.into_iter().collect();
    match by {
        GroupBy::Hour | GroupBy::Day => merged.sort_by(|a, b| a.0.cmp(&b.0)),
        _ => merged.sort_by(|a, b| b.1.count.cmp(&a.1.count).then_with(|| a.0.cmp(&b.0))),
    }
    let shown = |(raw, Counted { count, latest })| Ok(Group { key: shown(conn, raw, latest, by)?, count });
    Ok(Summary { total, groups: merged.into_iter().map(shown).collect::<Result<_, StoreError>>()? })
}

/// A group of all channels: its size, and the place of an event that shows its key.
struct Counted {
    count: i64,
    latest: (i64, i64),
}

/// A group's key as the database has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Raw {
    Number(i64),
    Text(String),
    Time(i64),
    Null,
}

/// Key, count and the position of the latest event, for every group of one channel but null's: without it, a partial index
/// has all that is asked for, and what null's group counts is what is left.
fn groups(conn: &mut DbConnection, channel: i64, filter: &EventFilter, by: GroupBy) -> Result<Vec<(Raw, i64, i64)>, StoreError> {
    if filter.is_impossible() {
        return Ok(Vec::new());
    }
    let matching = events::table.filter(predicate::of(channel, filter));
    macro_rules! by_text {
        ($column:expr) => {{
            let matching = matching.filter($column.is_not_null()).group_by($column);
            let rows: Vec<(Option<String>, i64, Option<i64>)> =
                matching.select(($column, count_star(), max(events::position))).load(conn)?;
            rows.into_iter().map(|(key, count, latest)| (key.map_or(Raw::Null, Raw::Text), count, latest.unwrap_or(0))).collect()
        }};
    }
    Ok(match by {
        GroupBy::TableName => by_text!(events::table_name),
        GroupBy::User => by_text!(events::user_id),
        GroupBy::Person => by_person(conn, channel, filter)?,
        GroupBy::Action => by_text!(events::action),
        GroupBy::ContentType => {
            let matching = matching.filter(events::content_type.is_not_null()).group_by(events::content_type);
            let rows: Vec<(Option<i64>, i64)> = matching.select((events::content_type, count_star())).load(conn)?;
            rows.into_iter().map(|(key, count)| (key.map_or(Raw::Null, Raw::Number), count, 0)).collect()
        }
        GroupBy::Hour => by_time(conn, channel, filter, "3600000000")?,
        GroupBy::Day => by_time(conn, channel, filter, "86400000000")?,
    })
}

/// Groups by name, where there is one, else by id.
fn by_person(conn: &mut DbConnection, channel: i64, filter: &EventFilter) -> Result<Vec<(Raw, i64, i64)>, StoreError> {
    let person = || sql::<Nullable<Text>>("COALESCE(user_name, user_id)");
    let rows: Vec<(Option<String>, i64, Option<i64>)> = events::table
        .filter(predicate::of(channel, filter))
        .filter(person().is_not_null())
        .group_by(person())
        .select((person(), count_star(), max(events::position)))
        .load(conn)?;
    Ok(rows.into_iter().map(|(key, count, latest)| (key.map_or(Raw::Null, Raw::Text), count, latest.unwrap_or(0))).collect())
}

/// Groups by spans of so many microseconds. `/` cuts towards zero and `%` keeps the sign in both databases, hence the detour
/// for the years before 1970.
fn by_time(conn: &mut DbConnection, channel: i64, filter: &EventFilter, span: &str) -> Result<Vec<(Raw, i64, i64)>, StoreError> {
    let start = format!("timestamp - ((timestamp % {span}) + {span}) % {span}");
    let rows: Vec<(i64, i64)> = events::table
        .filter(predicate::of(channel, filter))
        .group_by(sql::<BigInt>(&start))
        .select((sql::<BigInt>(&start), count_star()))
        .load(conn)?;
    Ok(rows.into_iter().map(|(key, count)| (Raw::Time(key), count, 0)).collect())
}

fn shown(conn: &mut DbConnection, raw: Raw, place: (i64, i64), by: GroupBy) -> Result<GroupKey, StoreError> {
    Ok(match raw {
        Raw::Null => GroupKey::Null,
        Raw::Number(number) => GroupKey::Number(number),
        Raw::Time(micros) => Timestamp::from_micros(micros).map_or(GroupKey::Null, GroupKey::Time),
        Raw::Text(key) if !key.contains('\u{1}') => GroupKey::Text(JsonText::string(&key)),
        // The key is a digest. What people are shown comes from the slot.
        Raw::Text(_) => {
            let event = at_places(conn, &[place])?.into_iter().next();
            event.and_then(|event| slot_text(&event, by)).map_or(GroupKey::Null, GroupKey::Text)
        }
    })
}

fn slot_text(event: &Event, by: GroupBy) -> Option<JsonText> {
    let subject = event.subject();
    match by {
        GroupBy::TableName => subject.table_name,
        GroupBy::Action => subject.action.map(|action| action.json().clone()),
        GroupBy::User | GroupBy::Person => {
            let user = event.slots.value(slot::USER)?;
            let user = audit_domain::User::from_json(user.clone()).ok()?;
            let member = |name: &str| user.snapshot().and_then(|members| members.last(name).cloned());
            let name = if by == GroupBy::Person { member("username").filter(|name| name.kind() == JsonKind::String) } else { None };
            Some(name.or_else(|| member("pk")).unwrap_or_else(|| user.json().clone()))
        }
        _ => None,
    }
}
