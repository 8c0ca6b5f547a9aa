//! `/api/v1/channels`: the channels a caller may read, and how far their logs go.

use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::LogHead;
use audit_store::domain::{ObjectWriter, push_array};

use super::events::{ALLOW_GET, Query, check_method};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::routes::{Route, Routes};
use crate::{Api, blocking};

pub(crate) const LIST: Route = Route::new("/api/v1/channels", ALLOW_GET);

pub(super) fn configure(routes: &mut Routes<'_>) {
    routes.mount(LIST, list);
}

async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&api, &request)?;
    if let Some(response) = check_method(&request, LIST.allow)? {
        return Ok(response);
    }
    caller.reads()?;
    Query::of(&request, &[])?;
    let (store, granted) = (api.store.clone(), caller.token.channels.clone());
    let heads = blocking::query(move || store.logs(&granted)).await??;
    let mut body = String::new();
    let mut object = ObjectWriter::new(&mut body);
    object.nested("results", |out| push_array(out, &heads, write));
    object.end();
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}

fn write(head: &LogHead, out: &mut String) {
    let mut object = ObjectWriter::new(out);
    object.integer("channel_id", Some(head.channel_id)).integer("events", Some(head.size));
    match head.recorded_at {
        Some(at) => object.string("last_recorded_at", &at.to_string()),
        None => object.raw("last_recorded_at", "null"),
    };
    object.end();
}
