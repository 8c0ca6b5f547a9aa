//! The native API of events: `/api/v1/events`.

mod filter;
pub(crate) mod openapi;

pub(super) use openapi::docs;

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{ChannelId, Event, EventFilter, InputError, NewEvent, ParseMode};
use audit_store::{Events, GroupBy};

use crate::api::native::{self, Filter, Stream};
use crate::routes::Routes;

/// Reads a filter of events from the query string of a list of the native API, such as
/// `action=UPDATE&timestamp__gte=2026-01-01`.
///
/// # Errors
///
/// One sentence that names each parameter that is unknown or has another form.
pub fn parse_event_filter(query: &str) -> Result<EventFilter, String> {
    native::parse_filter::<Events>(query)
}

pub(super) fn configure(routes: &mut Routes<'_>) {
    native::configure::<Events>(routes);
}

impl Stream for Events {
    const LIST: &'static str = "/api/v1/events";
    const SUMMARY: &'static str = "/api/v1/events/summary";
    const HISTOGRAM: &'static str = "/api/v1/events/histogram";
    const ONE: &'static str = "/api/v1/events/{uuid}";
    const PROOF: &'static str = "/api/v1/events/{uuid}/proof";
    const LEAF: &'static str = "/api/v1/events/{uuid}/leaf";

    const NAME: &'static str = "event";
    const TIME: &'static str = "timestamp";

    const APPEND_PARAMETERS: &'static [&'static str] = &["channel_id", "format", "lenient", "partial"];

    const FILTERS: &'static [Filter<EventFilter>] = filter::FILTERS;

    const GROUPS: &'static [(&'static str, GroupBy)] = &[
        ("table_name", GroupBy::TableName),
        ("content_type", GroupBy::ContentType),
        ("user", GroupBy::User),
        ("action", GroupBy::Action),
        ("url", GroupBy::Url),
        ("remote_addr", GroupBy::RemoteAddr),
        ("outcome", GroupBy::Outcome),
        ("correlation_id", GroupBy::CorrelationId),
        ("source", GroupBy::Source),
        ("impersonator", GroupBy::Impersonator),
        ("producer_id", GroupBy::Producer),
        ("hour", GroupBy::Hour),
        ("day", GroupBy::Day),
        ("week", GroupBy::Week),
        ("month", GroupBy::Month),
        ("weekday", GroupBy::Weekday),
    ];

    const SPLITS: &'static [(&'static str, GroupBy)] =
        &[("action", GroupBy::Action), ("table_name", GroupBy::TableName), ("outcome", GroupBy::Outcome)];

    fn parse(text: &str, mode: ParseMode) -> Result<(NewEvent, Option<ChannelId>), InputError> {
        let event = NewEvent::parse(text, mode)?;
        let channel = event.channel_id;
        Ok((event, channel))
    }

    fn uuid(record: &mut NewEvent) -> &mut Option<Uuid> {
        &mut record.uuid
    }

    fn is_search(filter: &EventFilter) -> bool {
        filter.reads_values()
    }

    fn write(event: &Event, out: &mut String) {
        event.write_json(out);
    }
}
