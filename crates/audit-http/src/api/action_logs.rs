//! The native API of action logs: `/api/v1/action-logs`.

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{
    ActionLog, ActionLogFilter, ActionLogValues, ChannelGrant, ChannelId, InputError, NewActionLog, ParseMode, PreparedEntry, Span,
};
use audit_store::{ActionLogGroupBy, CursorPage, CursorQuery, Histogram, Store, StoreError, Summary};

use super::native::{self, ALLOW_GET, ALLOW_LIST, Query, Stream, instant, integer, text, uuid};
use crate::routes::{Route, Routes};

pub(super) fn configure(routes: &mut Routes<'_>) {
    native::configure::<ActionLogs>(routes);
}

pub(crate) struct ActionLogs;

impl Stream for ActionLogs {
    const LIST: Route = Route::new("/api/v1/action-logs", ALLOW_LIST);
    const SUMMARY: Route = Route::new("/api/v1/action-logs/summary", ALLOW_GET);
    const HISTOGRAM: Route = Route::new("/api/v1/action-logs/histogram", ALLOW_GET);
    const ONE: Route = Route::new("/api/v1/action-logs/{uuid}", ALLOW_GET);

    const NAME: &'static str = "action log";
    const TIME: &'static str = "created_at";

    const FILTERS: &'static [&'static str] = &[
        "uuid",
        "uuid__in",
        "uuid__not",
        "level",
        "level__in",
        "level__not",
        "level__gt",
        "level__gte",
        "level__lt",
        "level__lte",
        "logger_name",
        "logger_name__in",
        "logger_name__not",
        "app_name",
        "app_name__in",
        "app_name__not",
        "search",
        "created_at",
        "created_at__gt",
        "created_at__gte",
        "created_at__lt",
        "created_at__lte",
        "recorded_at",
        "recorded_at__gt",
        "recorded_at__gte",
        "recorded_at__lt",
        "recorded_at__lte",
        "position",
        "position__gt",
        "position__gte",
        "position__lt",
        "position__lte",
    ];

    const GROUPS: &'static [(&'static str, ActionLogGroupBy)] = &[
        ("level", ActionLogGroupBy::Level),
        ("logger_name", ActionLogGroupBy::LoggerName),
        ("app_name", ActionLogGroupBy::AppName),
        ("producer_id", ActionLogGroupBy::Producer),
        ("hour", ActionLogGroupBy::Hour),
        ("day", ActionLogGroupBy::Day),
        ("week", ActionLogGroupBy::Week),
        ("month", ActionLogGroupBy::Month),
        ("weekday", ActionLogGroupBy::Weekday),
    ];

    const SPLITS: &'static [(&'static str, ActionLogGroupBy)] = &[("level", ActionLogGroupBy::Level)];

    type New = NewActionLog;
    type StoredEntry = ActionLog;
    type Filter = ActionLogFilter;
    type GroupBy = ActionLogGroupBy;

    fn parse(text: &str) -> Result<(NewActionLog, Option<ChannelId>), InputError> {
        let log = NewActionLog::parse(text, ParseMode::NATIVE)?;
        let channel = log.channel_id;
        Ok((log, channel))
    }

    fn prepare(store: &Store, log: NewActionLog, channel: ChannelId) -> Result<PreparedEntry, StoreError> {
        store.prepare_action_log(log, channel)
    }

    fn is_search(filter: &ActionLogFilter) -> bool {
        filter.search.is_some()
    }

    fn filter(query: &mut Query) -> ActionLogFilter {
        ActionLogFilter {
            matches_nothing: false,
            uuid: query.uuid("uuid"),
            level: query.interval("level", integer),
            logger_name: query.text("logger_name"),
            app_name: query.text("app_name"),
            search: query.text("search").filter(|part| !part.is_empty()),
            one_of: values(query, "__in"),
            none_of: values(query, "__not"),
            created_at: query.interval("created_at", instant),
            recorded_at: query.interval("recorded_at", instant),
            position: query.interval("position", integer),
        }
    }

    fn write(log: &ActionLog, out: &mut String) {
        log.write_json(out);
    }

    fn get(
        store: &Store,
        channels: &ChannelGrant,
        first: ChannelId,
        uuid: Uuid,
        bytes_max: Option<usize>,
    ) -> Result<Option<ActionLog>, StoreError> {
        store.get_action_log_within(channels, first, uuid, bytes_max)
    }

    fn walk(store: &Store, query: &CursorQuery<ActionLogFilter>) -> Result<CursorPage<ActionLog>, StoreError> {
        store.walk_action_logs(query)
    }

    fn summary(
        store: &Store,
        channels: &ChannelGrant,
        filter: &ActionLogFilter,
        by: ActionLogGroupBy,
    ) -> Result<Vec<Summary>, StoreError> {
        store.action_log_summaries(channels, filter, &[by])
    }

    fn histogram(
        store: &Store,
        channels: &ChannelGrant,
        filter: &ActionLogFilter,
        span: Span,
        split_by: Option<ActionLogGroupBy>,
    ) -> Result<Histogram, StoreError> {
        store.action_log_histogram(channels, filter, span, split_by)
    }
}

/// What is asked by lists.
fn values(query: &mut Query, suffix: &str) -> ActionLogValues {
    ActionLogValues {
        uuid: query.values("uuid", suffix, uuid),
        level: query.values("level", suffix, integer),
        logger_name: query.values("logger_name", suffix, text),
        app_name: query.values("app_name", suffix, text),
    }
}
