//! One module per published API, and the native one. A handler extracts, calls the store once, and shows the result.

mod action_logs;
mod audit_events;
mod channels;
mod content_types;
mod data_warehouse;
mod events;
mod health;
mod inventory;
mod native;
mod oms_action_logs;
mod oms_audit_events;
mod python_format;
mod python_literal;
mod python_logging;
mod tokens;

pub use inventory::parse_inventory_log;

use actix_web::web::ServiceConfig;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::Api;
use crate::drf::DrfError;
use crate::problem::Problem;

pub(crate) fn configure(service: &mut ServiceConfig) {
    oms_audit_events::configure(service);
    oms_action_logs::configure(service);
    data_warehouse::configure(service);
    inventory::configure(service);
    events::configure(service);
    action_logs::configure(service);
    tokens::configure(service);
    channels::configure(service);
    content_types::configure(service);
    health::configure(service);
}

/// What the server answers where nothing is: paths below the published APIs answer as Django does, all others as the native API.
pub(crate) async fn unknown_path(request: HttpRequest) -> HttpResponse {
    let path = request.path();
    let published = ["/api/v1/oms/", "/api/v1/remote/", "/api/v1/data-warehouse/"];
    if published.iter().any(|prefix| path.starts_with(prefix)) {
        return DrfError::NotFound.to_response();
    }
    if path.starts_with(inventory::PREFIX) {
        return inventory::unknown_path();
    }
    actix_web::ResponseError::error_response(&Problem::not_found(format!("There is nothing at {path}.")))
}

/// A published path without its slash: Django's redirect, for every method, before anything is checked. A public URL may have
/// a path in front that only the proxy knows.
pub(crate) async fn add_slash(api: web::Data<Api>, request: HttpRequest) -> HttpResponse {
    let uri = request.uri();
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let origin = api.config.public_url.as_deref().unwrap_or("").trim_end_matches('/');
    let location = format!("{origin}{}/{query}", uri.path());
    HttpResponse::MovedPermanently().insert_header((actix_web::http::header::LOCATION, location)).finish()
}
