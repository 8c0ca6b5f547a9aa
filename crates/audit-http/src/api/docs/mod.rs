//! The server's own documentation: `/openapi.json`, `/docs` (Swagger UI for it) and `/docs/errors`.
//! No page needs a key. No page needs another host, because all files are in the binary.

mod asset;
mod errors;
mod openapi;

pub(super) use openapi::docs;

use std::sync::Arc;

use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use asset::Cell;
use bytes::Bytes;

use crate::api::openapi_json;
use crate::failure::Failure;
use crate::problem;
use crate::routes::{Access, Routes};

pub(crate) const OPENAPI: &str = "/openapi.json";
pub(crate) const PAGE: &str = "/docs";
pub(crate) const ERRORS: &str = "/docs/errors";
pub(crate) const FILE: &str = "/docs/{file}";

pub(super) fn configure(routes: &mut Routes<'_>) {
    routes.mount(problem::resource(OPENAPI).get(Access::Open, openapi));
    routes.mount(problem::resource(PAGE).get(Access::Open, page));
    routes.redirect("/docs/", remove_slash);
    routes.mount(problem::resource(ERRORS).get(Access::Open, errors));
    routes.mount(problem::resource(FILE).get(Access::Open, file));
}

/// The policy of the page of Swagger UI. Swagger UI writes style attributes and has its icons in
/// its style sheet. Scripts come only from this server, and the page sends requests only to it.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                           connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The policy of a page of text.
const TEXT_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file below `/docs/`.
struct File {
    name: &'static str,
    media_type: &'static str,
    cell: Cell,
    text: fn(&'static str) -> Result<Bytes, String>,
}

/// Swagger UI has more files; the page needs only these. The script that starts it is a file, so
/// that the page does not need an inline script.
static FILES: [File; 3] = [
    File { name: "swagger-ui.css", media_type: "text/css; charset=utf-8", cell: Cell::new(), text: vendored },
    File { name: "swagger-ui-bundle.js", media_type: "text/javascript; charset=utf-8", cell: Cell::new(), text: vendored },
    File {
        name: "start.js",
        media_type: "text/javascript; charset=utf-8",
        cell: Cell::new(),
        text: |_| Ok(Bytes::from_static(include_bytes!("start.js"))),
    },
];

fn vendored(name: &'static str) -> Result<Bytes, String> {
    let file = utoipa_swagger_ui::serve(name, Arc::default()).map_err(|error| error.to_string())?;
    Ok(file.ok_or("it is not in the package")?.bytes.into_owned().into())
}

async fn openapi(request: HttpRequest) -> Result<HttpResponse, Failure> {
    static CELL: Cell = Cell::new();
    let mut response = HttpResponse::Ok();
    response.content_type("application/json");
    show(&request, response, &CELL, || Ok(Bytes::from_static(openapi_json().as_bytes()))).await
}

async fn page(request: HttpRequest) -> Result<HttpResponse, Failure> {
    static CELL: Cell = Cell::new();
    show(&request, html(PAGE_POLICY), &CELL, || Ok(Bytes::from_static(include_bytes!("page.html")))).await
}

async fn errors(request: HttpRequest) -> Result<HttpResponse, Failure> {
    static CELL: Cell = Cell::new();
    show(&request, html(TEXT_POLICY), &CELL, || Ok(Bytes::from_static(errors::page().as_bytes()))).await
}

async fn file(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, Failure> {
    let file = FILES.iter().find(|file| file.name == *name);
    let file = file.ok_or_else(|| Failure::not_found(format!("The file {name} does not exist.")))?;
    let mut response = HttpResponse::Ok();
    response.content_type(file.media_type);
    show(&request, response, &file.cell, || (file.text)(file.name)).await
}

async fn show(
    request: &HttpRequest,
    response: HttpResponseBuilder,
    cell: &'static Cell,
    text: impl FnOnce() -> Result<Bytes, String> + Send + 'static,
) -> Result<HttpResponse, Failure> {
    let asset = cell.get(text).await?.map_err(|error| {
        tracing::error!(error, path = request.match_pattern(), "a page that is built in cannot be read");
        Failure::Internal
    })?;
    Ok(asset.answer(request, response))
}

/// Redirects from `/docs/` to `/docs`, because the links of the page are relative to `/docs`.
async fn remove_slash() -> HttpResponse {
    HttpResponse::MovedPermanently().insert_header((actix_web::http::header::LOCATION, "../docs")).finish()
}

fn html(policy: &'static str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.content_type("text/html; charset=utf-8").insert_header((CONTENT_SECURITY_POLICY, policy));
    response
}
