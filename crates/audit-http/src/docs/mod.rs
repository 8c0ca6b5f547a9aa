//! What the server tells about itself: `/openapi.json`, `/docs` (Swagger UI over it) and `/docs/errors`. No page needs a key,
//! and none needs anything from another host: all of it is in the binary.

mod errors;

use std::sync::Arc;

use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::{HttpRequest, HttpResponse, web};

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

/// The files of Swagger UI that the page needs; the package has more.
const VENDORED: [(&str, &str); 2] = [("swagger-ui.css", "text/css"), ("swagger-ui-bundle.js", "text/javascript")];

/// Starts Swagger UI. It has a file of its own so that the page needs no script in itself.
const START: (&str, &str) = ("start.js", include_str!("start.js"));

async fn openapi(request: HttpRequest) -> Result<HttpResponse, Problem> {
    if let Some(response) = check_method(&request, OPENAPI.allow)? {
        return Ok(response);
    }
    Ok(HttpResponse::Ok().content_type("application/json").body(openapi_json()))
}

async fn page(request: HttpRequest) -> Result<HttpResponse, Problem> {
    if let Some(response) = check_method(&request, PAGE.allow)? {
        return Ok(response);
    }
    Ok(html(PAGE_POLICY, include_str!("page.html")))
}

async fn errors(request: HttpRequest) -> Result<HttpResponse, Problem> {
    if let Some(response) = check_method(&request, ERRORS.allow)? {
        return Ok(response);
    }
    Ok(html(TEXT_POLICY, errors::page()))
}

async fn file(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    if let Some(response) = check_method(&request, FILE.allow)? {
        return Ok(response);
    }
    if *name == START.0 {
        return Ok(HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(START.1));
    }
    let missing = || Problem::not_found(format!("There is no file {name} here."));
    let (name, media_type) = VENDORED.into_iter().find(|(known, _)| *known == *name).ok_or_else(missing)?;
    let file = utoipa_swagger_ui::serve(name, Arc::default()).map_err(|error| {
        tracing::error!(%error, name, "a file of Swagger UI cannot be read");
        Problem::new(Code::Internal, "The file cannot be read; the server's log says why.")
    })?;
    let bytes = file.ok_or_else(missing)?.bytes.into_owned();
    Ok(HttpResponse::Ok().content_type(format!("{media_type}; charset=utf-8")).body(bytes))
}

/// `/docs/` is `/docs`: links of the page are relative to it.
async fn remove_slash() -> HttpResponse {
    HttpResponse::MovedPermanently().insert_header((actix_web::http::header::LOCATION, "../docs")).finish()
}

fn html(policy: &'static str, body: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").insert_header((CONTENT_SECURITY_POLICY, policy)).body(body)
}
