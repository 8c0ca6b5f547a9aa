//! The filters of this list, in addition to the filters of all audit events.

use audit_store::domain::EventFilter;

use crate::bound::Bound;
use crate::drf::Filter;

pub(super) const FILTERS: [Filter<EventFilter>; 2] = [
    Filter::instant("start_date", Bound::Gte, |filter| &mut filter.timestamp),
    Filter::instant(IN_BODY, Bound::Lte, |filter| &mut filter.timestamp),
];

/// The parameter that the API also reads from the body of a GET.
pub(super) const IN_BODY: &str = "end_date";
