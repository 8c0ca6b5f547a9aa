//! `/api/v1/events…`: the native API of events.

use audit_store::domain::limits;
use serde_json::{Value, json};
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::Events;
use crate::api::native::openapi::{self as native, CORRELATION_ID, LEAF_HASH, MASKED, StreamDocs, added, extra, masked, submitted};
use crate::openapi::ApiDocs;
use crate::openapi::path::Path;
use crate::openapi::schema::{
    Members, UUID_GIVEN, any, closed, instant, integer_from, leaf_hash, nullable_instant_given, nullable_integer, nullable_string,
    open, typed, uuid,
};

const TAG: &str = "events";

const OUTCOME: &str = "`success`, `failure` or another name.";

const SOURCE: &str = "The application.";

const IMPERSONATOR: &str = "Who really acted, while `user` is shown; the same forms as `user`.";

const STREAM_DOCS: StreamDocs = StreamDocs {
    tag: TAG,
    record: "Event",
    one: "event",
    many: "events",
    example,
    sent,
    lines: "    {\"action\":\"LOGIN\",\"user\":7}\n    {\"action\":\"READ\",\"table_name\":\"orders\",\"user\":7}",
    form: None,
};

/// Members of a native record that only the server sets.
pub(crate) const SERVER_OWNED: [&str; 4] = ["position", "recorded_at", "producer_id", "leaf_hash"];

pub(crate) fn docs() -> ApiDocs {
    ApiDocs {
        tag: Some((TAG, "The native API of events: append, list by cursor, get, count.")),
        paths: paths(),
        schemas: schemas(),
        parameters: parameters(),
    }
}

fn paths() -> Vec<Path> {
    native::paths::<Events>(&STREAM_DOCS)
}

fn parameters() -> Vec<(String, Parameter)> {
    native::parameters::<Events>(&STREAM_DOCS)
}

fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let new = submitted(new_event(), &[&SERVER_OWNED[..], &[MASKED]].concat())
        .description(Some("An event to append. Everything is optional, but an object of other members only is refused."));
    let mut schemas = native::schemas::<Events>(&STREAM_DOCS);
    schemas.extend([("Event".to_owned(), event().into()), ("NewEvent".to_owned(), new.into())]);
    schemas
}

/// Describes an event in the native form.
fn event() -> ObjectBuilder {
    let any_json = |text: &str| any().description(Some(text));
    closed()
        .description(Some("An event in the log. Values are as they were sent, byte for byte."))
        .always("uuid", uuid())
        .always("channel_id", integer_from(0).description(Some("The tenant.")))
        .always("position", integer_from(0).description(Some("Index in the channel's log, without gaps.")))
        .always("timestamp", instant().description(Some("When it happened.")))
        .always("recorded_at", instant().description(Some("When it was committed; never decreases along a log.")))
        .always("producer_id", integer_from(0).description(Some("The id of the token that wrote it; 0 for a local import.")))
        .always("action", nullable_string().description(Some("`CREATE`, `UPDATE`, `DELETE`, `READ` or any other name.")))
        .always("content_type", nullable_integer().description(Some("The client's numeric object type.")))
        .always("table_name", nullable_string().description(Some("The client's named object type.")))
        .always("object_id", object_id())
        .always("outcome", nullable_string().description(Some(OUTCOME)))
        .always("correlation_id", nullable_string().description(Some(CORRELATION_ID)))
        .always("source", nullable_string().description(Some(SOURCE)))
        .always("user", user())
        .always("impersonator", impersonator())
        .always("remote_addr", nullable_string())
        .always("url", nullable_string())
        .always("description", nullable_string())
        .always("query_params", any_json("Any JSON."))
        .always("post_data", any_json("Any JSON."))
        .always("headers", any_json("Any JSON."))
        .always("content", any_json("Any JSON, usually `{\"old_data\":…,\"new_data\":…}`."))
        .always("extra", typed([Type::Object, Type::Null]).description(Some("Members that are not known here.")))
        .always(MASKED, masked())
        .always("leaf_hash", leaf_hash().description(Some("The hash of the event in the log's tree.")))
}

fn object_id() -> ObjectBuilder {
    typed([Type::Integer, Type::String, Type::Null]).description(Some("An integer where it is a canonical decimal within 64 bits."))
}

fn user() -> ObjectBuilder {
    let text = "Of an object, `pk` is the user's id (`id`, where there is no `pk`) and `username` the name; or the bare id.";
    typed([Type::Object, Type::Integer, Type::String, Type::Null]).description(Some(text))
}

fn impersonator() -> ObjectBuilder {
    user().description(Some(IMPERSONATOR))
}

/// Describes the members of an event that a client may send.
fn new_event() -> ObjectBuilder {
    let nullable = |text: &str| nullable_string().description(Some(text));
    open()
        .maybe("uuid", nullable("The idempotency key inside the channel.").pattern(Some(UUID_GIVEN)))
        .maybe("channel_id", nullable_integer().minimum(Some(0)))
        .maybe("timestamp", nullable_instant_given().description(Some("A date-time; default: now.")))
        .maybe("action", nullable("Derived from `content` when absent.").max_length(Some(limits::NAME_CHARS_MAX)))
        .maybe("content_type", nullable_integer())
        .maybe("table_name", nullable_string())
        .maybe("object_id", object_id())
        .maybe("outcome", nullable(OUTCOME).max_length(Some(limits::NAME_CHARS_MAX)))
        .maybe("correlation_id", nullable(CORRELATION_ID))
        .maybe("source", nullable(SOURCE))
        .maybe("user", user())
        .maybe("impersonator", impersonator())
        .maybe("remote_addr", nullable_string())
        .maybe("url", nullable_string())
        .maybe("description", nullable_string())
        .maybe("query_params", any())
        .maybe("post_data", any())
        .maybe("headers", any())
        .maybe("content", any().description(Some("Usually `{\"old_data\":…,\"new_data\":…}`.")))
        .maybe("extra", extra())
}

/// Adds the members that the page of a published API does not have. The API keeps a value that they
/// cannot have in `extra`, so any JSON is accepted.
pub(crate) fn with_added(known: ObjectBuilder) -> ObjectBuilder {
    known
        .maybe("outcome", added(OUTCOME))
        .maybe("correlation_id", added(CORRELATION_ID))
        .maybe("source", added(SOURCE))
        .maybe("impersonator", added(IMPERSONATOR))
}

fn sent() -> Value {
    json!({
        "uuid": "410237f7-2a6f-48de-9c41-b988326d7607",
        "timestamp": "2023-10-16T09:00:00.929094Z",
        "content_type": 41, "object_id": 859, "outcome": "success", "source": "shop", "url": "https://example.com",
        "user": {"pk": 7, "username": "zoe"},
        "content": {"new_data": {"quantity": 2.0}, "old_data": {"quantity": 1.0}}
    })
}

fn example() -> Value {
    json!({
        "uuid": "410237f7-2a6f-48de-9c41-b988326d7607", "channel_id": 1, "position": 0,
        "timestamp": "2023-10-16T09:00:00.929094Z", "recorded_at": "2026-11-22T16:56:23.865036Z", "producer_id": 1,
        "action": "UPDATE", "content_type": 41, "table_name": null, "object_id": 859, "outcome": "success",
        "correlation_id": null, "source": "shop", "user": {"pk": 7, "username": "zoe"}, "impersonator": null, "remote_addr": null, "url": "https://example.com", "description": null, "query_params": null, "post_data": null,
        "headers": null, "content": {"new_data": {"quantity": 2.0}, "old_data": {"quantity": 1.0}}, "extra": null,
        "masked": null, "leaf_hash": LEAF_HASH
    })
}
