//! What the published lists in the style of Django REST framework have in common.

use serde_json::json;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::{Filter, FilterKind, SortName};
use crate::openapi::ApiDocs;
use crate::openapi::operation::query;
use crate::openapi::schema::{
    Members, UUID_GIVEN, any_of, closed, format, integer, integer_from, list, named, nullable_string, one_of, string, typed,
};

/// What the published lists share.
pub(crate) fn docs() -> ApiDocs {
    ApiDocs { schemas: schemas(), parameters: parameters(), ..ApiDocs::default() }
}

fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let digits = string().pattern(Some(r"^ *[+-]?[0-9]{1,18}(\.0*)? *$"));
    let integer = any_of([integer().into(), digits.into(), typed([Type::Null]).into()]);
    vec![
        ("LooseInteger".to_owned(), integer.description(Some("An integer of 64 bits, one written as a string, or null.")).into()),
        ("LooseText".to_owned(), {
            typed([Type::String, Type::Number, Type::Null])
                .description(Some("A text; a number becomes the text of its digits."))
                .into()
        }),
    ]
}

/// `count`, `next`, `previous` and `results`.
pub(crate) fn page(item: &str) -> ObjectBuilder {
    let link = || nullable_string().format(format("uri"));
    closed()
        .always("count", integer_from(0).description(Some("How many match in all, exactly.")))
        .always("next", link())
        .always("previous", link())
        .always("results", list(named(item)))
}

/// The parameter of a filter.
pub(crate) fn filter<F>(filter: &Filter<F>) -> Parameter {
    let Filter { name, meaning, kind } = filter;
    match kind {
        FilterKind::Text(_) => query(name, meaning, string()),
        FilterKind::Number(_) | FilterKind::NumberBound(..) => query(name, meaning, decimal()),
        FilterKind::Uuid(_) => query(name, meaning, blank_or(string().pattern(Some(UUID_GIVEN)))),
        FilterKind::Instant(bound, _) => query(name, &bound.describe(meaning), blank_or(string().format(format("date-time")))),
    }
}

/// An empty value switches a filter off.
pub(crate) fn blank_or(schema: ObjectBuilder) -> RefOr<Schema> {
    any_of([schema.into(), string().max_length(Some(0)).into()]).into()
}

/// A number as Python's `Decimal` reads it. What is no integer of 64 bits matches nothing.
fn decimal() -> ObjectBuilder {
    let text = "An integer. Blanks around it, a sign, leading zeros, underscores, a fraction and an exponent are read too; a \
                number that is no integer of 64 bits matches nothing.";
    string()
        .description(Some(text))
        .pattern(Some(r"^ *([+-]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][+-]?[0-9][0-9_]*)?)? *$"))
        .examples([json!("41")])
}

/// The name of a parameter of the published APIs in `components`.
pub(crate) fn shared(name: &str) -> String {
    format!("drf.{name}")
}

/// What every list takes beside filters: `sort` comes with the names that it knows.
pub(crate) const LIST_PARAMETERS: [&str; 3] = ["limit", "page", "format"];

/// For `components`, by name.
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

/// `sort`, with the names that a list knows.
pub(crate) fn sort<F>(names: &[SortName<F>], default: &str) -> Parameter {
    let names = names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let text = format!("Comma-separated names, `-` for descending: {names}. Unknown names are dropped.");
    query("sort", &text, string().default(Some(json!(default))))
}
