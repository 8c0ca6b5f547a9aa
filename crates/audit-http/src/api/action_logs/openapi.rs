//! `/api/v1/action-logs…`: the native API of action logs.

use audit_store::domain::{level_names, limits};
use serde_json::{Value, json};
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::ActionLogs;
use crate::api::native::openapi::{self as native, CORRELATION_ID, LEAF_HASH, MASKED, StreamDocs, extra, masked, submitted};
use crate::openapi::ApiDocs;
use crate::openapi::path::Path;
use crate::openapi::schema::{
    Members, UUID_GIVEN, any_of, closed, instant, integer, integer_from, leaf_hash, map_of, nullable_instant_given,
    nullable_integer, nullable_string, open, string, typed, uuid,
};

const TAG: &str = "action logs";

const STREAM_DOCS: StreamDocs = StreamDocs {
    tag: TAG,
    record: "ActionLog",
    one: "action log",
    many: "action logs",
    example,
    sent,
    lines: "    {\"level\":20,\"message\":\"started\"}\n    {\"level\":40,\"message\":\"no stock\",\"logger_name\":\"shop.orders\"}",
    form: Some(log_record),
};

/// Members of a native record that only the server sets.
pub(crate) const SERVER_OWNED: [&str; 5] = ["id", "position", "recorded_at", "producer_id", "leaf_hash"];

pub(crate) fn docs() -> ApiDocs {
    ApiDocs {
        tag: Some((TAG, "The native API of action logs: append, list by cursor, get, count.")),
        paths: paths(),
        schemas: schemas(),
        parameters: parameters(),
    }
}

fn paths() -> Vec<Path> {
    native::paths::<ActionLogs>(&STREAM_DOCS)
}

fn parameters() -> Vec<(String, Parameter)> {
    native::parameters::<ActionLogs>(&STREAM_DOCS)
}

fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let new = submitted(new_log(), &[&SERVER_OWNED[..], &[MASKED]].concat()).description(Some(
        "An action log to append. Records of pino, winston, slog and zap, and of Python's `logging`, are taken as they are.",
    ));
    let mut schemas = native::schemas::<ActionLogs>(&STREAM_DOCS);
    schemas.extend([("ActionLog".to_owned(), log().into()), ("NewActionLog".to_owned(), new.into())]);
    schemas
}

/// Describes a level, as in Python's `logging`.
pub(crate) fn level() -> ObjectBuilder {
    integer().minimum(Some(0)).maximum(Some(limits::LEVEL_SENT_MAX as isize)).description(Some(
        "Python's levels: 0, 10, 20, 30, 40, 50, or any integer between. One above 50 is stored as 50, and kept in `extra`.",
    ))
}

/// Describes a level by name.
pub(crate) fn level_name() -> ObjectBuilder {
    // JSON Schema has no flag for patterns of either case.
    let letter = |c: char| format!("[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase());
    let names: Vec<String> = level_names().map(|name| name.chars().map(letter).collect()).collect();
    string().pattern(Some(format!("^({})$", names.join("|")))).examples([json!("info")])
}

/// Describes an action log in the native form. Erased values are null.
fn log() -> ObjectBuilder {
    closed()
        .description(Some("A record of an application's logger, in the log."))
        .always("id", integer_from(1).description(Some("Counts per channel.")))
        .always("uuid", uuid())
        .always("channel_id", integer_from(0).description(Some("The tenant.")))
        .always("position", integer_from(0).description(Some("Index in the channel's log, without gaps.")))
        .always("created_at", instant().description(Some("When it happened.")))
        .always("recorded_at", instant().description(Some("When it was committed; never decreases along a log.")))
        .always("producer_id", integer_from(0).description(Some("The id of the token that wrote it; 0 for a local import.")))
        .always("level", nullable_integer().description(Some("0 to 50, as Python has them.")))
        .always("logger_name", nullable_string())
        .always("app_name", nullable_string())
        .always("correlation_id", nullable_string().description(Some(CORRELATION_ID)))
        .always("message", nullable_string())
        .always("trace", nullable_string())
        .always("extra", typed([Type::Object, Type::Null]).description(Some("Members that are not known here.")))
        .always(MASKED, masked())
        .always("leaf_hash", leaf_hash().description(Some("The hash of the record in the log's tree.")))
}

/// Describes the members of an action log that a client may send.
fn new_log() -> ObjectBuilder {
    let nullable = |text: &str| nullable_string().description(Some(text));
    open()
        .maybe("uuid", nullable("The idempotency key inside the channel.").pattern(Some(UUID_GIVEN)))
        .maybe("channel_id", nullable_integer().minimum(Some(0)))
        .maybe("created_at", nullable_instant_given().description(Some("A date-time; default: now.")))
        .always("level", any_of([level().into(), level_name().into()]))
        .maybe("logger_name", nullable_string())
        .maybe("app_name", nullable_string())
        .maybe("correlation_id", nullable(CORRELATION_ID))
        .always("message", string())
        .maybe("trace", nullable_string())
        .maybe("extra", extra())
}

/// Describes a record of Python that `logging.handlers.HTTPHandler` posts.
fn log_record() -> ObjectBuilder {
    let text = "The attributes of a `logging.LogRecord`, as the OMS action logs take them. Other forms are refused.";
    map_of(string()).description(Some(text)).always("levelno", string()).always("name", string()).always("msg", string())
}

fn sent() -> Value {
    json!({
        "created_at": "2023-12-01T08:25:56.088353Z", "level": 40, "logger_name": "shop.orders", "app_name": "shop",
        "message": "no stock", "trace": "Traceback (most recent call last): …"
    })
}

fn example() -> Value {
    json!({
        "id": 1, "uuid": "410237f7-2a6f-48de-9c41-b988326d7607", "channel_id": 1, "position": 0,
        "created_at": "2023-12-01T08:25:56.088353Z", "recorded_at": "2026-11-22T16:56:23.865036Z", "producer_id": 1, "level": 40,
        "logger_name": "shop.orders", "app_name": "shop", "correlation_id": null, "message": "no stock", "trace": null,
        "extra": null, "masked": null, "leaf_hash": LEAF_HASH
    })
}
