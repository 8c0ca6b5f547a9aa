//! What events are grouped by.

use audit_domain::{Event, EventFilter, JsonKind, JsonText, User, slot};
use diesel::dsl::{count_star, max, sql};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use super::{Events, predicate};
use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::query::summary::{Grouping, RawGroup, RawKey, Span, by_time};
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

impl Grouping for GroupBy {
    type Table = Events;

    fn groups(self, conn: &mut DbConnection, channel_id: i64, filter: &EventFilter) -> Result<Vec<RawGroup>, StoreError> {
        match self {
            GroupBy::TableName => by_text(conn, channel_id, filter, "table_name"),
            GroupBy::User => by_text(conn, channel_id, filter, "user_id"),
            GroupBy::Person => by_text(conn, channel_id, filter, "COALESCE(user_name, user_id)"),
            GroupBy::Action => by_text(conn, channel_id, filter, "action"),
            GroupBy::ContentType => by_content_type(conn, channel_id, filter),
            GroupBy::Hour => by_time::<Events>(conn, channel_id, filter, Span::Hour),
            GroupBy::Day => by_time::<Events>(conn, channel_id, filter, Span::Day),
        }
    }

    fn is_by_time(self) -> bool {
        matches!(self, GroupBy::Hour | GroupBy::Day)
    }

    fn text(self, event: &Event) -> Option<JsonText> {
        match self {
            GroupBy::TableName => event.subject().table_name,
            GroupBy::Action => event.subject().action.map(|action| action.json().clone()),
            GroupBy::User | GroupBy::Person => {
                let user = User::from_json(event.slots.value(slot::USER)?.clone()).ok()?;
                let member = |name: &str| user.snapshot().and_then(|members| members.last(name).cloned());
                let name = member("username").filter(|name| self == GroupBy::Person && name.kind() == JsonKind::String);
                Some(name.or_else(|| member("pk")).unwrap_or_else(|| user.json().clone()))
            }
            GroupBy::ContentType | GroupBy::Hour | GroupBy::Day => None,
        }
    }
}

fn by_text(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &EventFilter,
    text: &'static str,
) -> Result<Vec<RawGroup>, StoreError> {
    let key = || sql::<Nullable<Text>>(text);
    let rows: Vec<(Option<String>, i64, Option<i64>)> = events::table
        .filter(predicate::of(channel_id, filter))
        .filter(key().is_not_null())
        .group_by(key())
        .select((key(), count_star(), max(events::position)))
        .load(conn)?;
    let group = |(key, count, latest): (Option<String>, i64, Option<i64>)| RawGroup {
        key: key.map_or(RawKey::Null, RawKey::Text),
        count,
        example: latest.unwrap_or(0),
    };
    Ok(rows.into_iter().map(group).collect())
}

fn by_content_type(conn: &mut DbConnection, channel_id: i64, filter: &EventFilter) -> Result<Vec<RawGroup>, StoreError> {
    let rows: Vec<(Option<i64>, i64)> = events::table
        .filter(predicate::of(channel_id, filter))
        .filter(events::content_type.is_not_null())
        .group_by(events::content_type)
        .select((events::content_type, count_star()))
        .load(conn)?;
    let group = |(key, count): (Option<i64>, i64)| RawGroup { key: key.map_or(RawKey::Null, RawKey::Number), count, example: 0 };
    Ok(rows.into_iter().map(group).collect())
}
