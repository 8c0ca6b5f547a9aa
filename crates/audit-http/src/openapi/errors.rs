//! Errors of the native API: problem+json.

use std::collections::BTreeMap;

use audit_store::domain::limits;
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::{Content, Response, ResponseBuilder};

use super::ApiDocs;
use super::operation::{JSON, header};
use super::schema::{Members, all_of, any_of, closed, integer, list, named, one_of, open, string};
use crate::auth::AuthError;
use crate::body::BodyError;
use crate::failure::{Code, ERRORS_MAX, Failure, InvalidParameter};
use crate::problem::Outcome;

const PROBLEM_JSON: &str = "application/problem+json";

/// Returns the schemas of errors, for `components`.
pub(crate) fn docs() -> ApiDocs {
    let place = any_of([
        place().into(),
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
    ApiDocs { schemas: vec![("Problem".to_owned(), problem.into())], ..ApiDocs::default() }
}

/// Describes a place in a body, and its error.
pub(crate) fn place() -> ObjectBuilder {
    closed()
        .always("pointer", string().description(Some("JSON pointer into the body; empty for the body itself.")))
        .always("detail", string())
        .maybe("line", integer().minimum(Some(1)).description(Some("The line of the record in NDJSON, from 1.")))
}

/// Makes the responses of these codes, by status. A code that an operation cannot answer must be
/// missing, because the tests check answers against the document. The name of a response is that of
/// its code, or of its codes one after the other.
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

/// Adds the headers that every API sends with this status.
pub(crate) fn with_headers(status: u16, response: ResponseBuilder) -> Response {
    let response = match status {
        401 => response.header("WWW-Authenticate", header("`Token`")),
        503 => response.header("Retry-After", header("Seconds after which the client may retry.")),
        _ => response,
    };
    response.build()
}

/// Makes a failure of this status. Each style renders it as the example of its document, so that
/// an example is what the server sends.
pub(crate) fn example_failure(status: u16) -> Failure {
    match status {
        400 => Failure::Parameters(vec![InvalidParameter::new("content_type", "Enter a number.".to_owned())]),
        401 => Failure::Unauthorized(AuthError::NotProvided.to_string()),
        403 => Failure::Forbidden,
        404 => Failure::not_found("Not found."),
        406 => Failure::NotAcceptable,
        408 => Failure::Body(BodyError::Timeout { seconds: 30 }),
        409 => Failure::UuidConflict(Vec::new()),
        413 => Failure::Body(BodyError::TooLarge { max: limits::EVENT_BYTES_MAX }),
        415 => Failure::UnsupportedMediaType { got: "text/plain".to_owned(), accepted: JSON },
        503 => Failure::Busy { retry_after_seconds: 1 },
        _ => Failure::Internal,
    }
}
