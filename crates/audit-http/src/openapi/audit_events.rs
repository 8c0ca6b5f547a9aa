//! The published APIs of audit events: OMS and data warehouse.

use serde_json::{Value, json};
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::bound::{self, Bound};
use super::drf::{self, LIST_PARAMETERS, blank_or, decimal, page, sort};
use super::events::SERVER_OWNED;
use super::native::{extra, lower_first, submitted};
use super::operation::{JSON, Operation, json as json_content, query, segment};
use super::path::Path;
use super::schema::{
    Members, UUID_GIVEN, any, any_of, closed, format, instant, named, nullable_integer, nullable_string, open, string, typed, uuid,
};
use crate::api::data_warehouse::{self, USER_KEYS};
use crate::api::oms_audit_events;

pub(super) const OMS: &str = "OMS audit events";
pub(super) const DATA_WAREHOUSE: &str = "data-warehouse audit events";

/// What the documents of the two APIs differ in.
struct Api {
    tag: &'static str,
    /// What the schema of one result is called; lists and bodies are named after it.
    shape: &'static str,
    /// What operations are called after.
    noun: &'static str,
    example: fn() -> Value,
}

const OMS_API: Api = Api { tag: OMS, shape: "OmsAuditEvent", noun: "OmsAuditEvent", example: oms_example };
const WAREHOUSE_API: Api =
    Api { tag: DATA_WAREHOUSE, shape: "WarehouseAuditEvent", noun: "WarehouseAuditEvent", example: warehouse_example };
const REMOTE_API: Api =
    Api { tag: DATA_WAREHOUSE, shape: "WarehouseAuditEvent", noun: "RemoteWarehouseAuditEvent", example: warehouse_example };

pub(super) fn paths() -> Vec<Path> {
    let uuid = || segment("uuid", "The uuid of the event.", string(), json!("410237f7-2a6f-48de-9c41-b988326d7607"));
    let channel = || {
        segment(
            "channel_id",
            "The channel. Digits; one that is unknown looks empty.",
            string().pattern(Some("^[0-9]+$")),
            json!("1"),
        )
    };
    let oms_list = OMS_API.list("`end_date` is also read from a JSON object or a form in the body of the GET.");
    let oms_list = oms_list
        .parameters([bound::published("start_date", Bound::From), bound::published("end_date", Bound::UpTo)])
        .drf_errors(&[408, 413, 415]);
    vec![
        OMS_API.collection(Path::new(oms_audit_events::LIST), oms_list),
        WAREHOUSE_API.collection(Path::new(data_warehouse::LIST), WAREHOUSE_API.list("")),
        WAREHOUSE_API.one(Path::new(data_warehouse::ONE).segment(uuid())),
        REMOTE_API.collection(Path::new(data_warehouse::REMOTE_LIST).segment(channel()), REMOTE_API.list("")),
        REMOTE_API.one(Path::new(data_warehouse::REMOTE_ONE).segment(channel()).segment(uuid())),
    ]
}

impl Api {
    fn list(&self, note: &str) -> Operation {
        let envelope = json!({"count": 1, "next": null, "previous": null, "results": [(self.example)()]});
        Operation::new(&format!("list{}s", self.noun), self.tag, "Events that match, by page number")
            .describe(format!("Role `reader` or `admin`. {note}").trim_end())
            .shared_parameters(filters().iter().map(|filter| shared(&filter.name)))
            .parameters([sort("timestamp, content_type, object_id, user, uuid", "-timestamp")])
            .shared_parameters(LIST_PARAMETERS.map(drf::shared))
            .json(200, "A page.", named(&format!("{}Page", self.shape)), envelope)
            .drf_errors(&[400, 401, 403, 404, 406, 413, 500, 503])
    }

    fn create(&self) -> Operation {
        let sent = json!({"content_type": 41, "object_id": "860", "user": 7, "url": "https://example.com/orders", "content": {"old_data": null, "new_data": {"quantity": 1.0}}});
        Operation::new(&format!("create{}", self.noun), self.tag, "Appends one event")
            .describe("Role `writer` or `admin`. Members of the native shape are taken too.")
            .shared_parameters([drf::shared("format")])
            .body(JSON, json_content(named(&format!("New{}", self.shape)), sent))
            .json(200, "A retry of an event that is there.", named(self.shape), (self.example)())
            .json(201, "The event, as this API shows it.", named(self.shape), (self.example)())
            .drf_errors(&[400, 401, 403, 404, 406, 408, 409, 413, 415, 500, 503])
    }

    fn collection(&self, path: Path, list: Operation) -> Path {
        let options = format!("{}sOptions", lower_first(self.noun));
        path.get(list).post(self.create()).drf_options(&options, self.tag, "Audit Event List")
    }

    fn one(&self, path: Path) -> Path {
        let get = Operation::new(&format!("get{}", self.noun), self.tag, "One event")
            .describe("Role `reader` or `admin`.")
            .shared_parameters([drf::shared("format")])
            .json(200, "The event.", named(self.shape), (self.example)())
            .drf_errors(&[401, 403, 404, 406, 500, 503]);
        let options = format!("{}Options", lower_first(self.noun));
        path.get(get).drf_options(&options, self.tag, "Audit Event List")
    }
}

fn shared(name: &str) -> String {
    format!("audit_events.{name}")
}

/// For `components`, by name.
pub(super) fn parameters() -> Vec<(String, Parameter)> {
    filters().into_iter().map(|filter| (shared(&filter.name), filter)).collect()
}

fn filters() -> Vec<Parameter> {
    let instants = ["timestamp", "timestamp__gt", "timestamp__gte", "timestamp__lt", "timestamp__lte"];
    let instants = instants.map(|name| bound::published(name, Bound::from_parameter(name)));
    let others = [
        query("content_type", "The numeric object type.", decimal()),
        query("object_id", "The id of the object, where it is an integer.", decimal()),
        query("user", "The id of the user, where it is an integer.", decimal()),
        query("url", "Exactly this text, upper and lower case told apart.", string()),
        query("uuid", "A uuid, with or without hyphens.", blank_or(string().pattern(Some(UUID_GIVEN)))),
    ];
    others.into_iter().chain(instants).collect()
}

pub(super) fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let user = USER_KEYS
        .iter()
        .fold(closed().description(Some("The user of that moment; null where the snapshot has no such member.")), |user, key| {
            user.always(key, if *key == "pk" { nullable_integer() } else { any() })
        });
    let user_or_null = any_of([named("WarehouseUser").into(), typed([Type::Null]).into()]);
    vec![
        ("OmsAuditEvent".to_owned(), oms_event().into()),
        ("OmsAuditEventPage".to_owned(), page("OmsAuditEvent").into()),
        ("NewOmsAuditEvent".to_owned(), new_event(named("LooseInteger").into())),
        ("WarehouseAuditEvent".to_owned(), warehouse_event(user_or_null.into()).into()),
        ("WarehouseAuditEventPage".to_owned(), page("WarehouseAuditEvent").into()),
        ("NewWarehouseAuditEvent".to_owned(), new_event(any_of([named("LooseInteger").into(), open().into()]).into())),
        ("WarehouseUser".to_owned(), user.into()),
    ]
}

/// In the order of the published page.
fn oms_event() -> ObjectBuilder {
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

/// In the order of the published page.
fn warehouse_event(user: RefOr<Schema>) -> ObjectBuilder {
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

/// What may be sent, read with the tolerance of DRF's fields.
fn new_event(user: RefOr<Schema>) -> RefOr<Schema> {
    let text = || named("LooseText");
    let known = open()
        .maybe("uuid", nullable_string().pattern(Some(UUID_GIVEN)))
        .maybe("channel_id", nullable_integer().minimum(Some(0)))
        .maybe("timestamp", nullable_string().format(format("date-time")))
        .maybe("remote_addr", text())
        .maybe("url", text())
        .maybe("query_params", any())
        .maybe("post_data", any())
        .maybe("headers", any())
        .maybe("object_id", named("LooseInteger"))
        .maybe("content", any())
        .maybe("user", user)
        .maybe("content_type", named("LooseInteger"))
        .maybe(
            "action",
            typed([Type::String, Type::Number, Type::Null]).max_length(Some(audit_store::domain::limits::ACTION_CHARS_MAX)),
        )
        .maybe("table_name", text())
        .maybe("description", text())
        .maybe("extra", extra());
    submitted(known, &SERVER_OWNED).into()
}

fn oms_example() -> Value {
    json!({
        "uuid": "410237f7-2a6f-48de-9c41-b988326d7607", "timestamp": "2023-10-16T09:00:00.929094Z", "remote_addr": null,
        "url": "https://example.com", "query_params": null, "post_data": null, "headers": null, "object_id": 859,
        "content": {"new_data": {"quantity": 2.0}, "old_data": {"quantity": 1.0}}, "user": 7, "content_type": 41
    })
}

fn warehouse_example() -> Value {
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
