//! `/api/v1/channels`: the channels a caller may read, and how far their logs go.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::{ObjectWriter, Stream, push_array};
use audit_store::{LogHead, StoreError};

use super::native::{ALLOW_GET, Query, check_method};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::routes::{Route, Routes};
use crate::{Api, blocking};

pub(crate) const LIST: Route = Route::new("/api/v1/channels", ALLOW_GET);

pub(super) fn configure(routes: &mut Routes<'_>) {
    routes.mount(LIST, list);
}

async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&api, &request).await?;
    if let Some(response) = check_method(&request, LIST.allow)? {
        return Ok(response);
    }
    caller.reads()?;
    Query::of(&request, &[])?;
    let (store, granted) = (api.store.clone(), caller.token.channels.clone());
    let heads = move || Ok((store.logs(Stream::Events, &granted)?, store.logs(Stream::ActionLogs, &granted)?));
    let (events, action_logs): (Vec<LogHead>, Vec<LogHead>) = blocking::query(heads).await?.map_err(|error: StoreError| error)?;
    let channels: BTreeSet<i64> = events.iter().chain(&action_logs).map(|head| head.channel_id).collect();
    let of = |heads: &[LogHead], channel: i64| heads.iter().find(|head| head.channel_id == channel).copied();
    let mut body = String::new();
    let mut object = ObjectWriter::new(&mut body);
    object.nested("results", |out| {
        push_array(out, channels, |channel, out| write(channel, of(&events, channel), of(&action_logs, channel), out));
    });
    object.end();
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}

/// How many entries each log of a channel has, and when the last of them was committed.
fn write(channel: i64, events: Option<LogHead>, action_logs: Option<LogHead>, out: &mut String) {
    let size = |head: Option<LogHead>| Some(head.map_or(0, |head| head.size));
    let mut object = ObjectWriter::new(out);
    object.integer("channel_id", Some(channel)).integer("events", size(events)).integer("action_logs", size(action_logs));
    match [events, action_logs].into_iter().flatten().filter_map(|head| head.recorded_at).max() {
        Some(at) => object.string("last_recorded_at", &at.to_string()),
        None => object.raw("last_recorded_at", "null"),
    };
    object.end();
}
