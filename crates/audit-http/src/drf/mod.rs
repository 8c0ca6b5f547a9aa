//! The style of Django REST framework: errors, lists, links and filters of the published APIs.

mod body;
mod failure;
mod filter;
mod link;
mod list;
mod number;
pub(crate) mod openapi;

pub(crate) use body::{
    body_members, form, instant_field, integer_field, members_given, read_tolerantly, text_field, unsupported_media_type,
};
pub(crate) use failure::{body, render};
pub(crate) use filter::{Filter, FilterKind, SortName, read_filter, read_sort};
pub(crate) use link::BaseUrl;
pub(crate) use list::{Paging, write_page};
use number::Decimal;
pub(crate) use number::whole_number;

use actix_web::body::MessageBody;
use actix_web::http::Method;
use actix_web::http::header::ACCEPT;
use actix_web::{HttpRequest, HttpResponse};

use crate::auth::Caller;
use crate::failure::Failure;
use crate::params::Params;
use crate::routes::{Access, ApiStyle};

/// Makes the style of these APIs. `name` is the name of the view in the answer to OPTIONS.
pub(crate) const fn style(name: &'static str) -> ApiStyle {
    ApiStyle { check_permission, check_format, options: metadata, name, ..ApiStyle::new(render, true) }
}

/// Checks permissions first, as DRF does: reading for GET and HEAD, writing for all other methods,
/// whether the path has the method or not.
fn check_permission(caller: &Caller, method: &Method) -> Result<(), Failure> {
    match *method {
        Method::OPTIONS => {}
        Method::GET | Method::HEAD => Access::Read.check(caller)?,
        _ => Access::Append.check(caller)?,
    }
    Ok(())
}

/// Checks the format. The APIs have only JSON: another `format` gets 404, and an `Accept` that
/// excludes JSON gets 406.
fn check_format(request: &HttpRequest) -> Result<(), Failure> {
    let params = Params::parse(request.query_string());
    if params.last("format").is_some_and(|format| !format.is_empty() && format != "json") {
        return Err(not_found());
    }
    let accepts_json = |range: &str| {
        let range = range.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        matches!(range.as_str(), "" | "*/*" | "application/*" | "application/json")
    };
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    if accept.split(',').any(accepts_json) { Ok(()) } else { Err(Failure::NotAcceptable) }
}

/// Makes the failure of DRF for something that does not exist or that the caller may not see.
pub(crate) fn not_found() -> Failure {
    Failure::not_found("Not found.")
}

/// Makes DRF's answer to OPTIONS.
fn metadata(name: &'static str) -> HttpResponse {
    let body = format!(
        "{{\"name\":\"{name}\",\"description\":\"\",\"renders\":[\"application/json\"],\"parses\":[\"application/json\"]}}"
    );
    json(HttpResponse::Ok(), body)
}

/// Makes a JSON answer.
pub(crate) fn json(mut builder: actix_web::HttpResponseBuilder, body: impl MessageBody + 'static) -> HttpResponse {
    builder.content_type("application/json").body(body)
}
