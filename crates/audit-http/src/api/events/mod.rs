//! The native API of events: append, list by cursor, get, summary.

mod append;
mod list;
mod query;
mod summary;

pub(super) use query::Query;

use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::web::ServiceConfig;
use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::parse_uuid;

use crate::auth::Caller;
use crate::problem::Problem;
use crate::{Api, blocking};

pub(super) fn configure(service: &mut ServiceConfig) {
    service.route("/api/v1/events", web::to(list_or_append));
    service.route("/api/v1/events/summary", web::to(summary::summary));
    service.route("/api/v1/events/{uuid}", web::to(get));
}

const ALLOW_LIST: &str = "GET, POST, HEAD, OPTIONS";
pub(super) const ALLOW_GET: &str = "GET, HEAD, OPTIONS";

/// Answers OPTIONS, and refuses methods that are not allowed.
pub(super) fn check_method(request: &HttpRequest, allow: &'static str) -> Result<Option<HttpResponse>, Problem> {
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
        Problem::new(actix_web::http::StatusCode::BAD_REQUEST, "invalid_encoding", detail)
    })
}

async fn list_or_append(api: web::Data<Api>, request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&api, &request)?;
    if let Some(response) = check_method(&request, ALLOW_LIST)? {
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
    if let Some(response) = check_method(&request, ALLOW_GET)? {
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
