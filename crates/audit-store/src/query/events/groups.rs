//! The groupings of events.

use audit_domain::{Event, EventFilter, IdentityText, JsonText, Span, slot};
use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::{Events, predicate};
use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::postings::Dimension;
use crate::query::summary::{Grouping, IndexedAs, RawGroup, RawKey, by_time, by_weekday, start_sql};
use crate::row::EventRecordRow;
use crate::schema::events;

/// A value by which events can be grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// The name of the content type.
    TableName,
    /// The number of the content type.
    ContentType,
    /// The user's id.
    User,
    /// The user's name, or the user's id if there is no name.
    Person,
    /// The action.
    Action,
    /// The url.
    Url,
    /// The remote address.
    RemoteAddr,
    /// The outcome.
    Outcome,
    /// The correlation id.
    CorrelationId,
    /// The application.
    Source,
    /// The impersonator's id.
    Impersonator,
    /// The id of the token that appended the event.
    Producer,
    /// The hour of the timestamp, UTC.
    Hour,
    /// The day of the timestamp, UTC.
    Day,
    /// The week of the timestamp, UTC; it starts on Monday.
    Week,
    /// The month of the timestamp, UTC.
    Month,
    /// The day of the week of the timestamp, UTC: 1 is Monday, 7 is Sunday.
    Weekday,
}

impl Grouping for GroupBy {
    type Table = Events;

    fn groups(self, conn: &mut DbConnection, channel_id: i64, filter: &EventFilter) -> Result<Vec<RawGroup>, StoreError> {
        match (self.indexed(), self.key()) {
            (IndexedAs::Spans(span), _) => by_time::<Events>(conn, channel_id, filter, span),
            (IndexedAs::Weekdays, _) => by_weekday::<Events>(conn, channel_id, filter),
            (IndexedAs::Numbers(_), key) => by_number(conn, channel_id, filter, key),
            (IndexedAs::Texts(_), key) => by_text(conn, channel_id, filter, key),
        }
    }

    fn indexed(self) -> IndexedAs {
        match self {
            GroupBy::TableName => IndexedAs::Texts(Dimension::TableName),
            GroupBy::ContentType => IndexedAs::Numbers(Dimension::ContentType),
            GroupBy::User => IndexedAs::Texts(Dimension::UserId),
            GroupBy::Person => IndexedAs::Texts(Dimension::Person),
            GroupBy::Action => IndexedAs::Texts(Dimension::Action),
            GroupBy::Url => IndexedAs::Texts(Dimension::Url),
            GroupBy::RemoteAddr => IndexedAs::Texts(Dimension::RemoteAddr),
            GroupBy::Outcome => IndexedAs::Texts(Dimension::Outcome),
            GroupBy::CorrelationId => IndexedAs::Texts(Dimension::CorrelationId),
            GroupBy::Source => IndexedAs::Texts(Dimension::Source),
            GroupBy::Impersonator => IndexedAs::Texts(Dimension::Impersonator),
            GroupBy::Producer => IndexedAs::Numbers(Dimension::Producer),
            GroupBy::Hour => IndexedAs::Spans(Span::Hour),
            GroupBy::Day => IndexedAs::Spans(Span::Day),
            GroupBy::Week => IndexedAs::Spans(Span::Week),
            GroupBy::Month => IndexedAs::Spans(Span::Month),
            GroupBy::Weekday => IndexedAs::Weekdays,
        }
    }

    fn of_spans(span: Span) -> GroupBy {
        match span {
            Span::Hour => GroupBy::Hour,
            Span::Day => GroupBy::Day,
            Span::Week => GroupBy::Week,
            Span::Month => GroupBy::Month,
        }
    }

    fn spans_and_groups(
        self,
        conn: &mut DbConnection,
        channel_id: i64,
        filter: &EventFilter,
        span: Span,
    ) -> Result<Vec<(i64, RawKey, i64)>, StoreError> {
        let (start, key) = (start_sql::<Events>(span), self.key());
        let rows =
            || events::table.filter(predicate::for_channel(channel_id, filter)).filter(sql::<Bool>(&format!("{key} IS NOT NULL")));
        if let IndexedAs::Numbers(_) = self.indexed() {
            let of_group = rows().group_by((sql::<BigInt>(&start), sql::<BigInt>(key)));
            let counts: Vec<(i64, i64, i64)> =
                of_group.select((sql::<BigInt>(&start), sql::<BigInt>(key), count_star())).load(conn)?;
            return Ok(counts.into_iter().map(|(at, key, count)| (span.start(at), RawKey::Number(key), count)).collect());
        }
        let of_group = rows().group_by((sql::<BigInt>(&start), sql::<Text>(key)));
        let counts: Vec<(i64, String, i64)> =
            of_group.select((sql::<BigInt>(&start), sql::<Text>(key), count_star())).load(conn)?;
        Ok(counts.into_iter().map(|(at, key, count)| (span.start(at), RawKey::Text(key), count)).collect())
    }

    fn text(self, conn: &mut DbConnection, channel_id: i64, key: &str) -> Result<Option<JsonText>, StoreError> {
        let of_channel =
            events::table.filter(events::channel_id.eq(channel_id)).select(EventRecordRow::as_select()).limit(1).into_boxed();
        let with_key = match self {
            GroupBy::TableName => of_channel.filter(events::table_name.eq(key)),
            GroupBy::Action => of_channel.filter(events::action.eq(key)),
            GroupBy::User => of_channel.filter(events::user_id.eq(key)),
            GroupBy::Person => {
                of_channel.filter(events::user_name.eq(key).or(events::user_name.is_null().and(events::user_id.eq(key))))
            }
            GroupBy::Url => of_channel.filter(events::url.eq(key)),
            GroupBy::RemoteAddr => of_channel.filter(events::remote_addr.eq(key)),
            GroupBy::Outcome => of_channel.filter(events::outcome.eq(key)),
            GroupBy::CorrelationId => of_channel.filter(events::correlation_id.eq(key)),
            GroupBy::Source => of_channel.filter(events::source.eq(key)),
            GroupBy::Impersonator => of_channel.filter(events::impersonator_id.eq(key)),
            _ => return Ok(None),
        };
        let row: Option<EventRecordRow<'static>> = with_key.load(conn)?.pop();
        let event = row.map(Event::try_from).transpose()?;
        Ok(event.and_then(|event| self.text_of(&event)))
    }

    fn value_of(self, event: &Event) -> Option<RawKey> {
        let keys = event.filter_columns();
        match self {
            GroupBy::TableName => keys.table_name.map(RawKey::Text),
            GroupBy::ContentType => keys.content_type.map(RawKey::Number),
            GroupBy::User => keys.user_id.map(RawKey::Text),
            GroupBy::Person => keys.user_name.or(keys.user_id).map(RawKey::Text),
            GroupBy::Action => keys.action.map(RawKey::Text),
            GroupBy::Url => keys.url.map(RawKey::Text),
            GroupBy::RemoteAddr => keys.remote_addr.map(RawKey::Text),
            GroupBy::Outcome => keys.outcome.map(RawKey::Text),
            GroupBy::CorrelationId => keys.correlation_id.map(RawKey::Text),
            GroupBy::Source => keys.source.map(RawKey::Text),
            GroupBy::Impersonator => keys.impersonator_id.map(RawKey::Text),
            GroupBy::Producer => Some(RawKey::Number(event.entry.producer_id)),
            GroupBy::Hour | GroupBy::Day | GroupBy::Week | GroupBy::Month | GroupBy::Weekday => None,
        }
    }

    fn text_of(self, event: &Event) -> Option<JsonText> {
        match self {
            GroupBy::TableName => event.subject().table_name,
            GroupBy::Action => event.subject().action.map(|action| action.json().clone()),
            GroupBy::Url => event.entry.slots.value(slot::URL).cloned(),
            GroupBy::RemoteAddr => event.entry.slots.value(slot::REMOTE_ADDR).cloned(),
            GroupBy::Outcome => event.subject().outcome.map(|outcome| outcome.json().clone()),
            GroupBy::CorrelationId => event.subject().correlation_id,
            GroupBy::Source => event.subject().source,
            GroupBy::User | GroupBy::Person | GroupBy::Impersonator => {
                let user = if self == GroupBy::Impersonator { event.impersonator() } else { event.user() }?;
                let IdentityText { id, name, .. } = IdentityText::of(user.json());
                name.filter(|_| self == GroupBy::Person).or(id).map(JsonText::from_trusted)
            }
            _ => None,
        }
    }
}

impl GroupBy {
    /// The SQL of a group key, for groupings other than spans of time.
    fn key(self) -> &'static str {
        match self {
            GroupBy::TableName => "table_name",
            GroupBy::ContentType => "content_type",
            GroupBy::User => "user_id",
            GroupBy::Person => "COALESCE(user_name, user_id)",
            GroupBy::Action => "action",
            GroupBy::Url => "url",
            GroupBy::RemoteAddr => "remote_addr",
            GroupBy::Outcome => "outcome",
            GroupBy::CorrelationId => "correlation_id",
            GroupBy::Source => "source",
            GroupBy::Impersonator => "impersonator_id",
            GroupBy::Producer => "producer_id",
            GroupBy::Hour | GroupBy::Day | GroupBy::Week | GroupBy::Month | GroupBy::Weekday => "NULL",
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
        .filter(predicate::for_channel(channel_id, filter))
        .filter(key().is_not_null())
        .group_by(key())
        .select((key(), count_star()))
        .load(conn)?;
    Ok(rows.into_iter().map(|(key, count)| (key.map_or(RawKey::Null, RawKey::Text), count)).collect())
}

fn by_number(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &EventFilter,
    number: &'static str,
) -> Result<Vec<RawGroup>, StoreError> {
    let key = || sql::<Nullable<BigInt>>(number);
    let rows: Vec<(Option<i64>, i64)> = events::table
        .filter(predicate::for_channel(channel_id, filter))
        .filter(key().is_not_null())
        .group_by(key())
        .select((key(), count_star()))
        .load(conn)?;
    Ok(rows.into_iter().map(|(key, count)| (key.map_or(RawKey::Null, RawKey::Number), count)).collect())
}
