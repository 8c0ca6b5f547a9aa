//! Describes parameters that are instants. A day alone means its midnight, as in Django, so
//! `…__lte` of a day excludes the rest of the day. At the inventory API a day means the whole day.

use crate::bound::Bound;

impl Bound {
    /// Describes the bound and the meaning of a day.
    pub(crate) fn describe(self, what: &str) -> String {
        let (bound, day) = match self {
            Bound::Exactly => ("exactly this", "A day alone is its midnight."),
            Bound::Gt => ("after this", "A day alone is its midnight, so that the rest of that day is after it."),
            Bound::Gte => ("from this on", "A day alone is its midnight, so that the day is included."),
            Bound::Lt => ("before this", "A day alone is its midnight, so that the day is not included."),
            Bound::Lte => (
                "up to this",
                "A day alone is its midnight, so that the rest of that day is not included: with the day, it is \
                 `2023-10-16T23:59:59.999999Z`, or the bound \"before\" and the next day where there is one.",
            ),
        };
        format!("{what}: {bound}. {day}")
    }
}
