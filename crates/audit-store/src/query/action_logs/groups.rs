//! The groupings of action logs.

use audit_domain::{ActionLog, ActionLogFilter, JsonText, Span};
use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::{ActionLogs, predicate};
use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::postings::Dimension;
use crate::query::summary::{Grouping, IndexedAs, RawGroup, RawKey, by_time, by_weekday, start_sql};
use crate::row::ActionLogRecordRow;
use crate::schema::action_logs;

/// A value by which action logs can be grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionLogGroupBy {
    /// The level.
    Level,
    /// The logger.
    LoggerName,
    /// The application.
    AppName,
    /// The correlation id.
    CorrelationId,
    /// The id of the token that appended the action log.
    Producer,
    /// The hour of `created_at`, UTC.
    Hour,
    /// The day of `created_at`, UTC.
    Day,
    /// The week of `created_at`, UTC; it starts on Monday.
    Week,
    /// The month of `created_at`, UTC.
    Month,
    /// The day of the week of `created_at`, UTC: 1 is Monday, 7 is Sunday.
    Weekday,
}

impl Grouping for ActionLogGroupBy {
    type Table = ActionLogs;

    fn groups(self, conn: &mut DbConnection, channel_id: i64, filter: &ActionLogFilter) -> Result<Vec<RawGroup>, StoreError> {
        match (self.indexed(), self.key()) {
            (IndexedAs::Spans(span), _) => by_time::<ActionLogs>(conn, channel_id, filter, span),
            (IndexedAs::Weekdays, _) => by_weekday::<ActionLogs>(conn, channel_id, filter),
            (IndexedAs::Numbers(_), key) => by_number(conn, channel_id, filter, key),
            (IndexedAs::Texts(_), key) => by_text(conn, channel_id, filter, key),
        }
    }

    fn indexed(self) -> IndexedAs {
        match self {
            ActionLogGroupBy::Level => IndexedAs::Numbers(Dimension::Level),
            ActionLogGroupBy::LoggerName => IndexedAs::Texts(Dimension::LoggerName),
            ActionLogGroupBy::AppName => IndexedAs::Texts(Dimension::AppName),
            ActionLogGroupBy::CorrelationId => IndexedAs::Texts(Dimension::CorrelationId),
            ActionLogGroupBy::Producer => IndexedAs::Numbers(Dimension::Producer),
            ActionLogGroupBy::Hour => IndexedAs::Spans(Span::Hour),
            ActionLogGroupBy::Day => IndexedAs::Spans(Span::Day),
            ActionLogGroupBy::Week => IndexedAs::Spans(Span::Week),
            ActionLogGroupBy::Month => IndexedAs::Spans(Span::Month),
            ActionLogGroupBy::Weekday => IndexedAs::Weekdays,
        }
    }

    fn of_spans(span: Span) -> ActionLogGroupBy {
        match span {
            Span::Hour => ActionLogGroupBy::Hour,
            Span::Day => ActionLogGroupBy::Day,
            Span::Week => ActionLogGroupBy::Week,
            Span::Month => ActionLogGroupBy::Month,
        }
    }

    fn spans_and_groups(
        self,
        conn: &mut DbConnection,
        channel_id: i64,
        filter: &ActionLogFilter,
        span: Span,
    ) -> Result<Vec<(i64, RawKey, i64)>, StoreError> {
        let (start, key) = (start_sql::<ActionLogs>(span), self.key());
        let has_key = || sql::<Bool>(&format!("{key} IS NOT NULL"));
        let rows = || action_logs::table.filter(predicate::for_channel(channel_id, filter)).filter(has_key());
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
        let of_channel = action_logs::table
            .filter(action_logs::channel_id.eq(channel_id))
            .select(ActionLogRecordRow::as_select())
            .limit(1)
            .into_boxed();
        let with_key = match self {
            ActionLogGroupBy::LoggerName => of_channel.filter(action_logs::logger_name.eq(key)),
            ActionLogGroupBy::AppName => of_channel.filter(action_logs::app_name.eq(key)),
            ActionLogGroupBy::CorrelationId => of_channel.filter(action_logs::correlation_id.eq(key)),
            _ => return Ok(None),
        };
        let row: Option<ActionLogRecordRow<'static>> = with_key.load(conn)?.pop();
        let log = row.map(ActionLog::try_from).transpose()?;
        Ok(log.and_then(|log| self.text_of(&log)))
    }

    fn value_of(self, log: &ActionLog) -> Option<RawKey> {
        let keys = log.filter_columns();
        match self {
            ActionLogGroupBy::Level => keys.level.map(RawKey::Number),
            ActionLogGroupBy::LoggerName => keys.logger_name.map(RawKey::Text),
            ActionLogGroupBy::AppName => keys.app_name.map(RawKey::Text),
            ActionLogGroupBy::CorrelationId => keys.correlation_id.map(RawKey::Text),
            ActionLogGroupBy::Producer => Some(RawKey::Number(log.entry.producer_id)),
            _ => None,
        }
    }

    fn text_of(self, log: &ActionLog) -> Option<JsonText> {
        match self {
            ActionLogGroupBy::LoggerName => log.subject()?.logger_name,
            ActionLogGroupBy::AppName => log.subject()?.app_name,
            ActionLogGroupBy::CorrelationId => log.subject()?.correlation_id,
            _ => None,
        }
    }
}

impl ActionLogGroupBy {
    /// The SQL of a group key, for groupings other than spans of time.
    fn key(self) -> &'static str {
        match self {
            ActionLogGroupBy::Level => "level",
            ActionLogGroupBy::LoggerName => "logger_name",
            ActionLogGroupBy::AppName => "app_name",
            ActionLogGroupBy::CorrelationId => "correlation_id",
            ActionLogGroupBy::Producer => "producer_id",
            _ => "NULL",
        }
    }
}

fn by_text(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &ActionLogFilter,
    column: &'static str,
) -> Result<Vec<RawGroup>, StoreError> {
    let key = || sql::<Nullable<Text>>(column);
    let rows: Vec<(Option<String>, i64)> = action_logs::table
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
    filter: &ActionLogFilter,
    column: &'static str,
) -> Result<Vec<RawGroup>, StoreError> {
    let key = || sql::<Nullable<BigInt>>(column);
    let rows: Vec<(Option<i64>, i64)> = action_logs::table
        .filter(predicate::for_channel(channel_id, filter))
        .filter(key().is_not_null())
        .group_by(key())
        .select((key(), count_star()))
        .load(conn)?;
    Ok(rows.into_iter().map(|(key, count)| (key.map_or(RawKey::Null, RawKey::Number), count)).collect())
}
