//! The document of the OMS audit events API.

use serde_json::{Value, json};
use utoipa::openapi::schema::ObjectBuilder;

use super::filter::FILTERS;
use crate::api::audit_events::openapi::{AuditEventsDocs, new_event, parameters};
use crate::drf::openapi::{self as drf, page};
use crate::openapi::ApiDocs;
use crate::openapi::path::Path;
use crate::openapi::schema::{Members, any, closed, instant, named, nullable_integer, nullable_string, uuid};

const TAG: &str = "OMS audit events";

const DOCS: AuditEventsDocs = AuditEventsDocs { tag: TAG, schema: "OmsAuditEvent", noun: "OmsAuditEvent", example };

pub(crate) fn docs() -> ApiDocs {
    let list = DOCS
        .list("`end_date` is also read from a JSON object or a form in the body of the GET.")
        .parameters(FILTERS.iter().map(drf::filter))
        .drf_errors(&[408, 413, 415]);
    ApiDocs {
        tag: Some((TAG, "The published list of the OMS, in the style of Django REST framework.")),
        paths: vec![DOCS.collection(Path::new(super::LIST), list)],
        schemas: vec![
            ("OmsAuditEvent".to_owned(), event().into()),
            ("OmsAuditEventPage".to_owned(), page("OmsAuditEvent").into()),
            ("NewOmsAuditEvent".to_owned(), new_event(named("LooseInteger").into())),
        ],
        parameters: parameters(),
    }
}

/// Describes an event, with the keys in the order of the published page.
fn event() -> ObjectBuilder {
    closed()
        .always("uuid", uuid())
        .always("timestamp", instant())
        .always("remote_addr", nullable_string())
        .always("url", nullable_string())
        .always("query_params", any())
        .always("post_data", any())
        .always("headers", any())
        .always("object_id", nullable_integer())
        .always("content", any())
        .always("user", nullable_integer())
        .always("content_type", nullable_integer())
}

fn example() -> Value {
    json!({
        "uuid": "410237f7-2a6f-48de-9c41-b988326d7607", "timestamp": "2023-10-16T09:00:00.929094Z", "remote_addr": null,
        "url": "https://example.com", "query_params": null, "post_data": null, "headers": null, "object_id": 859,
        "content": {"new_data": {"quantity": 2.0}, "old_data": {"quantity": 1.0}}, "user": 7, "content_type": 41
    })
}
