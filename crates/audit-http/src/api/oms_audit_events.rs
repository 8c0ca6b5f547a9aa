//! The OMS audit events API: `/api/v1/oms/settings/audit_events/`.

use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::{Event, EventFilter, Interval, ObjectId, ObjectWriter, slot};

use super::audit_events::{ALLOW_LIST, AuditEventsApi, collection};
use crate::Api;
use crate::drf::FilterReader;
use crate::routes::{Route, Routes};

static API: AuditEventsApi =
    AuditEventsApi { name: "Audit Event List", own_filters, filter_in_body: Some("end_date"), takes_user_objects: false, write };

pub(crate) const LIST: Route = Route::new("/api/v1/oms/settings/audit_events/", ALLOW_LIST);

pub(super) fn configure(routes: &mut Routes<'_>) {
    routes.mount_published(LIST, list_or_create);
}

async fn list_or_create(api: web::Data<Api>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    collection(&API, &api, &request, payload, None).await
}

fn own_filters(reader: &mut FilterReader<'_, EventFilter>) {
    reader.timestamp("start_date", Interval::ge);
    reader.timestamp("end_date", Interval::le);
}

/// Keys and order of the published page. Ids that are no integers show as null: the page says int.
fn write(event: &Event, out: &mut String) {
    let subject = event.subject();
    let value = |number| event.slots.value(number);
    let mut object = ObjectWriter::new(out);
    object
        .string("uuid", &event.uuid.to_string())
        .string("timestamp", &event.timestamp.to_string())
        .text("remote_addr", value(slot::REMOTE_ADDR))
        .text("url", value(slot::URL))
        .text("query_params", value(slot::QUERY_PARAMS))
        .text("post_data", value(slot::POST_DATA))
        .text("headers", value(slot::HEADERS))
        .integer("object_id", subject.object_id.as_ref().and_then(ObjectId::number))
        .text("content", value(slot::CONTENT))
        .integer("user", event.user().and_then(|user| user.identity().number()))
        .integer("content_type", subject.content_type);
    object.end();
}
