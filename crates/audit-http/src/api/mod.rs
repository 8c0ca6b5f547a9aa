//! One folder for each API: its handlers, its filters, its views, and its part of the OpenAPI
//! document. A handler extracts its inputs, calls the store once, and writes the result.

mod action_logs;
mod audit_events;
mod channels;
mod content_types;
mod data_warehouse;
mod docs;
mod erasures;
mod events;
mod health;
mod inventory;
mod log;
mod metrics;
mod native;
mod oms_action_logs;
mod oms_audit_events;
#[cfg(test)]
mod tests;
mod tokens;

pub use action_logs::parse_action_log_filter;
pub use events::parse_event_filter;
pub use inventory::parse_inventory_log;

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse};

use crate::failure::Failure;
use crate::openapi::{ApiDocs, document};
use crate::routes::Routes;
use crate::{drf, problem};

/// An API: the function that mounts it, and its part of the OpenAPI document.
struct ApiModule {
    configure: fn(&mut Routes<'_>),
    docs: fn() -> ApiDocs,
}

macro_rules! apis {
    ($($name:ident),+ $(,)?) => { [$(ApiModule { configure: $name::configure, docs: $name::docs }),+] };
}

/// All APIs, in the order of the document. If several paths match a request, the first one gets it.
const APIS: &[ApiModule] = &apis![
    oms_audit_events,
    data_warehouse,
    oms_action_logs,
    inventory,
    events,
    action_logs,
    tokens,
    erasures,
    log,
    channels,
    content_types,
    health,
    docs,
    metrics,
];

/// Mounts all APIs.
pub(crate) fn configure(routes: &mut Routes<'_>) {
    APIS.iter().for_each(|api| (api.configure)(routes));
}

/// Returns the OpenAPI document as text, with a line feed at its end. It is the same on every
/// server of this version.
#[must_use]
pub fn openapi_json() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let common = [crate::openapi::errors::docs(), drf::openapi::docs(), native::openapi::docs()];
        let docs = common.into_iter().chain(APIS.iter().map(|api| (api.docs)())).collect();
        // Writing a document of maps and texts cannot fail. An empty text would fail the test of
        // the snapshot.
        document(docs).to_pretty_json().map(|text| text + "\n").unwrap_or_default()
    });
    &TEXT
}

/// Answers a request to a path that does not exist: paths below the published APIs in their style,
/// all others as the native API.
pub(crate) async fn unknown_path(request: HttpRequest) -> HttpResponse {
    let path = request.path();
    let published = ["/api/v1/oms/", "/api/v1/remote/", "/api/v1/data-warehouse/"];
    if published.iter().any(|prefix| path.starts_with(prefix)) {
        return drf::render(&drf::not_found());
    }
    if path.starts_with(inventory::PREFIX) {
        return inventory::render(&Failure::not_found("Not found"));
    }
    problem::render(&Failure::not_found(format!("There is nothing at {path}.")))
}
