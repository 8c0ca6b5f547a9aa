//! `/api/v1/channels`: the channels a caller may read, and how far their logs go.

use actix_web::web::ServiceConfig;
use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::LogHead;
use audit_store::domain::{ObjectWriter, Stream, push_array};

use super::native::{Query, check_method};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::{Api, blocking};

pub(super) fn configure(service: &mut ServiceConfig) {
    service.route("/api/v1/channels", web::to(list));
}

const ALLOW: &str = "GET, HEAD, OPTIONS";

async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&api, &request)?;
    if let Some(response) = check_method(&request, ALLOW)? {
        return Ok(response);
    }
    caller.reads()?;
    Query::of(&request, &[])?;
    let (store, granted) = (api.store.clone(), caller.token.channels.clone());
    let heads = blocking::query(move || store.logs(Stream::Events, &granted)).await??;
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
