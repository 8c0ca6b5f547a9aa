//! The OMS audit events API: `/api/v1/oms/settings/audit_events/`.

mod filter;
mod openapi;
mod view;

pub(super) use openapi::docs;

use super::audit_events::AuditEventsApi;
use crate::routes::Routes;

static API: AuditEventsApi = AuditEventsApi {
    name: "Audit Event List",
    own_filters: &filter::FILTERS,
    filter_in_body: Some(filter::IN_BODY),
    takes_user_objects: false,
    write: view::write,
};

pub(crate) const LIST: &str = "/api/v1/oms/settings/audit_events/";

pub(super) fn configure(routes: &mut Routes<'_>) {
    routes.mount_published(API.collection(LIST));
}
