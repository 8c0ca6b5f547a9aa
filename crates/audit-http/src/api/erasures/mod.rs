//! `/api/v1/erasures`: administrators erase values of entries, and see which were erased.

mod openapi;
mod request;

pub(super) use openapi::docs;

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::uuid::Uuid;
use audit_store::domain::{ChannelId, JsonText, NewErasure, ObjectWriter, Stream, canonical_integer, push_array};
use audit_store::{ErasureError, ErasureState, Store, StoreError};

use self::request::read;
use crate::admission::{Room, SMALL_BODY_BYTES_MAX};
use crate::api::native::{Query, require_json};
use crate::auth::{Caller, Forbidden};
use crate::blocking;
use crate::body::{self, Body};
use crate::failure::{ERRORS_MAX, Failure, InvalidMember};
use crate::problem;
use crate::routes::{Access, Routes};
use crate::state::Api;

pub(crate) const LIST: &str = "/api/v1/erasures";

/// The longest wait of a response for the end of the erasure. It goes on without a client.
const PATIENCE: Duration = Duration::from_secs(10);

/// Erasures of a page.
const PAGE_MAX: i64 = 1_000;
const PAGE: i64 = 100;

const STREAMS: [(&str, Stream); 2] = [("events", Stream::Events), ("action-logs", Stream::ActionLogs)];

pub(super) fn configure(routes: &mut Routes<'_>) {
    routes.mount(problem::resource(LIST).get(Access::Admin, list).post(Access::Admin, create));
}

async fn create(api: web::Data<Api>, request: HttpRequest, payload: web::Payload, caller: Caller) -> Result<HttpResponse, Failure> {
    Query::parse(&request, &[])?;
    require_json(&request)?;
    let room = Room::for_administration(&api, &caller, SMALL_BODY_BYTES_MAX);
    let body = Body::read(&api, &request, payload, room).await?;
    let (channel, new) = read(body::text(&body.bytes)?).map_err(Failure::Members)?;
    if !caller.token.channels.allows(channel) {
        return Err(Forbidden.into());
    }
    let producer_id = caller.token.id;
    let begun = blocking::write(&api, move |store| begin(store, channel, &new, producer_id)).await?;
    let begun = begun.map_err(|error| failure(error, channel))?;
    let mut response = if begun.entries > 0 { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.content_type("application/json").body(begun.json()))
}

/// What a request began.
struct Begun {
    channel: ChannelId,
    stream: Stream,
    entries: i64,
    positions: Vec<i64>,
    is_done: bool,
}

fn begin(store: &Store, channel: ChannelId, new: &NewErasure, producer_id: i64) -> Result<Begun, ErasureError> {
    let begun = store.erase(channel, new, producer_id)?;
    let is_done = store.wait_for_erasures(channel, new.stream, PATIENCE)?;
    let entries = begun.iter().map(|(_, record)| record.entries()).sum();
    let positions = begun.iter().map(|(receipt, _)| receipt.position).collect();
    Ok(Begun { channel, stream: new.stream, entries, positions, is_done })
}

impl Begun {
    fn json(&self) -> String {
        let mut body = String::new();
        let mut object = ObjectWriter::new(&mut body);
        object
            .integer("channel_id", Some(self.channel.get()))
            .string("stream", self.stream.name())
            .integer("entries", Some(self.entries))
            .integer("position", self.positions.first().copied())
            .nested("positions", |out| push_array(out, &self.positions, |position, out| out.push_str(&position.to_string())))
            .raw("done", if self.is_done { "true" } else { "false" });
        object.end();
        body
    }
}

fn failure(error: ErasureError, channel: ChannelId) -> Failure {
    let member = |pointer: String, message: String| InvalidMember { pointer, line: None, message };
    let of_uuids = |places: Vec<(usize, Uuid)>, what: &str| {
        let each = places.into_iter().take(ERRORS_MAX);
        Failure::Members(each.map(|(at, uuid)| member(format!("/uuids/{at}"), format!("uuids has {uuid}, {what}"))).collect())
    };
    match error {
        ErasureError::Fault(name, what) => Failure::Members(vec![member(format!("/{name}"), format!("{name} {what}"))]),
        ErasureError::Unknown(places) => of_uuids(places, &format!("which is not in this log of channel {}", channel.get())),
        ErasureError::Evidence(places) => of_uuids(places, "which says what happened to the log itself, and is never erased"),
        ErasureError::Append(error) => error.into(),
        ErasureError::Store(error) => error.into(),
        error => Failure::Members(vec![member("/reason".to_owned(), error.to_string())]),
    }
}

async fn list(api: web::Data<Api>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, Failure> {
    let mut query = Query::parse(&request, &["channel_id", "stream", "limit", "cursor"])?;
    let channel = query.parsed("channel_id", |text| {
        canonical_integer(text).and_then(ChannelId::new).ok_or_else(|| "must be a channel, such as 1".to_owned())
    });
    let stream = query.named("stream", &STREAMS).map_or(Stream::Events, |(_, stream)| stream);
    let limit = query.parsed("limit", |text| {
        let limit = canonical_integer(text).filter(|limit| (1..=PAGE_MAX).contains(limit));
        limit.ok_or_else(|| format!("must be an integer from 1 to {PAGE_MAX}"))
    });
    let before = query.parsed("cursor", |text| canonical_integer(text).ok_or_else(|| "is not one of this list".to_owned()));
    if !request.query_string().contains("channel_id") {
        query.refuse("channel_id", "must be given, such as 1");
    }
    query.finish()?;
    let (channel, limit) = (channel.unwrap_or(ChannelId::DEFAULT), limit.unwrap_or(PAGE));
    if !caller.token.channels.allows(channel) {
        return Err(Forbidden.into());
    }
    let page = blocking::page(&api, &caller, false, move |store| {
        let states = store.erasures(channel, stream, before.unwrap_or(i64::MAX), limit + 1)?;
        let (shown, more) = states.split_at(states.len().min(limit as usize));
        let next = shown.last().filter(|_| !more.is_empty()).map(|state| state.position.to_string());
        let mut body = String::new();
        let mut object = ObjectWriter::new(&mut body);
        object.nested("results", |out| push_array(out, shown, write));
        match next {
            Some(next) => object.string("next_cursor", &next),
            None => object.raw("next_cursor", "null"),
        };
        object.end();
        Ok::<_, StoreError>(body)
    });
    Ok(HttpResponse::Ok().content_type("application/json").body(page.await??))
}

fn write(state: &ErasureState, out: &mut String) {
    let names = state.record.slots.iter().filter_map(|number| state.stream.slot_name(*number));
    let mut object = ObjectWriter::new(out);
    object
        .integer("channel_id", Some(state.channel_id.get()))
        .string("stream", state.stream.name())
        .integer("position", Some(state.position))
        .string("uuid", &state.uuid.to_string())
        .string("at", &state.at.to_string())
        .integer("producer_id", Some(state.producer_id))
        .integer("entries", Some(state.record.entries()))
        .nested("slots", |out| push_array(out, names, |name, out| out.push_str(JsonText::string(name).as_str())))
        .string("reason", &state.record.reason);
    match state.finished_at {
        Some(at) => object.string("finished_at", &at.to_string()),
        None => object.raw("finished_at", "null"),
    };
    object.end();
}
