//! `/api/v1/channels`: the channels that a caller may read, and the sizes of their logs.

mod openapi;

pub(super) use openapi::docs;

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::{ObjectWriter, push_array};
use audit_store::{LogState, StoreError};

use crate::api::native::Query;
use crate::auth::Caller;
use crate::blocking;
use crate::failure::Failure;
use crate::problem;
use crate::routes::{Access, Routes};
use crate::state::Api;

pub(crate) const LIST: &str = "/api/v1/channels";

pub(super) fn configure(routes: &mut Routes<'_>) {
    routes.mount(problem::resource(LIST).get(Access::Read, list));
}

async fn list(api: web::Data<Api>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, Failure> {
    Query::parse(&request, &[])?;
    let granted = caller.token.channels.clone();
    let page = blocking::page(&api, &caller, false, move |store| {
        let logs = store.channels(granted);
        let (events, action_logs) = (logs.clone().events().states()?, logs.action_logs().states()?);
        Ok::<_, StoreError>(show(&events, &action_logs))
    });
    Ok(HttpResponse::Ok().content_type("application/json").body(page.await??))
}

fn show(events: &[LogState], action_logs: &[LogState]) -> String {
    let mut channels: BTreeMap<i64, (Option<LogState>, Option<LogState>)> = BTreeMap::new();
    for head in events {
        channels.entry(head.channel_id).or_default().0 = Some(*head);
    }
    for head in action_logs {
        channels.entry(head.channel_id).or_default().1 = Some(*head);
    }
    let mut body = String::new();
    let mut object = ObjectWriter::new(&mut body);
    object.nested("results", |out| {
        push_array(out, channels, |(channel, (events, action_logs)), out| write(channel, events, action_logs, out));
    });
    object.end();
    body
}

/// Writes the number of entries of each log of a channel, and the time of the latest commit.
fn write(channel: i64, events: Option<LogState>, action_logs: Option<LogState>, out: &mut String) {
    let size = |head: Option<LogState>| Some(head.map_or(0, |head| head.size));
    let mut object = ObjectWriter::new(out);
    object.integer("channel_id", Some(channel)).integer("events", size(events)).integer("action_logs", size(action_logs));
    match [events, action_logs].into_iter().flatten().filter_map(|head| head.recorded_at).max() {
        Some(at) => object.string("last_recorded_at", &at.to_string()),
        None => object.raw("last_recorded_at", "null"),
    };
    object.end();
}
