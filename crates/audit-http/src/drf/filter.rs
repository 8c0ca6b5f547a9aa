//! Query parameters as django-filter reads them: an empty one is off, an unknown one ignored, all bad ones reported at once.

use audit_store::domain::{EventFilter, EventSort, Interval, SortField, SortKey, Timestamp, parse_uuid};

use super::DrfError;
use super::number::Decimal;
use crate::params::Params;

/// Reads parameters into a filter and collects what cannot be read.
pub(crate) struct FilterReader<'a> {
    params: &'a Params,
    filter: EventFilter,
    errors: Vec<(String, String)>,
}

impl<'a> FilterReader<'a> {
    pub(crate) fn new(params: &'a Params) -> Self {
        FilterReader { params, filter: EventFilter::default(), errors: Vec::new() }
    }

    /// What both APIs of audit events take.
    pub(crate) fn audit_events(mut self) -> Self {
        self.filter.url = self.params.given("url").map(str::to_owned);
        self.filter.content_type = self.number("content_type");
        // An id is a canonical decimal exactly where it is shown as this integer.
        self.filter.object_id = self.number("object_id").map(|number| number.to_string());
        self.filter.user = self.number("user").map(|number| number.to_string());
        self.filter.uuid = self.params.given("uuid").and_then(|text| match parse_uuid(text) {
            Some(uuid) => Some(uuid),
            None => self.fault("uuid", "Enter a valid UUID."),
        });
        self.instant("timestamp", Interval::exactly);
        self.instant("timestamp__gt", Interval::over);
        self.instant("timestamp__gte", Interval::from);
        self.instant("timestamp__lt", Interval::below);
        self.instant("timestamp__lte", Interval::up_to);
        self
    }

    /// A bound of `timestamp` under another name.
    pub(crate) fn instant(&mut self, name: &str, narrow: fn(&mut Interval, i64)) {
        if let Some(text) = self.params.given(name) {
            match Timestamp::parse(text) {
                Ok(at) => narrow(&mut self.filter.timestamp, at.micros()),
                Err(_) => drop(self.fault::<()>(name, "Enter a valid date/time.")),
            }
        }
    }

    pub(crate) fn finish(self) -> Result<EventFilter, DrfError> {
        if self.errors.is_empty() { Ok(self.filter) } else { Err(DrfError::Fields(self.errors)) }
    }

    fn number(&mut self, name: &str) -> Option<i64> {
        match Decimal::parse(self.params.given(name)?) {
            Some(Decimal::Whole(number)) => Some(number),
            Some(Decimal::NeverWhole) => {
                self.filter.never = true;
                None
            }
            None => self.fault(name, "Enter a number."),
        }
    }

    fn fault<T>(&mut self, name: &str, text: &str) -> Option<T> {
        self.errors.push((name.to_owned(), text.to_owned()));
        None
    }
}

/// `sort=content_type,-timestamp`: unknown names are dropped.
pub(crate) fn sort(params: &Params) -> EventSort {
    let names = params.last("sort").unwrap_or("").split(',').map(str::trim);
    let keys = names.filter_map(|name| {
        let (descending, name) = name.strip_prefix('-').map_or((false, name), |name| (true, name));
        let field = match name {
            "timestamp" => SortField::Timestamp,
            "content_type" => SortField::ContentType,
            "object_id" => SortField::ObjectId,
            "user" => SortField::User,
            "uuid" => SortField::Uuid,
            _ => return None,
        };
        Some(SortKey { field, descending })
    });
    EventSort::by(keys.collect())
}
