//! The inventory audit log API: `/api/v1/audit/logs`, `/api/v1/audit/logs/{id}` and
//! `/api/v1/audit/summary`.
//!
//! Its logs are the events of all other APIs, with other names for the members. The paths on the
//! published page do not end in a slash. A path with a slash at its end is the same path, because a
//! redirect would turn a POST into a GET.

mod create;
mod failure;
mod openapi;
mod query;
mod record;
mod view;

pub(super) use failure::render;
pub(super) use openapi::docs;
pub use record::parse_inventory_log;

use actix_web::body::MessageBody;
use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::parse_uuid;
use audit_store::{Events, GroupBy, StoreError};

use crate::auth::Caller;
use crate::blocking;
use crate::failure::Failure;
use crate::params::Params;
use crate::routes::{Access, ApiStyle, Resource, Routes};
use crate::state::Api;
use query::QueryReader;

/// The prefix of the API's paths. Every path below it answers in this API's style, also an unknown
/// path.
pub(super) const PREFIX: &str = "/api/v1/audit/";

pub(crate) const LOGS: &str = "/api/v1/audit/logs";
pub(crate) const ONE: &str = "/api/v1/audit/logs/{id}";
pub(crate) const SUMMARY: &str = "/api/v1/audit/summary";

/// The published text for a log that does not exist.
const LOG_NOT_FOUND: &str = "Audit log not found";

/// Every answer of this API has `Allow`.
const STYLE: ApiStyle = ApiStyle::new(render, true);

pub(super) fn configure(routes: &mut Routes<'_>) {
    let resource = |path| Resource::new(path, STYLE);
    routes.mount_with_slash(resource(LOGS).get(Access::Admin, list).post(Access::Append, create::create));
    routes.mount_with_slash(resource(ONE).get(Access::Admin, get));
    routes.mount_with_slash(resource(SUMMARY).get(Access::Admin, summary));
}

async fn get(api: web::Data<Api>, id: web::Path<String>, caller: Caller) -> Result<HttpResponse, Failure> {
    let missing = || Failure::not_found(LOG_NOT_FOUND);
    let uuid = parse_uuid(&id).ok_or_else(missing)?;
    let event = blocking::find::<Events>(&api, &caller, caller.channels(), uuid).await??.ok_or_else(missing)?;
    let shown = blocking::write_record(event.entry.slots.bytes(), move || view::detail(&event));
    Ok(json(HttpResponse::Ok(), shown.await?))
}

async fn summary(api: web::Data<Api>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, Failure> {
    let params = Params::parse(request.query_string());
    let mut reader = QueryReader::new(&params);
    let filter = reader.filter();
    reader.finish()?;
    let channels = caller.channels();
    let page = blocking::page(&api, &caller, false, move |store| {
        let by = [GroupBy::TableName, GroupBy::Person, GroupBy::Action];
        Ok::<_, StoreError>(view::summary(&store.channels(channels).events().summaries(&filter, by)?))
    });
    Ok(json(HttpResponse::Ok(), page.await??))
}

async fn list(api: web::Data<Api>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, Failure> {
    let params = Params::parse(request.query_string());
    let mut reader = QueryReader::new(&params);
    let (filter, skip, size) = (reader.filter(), reader.skip(), reader.limit());
    reader.finish()?;
    let channels = caller.channels();
    let page = blocking::page(&api, &caller, false, move |store| {
        Ok::<_, StoreError>(view::list(store.channels(channels).events().list(filter).slice(skip, size)?))
    });
    Ok(json(HttpResponse::Ok(), page.await??))
}

fn json(mut builder: actix_web::HttpResponseBuilder, body: impl MessageBody + 'static) -> HttpResponse {
    builder.content_type("application/json").body(body)
}
