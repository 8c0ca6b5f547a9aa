//! One module per published API, and the native one. A handler extracts, calls the store once, and shows the result.

pub(crate) mod action_logs;
mod audit_events;
pub(crate) mod channels;
pub(crate) mod content_types;
pub(crate) mod data_warehouse;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod inventory;
pub(crate) mod native;
pub(crate) mod oms_action_logs;
pub(crate) mod oms_audit_events;
mod python_fit;
mod python_format;
mod python_literal;
mod python_logging;
pub(crate) mod tokens;

pub use inventory::parse_inventory_log;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::Api;
use crate::drf::DrfError;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn configure(routes: &mut Routes<'_>) {
    oms_audit_events::configure(routes);
    oms_action_logs::configure(routes);
    data_warehouse::configure(routes);
    inventory::configure(routes);
    events::configure(routes);
    action_logs::configure(routes);
    tokens::configure(routes);
    channels::configure(routes);
    content_types::configure(routes);
    health::configure(routes);
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
///
/// Django answers 301 to all methods. Most clients follow that with a GET, which is 200, and the event is gone without a word. So
/// a POST is 308, which is followed with the same method and body, or not at all. The other methods store nothing at these paths.
pub(crate) async fn add_slash(api: web::Data<Api>, request: HttpRequest) -> HttpResponse {
    let uri = request.uri();
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let origin = api.config.public_url.as_deref().unwrap_or("").trim_end_matches('/');
    let location = format!("{origin}{}/{query}", uri.path());
    let is_post = request.method() == Method::POST;
    let mut response = if is_post { HttpResponse::PermanentRedirect() } else { HttpResponse::MovedPermanently() };
    response.insert_header((actix_web::http::header::LOCATION, location)).finish()
}
