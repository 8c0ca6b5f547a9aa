//! The common parts of the documents of the two APIs of audit events.

use serde_json::{Value, json};
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{RefOr, Schema};

use super::filter::{FILTERS, SORTS};
use crate::api::events::openapi::{SERVER_OWNED, with_added};
use crate::api::native::openapi::{extra, submitted};
use crate::drf::openapi::{self as drf, LIST_PARAMETERS, sort};
use crate::openapi::operation::{JSON, Operation, idempotency_key, json as json_content};
use crate::openapi::path::Path;
use crate::openapi::schema::{
    Members, UUID_GIVEN, any, format, lower_first, named, nullable_integer, nullable_string, open, typed,
};

/// The differences between the documents of the two APIs.
pub(crate) struct AuditEventsDocs {
    pub(crate) tag: &'static str,
    /// The name of the schema of one result. The names of lists and bodies derive from it.
    pub(crate) schema: &'static str,
    /// The noun in the names of the operations.
    pub(crate) noun: &'static str,
    pub(crate) example: fn() -> Value,
}

impl AuditEventsDocs {
    pub(crate) fn list(&self, note: &str) -> Operation {
        let envelope = json!({"count": 1, "next": null, "previous": null, "results": [(self.example)()]});
        Operation::new(&format!("list{}s", self.noun), self.tag, "Events that match, by page number")
            .describe(format!("Role `reader` or `admin`. {note}").trim_end())
            .shared_parameters(FILTERS.iter().map(|filter| shared(filter.name)))
            .parameters([sort(&SORTS, "-timestamp")])
            .shared_parameters(LIST_PARAMETERS.map(drf::shared))
            .json(200, "A page.", named(&format!("{}Page", self.schema)), envelope)
            .drf_errors(&[400, 401, 403, 404, 406, 413, 500, 503])
    }

    fn create(&self) -> Operation {
        let sent = json!({"content_type": 41, "object_id": "860", "user": 7, "url": "https://example.com/orders", "content": {"old_data": null, "new_data": {"quantity": 1.0}}});
        Operation::new(&format!("create{}", self.noun), self.tag, "Appends one event")
            .describe("Role `writer` or `admin`. Members of the native shape are taken too.")
            .shared_parameters([drf::shared("format")])
            .parameters([idempotency_key()])
            .body(JSON, json_content(named(&format!("New{}", self.schema)), sent))
            .json(200, "A retry of an event that is there.", named(self.schema), (self.example)())
            .json(201, "The event, as this API shows it.", named(self.schema), (self.example)())
            .drf_errors(&[400, 401, 403, 404, 406, 408, 409, 413, 415, 500, 503])
    }

    pub(crate) fn collection(&self, path: Path, list: Operation) -> Path {
        let options = format!("{}sOptions", lower_first(self.noun));
        path.get(list).post(self.create()).drf_options(&options, self.tag, "Audit Event List")
    }

    pub(crate) fn one(&self, path: Path) -> Path {
        let get = Operation::new(&format!("get{}", self.noun), self.tag, "One event")
            .describe("Role `reader` or `admin`.")
            .shared_parameters([drf::shared("format")])
            .json(200, "The event.", named(self.schema), (self.example)())
            .drf_errors(&[401, 403, 404, 406, 500, 503]);
        let options = format!("{}Options", lower_first(self.noun));
        path.get(get).drf_options(&options, self.tag, "Audit Event List")
    }
}

/// Returns the name of a filter in `components`.
fn shared(name: &str) -> String {
    format!("audit_events.{name}")
}

/// Returns the parameters for `components`, by name.
pub(crate) fn parameters() -> Vec<(String, Parameter)> {
    FILTERS.iter().map(|filter| (shared(filter.name), drf::filter(filter))).collect()
}

/// Describes an event that a client may send. The server reads it with the tolerance of DRF's
/// fields.
pub(crate) fn new_event(user: RefOr<Schema>) -> RefOr<Schema> {
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
            typed([Type::String, Type::Number, Type::Null]).max_length(Some(audit_store::domain::limits::NAME_CHARS_MAX)),
        )
        .maybe("table_name", text())
        .maybe("description", text())
        .maybe("extra", extra());
    submitted(with_added(known), &SERVER_OWNED).into()
}
