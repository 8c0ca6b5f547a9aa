//! What the server tells about itself: `/openapi.json`, `/docs` (Swagger UI over it) and `/docs/errors`. No page needs a key,
//! and none needs anything from another host: all of it is in the binary.

mod asset;
mod errors;

use std::sync::Arc;

use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use asset::Cell;
use bytes::Bytes;

use crate::api::native::{ALLOW_GET, check_method};
use crate::openapi::openapi_json;
use crate::problem::{Code, Problem};
use crate::routes::{Route, Routes};

pub(crate) const OPENAPI: Route = Route::new("/openapi.json", ALLOW_GET);
pub(crate) const PAGE: Route = Route::new("/docs", ALLOW_GET);
pub(crate) const ERRORS: Route = Route::new("/docs/errors", ALLOW_GET);
pub(crate) const FILE: Route = Route::new("/docs/{file}", ALLOW_GET);

pub(crate) fn configure(routes: &mut Routes<'_>) {
    routes.mount(OPENAPI, openapi);
    routes.mount(PAGE, page);
    routes.redirect("/docs/", remove_slash);
    routes.mount(ERRORS, errors);
    routes.mount(FILE, file);
}

/// Swagger UI writes style attributes and has its icons in its style sheet; scripts, and where it may ask, are this server's.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                           connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A page of text.
const TEXT_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file below `/docs/`.
struct File {
    name: &'static str,
    media_type: &'static str,
    cell: Cell,
    text: fn(&'static str) -> Result<Bytes, String>,
}

/// Swagger UI has more files; these are what the page needs. The file that starts it is not in the page, which needs no script in
/// itself then.
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

async fn openapi(request: HttpRequest) -> Result<HttpResponse, Problem> {
    static CELL: Cell = Cell::new();
    if let Some(response) = check_method(&request, OPENAPI.allow)? {
        return Ok(response);
    }
    let mut response = HttpResponse::Ok();
    response.content_type("application/json");
    show(&request, response, &CELL, || Ok(Bytes::from_static(openapi_json().as_bytes()))).await
}

async fn page(request: HttpRequest) -> Result<HttpResponse, Problem> {
    static CELL: Cell = Cell::new();
    if let Some(response) = check_method(&request, PAGE.allow)? {
        return Ok(response);
    }
    show(&request, html(PAGE_POLICY), &CELL, || Ok(Bytes::from_static(include_bytes!("page.html")))).await
}

async fn errors(request: HttpRequest) -> Result<HttpResponse, Problem> {
    static CELL: Cell = Cell::new();
    if let Some(response) = check_method(&request, ERRORS.allow)? {
        return Ok(response);
    }
    show(&request, html(TEXT_POLICY), &CELL, || Ok(Bytes::from_static(errors::page().as_bytes()))).await
}

async fn file(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    if let Some(response) = check_method(&request, FILE.allow)? {
        return Ok(response);
    }
    let file = FILES.iter().find(|file| file.name == *name);
    let file = file.ok_or_else(|| Problem::not_found(format!("There is no file {name} here.")))?;
    let mut response = HttpResponse::Ok();
    response.content_type(file.media_type);
    show(&request, response, &file.cell, || (file.text)(file.name)).await
}

async fn show(
    request: &HttpRequest,
    response: HttpResponseBuilder,
    cell: &'static Cell,
    text: impl FnOnce() -> Result<Bytes, String> + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let asset = cell.get(text).await?.map_err(|error| {
        tracing::error!(error, path = request.match_pattern(), "a page that is built in cannot be read");
        Problem::new(Code::Internal, "The file cannot be read; the server's log says why.")
    })?;
    Ok(asset.answer(request, response))
}

/// `/docs/` is `/docs`: links of the page are relative to it.
async fn remove_slash() -> HttpResponse {
    HttpResponse::MovedPermanently().insert_header((actix_web::http::header::LOCATION, "../docs")).finish()
}

fn html(policy: &'static str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.content_type("text/html; charset=utf-8").insert_header((CONTENT_SECURITY_POLICY, policy));
    response
}
