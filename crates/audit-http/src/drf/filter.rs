//! Query parameters as django-filter reads them: an empty one is off, an unknown one ignored, all bad ones reported at once.

use audit_store::domain::{
    ActionLogFilter, ActionLogSort, ActionLogSortField, EventFilter, EventSort, Interval, Sort, SortBy, SortField, SortKey,
    parse_uuid,
};

use super::DrfError;
use super::date_time::date_time;
use super::number::Decimal;
use crate::params::Params;

/// Reads parameters into a filter and collects what cannot be read.
pub(crate) struct FilterReader<'a, F> {
    params: &'a Params,
    pub(crate) filter: F,
    errors: Vec<(String, String)>,
}

/// Narrows an interval by a bound.
pub(crate) type Narrow = fn(&mut Interval, i64);

impl<'a, F: Default> FilterReader<'a, F> {
    pub(crate) fn new(params: &'a Params) -> Self {
        FilterReader { params, filter: F::default(), errors: Vec::new() }
    }

    /// A text, compared exactly.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.params.given(name).map(str::to_owned)
    }

    /// A bound of an instant.
    pub(crate) fn instant(&mut self, name: &str, interval: fn(&mut F) -> &mut Interval, narrow: Narrow) {
        if let Some(text) = self.params.given(name) {
            match date_time(text) {
                Some(at) => narrow(interval(&mut self.filter), at.micros()),
                None => drop(self.fault::<()>(name, "Enter a valid date/time.")),
            }
        }
    }

    /// A number that may be no integer, or beyond 64 bits.
    pub(crate) fn decimal(&mut self, name: &str) -> Option<Decimal> {
        let text = self.params.given(name)?;
        Decimal::parse(text).or_else(|| self.fault(name, "Enter a number."))
    }

    pub(crate) fn finish(self) -> Result<F, DrfError> {
        if self.errors.is_empty() { Ok(self.filter) } else { Err(DrfError::Fields(self.errors)) }
    }

    fn fault<T>(&mut self, name: &str, text: &str) -> Option<T> {
        self.errors.push((name.to_owned(), text.to_owned()));
        None
    }
}

/// The suffixes of bounds, and what they mean.
const BOUNDS: [(&str, Narrow); 4] =
    [("__gt", Interval::gt), ("__gte", Interval::ge), ("__lt", Interval::lt), ("__lte", Interval::le)];

impl FilterReader<'_, EventFilter> {
    /// What both APIs of audit events take.
    pub(crate) fn audit_events(mut self) -> Self {
        self.filter.url = self.text("url");
        self.filter.content_type = self.number("content_type");
        // An id is a canonical decimal exactly where it is shown as this integer.
        self.filter.object_id = self.number("object_id").map(|number| number.to_string());
        self.filter.user = self.number("user").map(|number| number.to_string());
        self.filter.uuid = self.params.given("uuid").and_then(|text| match parse_uuid(text) {
            Some(uuid) => Some(uuid),
            None => self.fault("uuid", "Enter a valid UUID."),
        });
        self.timestamp("timestamp", Interval::exactly);
        for (suffix, narrow) in BOUNDS {
            self.timestamp(&format!("timestamp{suffix}"), narrow);
        }
        self
    }

    /// A bound of `timestamp`, which may have another name.
    pub(crate) fn timestamp(&mut self, name: &str, narrow: Narrow) {
        self.instant(name, |filter| &mut filter.timestamp, narrow);
    }

    fn number(&mut self, name: &str) -> Option<i64> {
        match self.decimal(name)? {
            Decimal::Whole(number) => Some(number),
            Decimal::Over(_) | Decimal::Beyond { .. } => {
                self.filter.matches_nothing = true;
                None
            }
        }
    }
}

impl FilterReader<'_, ActionLogFilter> {
    /// What the API of action logs takes.
    pub(crate) fn action_logs(mut self) -> Self {
        match self.decimal("level") {
            Some(Decimal::Whole(level)) => self.filter.level.exactly(level),
            Some(Decimal::Over(_) | Decimal::Beyond { .. }) => self.filter.matches_nothing = true,
            None => {}
        }
        match self.decimal("level__gte") {
            Some(Decimal::Whole(level)) => self.filter.level.ge(level),
            Some(Decimal::Over(floor)) => self.filter.level.gt(floor),
            // Every level is over what lies below all numbers of 64 bits.
            Some(Decimal::Beyond { negative }) => self.filter.matches_nothing |= !negative,
            None => {}
        }
        match self.decimal("level__lte") {
            Some(Decimal::Whole(level) | Decimal::Over(level)) => self.filter.level.le(level),
            Some(Decimal::Beyond { negative }) => self.filter.matches_nothing |= negative,
            None => {}
        }
        self.filter.logger_name = self.text("logger_name");
        self.filter.app_name = self.text("app_name");
        self.filter.search = self.text("search");
        for (suffix, narrow) in BOUNDS {
            self.instant(&format!("created_at{suffix}"), |filter| &mut filter.created_at, narrow);
        }
        self
    }
}

/// `sort=content_type,-timestamp` of events.
pub(crate) fn event_sort(params: &Params) -> EventSort {
    sort(params, |name| match name {
        "timestamp" => Some(SortField::Timestamp),
        "content_type" => Some(SortField::ContentType),
        "object_id" => Some(SortField::ObjectId),
        "user" => Some(SortField::User),
        "uuid" => Some(SortField::Uuid),
        _ => None,
    })
}

/// `sort=level,-id` of action logs.
pub(crate) fn action_log_sort(params: &Params) -> ActionLogSort {
    sort(params, |name| match name {
        "id" => Some(ActionLogSortField::Position),
        "created_at" => Some(ActionLogSortField::CreatedAt),
        "level" => Some(ActionLogSortField::Level),
        _ => None,
    })
}

/// Unknown names are dropped.
fn sort<F: SortBy>(params: &Params, field: fn(&str) -> Option<F>) -> Sort<F> {
    let names = params.last("sort").unwrap_or("").split(',').map(str::trim);
    let keys = names.filter_map(|name| {
        let (descending, name) = name.strip_prefix('-').map_or((false, name), |name| (true, name));
        Some(SortKey { field: field(name)?, descending })
    });
    Sort::by(keys.collect())
}
