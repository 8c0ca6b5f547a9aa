//! How Django REST framework speaks: errors, lists, links and filters of the published APIs.

mod body;
mod date_time;
mod error;
mod filter;
mod link;
mod list;
mod number;

pub(crate) use body::{
    body_members, body_text, form, instant_field, integer_field, read_tolerantly, text_field, unsupported_media_type,
};
pub(crate) use error::{DrfError, field_errors};
pub(crate) use filter::{FilterReader, action_log_sort, event_sort};
pub(crate) use link::BaseUrl;
pub(crate) use list::{Paging, write_page};
pub(crate) use number::{Decimal, whole_number};

use actix_web::body::MessageBody;
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT, ALLOW};
use actix_web::{HttpRequest, HttpResponse};

use crate::auth::Caller;
use crate::params::Params;

/// Answers a request as DRF does: `Allow` is always sent.
pub(crate) fn respond(result: Result<HttpResponse, DrfError>, allow: &'static str) -> HttpResponse {
    let mut response = result.unwrap_or_else(|error| error.to_response());
    response.headers_mut().insert(ALLOW, actix_web::http::header::HeaderValue::from_static(allow));
    response
}

/// 403 and 405, in this order: reading for the methods that read, writing for all others, allowed or not.
pub(crate) fn check_method(caller: &Caller, request: &HttpRequest, allow: &'static str) -> Result<(), DrfError> {
    let method = request.method();
    match *method {
        Method::OPTIONS => {}
        Method::GET | Method::HEAD => caller.require_read()?,
        _ => caller.require_write()?,
    }
    if allow.split(", ").any(|allowed| allowed == method.as_str()) {
        return Ok(());
    }
    Err(DrfError::MethodNotAllowed(method.to_string()))
}

/// There is only JSON: another `format` is 404, an `Accept` without it 406.
pub(crate) fn check_format(request: &HttpRequest, params: &Params) -> Result<(), DrfError> {
    if params.last("format").is_some_and(|format| !format.is_empty() && format != "json") {
        return Err(DrfError::NotFound);
    }
    let accepts_json = |range: &str| {
        let range = range.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        matches!(range.as_str(), "" | "*/*" | "application/*" | "application/json")
    };
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    if accept.split(',').any(accepts_json) { Ok(()) } else { Err(DrfError::NotAcceptable) }
}

/// What DRF says about an endpoint when asked with OPTIONS.
pub(crate) fn metadata(name: &str) -> HttpResponse {
    let body = format!(
        "{{\"name\":\"{name}\",\"description\":\"\",\"renders\":[\"application/json\"],\"parses\":[\"application/json\"]}}"
    );
    json(HttpResponse::Ok(), body)
}

/// A JSON answer.
pub(crate) fn json(mut builder: actix_web::HttpResponseBuilder, body: impl MessageBody + 'static) -> HttpResponse {
    builder.content_type("application/json").body(body)
}
