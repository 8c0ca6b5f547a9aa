//! What the two published APIs of audit events have in common: list, detail and create, as DRF answers them.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use audit_store::domain::{
    ChannelGrant, ChannelId, Event, EventFilter, JsonKind, JsonText, Members, NewEvent, ParseMode, PreparedEntry, limits,
    parse_uuid,
};
use audit_store::{AppendRequest, ListQuery, Receipt, Store};

use crate::admission::Room;
use crate::auth::Caller;
use crate::body::{Body, BodyError, FORM, media_type};
use crate::drf::{self, BaseUrl, DrfError, Paging};
use crate::params::Params;
use crate::{Api, blocking, charset};

/// What one API does differently.
pub(super) struct AuditEventsApi {
    /// What OPTIONS calls the list.
    pub(super) name: &'static str,
    /// Filters beside those of [`drf::FilterReader::audit_events`].
    pub(super) own_filters: fn(&mut drf::FilterReader<'_, EventFilter>),
    /// A parameter that is also read from the body of a GET.
    pub(super) filter_in_body: Option<&'static str>,
    /// Whether a user may be given as an object.
    pub(super) takes_user_objects: bool,
    /// Writes one result.
    pub(super) write: fn(&Event, &mut String),
}

pub(super) const ALLOW_LIST: &str = "GET, POST, HEAD, OPTIONS";
pub(super) const ALLOW_DETAIL: &str = "GET, HEAD, OPTIONS";

/// The list path: list and create.
pub(super) async fn collection(
    shape: &'static AuditEventsApi,
    api: &Api,
    request: &HttpRequest,
    payload: web::Payload,
    channel: Option<&str>,
) -> HttpResponse {
    let result = async {
        let caller = Caller::authenticate(api, request).await?;
        drf::check_method(&caller, request, ALLOW_LIST)?;
        let params = Params::parse(request.query_string());
        drf::check_format(request, &params)?;
        match *request.method() {
            Method::OPTIONS => Ok(drf::metadata(shape.name)),
            Method::POST => create(shape, api, request, payload, &caller, channel).await,
            _ => list(shape, api, request, payload, params, &caller, channel).await,
        }
    };
    drf::respond(result.await, ALLOW_LIST)
}

/// The path of one event.
pub(super) async fn detail(
    shape: &'static AuditEventsApi,
    api: &Api,
    request: &HttpRequest,
    channel: Option<&str>,
    uuid: &str,
) -> HttpResponse {
    let result = async {
        let caller = Caller::authenticate(api, request).await?;
        drf::check_method(&caller, request, ALLOW_DETAIL)?;
        drf::check_format(request, &Params::parse(request.query_string()))?;
        if request.method() == Method::OPTIONS {
            return Ok(drf::metadata(shape.name));
        }
        let uuid = parse_uuid(uuid).ok_or(DrfError::NotFound)?;
        let find = move |store: &Store, channels: &_, first, bytes_max| store.get_within(channels, first, uuid, bytes_max);
        let event = blocking::find(api, &caller, readable(&caller, channel), find).await??;
        show(shape, HttpResponse::Ok(), event.ok_or(DrfError::NotFound)?).await
    };
    drf::respond(result.await, ALLOW_DETAIL)
}

/// The channels that are read. Digits beyond every channel there is name one that looks empty, as any other.
fn readable(caller: &Caller, channel: Option<&str>) -> ChannelGrant {
    channel.map_or_else(|| caller.channels(), |channel| caller.channels_among(channel.parse::<ChannelId>().ok()))
}

async fn show(shape: &'static AuditEventsApi, builder: HttpResponseBuilder, event: Event) -> Result<HttpResponse, DrfError> {
    let bytes = event.slots.bytes();
    let write = move || {
        let mut body = String::with_capacity(1024 + bytes);
        (shape.write)(&event, &mut body);
        body
    };
    Ok(drf::json(builder, blocking::shape(bytes, write).await?))
}

async fn list(
    shape: &'static AuditEventsApi,
    api: &Api,
    request: &HttpRequest,
    payload: web::Payload,
    mut params: Params,
    caller: &Caller,
    channel: Option<&str>,
) -> Result<HttpResponse, DrfError> {
    let origin = BaseUrl::from_request(&api.config, request)?;
    if let Some(name) = shape.filter_in_body
        && params.last(name).is_none()
        && let Some(value) = body_param(api, request, payload, caller, name).await?
    {
        // It goes on into the links, or the next page would be one of another list.
        params.push(name, &value);
    }
    let filter = read_filter(shape, &params)?;
    let paging = Paging::parse(&api.config, &params)?;
    let (channels, sort) = (readable(caller, channel), drf::event_sort(&params));
    let query = ListQuery { channels, filter, sort, page: paging.page, size: paging.size };
    let page = blocking::page(api, caller, false, move |store| {
        drf::write_page(store.list(&query)?, &origin, &params, |event| event.slots.bytes(), shape.write)
    });
    Ok(drf::json(HttpResponse::Ok(), page.await??))
}

fn read_filter(shape: &AuditEventsApi, params: &Params) -> Result<EventFilter, DrfError> {
    let mut reader = drf::FilterReader::new(params).audit_events();
    (shape.own_filters)(&mut reader);
    reader.finish()
}

/// A parameter in the JSON object or the form that a GET carries; other bodies mean nothing to a GET.
async fn body_param(
    api: &Api,
    request: &HttpRequest,
    payload: web::Payload,
    caller: &Caller,
    name: &str,
) -> Result<Option<String>, DrfError> {
    let media_type = media_type(request);
    let is_form = media_type == FORM;
    if !is_form && media_type != "application/json" {
        return Ok(None);
    }
    let body = Body::read(api, request, payload, Room::for_question(api, caller)).await?;
    if is_form {
        let form = match drf::form(&body.bytes, charset::from_request(request)?) {
            // As in a query string: what is only compared may be read with replacement characters.
            Err(DrfError::Body(BodyError::Characters { .. })) => Params::parse(&String::from_utf8_lossy(&body.bytes)),
            form => form?,
        };
        return Ok(form.last(name).map(str::to_owned));
    }
    let text = drf::body_text(&body.bytes)?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    let members = Members::parse(text)?;
    let value = members.last(name).filter(|value| value.kind() != JsonKind::Null);
    // What is no string is shown to the filter as it is, which says what it wants instead.
    Ok(value.map(|json| json.decoded().and_then(|d| d.as_str().map(str::to_owned)).unwrap_or_else(|| json.to_string())))
}

async fn create(
    shape: &'static AuditEventsApi,
    api: &Api,
    request: &HttpRequest,
    payload: web::Payload,
    caller: &Caller,
    channel: Option<&str>,
) -> Result<HttpResponse, DrfError> {
    if media_type(request) != "application/json" {
        return Err(drf::unsupported_media_type(request));
    }
    let Body { bytes, mut reservation } =
        Body::read(api, request, payload, Room::for_append(api, caller, limits::EVENT_BYTES_MAX)).await?;
    let (store, writer, channel) = (api.store.clone(), caller.clone(), channel.map(str::to_owned));
    let prepared =
        blocking::compute(api, caller.token.id, bytes.len(), move || prepare(shape, &store, &bytes, &writer, channel.as_deref()))
            .await??;
    // It is kept twice: for the log and for the answer.
    reservation.grow(prepared.slots().bytes()).map_err(BodyError::from)?;
    let (channel, uuid, bytes) = (prepared.channel_id(), prepared.uuid(), prepared.slots().bytes());
    let (producer_id, kept) = (caller.token.id, prepared.clone());
    let append = AppendRequest { producer_id, entries: vec![prepared], reservation: Some(reservation) };
    let receipts = blocking::append(api, append).await?;
    // What is new is what was sent. To read it again could fail, and the client would send it again though it is stored.
    if let [Receipt { duplicate: false, position, recorded_at, leaf_hash, .. }] = receipts[..] {
        let event = Event(kept.into_entry(producer_id, position, recorded_at, leaf_hash));
        return show(shape, HttpResponse::Created(), event).await;
    }
    // It is stored: an answer that asks the client to send it again would be wrong.
    let find = move |store: &Store| store.get(&ChannelGrant::Only([channel].into()), channel, uuid);
    let event = blocking::point_read(api, bytes, find).await??;
    show(shape, HttpResponse::Ok(), event.ok_or(DrfError::Internal)?).await
}

fn prepare(
    shape: &AuditEventsApi,
    store: &Store,
    body: &[u8],
    caller: &Caller,
    channel: Option<&str>,
) -> Result<PreparedEntry, DrfError> {
    let event = read_event(shape, drf::body_members(drf::body_text(body)?)?)?;
    let channel = channel.map(|path| path.parse::<ChannelId>().map_err(|_| DrfError::NotFound)).transpose()?;
    let channel = caller.channel_to_write(channel.or(event.channel_id))?;
    Ok(store.prepare(event, channel)?)
}

/// Numbers may come as strings, texts as numbers.
fn read_event(shape: &AuditEventsApi, members: Members<'_>) -> Result<NewEvent, DrfError> {
    let field = |name: &str, value: JsonText| match name {
        "content_type" | "object_id" => drf::integer_field(value),
        "user" if shape.takes_user_objects && value.kind() == JsonKind::Object => Ok(value),
        "user" => drf::integer_field(value),
        "timestamp" => Ok(drf::instant_field(value)),
        "url" | "remote_addr" | "description" | "table_name" | "action" => Ok(drf::text_field(value)),
        _ => Ok(value),
    };
    drf::read_tolerantly(members, field, |members| NewEvent::from_members(members, ParseMode::PUBLISHED))
}
