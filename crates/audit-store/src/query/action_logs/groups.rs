//! What action logs are grouped by.

use std::collections::HashMap;

use audit_domain::{ActionLog, ActionLogFilter, JsonText};
use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use super::{ActionLogs, predicate, search};
use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::postings::Dimension;
use crate::query::summary::{Grouping, IndexedAs, RawGroup, RawKey, Span, by_time};
use crate::row::ActionLogRow;
use crate::schema::action_logs;

/// What action logs are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionLogGroupBy {
    /// The level.
    Level,
    /// The logger.
    LoggerName,
    /// The application.
    AppName,
    /// The hour of `created_at`, UTC.
    Hour,
    /// The day of `created_at`, UTC.
    Day,
}

impl Grouping for ActionLogGroupBy {
    type Table = ActionLogs;

    fn groups(self, conn: &mut DbConnection, channel_id: i64, filter: &ActionLogFilter) -> Result<Vec<RawGroup>, StoreError> {
        if filter.search.is_some() {
            return by_search(conn, channel_id, filter, self);
        }
        match self {
            ActionLogGroupBy::Level => by_level(conn, channel_id, filter),
            ActionLogGroupBy::LoggerName => by_text(conn, channel_id, filter, "logger_name"),
            ActionLogGroupBy::AppName => by_text(conn, channel_id, filter, "app_name"),
            ActionLogGroupBy::Hour => by_time::<ActionLogs>(conn, channel_id, filter, Span::Hour),
            ActionLogGroupBy::Day => by_time::<ActionLogs>(conn, channel_id, filter, Span::Day),
        }
    }

    fn indexed(self) -> IndexedAs {
        match self {
            ActionLogGroupBy::Level => IndexedAs::Numbers(Dimension::Level),
            ActionLogGroupBy::LoggerName => IndexedAs::Texts(Dimension::LoggerName),
            ActionLogGroupBy::AppName => IndexedAs::Texts(Dimension::AppName),
            ActionLogGroupBy::Hour => IndexedAs::Spans(Span::Hour),
            ActionLogGroupBy::Day => IndexedAs::Spans(Span::Day),
        }
    }

    fn text(self, conn: &mut DbConnection, channel_id: i64, key: &str) -> Result<Option<JsonText>, StoreError> {
        let of_channel = action_logs::table
            .filter(action_logs::channel_id.eq(channel_id))
            .select(ActionLogRow::as_select())
            .limit(1)
            .into_boxed();
        let with_key = match self {
            ActionLogGroupBy::LoggerName => of_channel.filter(action_logs::logger_name.eq(key)),
            ActionLogGroupBy::AppName => of_channel.filter(action_logs::app_name.eq(key)),
            ActionLogGroupBy::Level | ActionLogGroupBy::Hour | ActionLogGroupBy::Day => return Ok(None),
        };
        let row: Option<ActionLogRow> = with_key.load(conn)?.pop();
        let record = row.map(ActionLog::try_from).transpose()?.and_then(|log| log.record());
        let is_logger = self == ActionLogGroupBy::LoggerName;
        Ok(record.and_then(|record| if is_logger { record.logger_name } else { record.app_name }))
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
        .filter(predicate::of(conn, channel_id, filter))
        .filter(key().is_not_null())
        .group_by(key())
        .select((key(), count_star()))
        .load(conn)?;
    Ok(rows.into_iter().map(|(key, count)| (key.map_or(RawKey::Null, RawKey::Text), count)).collect())
}

fn by_level(conn: &mut DbConnection, channel_id: i64, filter: &ActionLogFilter) -> Result<Vec<RawGroup>, StoreError> {
    let rows: Vec<(Option<i64>, i64)> = action_logs::table
        .filter(predicate::of(conn, channel_id, filter))
        .filter(action_logs::level.is_not_null())
        .group_by(action_logs::level)
        .select((action_logs::level, count_star()))
        .load(conn)?;
    Ok(rows.into_iter().map(|(key, count)| (key.map_or(RawKey::Null, RawKey::Number), count)).collect())
}

/// What a search finds is grouped here, since only this side can look into a text.
fn by_search(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &ActionLogFilter,
    by: ActionLogGroupBy,
) -> Result<Vec<RawGroup>, StoreError> {
    let mut groups: HashMap<RawKey, i64> = HashMap::new();
    search::each(conn, channel_id, filter, |found| {
        let key = match by {
            ActionLogGroupBy::Level => found.level.map(RawKey::Number),
            ActionLogGroupBy::LoggerName => found.logger_name.clone().map(RawKey::Text),
            ActionLogGroupBy::AppName => found.app_name.clone().map(RawKey::Text),
            ActionLogGroupBy::Hour => Some(RawKey::Time(Span::Hour.start(found.created_at))),
            ActionLogGroupBy::Day => Some(RawKey::Time(Span::Day.start(found.created_at))),
        };
        if let Some(key) = key {
            *groups.entry(key).or_default() += 1;
        }
    })?;
    Ok(groups.into_iter().collect())
}
