//! The common parts of the two published APIs of audit events: list, detail and create, as DRF
//! answers them.

mod filter;
pub(crate) mod openapi;

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use audit_store::domain::{
    ChannelGrant, ChannelId, Event, EventFilter, JsonKind, JsonText, Members, NewEvent, ParseMode, limits, parse_uuid,
};
use audit_store::{AppendRequest, Events, Prepared, Receipt, Store};

use crate::admission::Room;
use crate::auth::Caller;
use crate::blocking;
use crate::body::charset;
use crate::body::{self, Body, BodyError, FORM, media_type};
use crate::drf::{self, BaseUrl, Filter, Paging};
use crate::failure::{Failure, RecordPlace};
use crate::idempotency::IdempotencyKey;
use crate::params::Params;
use crate::routes::{Access, Resource};
use crate::state::Api;
use filter::{FILTERS, SORTS};

/// The differences of one API from the other.
pub(super) struct AuditEventsApi {
    /// The name of the list in the answer to OPTIONS.
    pub(super) name: &'static str,
    /// Filters in addition to [`filter::FILTERS`].
    pub(super) own_filters: &'static [Filter<EventFilter>],
    /// A parameter that the API also reads from the body of a GET.
    pub(super) filter_in_body: Option<&'static str>,
    /// Whether the user of an event may be an object.
    pub(super) takes_user_objects: bool,
    /// Writes one result.
    pub(super) write: fn(&Event, &mut String),
}

/// The text of the channel in a path, or `None` if the path does not have a channel.
pub(super) struct PathChannel(Option<String>);

impl PathChannel {
    fn from_request(request: &HttpRequest) -> PathChannel {
        PathChannel(request.match_info().get("channel_id").map(str::to_owned))
    }

    /// Returns the channels to read. A number that no channel can have names a channel that looks
    /// empty, like any other channel that the caller may not see.
    fn readable(&self, caller: &Caller) -> ChannelGrant {
        self.0.as_ref().map_or_else(|| caller.channels(), |channel| caller.channels_among(channel.parse::<ChannelId>().ok()))
    }

    /// Returns the channel to which the request appends.
    fn writable(&self) -> Result<Option<ChannelId>, Failure> {
        self.0.as_ref().map(|path| path.parse::<ChannelId>().map_err(|_| drf::not_found())).transpose()
    }
}

impl AuditEventsApi {
    /// Makes the resource of list and create.
    pub(super) fn collection(&'static self, path: &'static str) -> Resource {
        Resource::new(path, drf::style(self.name))
            .get(Access::Read, move |api, request, payload, caller| list(self, api, request, payload, caller))
            .post(Access::Append, move |api, request, payload, caller| create(self, api, request, payload, caller))
    }

    /// Makes the resource of one event, by the `uuid` in the path.
    pub(super) fn one(&'static self, path: &'static str) -> Resource {
        let get = move |api, request, caller| get(self, api, request, caller);
        Resource::new(path, drf::style(self.name)).get(Access::Read, get)
    }
}

async fn get(
    audit_api: &'static AuditEventsApi,
    api: web::Data<Api>,
    request: HttpRequest,
    caller: Caller,
) -> Result<HttpResponse, Failure> {
    let uuid = request.match_info().get("uuid").and_then(parse_uuid).ok_or_else(drf::not_found)?;
    let channels = PathChannel::from_request(&request).readable(&caller);
    let event = blocking::find::<Events>(&api, &caller, channels, uuid).await??;
    show(audit_api, HttpResponse::Ok(), event.ok_or_else(drf::not_found)?).await
}

async fn show(audit_api: &'static AuditEventsApi, builder: HttpResponseBuilder, event: Event) -> Result<HttpResponse, Failure> {
    let bytes = event.entry.slots.bytes();
    let write = move || {
        let mut body = String::with_capacity(1024 + bytes);
        (audit_api.write)(&event, &mut body);
        body
    };
    Ok(drf::json(builder, blocking::write_record(bytes, write).await?))
}

async fn list(
    audit_api: &'static AuditEventsApi,
    api: web::Data<Api>,
    request: HttpRequest,
    payload: web::Payload,
    caller: Caller,
) -> Result<HttpResponse, Failure> {
    let origin = BaseUrl::from_request(&api.config, &request)?;
    let mut params = Params::parse(request.query_string());
    if let Some(name) = audit_api.filter_in_body
        && params.last(name).is_none()
        && let Some(value) = body_param(&api, &request, payload, &caller, name).await?
    {
        // The links of the page must have this parameter too. Otherwise the next page would be a
        // page of another list.
        params.push(name, &value);
    }
    let filter = drf::read_filter(&[&FILTERS, audit_api.own_filters], &params)?;
    let paging = Paging::parse(&api.config, &params)?;
    let (channels, sort) = (PathChannel::from_request(&request).readable(&caller), drf::read_sort(&SORTS, &params));
    let page = blocking::page(&api, &caller, false, move |store| {
        let list = store.channels(channels).events().list(filter).sort(sort);
        let page = list.page(paging.page, paging.size)?;
        drf::write_page(page, &origin, &params, |event| event.entry.slots.bytes(), audit_api.write)
    });
    Ok(drf::json(HttpResponse::Ok(), page.await??))
}

/// Reads a parameter from the JSON object or the form in the body of a GET. A body of any other
/// media type does not mean anything to a GET.
async fn body_param(
    api: &Api,
    request: &HttpRequest,
    payload: web::Payload,
    caller: &Caller,
    name: &str,
) -> Result<Option<String>, Failure> {
    let media_type = media_type(request);
    let is_form = media_type == FORM;
    if !is_form && media_type != "application/json" {
        return Ok(None);
    }
    let body = Body::read(api, request, payload, Room::for_question(api, caller)).await?;
    if is_form {
        let form = match drf::form(&body.bytes, charset::from_request(request)?) {
            // As in a query string: the server only compares the text, so it may read it with
            // replacement characters.
            Err(Failure::Body(BodyError::Characters { .. })) => Params::parse(&String::from_utf8_lossy(&body.bytes)),
            form => form?,
        };
        return Ok(form.last(name).map(str::to_owned));
    }
    let text = body::text(&body.bytes)?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    let members = Members::parse(text)?;
    let value = members.last(name).filter(|value| value.kind() != JsonKind::Null);
    // The filter gets a value that is not a string as it is, and its error says which values it
    // accepts.
    Ok(value.map(|json| json.decoded().and_then(|d| d.as_str().map(str::to_owned)).unwrap_or_else(|| json.to_string())))
}

async fn create(
    audit_api: &'static AuditEventsApi,
    api: web::Data<Api>,
    request: HttpRequest,
    payload: web::Payload,
    caller: Caller,
) -> Result<HttpResponse, Failure> {
    if media_type(&request) != "application/json" {
        return Err(drf::unsupported_media_type(&request, "application/json"));
    }
    let key = IdempotencyKey::from_request(&request, &caller)?;
    let room = Room::for_append(&api, &caller, limits::EVENT_BYTES_MAX);
    let Body { bytes, mut reservation } = Body::read(&api, &request, payload, room).await?;
    let (store, producer_id, channel) = (api.store.clone(), caller.token.id, PathChannel::from_request(&request));
    let received = bytes.len();
    let work = move || prepare(audit_api, &store, &bytes, key, &caller, &channel);
    let prepared = blocking::compute(&api, producer_id, received, work).await??;
    // The server keeps the event twice: for the log and for the answer.
    reservation.grow(prepared.bytes()).map_err(BodyError::from)?;
    let (channel, uuid, bytes) = (prepared.channel_id(), prepared.uuid(), prepared.bytes());
    let kept = prepared.entry().clone();
    let append = AppendRequest::new([prepared]).producer(producer_id).holding(reservation);
    let receipts = blocking::append(&api, append)
        .await
        .map_err(|error| Failure::from_append(error, key.as_ref(), |_| RecordPlace::default()))?;
    // A new event is the event that the client sent, so the server does not read it from the log.
    // Such a read could fail, and the client would then send the event again although it is stored.
    if let [Receipt { duplicate: false, position, recorded_at, leaf_hash, .. }] = receipts[..] {
        let event = Event::from(kept.into_entry(producer_id, position, recorded_at, leaf_hash));
        return show(audit_api, HttpResponse::Created(), event).await;
    }
    // The event is stored, so an answer that asks the client to send it again would be wrong.
    let find = move |store: &Store| store.channels(channel).events().get(uuid);
    let event = blocking::point_read(&api, bytes, find).await??;
    show(audit_api, HttpResponse::Ok(), event.ok_or_else(|| Failure::lost(channel, uuid))?).await
}

fn prepare(
    audit_api: &AuditEventsApi,
    store: &Store,
    body: &[u8],
    key: Option<IdempotencyKey>,
    caller: &Caller,
    channel: &PathChannel,
) -> Result<Prepared, Failure> {
    let mut event = read_event(audit_api, drf::members_given(body::text(body)?)?)?;
    let channel = caller.channel_to_write(channel.writable()?.or(event.channel_id))?;
    event.uuid = event.uuid.or(key.map(|key| key.uuid(0)));
    Ok(store.channels(channel).events().prepare(event)?)
}

/// Reads an event. Numbers may come as strings, and texts as numbers.
fn read_event(audit_api: &AuditEventsApi, members: Members<'_>) -> Result<NewEvent, Failure> {
    let field = |name: &str, value: JsonText| match name {
        "content_type" | "object_id" => drf::integer_field(value),
        "user" if audit_api.takes_user_objects && value.kind() == JsonKind::Object => Ok(value),
        "user" => drf::integer_field(value),
        "timestamp" => drf::instant_field(value),
        "url" | "remote_addr" | "description" | "table_name" | "action" => Ok(drf::text_field(value)),
        _ => Ok(value),
    };
    drf::read_tolerantly(members, field, |members| NewEvent::from_members(members, ParseMode::PUBLISHED))
}
