//! What events are grouped by.

use audit_domain::{Event, EventFilter, JsonKind, JsonText, User, slot};
use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use super::{Events, predicate};
use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::postings::Dimension;
use crate::query::summary::{Grouping, IndexedAs, RawGroup, RawKey, Span, by_time};
use crate::row::EventRow;
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

    fn indexed(self) -> IndexedAs {
        match self {
            GroupBy::TableName => IndexedAs::Texts(Dimension::TableName),
            GroupBy::ContentType => IndexedAs::Numbers(Dimension::ContentType),
            GroupBy::User => IndexedAs::Texts(Dimension::UserId),
            GroupBy::Person => IndexedAs::Texts(Dimension::Person),
            GroupBy::Action => IndexedAs::Texts(Dimension::Action),
            GroupBy::Hour => IndexedAs::Spans(Span::Hour),
            GroupBy::Day => IndexedAs::Spans(Span::Day),
        }
    }

    fn text(self, conn: &mut DbConnection, channel_id: i64, key: &str) -> Result<Option<JsonText>, StoreError> {
        let of_channel =
            events::table.filter(events::channel_id.eq(channel_id)).select(EventRow::as_select()).limit(1).into_boxed();
        let with_key = match self {
            GroupBy::TableName => of_channel.filter(events::table_name.eq(key)),
            GroupBy::Action => of_channel.filter(events::action.eq(key)),
            GroupBy::User => of_channel.filter(events::user_id.eq(key)),
            GroupBy::Person => {
                of_channel.filter(events::user_name.eq(key).or(events::user_name.is_null().and(events::user_id.eq(key))))
            }
            GroupBy::ContentType | GroupBy::Hour | GroupBy::Day => return Ok(None),
        };
        let row: Option<EventRow> = with_key.load(conn)?.pop();
        let event = row.map(Event::try_from).transpose()?;
        Ok(event.and_then(|event| self.text_of(&event)))
    }
}

impl GroupBy {
    /// The text that an event is grouped by, as it was received.
    fn text_of(self, event: &Event) -> Option<JsonText> {
        match self {
            GroupBy::TableName => event.subject().table_name,
            GroupBy::Action => event.subject().action.map(|action| action.json().clone()),
            GroupBy::User | GroupBy::Person => {
                let user = User::from_json(event.slots.value(slot::USER)?.clone()).ok()?;
                let [name, id] = user.pick(&["username", "pk"]).unwrap_or_default();
                let name = name.filter(|name| self == GroupBy::Person && JsonKind::of(name) == JsonKind::String);
                Some(name.or(id).map_or_else(|| user.json().clone(), JsonText::from_trusted))
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
    let rows: Vec<(Option<String>, i64)> = events::table
        .filter(predicate::of(conn, channel_id, filter))
        .filter(key().is_not_null())
        .group_by(key())
        .select((key(), count_star()))
        .load(conn)?;
    Ok(rows.into_iter().map(|(key, count)| (key.map_or(RawKey::Null, RawKey::Text), count)).collect())
}

fn by_content_type(conn: &mut DbConnection, channel_id: i64, filter: &EventFilter) -> Result<Vec<RawGroup>, StoreError> {
    let rows: Vec<(Option<i64>, i64)> = events::table
        .filter(predicate::of(conn, channel_id, filter))
        .filter(events::content_type.is_not_null())
        .group_by(events::content_type)
        .select((events::content_type, count_star()))
        .load(conn)?;
    Ok(rows.into_iter().map(|(key, count)| (key.map_or(RawKey::Null, RawKey::Number), count)).collect())
}
