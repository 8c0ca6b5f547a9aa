//! Whether the server lives, and whether it can work. Neither needs a key, neither says more than that.

use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::StoreError;

use super::native::{ALLOW_GET, check_method};
use crate::blocking::NotDone;
use crate::problem::Problem;
use crate::routes::{Route, Routes};
use crate::{Api, blocking};

pub(crate) const ALIVE: Route = Route::new("/healthz", ALLOW_GET);
pub(crate) const READY: Route = Route::new("/readyz", ALLOW_GET);

pub(super) fn configure(routes: &mut Routes<'_>) {
    routes.mount(ALIVE, alive);
    routes.mount(READY, ready);
}

async fn alive(request: HttpRequest) -> Result<HttpResponse, Problem> {
    if let Some(response) = check_method(&request, ALLOW_GET)? {
        return Ok(response);
    }
    Ok(HttpResponse::Ok().json(serde_json::json!({"status": "ok"})))
}

/// The database answers a read, the writer runs, and the clock can be right. The answer also says what is strange about the clock,
/// and which index is behind for long: the server works all the same.
async fn ready(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    if let Some(response) = check_method(&request, ALLOW_GET)? {
        return Ok(response);
    }
    Ok(match blocking::check(&api).await {
        Ok(Ok(warnings)) if warnings.is_empty() => HttpResponse::Ok().json(serde_json::json!({"status": "ready"})),
        Ok(Ok(warnings)) => HttpResponse::Ok().json(serde_json::json!({"status": "ready", "warnings": warnings})),
        Ok(Err(error @ StoreError::Clock(_))) => {
            tracing::error!(%error, "not ready");
            HttpResponse::ServiceUnavailable().json(serde_json::json!({"status": "the clock is wrong"}))
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "not ready");
            HttpResponse::ServiceUnavailable().json(serde_json::json!({"status": "the database cannot be used"}))
        }
        Err(NotDone::Stopping) => HttpResponse::ServiceUnavailable().json(serde_json::json!({"status": "shutting down"})),
        Err(NotDone::Late) => HttpResponse::ServiceUnavailable().json(serde_json::json!({"status": "busy"})),
        Err(NotDone::Panicked) => HttpResponse::ServiceUnavailable().json(serde_json::json!({"status": "internal error"})),
    })
}
