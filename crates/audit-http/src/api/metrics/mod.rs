//! `/metrics`: the server's counters and the sizes of its logs, for Prometheus. Only tokens that
//! read all channels get it, because it shows the sizes of the logs of all tenants.

mod openapi;

pub(super) use openapi::docs;

use actix_web::{HttpRequest, HttpResponse, web};

use crate::api::native::Query;
use crate::auth::Caller;
use crate::blocking;
use crate::failure::Failure;
use crate::metrics::measure;
use crate::problem;
use crate::routes::{Access, Routes};
use crate::state::Api;

pub(crate) const METRICS: &str = "/metrics";

/// The text format of Prometheus.
const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn configure(routes: &mut Routes<'_>) {
    routes.mount(problem::resource(METRICS).get(Access::ReadAllChannels, metrics));
}

async fn metrics(api: web::Data<Api>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, Failure> {
    Query::parse(&request, &[])?;
    let metrics = api.config.metrics.clone().ok_or_else(|| Failure::not_found("This server keeps no metrics."))?;
    let witnesses = api.config.witnesses.clone();
    let text = blocking::query(&api, &caller, move |store| measure(store, &witnesses).map(|()| metrics.render())).await??;
    Ok(HttpResponse::Ok().content_type(MEDIA_TYPE).body(text))
}
