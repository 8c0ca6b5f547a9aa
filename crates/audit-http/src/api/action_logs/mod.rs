//! The native API of action logs: `/api/v1/action-logs`.

mod filter;
pub(crate) mod openapi;

pub(super) use openapi::docs;

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{
    ActionLog, ActionLogFilter, ChannelGrant, ChannelId, InputError, NewActionLog, ParseMode, PreparedEntry, Span,
};
use audit_store::{ActionLogGroupBy, CursorPage, CursorQuery, Histogram, Store, StoreError, Summary};

use crate::api::native::{self, Filter, Stream};
use crate::routes::Routes;

pub(super) fn configure(routes: &mut Routes<'_>) {
    native::configure::<ActionLogs>(routes);
}

pub(crate) struct ActionLogs;

impl Stream for ActionLogs {
    const LIST: &'static str = "/api/v1/action-logs";
    const SUMMARY: &'static str = "/api/v1/action-logs/summary";
    const HISTOGRAM: &'static str = "/api/v1/action-logs/histogram";
    const ONE: &'static str = "/api/v1/action-logs/{uuid}";

    const NAME: &'static str = "action log";
    const TIME: &'static str = "created_at";

    const FILTERS: &'static [Filter<ActionLogFilter>] = filter::FILTERS;

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
