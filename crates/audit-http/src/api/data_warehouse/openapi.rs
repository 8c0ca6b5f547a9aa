//! The document of the data-warehouse audit events API.

use serde_json::{Value, json};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::view::USER_KEYS;
use super::{LIST, ONE, REMOTE_LIST, REMOTE_ONE};
use crate::api::audit_events::openapi::{AuditEventsDocs, new_event};
use crate::drf::openapi::page;
use crate::openapi::ApiDocs;
use crate::openapi::operation::segment;
use crate::openapi::path::Path;
use crate::openapi::schema::{
    Members, any, any_of, closed, instant, named, nullable_integer, nullable_string, open, string, typed, uuid,
};

const TAG: &str = "data-warehouse audit events";

const DOCS: AuditEventsDocs = AuditEventsDocs { tag: TAG, schema: "WarehouseAuditEvent", noun: "WarehouseAuditEvent", example };
const REMOTE_DOCS: AuditEventsDocs =
    AuditEventsDocs { tag: TAG, schema: "WarehouseAuditEvent", noun: "RemoteWarehouseAuditEvent", example };

pub(crate) fn docs() -> ApiDocs {
    ApiDocs {
        tag: Some((TAG, "The published list of the data warehouse, in the style of Django REST framework.")),
        paths: paths(),
        schemas: schemas(),
        parameters: Vec::new(),
    }
}

fn paths() -> Vec<Path> {
    let uuid = || segment("uuid", "The uuid of the event.", string(), json!("410237f7-2a6f-48de-9c41-b988326d7607"));
    let channel = || {
        let digits = string().pattern(Some("^[0-9]+$"));
        segment("channel_id", "The channel. Digits; one that is unknown looks empty.", digits, json!("1"))
    };
    vec![
        DOCS.collection(Path::new(LIST), DOCS.list("")),
        DOCS.one(Path::new(ONE).segment(uuid())),
        REMOTE_DOCS.collection(Path::new(REMOTE_LIST).segment(channel()), REMOTE_DOCS.list("")),
        REMOTE_DOCS.one(Path::new(REMOTE_ONE).segment(channel()).segment(uuid())),
    ]
}

fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let user = USER_KEYS
        .iter()
        .fold(closed().description(Some("The user of that moment; null where the snapshot has no such member.")), |user, key| {
            user.always(key, if *key == "pk" { nullable_integer() } else { any() })
        });
    let user_or_null = any_of([named("WarehouseUser").into(), typed([Type::Null]).into()]);
    vec![
        ("WarehouseAuditEvent".to_owned(), event(user_or_null.into()).into()),
        ("WarehouseAuditEventPage".to_owned(), page("WarehouseAuditEvent").into()),
        ("NewWarehouseAuditEvent".to_owned(), new_event(any_of([named("LooseInteger").into(), open().into()]).into())),
        ("WarehouseUser".to_owned(), user.into()),
    ]
}

/// Describes an event, with the keys in the order of the published page.
fn event(user: RefOr<Schema>) -> ObjectBuilder {
    closed()
        .always("content", any())
        .always("content_type", nullable_integer())
        .always("headers", any())
        .always("object_id", nullable_integer())
        .always("post_data", any())
        .always("query_params", any())
        .always("remote_addr", nullable_string())
        .always("timestamp", instant())
        .always("url", nullable_string())
        .always("user", user)
        .always("uuid", uuid())
}

fn example() -> Value {
    let mut user = serde_json::Map::from_iter(USER_KEYS.map(|key| (key.to_owned(), Value::Null)));
    user.insert("pk".to_owned(), json!(7));
    user.insert("username".to_owned(), json!("zoe"));
    json!({
        "content": {"new_data": {"quantity": 2.0}, "old_data": {"quantity": 1.0}}, "content_type": 41, "headers": null,
        "object_id": 859, "post_data": null, "query_params": null, "remote_addr": null,
        "timestamp": "2023-10-16T09:00:00.929094Z", "url": "https://example.com", "user": user,
        "uuid": "410237f7-2a6f-48de-9c41-b988326d7607"
    })
}
