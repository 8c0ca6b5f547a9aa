//! Health checks: whether the server is alive, and whether it can work. Neither check needs a key,
//! and neither shows more than that.

pub(crate) mod openapi;

pub(super) use openapi::docs;

use actix_web::{HttpResponse, web};
use audit_store::StoreError;

use crate::blocking;
use crate::failure::Failure;
use crate::not_done::NotDone;
use crate::problem;
use crate::routes::{Access, Routes};
use crate::state::Api;

pub(crate) const ALIVE: &str = "/healthz";
pub(crate) const READY: &str = "/readyz";

pub(super) fn configure(routes: &mut Routes<'_>) {
    routes.mount(problem::resource(ALIVE).get(Access::Open, alive));
    routes.mount(problem::resource(READY).get(Access::Open, ready));
}

async fn alive() -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json(serde_json::json!({"status": "ok"})))
}

/// Checks that the database answers a read, that the writer runs, and that the clock can be right.
/// The answer also has warnings about an implausible clock and about a search index that has lagged
/// for a long time. The server works despite these warnings.
async fn ready(api: web::Data<Api>) -> Result<HttpResponse, Failure> {
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
