//! The filters and sorts of the list.

use audit_store::domain::{ActionLogFilter, ActionLogSortField};

use crate::bound::Bound;
use crate::drf::{Filter, SortName};

pub(super) const FILTERS: [Filter<ActionLogFilter>; 10] = [
    Filter::number_bound("level", "Exactly this level.", Bound::Exactly, |filter| &mut filter.level),
    Filter::number_bound("level__gte", "From this level on.", Bound::Gte, |filter| &mut filter.level),
    Filter::number_bound("level__lte", "Up to this level.", Bound::Lte, |filter| &mut filter.level),
    Filter::text("logger_name", "Exactly this text; the case of letters counts.", |filter, text| {
        filter.logger_name = Some(text);
    }),
    Filter::text("app_name", "Exactly this text; the case of letters counts.", |filter, text| filter.app_name = Some(text)),
    Filter::text("search", "A part of message or trace; ASCII letters match in either case.", |filter, text| {
        filter.search = Some(text);
    }),
    Filter::instant("created_at__gt", Bound::Gt, |filter| &mut filter.created_at),
    Filter::instant("created_at__gte", Bound::Gte, |filter| &mut filter.created_at),
    Filter::instant("created_at__lt", Bound::Lt, |filter| &mut filter.created_at),
    Filter::instant("created_at__lte", Bound::Lte, |filter| &mut filter.created_at),
];

pub(super) const SORTS: [SortName<ActionLogSortField>; 3] =
    [("id", ActionLogSortField::Position), ("created_at", ActionLogSortField::CreatedAt), ("level", ActionLogSortField::Level)];
