//! The filters and sorts of both published APIs of audit events.

use audit_store::domain::{EventFilter, SortField};

use crate::bound::Bound;
use crate::drf::{Filter, SortName};

/// The filters. An id is a canonical decimal exactly if the API shows it as this integer.
pub(super) const FILTERS: [Filter<EventFilter>; 10] = [
    Filter::number("content_type", "The numeric object type.", |filter, number| filter.content_type = Some(number)),
    Filter::number("object_id", "The id of the object, where it is an integer.", |filter, number| {
        filter.object_id = Some(number.to_string());
    }),
    Filter::number("user", "The id of the user, where it is an integer.", |filter, number| filter.user = Some(number.to_string())),
    Filter::text("url", "Exactly this text; the case of letters counts.", |filter, text| filter.url = Some(text)),
    Filter {
        name: "uuid",
        meaning: "A uuid, with or without hyphens.",
        kind: crate::drf::FilterKind::Uuid(|filter, uuid| filter.uuid = Some(uuid)),
    },
    Filter::instant("timestamp", Bound::Exactly, |filter| &mut filter.timestamp),
    Filter::instant("timestamp__gt", Bound::Gt, |filter| &mut filter.timestamp),
    Filter::instant("timestamp__gte", Bound::Gte, |filter| &mut filter.timestamp),
    Filter::instant("timestamp__lt", Bound::Lt, |filter| &mut filter.timestamp),
    Filter::instant("timestamp__lte", Bound::Lte, |filter| &mut filter.timestamp),
];

pub(super) const SORTS: [SortName<SortField>; 5] = [
    ("timestamp", SortField::Timestamp),
    ("content_type", SortField::ContentType),
    ("object_id", SortField::ObjectId),
    ("user", SortField::User),
    ("uuid", SortField::Uuid),
];
