//! The document of the published API of OMS action logs.

use audit_store::domain::limits;
use serde_json::{Value, json};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{AllOfBuilder, Content, RefOr, Schema};

use super::filter::{FILTERS, SORTS};
use super::{LIST, ONE};
use crate::api::action_logs::openapi::{SERVER_OWNED, level_name};
use crate::api::native::openapi::{CORRELATION_ID, added, extra, submitted};
use crate::drf::openapi::{self as drf, LIST_PARAMETERS, blank_or, page, sort};
use crate::openapi::ApiDocs;
use crate::openapi::operation::{JSON, Operation, idempotency_key, json as json_content, segment};
use crate::openapi::path::Path;
use crate::openapi::schema::{
    Members, UUID_GIVEN, all_of, any_of, closed, format, instant, integer, integer_from, map_of, named, nullable_integer,
    nullable_string, open, string, typed,
};

const TAG: &str = "OMS action logs";

pub(crate) fn docs() -> ApiDocs {
    ApiDocs {
        tag: Some((TAG, "The published list of action logs, in the style of Django REST framework.")),
        paths: paths(),
        schemas: schemas(),
        parameters: Vec::new(),
    }
}

fn paths() -> Vec<Path> {
    let id = segment("id", "The id of the action log: from 1, counted per channel.", string(), json!("1"));
    vec![
        Path::new(LIST).get(list()).post(create()).drf_options("omsActionLogsOptions", TAG, "Action Log List"),
        Path::new(ONE).segment(id).get(get()).drf_options("omsActionLogOptions", TAG, "Action Log List"),
    ]
}

fn list() -> Operation {
    let envelope = json!({"count": 1, "next": null, "previous": null, "results": [example()]});
    Operation::new("listOmsActionLogs", TAG, "The action logs that match, by page number")
        .describe("Role `reader` or `admin`. Channels are never merged, since ids count per channel.")
        .parameters(FILTERS.iter().map(drf::filter))
        .parameters([sort(&SORTS, "-created_at")])
        .shared_parameters(LIST_PARAMETERS.map(drf::shared))
        .json(200, "A page.", named("OmsActionLogPage"), envelope)
        .drf_errors(&[400, 401, 403, 404, 406, 413, 500, 503])
}

fn create() -> Operation {
    let sent = json!({"level": 40, "logger_name": "shop.orders", "app_name": "shop", "message": "no stock", "trace": null});
    Operation::new("createOmsActionLog", TAG, "Appends one action log")
        .describe("Role `writer` or `admin`. A level and a message are required.")
        .shared_parameters([drf::shared("format")])
        .parameters([idempotency_key()])
        .body(JSON, json_content(named("NewOmsActionLog"), sent))
        .body("application/x-www-form-urlencoded", Content::new(Some(form())))
        .json(200, "A retry of an action log that is there.", named("OmsActionLog"), example())
        .json(201, "The action log, as this API shows it.", named("OmsActionLog"), example())
        .drf_errors(&[400, 401, 403, 404, 406, 408, 409, 413, 415, 500, 503])
}

/// Describes a form with the fields of the object, or a form that Python's
/// `logging.handlers.HTTPHandler` posts.
fn form() -> AllOfBuilder {
    let fields = map_of(string())
        .description(Some(
            "The fields of the object, or the attributes of a `logging.LogRecord`: `levelno` for `level`, `name` for \
             `logger_name`, `msg` and `args` for `message`, `exc_text` for `trace`, `created` for `created_at`. Other fields are \
             kept. Where `levelno`, `name` and `msg` are all there it is a record: its attributes count, whatever else there is, a \
             level beyond 0 to 50 is the nearest one, and what is too large is cut.",
        ))
        .maybe("level", any_of([digits().into(), level_name().into()]))
        .maybe("levelno", digits())
        .maybe("created", string().pattern(Some(r"^[0-9]{1,10}(\.[0-9]+)?$")))
        .maybe("created_at", string().format(format("date-time")))
        .maybe("uuid", blank_or(string().pattern(Some(UUID_GIVEN))))
        .maybe("channel_id", string().pattern(Some("^[0-9]{0,18}$")));
    let either = |name: &str, attribute: &str| any_of([open().required(name).into(), open().required(attribute).into()]);
    all_of([fields.into(), either("level", "levelno").into(), either("message", "msg").into()])
}

/// Describes a level as a text.
fn digits() -> ObjectBuilder {
    string().pattern(Some(r"^ *\+?0*([0-9]|[1-9][0-9]|100)(\.0*)? *$"))
}

fn get() -> Operation {
    Operation::new("getOmsActionLog", TAG, "One action log")
        .describe("Role `reader` or `admin`.")
        .shared_parameters([drf::shared("format")])
        .json(200, "The action log.", named("OmsActionLog"), example())
        .drf_errors(&[401, 403, 404, 406, 500, 503])
}

fn schemas() -> Vec<(String, RefOr<Schema>)> {
    vec![
        ("OmsActionLog".to_owned(), log().into()),
        ("OmsActionLogPage".to_owned(), page("OmsActionLog").into()),
        ("NewOmsActionLog".to_owned(), submitted(new_log(), &SERVER_OWNED).into()),
    ]
}

/// Describes an action log, with the keys in the order of the published page.
fn log() -> ObjectBuilder {
    closed()
        .always("id", integer_from(1))
        .always("level", nullable_integer())
        .always("logger_name", nullable_string())
        .always("message", nullable_string())
        .always("app_name", nullable_string())
        .always("trace", nullable_string())
        .always("created_at", instant())
}

/// Describes an action log that a client may send. The server reads it with the tolerance of DRF's
/// fields.
fn new_log() -> ObjectBuilder {
    let number = integer().minimum(Some(0)).maximum(Some(limits::LEVEL_SENT_MAX as isize));
    let text = "0 to 100, or a name such as `info`. One above 50 is stored as 50.";
    open()
        .maybe("uuid", nullable_string().pattern(Some(UUID_GIVEN)))
        .maybe("channel_id", nullable_integer().minimum(Some(0)))
        .maybe("created_at", nullable_string().format(format("date-time")))
        .always("level", any_of([number.into(), digits().into(), level_name().into()]).description(Some(text)))
        .maybe("logger_name", named("LooseText"))
        .always("message", typed([Type::String, Type::Number]))
        .maybe("app_name", named("LooseText"))
        .maybe("trace", named("LooseText"))
        .maybe("correlation_id", added(CORRELATION_ID))
        .maybe("extra", extra())
}

fn example() -> Value {
    json!({
        "id": 1, "level": 40, "logger_name": "shop.orders", "message": "no stock", "app_name": "shop", "trace": null,
        "created_at": "2023-12-01T08:25:56.088353Z"
    })
}
