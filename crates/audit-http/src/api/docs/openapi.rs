//! Documents the OpenAPI document itself and the pages for people.

use serde_json::json;
use utoipa::openapi::{Content, ResponseBuilder};

use super::{ERRORS, FILE, OPENAPI, PAGE};
use crate::api::health::openapi::TAG;
use crate::failure::Code;
use crate::openapi::ApiDocs;
use crate::openapi::operation::{JSON, Operation, header, segment};
use crate::openapi::path::Path;
use crate::openapi::schema::{one_of, open, string};

pub(crate) fn docs() -> ApiDocs {
    ApiDocs { tag: None, paths: paths(), schemas: Vec::new(), parameters: Vec::new() }
}

fn paths() -> Vec<Path> {
    let html = |text: &str| {
        let policy = header("What the page may load: nothing from other hosts.");
        let content = Content::new(Some(string()));
        ResponseBuilder::new().description(text).header("Content-Security-Policy", policy).content("text/html", content)
    };
    let document = ["openapi", "info", "paths", "components"].into_iter().fold(open(), |object, name| object.required(name));
    let document = ResponseBuilder::new().description("OpenAPI 3.1.").content(JSON, Content::new(Some(document)));
    let file = ResponseBuilder::new()
        .description("The file.")
        .content("text/css", Content::new(Some(string())))
        .content("text/javascript", Content::new(Some(string())));
    let openapi = Operation::new("openapi", TAG, "This document").without_key().respond(200, document);
    let page = Operation::new("docs", TAG, "This document as a page (Swagger UI)").without_key().respond(200, html("The page."));
    let errors = Operation::new("errors", TAG, "What every `type` of a problem points to").without_key();
    let errors = errors.respond(200, html("The page: a section for every `code`."));
    let files = Operation::new("docsFile", TAG, "A file that the page needs").without_key().respond(200, file);
    let files = files.problems(&[Code::NotFound, Code::Internal]);
    let name = segment("file", "Its name.", one_of(["swagger-ui.css", "swagger-ui-bundle.js", "start.js"]), json!("start.js"));
    vec![
        Path::new(OPENAPI).get(openapi).open_options("openapiOptions", TAG),
        Path::new(PAGE).get(page).open_options("docsOptions", TAG),
        Path::new(ERRORS).get(errors).open_options("errorsOptions", TAG),
        Path::new(FILE).segment(name).get(files).open_options("docsFileOptions", TAG),
    ]
}
