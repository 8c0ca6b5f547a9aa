//! Health checks: whether the server is alive, and whether it can work. Neither check needs a key,
//! and neither shows more than that.

pub(crate) mod openapi;

pub(super) use openapi::docs;

use actix_web::{HttpResponse, web};
use audit_store::{LastScrub, StoreError};

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
/// for a long time, and what the last scrub of the database found. The server works despite these
/// warnings.
async fn ready(api: web::Data<Api>) -> Result<HttpResponse, Failure> {
    Ok(match blocking::check(&api).await {
        Ok(Ok(warnings)) => HttpResponse::Ok().json(able(&warnings, api.store.last_scrub())),
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

/// The answer of a server that can work.
fn able(warnings: &[String], last: Option<LastScrub>) -> serde_json::Value {
    let mut answer = serde_json::json!({"status": "ready"});
    if !warnings.is_empty() {
        answer["warnings"] = warnings.into();
    }
    if let Some(LastScrub { ended_at, entries, findings, not_checked, .. }) = last {
        let ended_at = ended_at.to_string();
        answer["scrub"] =
            serde_json::json!({"ended_at": ended_at, "entries": entries, "findings": findings, "not_checked": not_checked});
    }
    answer
}
