//! The inventory audit log API: `/api/v1/audit/logs`, `/api/v1/audit/logs/{id}` and `/api/v1/audit/summary`.
//!
//! Its logs are the events of all the other APIs, under names of their own. The published page has no slashes at the end;
//! a path with one is the same path, since a redirect would turn a POST into a GET.

mod create;
mod error;
mod query;
mod record;
mod view;

pub use record::parse_inventory_log;

use actix_web::body::MessageBody;
use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::{EventSort, parse_uuid};
use audit_store::{GroupBy, SliceQuery, Store, StoreError};

use super::native::ALLOW_GET;
use crate::auth::Caller;
use crate::params::Params;
use crate::routes::{Route, Routes};
use crate::{Api, blocking};
use error::InventoryError;
use query::QueryReader;

/// Below this path everything answers in this API's own way, what is not there too.
pub(super) const PREFIX: &str = "/api/v1/audit/";

pub(crate) const LOGS: Route = Route::new("/api/v1/audit/logs", "GET, POST, HEAD, OPTIONS");
pub(crate) const ONE: Route = Route::new("/api/v1/audit/logs/{id}", ALLOW_GET);
pub(crate) const SUMMARY: Route = Route::new("/api/v1/audit/summary", ALLOW_GET);

pub(super) fn configure(routes: &mut Routes<'_>) {
    routes.mount_with_slash(LOGS, logs);
    routes.mount_with_slash(ONE, one);
    routes.mount_with_slash(SUMMARY, summary);
}

/// The answer at a path below [`PREFIX`] where nothing is.
pub(super) fn unknown_path() -> HttpResponse {
    InventoryError::not_found("Not found").to_response()
}

async fn logs(api: web::Data<Api>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let result = async {
        let caller = Caller::authenticate(&api, &request).await?;
        check_method(&request, LOGS.allow)?;
        match *request.method() {
            Method::OPTIONS => Ok(HttpResponse::NoContent().finish()),
            Method::POST => create::create(&api, &request, payload, &caller).await,
            _ => list(&api, &request, &caller).await,
        }
    };
    respond(result.await, LOGS.allow)
}

async fn one(api: web::Data<Api>, request: HttpRequest) -> HttpResponse {
    let result = async {
        let caller = Caller::authenticate(&api, &request).await?;
        check_method(&request, ONE.allow)?;
        if request.method() == Method::OPTIONS {
            return Ok(HttpResponse::NoContent().finish());
        }
        caller.require_admin()?;
        let missing = || InventoryError::not_found("Audit log not found");
        let uuid = request.match_info().get("id").and_then(parse_uuid).ok_or_else(missing)?;
        let find = move |store: &Store, channels: &_, first, bytes_max| store.get_within(channels, first, uuid, bytes_max);
        let event = blocking::find(&api, &caller, caller.channels(), find).await??.ok_or_else(missing)?;
        let shown = blocking::shape(event.slots.bytes(), move || view::detail(&event));
        Ok(json(HttpResponse::Ok(), shown.await?))
    };
    respond(result.await, ONE.allow)
}

async fn summary(api: web::Data<Api>, request: HttpRequest) -> HttpResponse {
    let result = async {
        let caller = Caller::authenticate(&api, &request).await?;
        check_method(&request, SUMMARY.allow)?;
        if request.method() == Method::OPTIONS {
            return Ok(HttpResponse::NoContent().finish());
        }
        caller.require_admin()?;
        let params = Params::parse(request.query_string());
        let mut reader = QueryReader::new(&params);
        let filter = reader.filter();
        reader.finish()?;
        let channels = caller.channels();
        let page = blocking::page(&api, &caller, false, move |store| {
            let by = [GroupBy::TableName, GroupBy::Person, GroupBy::Action];
            Ok::<_, StoreError>(view::summary(&store.summaries(&channels, &filter, &by)?))
        });
        Ok(json(HttpResponse::Ok(), page.await??))
    };
    respond(result.await, SUMMARY.allow)
}

async fn list(api: &Api, request: &HttpRequest, caller: &Caller) -> Result<HttpResponse, InventoryError> {
    caller.require_admin()?;
    let params = Params::parse(request.query_string());
    let mut reader = QueryReader::new(&params);
    let (filter, skip, size) = (reader.filter(), reader.skip(), reader.limit());
    reader.finish()?;
    let query = SliceQuery { channels: caller.channels(), filter, sort: EventSort::default(), skip, size };
    let page = blocking::page(api, caller, false, move |store| Ok::<_, StoreError>(view::list(store.slice(&query)?)));
    Ok(json(HttpResponse::Ok(), page.await??))
}

fn check_method(request: &HttpRequest, allow: &'static str) -> Result<(), InventoryError> {
    let method = request.method().as_str();
    if allow.split(", ").any(|allowed| allowed == method) { Ok(()) } else { Err(InventoryError::method(method, allow)) }
}

fn respond(result: Result<HttpResponse, InventoryError>, allow: &'static str) -> HttpResponse {
    let mut response = result.unwrap_or_else(|error| error.to_response());
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

fn json(mut builder: actix_web::HttpResponseBuilder, body: impl MessageBody + 'static) -> HttpResponse {
    builder.content_type("application/json").body(body)
}
