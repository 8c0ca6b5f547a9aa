//! The filters of events.

use audit_store::domain::EventFilter;

use crate::api::native::Filter;

const EXACTLY: &str = "Exactly this text; the case of letters counts.";

const OBJECT_ID: &str = "The id of the object as text: `7` finds the number 7 and the string `\"7\"`.";

const USER_EMAIL: &str = "The `email` in the user's object, exactly; the case of letters counts.";

const URL_PREFIX: &str = "The beginning of the url; the case of letters counts.";

const REMOTE_ADDR: &str = "Exactly this text. An IP address or a network (`10.0.0.0/8`) also finds the texts that mean an address in it: \
                           with a port, in brackets, or mapped into IPv6.";

const OUTCOME: &str = "`success`, `failure` or another name, exactly.";

const IMPERSONATOR: &str = "The id of the user who really acted, as text.";

const CHANGED: &str = "The name of a field that was changed: a member of `content.old_data` or `content.new_data` that only one of them \
                       has, or both with other values.";

const SEARCH: &str = "A part of a text, of the name of a member or of a number in content, url, description or user; ASCII letters \
                      match in either case.";

pub(super) const FILTERS: &[Filter<EventFilter>] = &[
    Filter::uuid(|filter, uuid| filter.uuid = Some(uuid), |values| &mut values.uuid),
    Filter::integer(
        "content_type",
        "The numeric object type.",
        |filter, number| filter.content_type = Some(number),
        |values| &mut values.content_type,
    ),
    Filter::text("table_name", EXACTLY, |filter, text| filter.table_name = Some(text), |values| &mut values.table_name),
    Filter::text("object_id", OBJECT_ID, |filter, text| filter.object_id = Some(text), |values| &mut values.object_id),
    Filter::text("user", "The user's id as text.", |filter, text| filter.user = Some(text), |values| &mut values.user),
    Filter::text("user_name", EXACTLY, |filter, text| filter.user_name = Some(text), |values| &mut values.user_name),
    Filter::text("user_email", USER_EMAIL, |filter, text| filter.user_email = Some(text), |values| &mut values.user_email),
    Filter::text("action", EXACTLY, |filter, text| filter.action = Some(text), |values| &mut values.action),
    Filter::text("url", EXACTLY, |filter, text| filter.url = Some(text), |values| &mut values.url),
    Filter::prefix("url__prefix", URL_PREFIX, |filter, text| filter.url_prefix = Some(text)),
    Filter::address("remote_addr", REMOTE_ADDR, |filter, text| filter.remote_addr = Some(text), |values| &mut values.remote_addr),
    Filter::text("outcome", OUTCOME, |filter, text| filter.outcome = Some(text), |values| &mut values.outcome),
    Filter::text("correlation_id", EXACTLY, |filter, text| filter.correlation_id = Some(text), |values| &mut values.correlation_id),
    Filter::text("source", EXACTLY, |filter, text| filter.source = Some(text), |values| &mut values.source),
    Filter::text("impersonator", IMPERSONATOR, |filter, text| filter.impersonator = Some(text), |values| &mut values.impersonator),
    Filter::text("changed", CHANGED, |filter, text| filter.changed = Some(text), |values| &mut values.changed),
    Filter::search(SEARCH, |filter, text| filter.search = Some(text)),
    Filter::instants("timestamp", "When it happened", |filter| &mut filter.timestamp),
    Filter::instants("recorded_at", "When it was committed", |filter| &mut filter.recorded_at),
    Filter::integers("position", "Index in the log", |filter| &mut filter.position),
];
