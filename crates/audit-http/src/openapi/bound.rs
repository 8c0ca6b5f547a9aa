//! Parameters that are instants, and what a day means there: its midnight, as Django has it, so that `…__lte` of a day leaves the
//! day out. At the inventory API it means the whole day.

use utoipa::openapi::path::Parameter;

use super::drf::blank_or;
use super::operation::query;
use super::schema::{format, string};

/// A bound of an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Exactly,
    After,
    From,
    Before,
    UpTo,
}

impl Bound {
    /// By the end of the parameter's name.
    pub(super) fn from_parameter(name: &str) -> Bound {
        match name.split_once("__").map(|(_, bound)| bound) {
            Some("gt") => Bound::After,
            Some("gte") => Bound::From,
            Some("lt") => Bound::Before,
            Some("lte") => Bound::UpTo,
            _ => Bound::Exactly,
        }
    }

    /// What it bounds, and what a day means there.
    fn describe(self, what: &str) -> String {
        let (bound, day) = match self {
            Bound::Exactly => ("exactly this", "A day alone is its midnight."),
            Bound::After => ("after this", "A day alone is its midnight, so that the rest of that day is after it."),
            Bound::From => ("from this on", "A day alone is its midnight, so that the day is included."),
            Bound::Before => ("before this", "A day alone is its midnight, so that the day is not included."),
            Bound::UpTo => (
                "up to this",
                "A day alone is its midnight, so that the rest of that day is not included: with the day, it is \
                 `2023-10-16T23:59:59.999999Z`, or the bound \"before\" and the next day where there is one.",
            ),
        };
        format!("{what}: {bound}. {day}")
    }
}

/// A parameter of the native API.
pub(super) fn native(name: &str, what: &str, bound: Bound) -> Parameter {
    query(name, &bound.describe(what), string().format(format("date-time")))
}

/// A parameter of a published list, which an empty value switches off.
pub(super) fn published(name: &str, bound: Bound) -> Parameter {
    query(name, &bound.describe("When it happened"), blank_or(string().format(format("date-time"))))
}
