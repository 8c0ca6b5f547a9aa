//! The data-warehouse audit events API: `/api/v1/remote/{channel_id}/data-warehouse/audit-events/`,
//! and the same path without a channel.

mod openapi;
mod view;

pub(super) use openapi::docs;

use super::audit_events::AuditEventsApi;
use crate::routes::Routes;

static API: AuditEventsApi = AuditEventsApi {
    name: "Audit Event List",
    own_filters: &[],
    filter_in_body: None,
    takes_user_objects: true,
    write: view::write,
};

pub(crate) const LIST: &str = "/api/v1/data-warehouse/audit-events/";
pub(crate) const ONE: &str = "/api/v1/data-warehouse/audit-events/{uuid}/";
pub(crate) const REMOTE_LIST: &str = "/api/v1/remote/{channel_id:[0-9]+}/data-warehouse/audit-events/";
pub(crate) const REMOTE_ONE: &str = "/api/v1/remote/{channel_id:[0-9]+}/data-warehouse/audit-events/{uuid}/";

pub(super) fn configure(routes: &mut Routes<'_>) {
    routes.mount_published(API.collection(LIST));
    routes.mount_published(API.one(ONE));
    routes.mount_published(API.collection(REMOTE_LIST));
    routes.mount_published(API.one(REMOTE_ONE));
}
