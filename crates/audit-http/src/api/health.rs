//! Whether the server lives, and whether it can work. Neither needs a key, neither says more than that.

use actix_web::web::ServiceConfig;
use actix_web::{HttpResponse, web};

use crate::{Api, blocking};

pub(super) fn configure(service: &mut ServiceConfig) {
    service.route("/healthz", web::get().to(alive));
    service.route("/healthz", web::head().to(alive));
    service.route("/readyz", web::get().to(ready));
    service.route("/readyz", web::head().to(ready));
}

async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({"status": "ok"}))
}

/// The database answers a read, and the writer runs.
async fn ready(api: web::Data<Api>) -> HttpResponse {
    let store = api.store.clone();
    match blocking::query(move || store.check()).await {
        Ok(Ok(())) => HttpResponse::Ok().json(serde_json::json!({"status": "ready"})),
        Ok(Err(error)) => {
            tracing::error!(%error, "not ready");
            HttpResponse::ServiceUnavailable().json(serde_json::json!({"status": "the database cannot be used"}))
        }
        Err(_) => HttpResponse::ServiceUnavailable().json(serde_json::json!({"status": "shutting down"})),
    }
}
