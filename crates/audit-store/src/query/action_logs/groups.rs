//! What action logs are grouped by.

use std::collections::HashMap;

use audit_domain::{ActionLog, ActionLogFilter, JsonText};
use diesel::dsl::{count_star, max, sql};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use super::{ActionLogs, predicate, search};
use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::query::summary::{Grouping, RawGroup, RawKey, Span, by_time};
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

    fn is_by_time(self) -> bool {
        matches!(self, ActionLogGroupBy::Hour | ActionLogGroupBy::Day)
    }

    fn text(self, log: &ActionLog) -> Option<JsonText> {
        let record = log.record()?;
        match self {
            ActionLogGroupBy::LoggerName => record.logger_name,
            ActionLogGroupBy::AppName => record.app_name,
            ActionLogGroupBy::Level | ActionLogGroupBy::Hour | ActionLogGroupBy::Day => None,
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
    let rows: Vec<(Option<String>, i64, Option<i64>)> = action_logs::table
        .filter(predicate::of(channel_id, filter))
        .filter(key().is_not_null())
        .group_by(key())
        .select((key(), count_star(), max(action_logs::position)))
        .load(conn)?;
    let group = |(key, count, latest): (Option<String>, i64, Option<i64>)| RawGroup {
        key: key.map_or(RawKey::Null, RawKey::Text),
        count,
        example: latest.unwrap_or(0),
    };
    Ok(rows.into_iter().map(group).collect())
}

fn by_level(conn: &mut DbConnection, channel_id: i64, filter: &ActionLogFilter) -> Result<Vec<RawGroup>, StoreError> {
    let rows: Vec<(Option<i64>, i64)> = action_logs::table
        .filter(predicate::of(channel_id, filter))
        .filter(action_logs::level.is_not_null())
        .group_by(action_logs::level)
        .select((action_logs::level, count_star()))
        .load(conn)?;
    let group = |(key, count): (Option<i64>, i64)| RawGroup { key: key.map_or(RawKey::Null, RawKey::Number), count, example: 0 };
    Ok(rows.into_iter().map(group).collect())
}

/// What a search finds is grouped here, since only this side can look into a text.
fn by_search(
    conn: &mut DbConnection,
    channel_id: i64,
    filter: &ActionLogFilter,
    by: ActionLogGroupBy,
) -> Result<Vec<RawGroup>, StoreError> {
    let mut groups: HashMap<RawKey, (i64, i64)> = HashMap::new();
    search::each(conn, channel_id, filter, |found| {
        let key = match by {
            ActionLogGroupBy::Level => found.level.map(RawKey::Number),
            ActionLogGroupBy::LoggerName => found.logger_name.clone().map(RawKey::Text),
            ActionLogGroupBy::AppName => found.app_name.clone().map(RawKey::Text),
            ActionLogGroupBy::Hour => Some(RawKey::Time(start(found.created_at, 3_600_000_000))),
            ActionLogGroupBy::Day => Some(RawKey::Time(start(found.created_at, 86_400_000_000))),
        };
        if let Some(key) = key {
            let (count, example) = groups.entry(key).or_default();
            *count += 1;
            *example = found.position;
        }
    })?;
    Ok(groups.into_iter().map(|(key, (count, example))| RawGroup { key, count, example }).collect())
}

fn start(at: i64, span: i64) -> i64 {
    at.div_euclid(span) * span
}
