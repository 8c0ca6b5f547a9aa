//! `/api/v1/events…`: the native API of events.

use audit_store::domain::limits;
use serde_json::{Value, json};
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{AllOfBuilder, Content, RefOr, Schema};

use super::operation::{Operation, json as json_content, query, required_query, segment};
use super::path::Path;
use super::schema::{
    Members, UUID_GIVEN, all_of, any, any_of, boolean, closed, format, instant, integer, integer_from, leaf_hash, list, named,
    nullable_integer, nullable_string, one_of, open, string, typed, uuid,
};
use crate::api::events::{FILTERS, GROUPS, LIST, ONE, SUMMARY};
use crate::problem::Code;

pub(super) const TAG: &str = "events";

pub(super) fn paths() -> Vec<Path> {
    vec![
        Path::of(LIST).get(list_operation()).post(append_operation()).native_options("eventsOptions", TAG),
        Path::of(SUMMARY).get(summary_operation()).native_options("eventSummaryOptions", TAG),
        Path::of(ONE)
            .segment(segment("uuid", "The uuid of the event.", string(), json!("410237f7-2a6f-48de-9c41-b988326d7607")))
            .get(get_operation())
            .native_options("eventOptions", TAG),
    ]
}

pub(super) fn schemas() -> Vec<(&'static str, RefOr<Schema>)> {
    vec![
        ("Event", event().into()),
        ("NewEvent", new_event()),
        ("Receipt", receipt().into()),
        ("Receipts", {
            let count = |text: &str| integer_from(0).description(Some(text));
            closed()
                .always("accepted", count("Events that are new in the log."))
                .always("duplicates", count("Events that were there already."))
                .always("receipts", list(named("Receipt")))
                .into()
        }),
        ("EventPage", {
            closed()
                .maybe("count", integer_from(0).description(Some("How many events match in all; only with `count=true`.")))
                .always("results", list(named("Event")).max_items(Some(limits::PAGE_SIZE_MAX)))
                .always("next_cursor", nullable_string().description(Some("Null on the last page.")))
                .into()
        }),
        ("EventSummary", {
            let group = closed().always("key", typed([Type::String, Type::Integer, Type::Null])).always("count", integer_from(1));
            closed()
                .always("group_by", one_of(GROUPS.map(|(name, _)| name)))
                .always("total", integer_from(0))
                .always("groups", list(group))
                .into()
        }),
    ]
}

/// An event in the native shape.
fn event() -> ObjectBuilder {
    let slot = |text: &str| any().description(Some(text));
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
        .always("user", user())
        .always("remote_addr", nullable_string())
        .always("url", nullable_string())
        .always("description", nullable_string())
        .always("query_params", slot("Any JSON."))
        .always("post_data", slot("Any JSON."))
        .always("headers", slot("Any JSON."))
        .always("content", slot("Any JSON, usually `{\"old_data\":…,\"new_data\":…}`."))
        .always("extra", typed([Type::Object, Type::Null]).description(Some("Members that are not known here.")))
        .always("leaf_hash", leaf_hash().description(Some("The hash of the event in the log's tree.")))
}

fn object_id() -> ObjectBuilder {
    typed([Type::Integer, Type::String, Type::Null]).description(Some("An integer where it is a canonical decimal within 64 bits."))
}

fn user() -> ObjectBuilder {
    let text = "Of an object, `pk` is the user's id and `username` the name; or the bare id.";
    typed([Type::Object, Type::Integer, Type::String, Type::Null]).description(Some(text))
}

/// What a client may say about an event, and nothing else but members of its own.
fn new_event() -> RefOr<Schema> {
    let nullable = |text: &str| nullable_string().description(Some(text));
    let known = open()
        .maybe("uuid", nullable("The idempotency key inside the channel.").pattern(Some(UUID_GIVEN)))
        .maybe("channel_id", nullable_integer().minimum(Some(0)))
        .maybe("timestamp", nullable("A date-time; default: now.").format(format("date-time")))
        .maybe("action", nullable("Derived from `content` when absent.").max_length(Some(limits::ACTION_CHARS_MAX)))
        .maybe("content_type", nullable_integer())
        .maybe("table_name", nullable_string())
        .maybe("object_id", object_id())
        .maybe("user", user())
        .maybe("remote_addr", nullable_string())
        .maybe("url", nullable_string())
        .maybe("description", nullable_string())
        .maybe("query_params", any())
        .maybe("post_data", any())
        .maybe("headers", any())
        .maybe("content", any().description(Some("Usually `{\"old_data\":…,\"new_data\":…}`.")))
        .maybe("extra", typed([Type::Object, Type::Null]).description(Some("Members of your own, if they are not beside it.")));
    submitted(known).description(Some("An event to append. Everything is optional.")).into()
}

/// An event with these members on its way in. Members that only the server sets may be sent as null, which is the same as not
/// at all. Unknown members are kept, and so is `extra`; both at once would be one thing in two places.
pub(super) fn submitted(known: ObjectBuilder) -> AllOfBuilder {
    let null = || typed([Type::Null]).description(Some("Set by the server."));
    let server_owned = ["position", "recorded_at", "producer_id", "leaf_hash"];
    let known = server_owned.into_iter().fold(known, |known, name| known.maybe(name, null())).build();
    let names = string().enum_values(Some(known.properties.keys().cloned().collect::<Vec<String>>()));
    let without_extra = open().maybe("extra", typed([Type::Null]));
    let without_unknown = open().property_names(Some(names));
    let one_place = any_of([without_extra.into(), without_unknown.into()]);
    all_of([RefOr::T(Schema::Object(known)), one_place.into()])
}

fn receipt() -> ObjectBuilder {
    closed()
        .description(Some("Where an event is in the log, for good. It is sent after the commit is on disk."))
        .always("uuid", uuid())
        .always("channel_id", integer_from(0))
        .always("position", integer_from(0))
        .always("recorded_at", instant())
        .always("leaf_hash", leaf_hash())
        .always("duplicate", boolean().description(Some("Whether the event was there already.")))
}

/// The name of a filter in `components`.
fn shared(name: &str) -> String {
    format!("events.{name}")
}

/// For `components`, by name: the filters that the handlers know.
pub(super) fn parameters() -> Vec<(String, Parameter)> {
    FILTERS.iter().map(|name| (shared(name), filter(name))).collect()
}

fn filter(name: &str) -> Parameter {
    let (base, bound) = name.split_once("__").map_or((name, ""), |(base, bound)| (base, bound));
    let bound = match bound {
        "gt" => "after this",
        "gte" => "from this on",
        "lt" => "before this",
        "lte" => "up to this",
        _ => "exactly this",
    };
    match base {
        "channel_id" => channel_id(),
        "uuid" => query(name, "A uuid, with or without hyphens.", string().pattern(Some(UUID_GIVEN))),
        "content_type" => query(name, "The numeric object type.", integer()),
        "timestamp" => query(name, &format!("When it happened: {bound}."), string().format(format("date-time"))),
        "recorded_at" => query(name, &format!("When it was committed: {bound}."), string().format(format("date-time"))),
        "position" => query(name, &format!("Index in the log: {bound}."), integer()),
        "object_id" => query(name, "The id of the object as text: `7` finds the number 7 and the string `\"7\"`.", string()),
        "user" => query(name, "The user's id as text.", string()),
        _ => query(name, "Exactly this text, upper and lower case told apart.", string()),
    }
}

fn channel_id() -> Parameter {
    let text = "A channel, several by comma, or `all`. Without it, the key's only channel, all that the key lists, or the \
                default channel for a key of all.";
    query("channel_id", text, string().pattern(Some("^(all|[0-9]{1,18}(,[0-9]{1,18})*)$")))
}

/// What every operation may answer that reads.
pub(super) const READ: [Code; 5] = [Code::InvalidQuery, Code::Unauthorized, Code::Forbidden, Code::Internal, Code::Unavailable];

fn list_operation() -> Operation {
    let order = "By position only with one channel, since positions of two logs cannot be compared.";
    let own = [
        query("sort", order, one_of(["timestamp", "-timestamp", "position", "-position"]).default(Some(json!("-timestamp")))),
        query("limit", "Events of a page.", {
            let size = integer().minimum(Some(1)).maximum(Some(limits::PAGE_SIZE_MAX as isize));
            size.default(Some(json!(limits::PAGE_SIZE_DEFAULT)))
        }),
        query("cursor", "`next_cursor` of the page before. It belongs to filters, channels and sort.", string()),
        query("count", "Whether to count all that match.", boolean().default(Some(json!(false)))),
    ];
    Operation::new("listEvents", TAG, "Events that match, by cursor")
        .describe("Role `reader` or `admin`. Unknown parameters, and such that are given twice, are errors.")
        .shared_parameters(FILTERS.iter().map(|name| shared(name)))
        .parameters(own)
        .json(200, "A page.", named("EventPage"), json!({"count": 1, "results": [example()], "next_cursor": null}))
        .problems(&READ)
}

fn append_operation() -> Operation {
    let sent = json!({
        "uuid": "410237f7-2a6f-48de-9c41-b988326d7607",
        "timestamp": "2023-10-16T09:00:00.929094Z",
        "content_type": 41, "object_id": 859, "url": "https://example.com",
        "user": {"pk": 7, "username": "zoe"},
        "content": {"new_data": {"quantity": 2.0}, "old_data": {"quantity": 1.0}}
    });
    let many = list(named("NewEvent"));
    let lines = "One event a line, such as\n\n    {\"action\":\"LOGIN\",\"user\":7}\n    {\"action\":\"READ\",\"table_name\":\"orders\",\"user\":7}\n\n\
                 `application/ndjson` and `application/jsonl` mean the same.";
    let lines = Content::new(Some(string().description(Some(lines))));
    Operation::new("appendEvents", TAG, "Appends one event, or several at once")
        .describe(
            "Role `writer` or `admin`. All events of a request are stored or none is, and the answer is sent after the commit \
             is on disk. A request can be sent again: an event whose uuid is there already gets its first receipt again, if it \
             means the same.\n\nAt most 1 MiB an event, 10,000 events and 32 MiB a request.",
        )
        .body(super::operation::JSON, json_content(any_of([named("NewEvent").into(), many.into()]), sent))
        .body("application/x-ndjson", lines)
        .json(200, "A single event that was there already.", named("Receipt"), receipt_example(true))
        .json(
            201,
            "The receipt of a single event, or all receipts in the order of the request.",
            any_of([named("Receipt").into(), named("Receipts").into()]),
            receipt_example(false),
        )
        .problems(&[Code::InvalidQuery, Code::InvalidBody, Code::InvalidEncoding, Code::BrokenBody, Code::Unauthorized])
        .problems(&[Code::Forbidden, Code::NotFound, Code::Timeout, Code::Conflict, Code::TooLarge])
        .problems(&[Code::UnsupportedMediaType, Code::Internal, Code::Busy, Code::Unavailable])
}

fn get_operation() -> Operation {
    Operation::new("getEvent", TAG, "One event")
        .describe("Role `reader` or `admin`.")
        .shared_parameters([shared("channel_id")])
        .json(200, "The event.", named("Event"), example())
        .problems(&READ)
        .problems(&[Code::NotFound])
}

fn summary_operation() -> Operation {
    let by = "What to group by. Spans of time are those of `timestamp` in UTC.";
    Operation::new("summarizeEvents", TAG, "How many events match, by group")
        .describe("Role `reader` or `admin`. Groups come largest first, spans of time in their order.")
        .parameters([required_query("group_by", by, one_of(GROUPS.map(|(name, _)| name)))])
        .shared_parameters(FILTERS.iter().map(|name| shared(name)))
        .json(200, "The counts. They add up to `total`.", named("EventSummary"), {
            json!({"group_by": "action", "total": 3, "groups": [{"key": "UPDATE", "count": 2}, {"key": "LOGIN", "count": 1}]})
        })
        .problems(&READ)
}

const LEAF_HASH: &str = "7a79e197dcbd8d0be10d18cb45dc4e1f3ffa3a35ab46ad9ad1fa1fb5ca3b08e2";

fn receipt_example(duplicate: bool) -> Value {
    json!({
        "uuid": "410237f7-2a6f-48de-9c41-b988326d7607", "channel_id": 1, "position": 0,
        "recorded_at": "2026-11-22T16:56:23.865036Z", "leaf_hash": LEAF_HASH, "duplicate": duplicate
    })
}

fn example() -> Value {
    json!({
        "uuid": "410237f7-2a6f-48de-9c41-b988326d7607", "channel_id": 1, "position": 0,
        "timestamp": "2023-10-16T09:00:00.929094Z", "recorded_at": "2026-11-22T16:56:23.865036Z", "producer_id": 1,
        "action": "UPDATE", "content_type": 41, "table_name": null, "object_id": 859, "user": {"pk": 7, "username": "zoe"},
        "remote_addr": null, "url": "https://example.com", "description": null, "query_params": null, "post_data": null,
        "headers": null, "content": {"new_data": {"quantity": 2.0}, "old_data": {"quantity": 1.0}}, "extra": null,
        "leaf_hash": LEAF_HASH
    })
}
