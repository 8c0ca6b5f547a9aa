//! The native API of action logs: `/api/v1/action-logs`.

mod filter;
pub(crate) mod form;
pub(crate) mod openapi;

pub(super) use openapi::docs;

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{ActionLog, ActionLogFilter, ChannelId, InputError, NewActionLog, ParseMode};
use audit_store::{ActionLogGroupBy, ActionLogs};

use crate::api::native::{self, Filter, FormReader, Stream};
use crate::routes::Routes;
use form::{FORM_BYTES_MAX, log_record};

/// Reads a filter of action logs from the query string of a list of the native API, such as
/// `level__in=40,50&timestamp__gte=2026-01-01`.
///
/// # Errors
///
/// One sentence that names each parameter that is unknown or has another form.
pub fn parse_action_log_filter(query: &str) -> Result<ActionLogFilter, String> {
    native::parse_filter::<ActionLogs>(query)
}

pub(super) fn configure(routes: &mut Routes<'_>) {
    native::configure::<ActionLogs>(routes);
}

impl Stream for ActionLogs {
    const LIST: &'static str = "/api/v1/action-logs";
    const SUMMARY: &'static str = "/api/v1/action-logs/summary";
    const HISTOGRAM: &'static str = "/api/v1/action-logs/histogram";
    const ONE: &'static str = "/api/v1/action-logs/{uuid}";
    const PROOF: &'static str = "/api/v1/action-logs/{uuid}/proof";
    const LEAF: &'static str = "/api/v1/action-logs/{uuid}/leaf";

    const NAME: &'static str = "action log";
    const TIME: &'static str = "created_at";

    const FILTERS: &'static [Filter<ActionLogFilter>] = filter::FILTERS;

    const GROUPS: &'static [(&'static str, ActionLogGroupBy)] = &[
        ("level", ActionLogGroupBy::Level),
        ("logger_name", ActionLogGroupBy::LoggerName),
        ("app_name", ActionLogGroupBy::AppName),
        ("correlation_id", ActionLogGroupBy::CorrelationId),
        ("producer_id", ActionLogGroupBy::Producer),
        ("hour", ActionLogGroupBy::Hour),
        ("day", ActionLogGroupBy::Day),
        ("week", ActionLogGroupBy::Week),
        ("month", ActionLogGroupBy::Month),
        ("weekday", ActionLogGroupBy::Weekday),
    ];

    const SPLITS: &'static [(&'static str, ActionLogGroupBy)] = &[("level", ActionLogGroupBy::Level)];

    const FORM: Option<FormReader> = Some(FormReader { bytes_max: FORM_BYTES_MAX, read: log_record });

    fn parse(text: &str, mode: ParseMode) -> Result<(NewActionLog, Option<ChannelId>), InputError> {
        let log = NewActionLog::parse(text, mode)?;
        let channel = log.channel_id;
        Ok((log, channel))
    }

    fn uuid(record: &mut NewActionLog) -> &mut Option<Uuid> {
        &mut record.uuid
    }

    fn is_search(filter: &ActionLogFilter) -> bool {
        filter.search.is_some()
    }

    fn write(log: &ActionLog, out: &mut String) {
        log.write_json(out);
    }
}
