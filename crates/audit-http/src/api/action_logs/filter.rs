//! The filters of action logs.

use audit_store::domain::{ActionLogFilter, ActionLogValues};

use crate::api::native::{Filter, FilterValues};

const EXACTLY: &str = "Exactly this text; the case of letters counts.";

const SEARCH: &str = "A part of message or trace; ASCII letters match in either case.";

pub(super) const FILTERS: &[Filter<ActionLogFilter>] = &[
    Filter::uuid(|filter, uuid| filter.uuid = Some(uuid), |values| &mut values.uuid),
    Filter::integers("level", "The level", |filter: &mut ActionLogFilter| &mut filter.level)
        .with_values(FilterValues::Integers(|values: &mut ActionLogValues| &mut values.level)),
    Filter::text("logger_name", EXACTLY, |filter, text| filter.logger_name = Some(text), |values| &mut values.logger_name),
    Filter::text("app_name", EXACTLY, |filter, text| filter.app_name = Some(text), |values| &mut values.app_name),
    Filter::text("correlation_id", EXACTLY, |filter, text| filter.correlation_id = Some(text), |values| &mut values.correlation_id),
    Filter::search(SEARCH, |filter, text| filter.search = Some(text)),
    Filter::instants("created_at", "When it happened", |filter| &mut filter.created_at),
    Filter::instants("recorded_at", "When it was committed", |filter| &mut filter.recorded_at),
    Filter::integers("position", "Index in the log", |filter| &mut filter.position),
];
