//! Errors: problem+json of the native API, and DRF's of the published ones.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use serde_json::json;
use utoipa::openapi::{Content, RefOr, Response, ResponseBuilder, Schema};

use super::ApiDocs;
use super::operation::{JSON, header, json as json_content};
use super::schema::{Members, all_of, any_of, closed, integer, list, map_of, named, one_of, open, string};
use crate::auth::AuthError;
use crate::drf;
use crate::failure::{Code, ERRORS_MAX, Failure, InvalidParameter};
use crate::problem::Outcome;

const PROBLEM_JSON: &str = "application/problem+json";

/// The shapes of errors, for `components`.
pub(crate) fn docs() -> ApiDocs {
    let place = any_of([
        closed()
            .always("pointer", string().description(Some("JSON pointer into the body; empty for the body itself.")))
            .always("detail", string())
            .into(),
        closed().always("parameter", string().description(Some("Name of a query parameter."))).always("detail", string()).into(),
    ]);
    let problem = closed()
        .description(Some("An error of the native API (RFC 9457)."))
        .always("type", string().description(Some("`/docs/errors#` and the code: the section that explains it.")))
        .always("title", string().description(Some("The name of the status.")))
        .always("status", integer().minimum(Some(400)).maximum(Some(599)))
        .always("code", one_of(Code::ALL.map(Code::name)).description(Some("Stable, made for programs.")))
        .always("detail", string().description(Some("One sentence for people; may be reworded.")))
        .maybe(
            "outcome",
            one_of(Outcome::ALL.map(Outcome::name)).description(Some(
                "Of an append that is `unavailable`: whether nothing was stored, or nobody knows; then the same uuids settle it.",
            )),
        )
        .maybe("errors", list(place).max_items(Some(ERRORS_MAX)).min_items(Some(1)));
    let detail = closed().description(Some("An error in DRF's words.")).always("detail", string());
    let fields = map_of(list(string()).min_items(Some(1)))
        .description(Some("What is wrong, by field, all at once."))
        .min_properties(Some(1))
        .examples([json!({"content_type": ["Enter a number."]})]);
    let metadata = closed()
        .description(Some("What DRF tells about an endpoint."))
        .always("name", string())
        .always("description", string())
        .always("renders", list(string()))
        .always("parses", list(string()));
    let schemas =
        [("Problem", problem.into()), ("DrfDetail", detail.into()), ("DrfFields", fields.into()), ("DrfMetadata", metadata.into())];
    ApiDocs { schemas: schemas.map(|(name, schema)| (name.to_owned(), schema)).into(), ..ApiDocs::default() }
}

/// Responses of these codes, by status. One that may not come is left out on purpose: the document is what is checked.
/// They have names: that of a code, or of several one after the other.
pub(crate) fn problems(codes: &[Code]) -> BTreeMap<u16, (String, Response)> {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes {
        let same = by_status.entry(code.status().as_u16()).or_default();
        if !same.contains(code) {
            same.push(*code);
        }
    }
    let response = |(status, codes): (u16, Vec<Code>)| {
        let name = codes.iter().map(|code| format!("{code:?}")).collect();
        (status, (name, with_headers(status, problem(status, &codes))))
    };
    by_status.into_iter().map(response).collect()
}

fn problem(status: u16, codes: &[Code]) -> ResponseBuilder {
    let links = codes.iter().map(|code| format!("[{0}](docs/errors#{0})", code.name())).collect::<Vec<_>>().join(", ");
    let narrowed = open()
        .property("status", integer().enum_values(Some([status])))
        .property("code", one_of(codes.iter().map(|code| code.name())));
    let schema = all_of([named("Problem").into(), narrowed.into()]);
    ResponseBuilder::new().description(links).content(PROBLEM_JSON, Content::new(Some(schema)))
}

/// The error of a published API with this status.
pub(crate) fn drf(status: u16) -> (String, Response) {
    let (description, schema): (_, RefOr<Schema>) = match status {
        400 => ("Parameters, fields, the JSON or the `Host` header cannot be used.", {
            any_of([named("DrfFields").into(), named("DrfDetail").into()]).into()
        }),
        401 => ("No valid key.", named("DrfDetail").into()),
        403 => ("The key has not the role.", named("DrfDetail").into()),
        404 => ("Nothing is there, or not for this key; no such page; or another `format` than JSON.", named("DrfDetail").into()),
        406 => ("`Accept` excludes JSON.", named("DrfDetail").into()),
        408 => ("The body did not arrive in time.", named("DrfDetail").into()),
        409 => ("The uuid belongs to another event or action log.", named("DrfFields").into()),
        413 => (
            "The body has more than 1 MiB, or the page of a list more than 16 MiB: the detail says which `limit` fits.",
            named("DrfDetail").into(),
        ),
        415 => ("The media type is none of those of the body, or the body is compressed.", named("DrfDetail").into()),
        503 => {
            ("The server is busy or shuts down, a query takes too long, or the database cannot be used.", named("DrfDetail").into())
        }
        _ => ("A fault of the server; its log says which.", named("DrfDetail").into()),
    };
    // What is served, wherever the text is fixed.
    let failure = match status {
        400 => Failure::Parameters(vec![InvalidParameter::new("content_type", "Enter a number.".to_owned())]),
        401 => Failure::Unauthorized(AuthError::NotProvided.to_string()),
        403 => Failure::Forbidden,
        404 => drf::not_found(),
        406 => Failure::NotAcceptable,
        409 => Failure::UuidConflict(Vec::new()),
        415 => Failure::UnsupportedMediaType { got: "text/plain".to_owned(), accepted: JSON },
        500 => Failure::Internal,
        _ => Failure::TooLarge(description.to_owned()),
    };
    let example = serde_json::from_str(&drf::body(&failure)).unwrap_or_default();
    let response = ResponseBuilder::new().description(description).content(JSON, json_content(schema, example));
    (format!("Drf{status}"), with_headers(status, response))
}

/// The error of the inventory API with this status. Its page names texts of its own for 400 and 404.
pub(crate) fn inventory(status: u16) -> (String, Response) {
    let (description, example) = match status {
        400 => ("Members, parameters or the JSON cannot be used.", {
            json!({"status": "error", "error": "Missing required fields", "fields": ["user_id"]})
        }),
        404 => ("No such log, or no such channel for this key.", json!({"status": "error", "error": "Audit log not found"})),
        _ => {
            let name = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error");
            (name, json!({"status": "error", "code": status, "error": name, "message": "…"}))
        }
    };
    let response = ResponseBuilder::new().description(description).content(JSON, json_content(named("InventoryError"), example));
    (format!("Inventory{status}"), with_headers(status, response))
}

fn with_headers(status: u16, response: ResponseBuilder) -> Response {
    let response = match status {
        401 => response.header("WWW-Authenticate", header("`Token`")),
        503 => response.header("Retry-After", header("Seconds after which to come back.")),
        _ => response,
    };
    response.build()
}
