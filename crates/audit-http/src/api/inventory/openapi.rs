//! The document of the published API of the inventory's audit log.

use audit_store::domain::{Fault, FieldError, InputError};
use serde_json::{Value, json};
use utoipa::openapi::path::{HttpMethod, Parameter};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Response, ResponseBuilder, Schema};

use super::{LOG_NOT_FOUND, LOGS, ONE, SUMMARY};
use crate::api::events::openapi::with_added;
use crate::api::native::openapi::{extra, submitted};
use crate::drf::openapi::blank_or;
use crate::failure::{Failure, InvalidRecord, RecordPlace};
use crate::openapi::ApiDocs;
use crate::openapi::errors::{example_failure, with_headers};
use crate::openapi::operation::{JSON, Operation, idempotency_key, json as json_content, query, segment};
use crate::openapi::path::Path;
use crate::openapi::schema::{
    Members, UUID_GIVEN, any, any_of, closed, format, instant, integer_from, list, map_of, named, nullable_instant_given,
    nullable_integer, nullable_string, one_of, open, string, typed, uuid,
};

const TAG: &str = "inventory audit log";

const ACTIONS: [&str; 4] = ["CREATE", "UPDATE", "DELETE", "READ"];

pub(crate) fn docs() -> ApiDocs {
    ApiDocs {
        tag: Some((TAG, "The published audit log of the inventory: the same events under other names.")),
        paths: paths(),
        schemas: schemas(),
        parameters: parameters(),
    }
}

fn paths() -> Vec<Path> {
    let errors = [401, 403, 500, 503];
    let filters = || parameters().into_iter().map(|(name, _)| name);
    let logs = json!({"status": "success", "count": 1, "logs": [example()]});
    let list = Operation::new("listInventoryLogs", TAG, "The logs that match")
        .describe("Role `admin`. Newest first; all filters that are given apply together, and an empty one is off.")
        .shared_parameters(filters())
        .parameters([
            query("skip", "Logs that are passed over; past the end the list is empty.", count(0, 0)),
            query("limit", "Logs that are shown at most; a number over 1000 means 1000. More than 16 MiB of them is 413, and the message says which number fits.", count(1, 100)),
        ])
        .json(200, "The logs.", named("InventoryLogs"), logs)
        .inventory_errors(&errors)
        .inventory_errors(&[400, 413]);
    let create = Operation::new("createInventoryLog", TAG, "Appends one log")
        .describe("Role `writer` or `admin`. With a `uuid` it can be sent again.")
        .parameters([idempotency_key()])
        .body(JSON, json_content(named("NewInventoryLog"), sent()))
        .json(200, "It is there already.", named("InventoryCreated"), created())
        .json(201, "It is in the log.", named("InventoryCreated"), created())
        .inventory_errors(&errors)
        .inventory_errors(&[400, 404, 408, 409, 413, 415]);
    let mut detail = example();
    detail["ip_address"] = json!("192.0.2.1");
    let get = Operation::new("getInventoryLog", TAG, "One log, with its address")
        .describe("Role `admin`.")
        .json(200, "The log.", named("InventoryOne"), json!({"status": "success", "log": detail}))
        .inventory_errors(&errors)
        .inventory_errors(&[404]);
    let sums = json!({"status": "success", "total_logs": 1, "by_table": {"products": 1}, "by_user": {"zoe": 1}, "by_action": {"UPDATE": 1}});
    let summary = Operation::new("summarizeInventoryLogs", TAG, "How many logs match, by table, user and action")
        .describe(
            "Role `admin`. Users are called by name, otherwise by id. What has no table, user or action counts in the total only. \
             Of each, the 1,000 with the most logs are listed.",
        )
        .shared_parameters(filters())
        .json(200, "The counts.", named("InventorySummary"), sums)
        .inventory_errors(&errors)
        .inventory_errors(&[400]);
    let id = segment("id", "The uuid of the log.", string(), json!("0b2c8f52-8f0e-4c53-9d3c-2b5a1f0f6f11"));
    vec![
        Path::new(LOGS).get(list).post(create).inventory_options("inventoryLogsOptions", TAG),
        Path::new(ONE).segment(id).get(get).inventory_options("inventoryLogOptions", TAG),
        Path::new(SUMMARY).get(summary).inventory_options("inventorySummaryOptions", TAG),
    ]
}

/// Describes a number with any number of digits, or an empty text.
fn count(minimum: isize, default: isize) -> RefOr<Schema> {
    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(minimum));
    blank_or(number.default(Some(json!(default))))
}

/// Returns the parameters for `components`, by name.
fn parameters() -> Vec<(String, Parameter)> {
    let day = || any_of([string().format(format("date")).into(), string().format(format("date-time")).into(), blank().into()]);
    let parameters = [
        query("user_id", "The user's id or name, exactly.", string()),
        query("table_name", "Exactly this table.", string()),
        query("action", "Exactly this action.", string()),
        query("record_id", "Exactly this record.", string()),
        query("start_date", "From this day on, in UTC; or a date-time.", day()),
        query("end_date", "Up to this day and with the whole day, in UTC; or up to a date-time.", day()),
    ];
    parameters.into_iter().map(|parameter| (format!("inventory.{}", parameter.name), parameter)).collect()
}

fn blank() -> ObjectBuilder {
    string().max_length(Some(0))
}

fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let success = || closed().always("status", one_of(["success"]));
    let counts = || map_of(integer_from(1)).max_properties(Some(1000));
    let logs = success()
        .always("count", integer_from(0).description(Some("How many are in this answer.")))
        .always("logs", list(named("InventoryLog")).max_items(Some(1000)));
    let summary = success()
        .always("total_logs", integer_from(0))
        .always("by_table", counts())
        .always("by_user", counts())
        .always("by_action", counts());
    let error = closed()
        .description(Some("An error of the inventory API."))
        .always("status", one_of(["error"]))
        .maybe("code", integer_from(400).maximum(Some(599)).description(Some("The status, where `error` is its name.")))
        .always("error", string())
        .maybe("message", string())
        .maybe("fields", list(string()).min_items(Some(1)).description(Some("The members or parameters it is about.")));
    let schemas: [(&str, RefOr<Schema>); 8] = [
        ("InventoryLog", log().into()),
        ("InventoryLogDetail", log().always("ip_address", nullable_string()).into()),
        ("InventoryLogs", logs.into()),
        ("InventoryOne", success().always("log", named("InventoryLogDetail")).into()),
        ("InventoryCreated", success().always("id", uuid()).into()),
        ("InventorySummary", summary.into()),
        ("InventoryError", error.into()),
        ("NewInventoryLog", submitted(with_added(new_log()), &[]).into()),
    ];
    schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn log() -> ObjectBuilder {
    closed()
        .always("id", uuid())
        .always("user_id", nullable_string())
        .always("user_name", nullable_string())
        .always("action", nullable_string())
        .always("table_name", nullable_string())
        .always("record_id", typed([Type::String, Type::Null]))
        .always("old_values", any())
        .always("new_values", any())
        .always("description", nullable_string())
        .always("timestamp", instant())
}

fn new_log() -> ObjectBuilder {
    let id = || typed([Type::String, Type::Integer]);
    open()
        .description(Some("Other members are kept, unless `extra` is given."))
        .always("user_id", id())
        .maybe("user_name", nullable_string())
        .always("action", one_of(ACTIONS))
        .always("table_name", string())
        .always("record_id", id())
        .maybe("old_values", any())
        .maybe("new_values", any())
        .maybe("description", nullable_string())
        .maybe("ip_address", nullable_string())
        .maybe("timestamp", nullable_instant_given())
        .maybe("uuid", nullable_string().pattern(Some(UUID_GIVEN)))
        .maybe("channel_id", nullable_integer().minimum(Some(0)))
        .maybe("content_type", nullable_integer())
        .maybe("url", nullable_string())
        .maybe("query_params", any())
        .maybe("post_data", any())
        .maybe("headers", any())
        .maybe("extra", extra())
}

fn sent() -> Value {
    json!({
        "uuid": "0b2c8f52-8f0e-4c53-9d3c-2b5a1f0f6f11",
        "user_id": "7", "user_name": "zoe", "action": "UPDATE", "table_name": "products", "record_id": "861",
        "old_values": {"quantity": 1.0}, "new_values": {"quantity": 2.0},
        "description": "Stock count", "ip_address": "192.0.2.1", "timestamp": "2023-10-16T09:00:00Z"
    })
}

fn created() -> Value {
    json!({"status": "success", "id": "0b2c8f52-8f0e-4c53-9d3c-2b5a1f0f6f11"})
}

fn example() -> Value {
    json!({
        "id": "0b2c8f52-8f0e-4c53-9d3c-2b5a1f0f6f11", "user_id": "7", "user_name": "zoe", "action": "UPDATE",
        "table_name": "products", "record_id": "861", "old_values": {"quantity": 1.0}, "new_values": {"quantity": 2.0},
        "description": "Stock count", "timestamp": "2023-10-16T09:00:00Z"
    })
}

impl Operation {
    fn inventory_errors(self, statuses: &[u16]) -> Operation {
        self.errors(statuses.iter().map(|status| (*status, error_of(*status))))
    }
}

impl Path {
    /// Describes OPTIONS as the inventory API answers it.
    fn inventory_options(self, id: &str, tag: &'static str) -> Path {
        let options = self.options(id, tag).inventory_errors(&[401, 500, 503]);
        self.method(HttpMethod::Options, options)
    }
}

/// Describes the error of the inventory API with this status.
fn error_of(status: u16) -> (String, Response) {
    let failure = match status {
        400 => Failure::Records(vec![InvalidRecord {
            place: RecordPlace::default(),
            error: InputError::Fields(vec![FieldError::new("user_id", Fault::Required)]),
        }]),
        404 => Failure::not_found(LOG_NOT_FOUND),
        status => example_failure(status),
    };
    let description = match status {
        400 => "Members, parameters or the JSON cannot be used.",
        404 => "No such log, or no such channel for this key.",
        _ => failure.status().canonical_reason().unwrap_or("Error"),
    };
    let example = serde_json::from_str(&super::failure::body(&failure)).unwrap_or_default();
    let response = ResponseBuilder::new().description(description).content(JSON, json_content(named("InventoryError"), example));
    (format!("Inventory{status}"), with_headers(status, response))
}
