//! The native API of events: append, list by cursor, get, summary.

mod append;
mod list;
mod query;
mod summary;

pub(crate) use query::FILTERS;
pub(super) use query::Query;
pub(crate) use summary::GROUPS;

use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::parse_uuid;

use crate::auth::Caller;
use crate::problem::{Code, Problem};
use crate::routes::{Route, Routes};
use crate::{Api, blocking};

pub(crate) const ALLOW_GET: &str = "GET, HEAD, OPTIONS";

pub(crate) const LIST: Route = Route::new("/api/v1/events", "GET, POST, HEAD, OPTIONS");
pub(crate) const SUMMARY: Route = Route::new("/api/v1/events/summary", ALLOW_GET);
pub(crate) const ONE: Route = Route::new("/api/v1/events/{uuid}", ALLOW_GET);

pub(super) fn configure(routes: &mut Routes<'_>) {
    routes.mount(LIST, list_or_append);
    routes.mount(SUMMARY, summary::summary);
    routes.mount(ONE, get);
}

/// Answers OPTIONS, and refuses methods that are not allowed.
pub(crate) fn check_method(request: &HttpRequest, allow: &'static str) -> Result<Option<HttpResponse>, Problem> {
    let method = request.method();
    if !allow.split(", ").any(|allowed| allowed == method.as_str()) {
        return Err(Problem::method_not_allowed(method.as_str(), allow));
    }
    let is_options = method == Method::OPTIONS;
    Ok(is_options.then(|| HttpResponse::NoContent().insert_header((ALLOW, allow)).finish()))
}

/// A body as text.
pub(super) fn body_text(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        let detail = format!("The body is no UTF-8: byte {} cannot be read.", error.valid_up_to());
        Problem::new(Code::InvalidEncoding, detail)
    })
}

async fn list_or_append(api: web::Data<Api>, request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&api, &request)?;
    if let Some(response) = check_method(&request, LIST.allow)? {
        return Ok(response);
    }
    if request.method() == Method::POST {
        append::append(&api, &request, payload, &caller).await
    } else {
        list::list(&api, &request, &caller).await
    }
}

async fn get(api: web::Data<Api>, request: HttpRequest, uuid: web::Path<String>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&api, &request)?;
    if let Some(response) = check_method(&request, ONE.allow)? {
        return Ok(response);
    }
    caller.reads()?;
    let mut query = Query::of(&request, &["channel_id"])?;
    let channels = query.channels(&caller);
    query.finish()?;
    let missing = || Problem::not_found(format!("There is no event {uuid} in the channels that are read."));
    let id = parse_uuid(&uuid).ok_or_else(missing)?;
    let event = blocking::find_event(&api, channels, id).await??.ok_or_else(missing)?;
    Ok(HttpResponse::Ok().content_type("application/json").body(event.to_json()))
}
