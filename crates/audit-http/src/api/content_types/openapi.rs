//! Documents the content types: the published lists, and the native path that changes them.

use serde_json::{Value, json};
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::{RefOr, Schema};

use super::{LIST, OMS_LIST, ONE, REMOTE_LIST};
use crate::api::native::openapi::{BODY, READ};
use crate::drf::openapi::{self as drf, LIST_PARAMETERS, page};
use crate::failure::Code;
use crate::openapi::ApiDocs;
use crate::openapi::operation::{JSON, Operation, json as json_content, query, segment};
use crate::openapi::path::Path;
use crate::openapi::schema::{Members, closed, integer, named, nullable_integer, string};

const TAG: &str = "content types";

pub(crate) fn docs() -> ApiDocs {
    ApiDocs {
        tag: Some((TAG, "Object types: numbers and names that fill each other in.")),
        paths: paths(),
        schemas: schemas(),
        parameters: Vec::new(),
    }
}

fn paths() -> Vec<Path> {
    let channel =
        segment("channel_id", "Not looked at: types belong to no channel.", string().pattern(Some("^[0-9]+$")), json!("1"));
    let id = segment("id", "The number of the type.", integer(), json!(12));
    let options = |path: Path, id: &str| path.drf_options(id, TAG, "Content Type List");
    vec![
        options(Path::new(OMS_LIST).get(list("listOmsContentTypes")), "omsContentTypesOptions"),
        options(Path::new(LIST).get(list("listContentTypes")), "contentTypesOptions"),
        options(Path::new(REMOTE_LIST).segment(channel).get(list("listRemoteContentTypes")), "remoteContentTypesOptions"),
        Path::new(ONE).segment(id).put(put()).native_options("contentTypeOptions", TAG),
    ]
}

fn list(id: &str) -> Operation {
    let envelope = json!({"count": 1, "next": null, "previous": null, "results": [example()]});
    Operation::new(id, TAG, "The object types, ordered by id")
        .describe("Role `reader` or `admin`, of any channels.")
        .parameters([query("app_label", "Exactly this application.", string()), query("model", "Exactly this model.", string())])
        .shared_parameters(LIST_PARAMETERS.map(drf::shared))
        .json(200, "A page.", named("ContentTypePage"), envelope)
        .drf_errors(&[400, 401, 403, 404, 406, 500, 503])
}

fn put() -> Operation {
    Operation::new("putContentType", TAG, "Registers or renames an object type")
        .describe("Role `admin` of all channels. What is in the log already keeps what it was given.")
        .body(JSON, json_content(named("NewContentType"), json!({"app_label": "orders", "model": "order"})))
        .json(200, "It was there, under this or another name.", named("ContentType"), example())
        .json(201, "It is new.", named("ContentType"), example())
        .problems(&READ)
        .problems(&BODY)
        .problems(&[Code::NotFound, Code::Conflict])
}

fn example() -> Value {
    json!({"id": 12, "app_label": "orders", "model": "order"})
}

fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let stored = closed().always("id", integer()).always("app_label", string()).always("model", string());
    let given = closed().maybe("id", nullable_integer()).always("app_label", name()).always("model", name());
    vec![
        ("ContentType".to_owned(), stored.into()),
        ("ContentTypePage".to_owned(), page("ContentType").into()),
        ("NewContentType".to_owned(), given.into()),
    ]
}

/// Describes a name without a dot, without control characters, and without a blank at either end.
fn name() -> ObjectBuilder {
    let inner = r"[^.\x00-\x1f\x7f-\x9f]";
    let outer = r"[^\s.\x00-\x1f\x7f-\x9f]";
    string().min_length(Some(1)).max_length(Some(100)).pattern(Some(format!("^{outer}({inner}*{outer})?$")))
}
