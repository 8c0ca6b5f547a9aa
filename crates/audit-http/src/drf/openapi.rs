//! The common parts of the documents of the published lists in the style of Django REST framework.

use serde_json::json;
use utoipa::openapi::path::{HttpMethod, Parameter};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Response, ResponseBuilder, Schema};

use super::{Filter, FilterKind, SortName};
use crate::auth::AuthError;
use crate::failure::Failure;
use crate::openapi::ApiDocs;
use crate::openapi::errors::{example_failure, with_headers};
use crate::openapi::operation::{JSON, Operation, json as json_content, query};
use crate::openapi::path::Path;
use crate::openapi::schema::{
    Members, UUID_GIVEN, any_of, closed, format, integer, integer_from, list, map_of, named, nullable_string, one_of, string, typed,
};

/// Returns the schemas and the parameters that the published lists share.
pub(crate) fn docs() -> ApiDocs {
    ApiDocs { schemas: schemas(), parameters: parameters(), ..ApiDocs::default() }
}

fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let digits = string().pattern(Some(r"^ *[+-]?[0-9]{1,18}(\.0*)? *$"));
    let integer = any_of([integer().into(), digits.into(), typed([Type::Null]).into()]);
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
    vec![
        ("DrfDetail".to_owned(), detail.into()),
        ("DrfFields".to_owned(), fields.into()),
        ("DrfMetadata".to_owned(), metadata.into()),
        ("LooseInteger".to_owned(), integer.description(Some("An integer of 64 bits, one written as a string, or null.")).into()),
        ("LooseText".to_owned(), {
            typed([Type::String, Type::Number, Type::Null])
                .description(Some("A text; a number becomes the text of its digits."))
                .into()
        }),
    ]
}

/// Describes a page: `count`, `next`, `previous` and `results`.
pub(crate) fn page(item: &str) -> ObjectBuilder {
    let link = || nullable_string().format(format("uri"));
    closed()
        .always("count", integer_from(0).description(Some("How many match in all, exactly.")))
        .always("next", link())
        .always("previous", link())
        .always("results", list(named(item)))
}

/// Describes the parameter of a filter.
pub(crate) fn filter<F>(filter: &Filter<F>) -> Parameter {
    let Filter { name, meaning, kind } = filter;
    match kind {
        FilterKind::Text(_) => query(name, meaning, string()),
        FilterKind::Number(_) | FilterKind::NumberBound(..) => query(name, meaning, decimal()),
        FilterKind::Uuid(_) => query(name, meaning, blank_or(string().pattern(Some(UUID_GIVEN)))),
        FilterKind::Instant(bound, _) => query(name, &bound.describe(meaning), blank_or(string().format(format("date-time")))),
    }
}

/// Adds the empty text to a schema. An empty value switches a filter off.
pub(crate) fn blank_or(schema: ObjectBuilder) -> RefOr<Schema> {
    any_of([schema.into(), string().max_length(Some(0)).into()]).into()
}

/// Describes a number as Python's `Decimal` reads it. A number that is not an integer of 64 bits
/// matches nothing.
fn decimal() -> ObjectBuilder {
    let text = "An integer. Blanks around it, a sign, leading zeros, underscores, a fraction and an exponent are read too; a \
                number that is not an integer of 64 bits matches nothing.";
    string()
        .description(Some(text))
        .pattern(Some(r"^ *([+-]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][+-]?[0-9][0-9_]*)?)? *$"))
        .examples([json!("41")])
}

/// Returns the name of a parameter of the published APIs in `components`.
pub(crate) fn shared(name: &str) -> String {
    format!("drf.{name}")
}

/// The parameters of every list in addition to the filters. `sort` is described with the names of
/// its list.
pub(crate) const LIST_PARAMETERS: [&str; 3] = ["limit", "page", "format"];

/// Returns the parameters for `components`, by name.
fn parameters() -> Vec<(String, Parameter)> {
    let anything = || string().description(Some("Anything else means the default."));
    let limit = any_of([integer().minimum(Some(1)).into(), anything().into()]);
    let page = any_of([integer().minimum(Some(1)).into(), one_of(["last", ""]).into()]);
    let parameters = [
        query("limit", "Results of a page: 10 without it, at most 1000; both can be set for the server.", limit),
        query("page", "From 1, or `last`.", page),
        query("format", "There is only JSON.", one_of(["json", ""])),
    ];
    parameters.into_iter().map(|parameter| (shared(&parameter.name), parameter)).collect()
}

/// Describes `sort`, with the names that the list knows.
pub(crate) fn sort<F>(names: &[SortName<F>], default: &str) -> Parameter {
    let names = names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let text = format!("Comma-separated names, `-` for descending: {names}. Unknown names are dropped.");
    query("sort", &text, string().default(Some(json!(default))))
}

impl Operation {
    /// Adds errors of the published APIs.
    pub(crate) fn drf_errors(self, statuses: &[u16]) -> Operation {
        self.errors(statuses.iter().map(|status| (*status, error(*status))))
    }
}

impl Path {
    /// Describes OPTIONS as DRF answers it, with the name of the list or the item.
    pub(crate) fn drf_options(self, id: &str, tag: &'static str, name: &str) -> Path {
        let example = json!({"name": name, "description": "", "renders": ["application/json"], "parses": ["application/json"]});
        let options = Operation::new(id, tag, "What may be done here")
            .shared_parameters([shared("format")])
            .json(200, "The methods are in `Allow`.", named("DrfMetadata"), example)
            .drf_errors(&[401, 404, 406, 500, 503]);
        self.method(HttpMethod::Options, options)
    }
}

/// Describes the error of a published API with this status.
fn error(status: u16) -> (String, Response) {
    let (description, schema): (_, RefOr<Schema>) = match status {
        400 => ("Parameters, fields, the JSON or the `Host` header cannot be used.", {
            any_of([named("DrfFields").into(), named("DrfDetail").into()]).into()
        }),
        401 => ("No valid key.", named("DrfDetail").into()),
        403 => ("The key lacks the role.", named("DrfDetail").into()),
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
    let failure = match status {
        401 => Failure::Unauthorized(AuthError::NotProvided.to_string()),
        404 => super::not_found(),
        status => example_failure(status),
    };
    let example = serde_json::from_str(&super::body(&failure)).unwrap_or_default();
    let response = ResponseBuilder::new().description(description).content(JSON, json_content(schema, example));
    (format!("Drf{status}"), with_headers(status, response))
}
