//! The OMS action logs API: `/api/v1/oms/logs/action_log/`.

mod filter;
mod openapi;
mod view;

pub(super) use openapi::docs;

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use audit_store::domain::{ActionLog, ChannelGrant, JsonText, Members, NewActionLog, ParseMode, limits, translate_action_log};
use audit_store::{AppendRequest, Prepared, Receipt, Store};
use encoding_rs::Encoding;

use crate::admission::Room;
use crate::api::action_logs::form::{FORM_BYTES_MAX, Form};
use crate::auth::Caller;
use crate::blocking;
use crate::body::charset;
use crate::body::{self, Body, BodyError, FORM, media_type};
use crate::drf::{self, BaseUrl, Paging};
use crate::failure::{Failure, RecordPlace};
use crate::idempotency::IdempotencyKey;
use crate::params::Params;
use crate::routes::{Access, ApiStyle, Resource, Routes};
use crate::state::Api;
use filter::{FILTERS, SORTS};
use view::write;

pub(crate) const LIST: &str = "/api/v1/oms/logs/action_log/";
pub(crate) const ONE: &str = "/api/v1/oms/logs/action_log/{id}/";

const STYLE: ApiStyle = drf::style("Action Log List");

pub(super) fn configure(routes: &mut Routes<'_>) {
    routes.mount_published(Resource::new(LIST, STYLE).get(Access::Read, list).post(Access::Append, create));
    routes.mount_published(Resource::new(ONE, STYLE).get(Access::Read, get));
}

async fn get(api: web::Data<Api>, id: web::Path<String>, caller: Caller) -> Result<HttpResponse, Failure> {
    let position = drf::whole_number(&id).and_then(|id| id.checked_sub(1)).ok_or_else(drf::not_found)?;
    let channel = caller.single_channel().ok_or_else(drf::not_found)?;
    let find = api.store.channels(channel).action_logs().find_at(position);
    let log = blocking::read_by_key(&api, &caller, find).await??;
    show(HttpResponse::Ok(), log.ok_or_else(drf::not_found)?).await
}

async fn show(builder: HttpResponseBuilder, log: ActionLog) -> Result<HttpResponse, Failure> {
    let bytes = log.entry.slots.bytes();
    let shown = move || {
        let mut body = String::with_capacity(512 + bytes);
        write(&log, &mut body);
        body
    };
    Ok(drf::json(builder, blocking::write_record(bytes, shown).await?))
}

async fn list(api: web::Data<Api>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, Failure> {
    let origin = BaseUrl::from_request(&api.config, &request)?;
    let params = Params::parse(request.query_string());
    let filter = drf::read_filter(&[&FILTERS], &params)?;
    let Paging { page, size } = Paging::parse(&api.config, &params)?;
    // Ids count per channel, so a list never merges channels.
    let channels = ChannelGrant::Only(caller.single_channel().into_iter().collect());
    let sort = drf::read_sort(&SORTS, &params);
    let is_search = filter.search.is_some();
    let page = blocking::page(&api, &caller, is_search, move |store| {
        let page = store.channels(channels).action_logs().list(filter).sort(sort).page(page, size)?;
        drf::write_page(page, &origin, &params, |log| log.entry.slots.bytes(), write)
    });
    Ok(drf::json(HttpResponse::Ok(), page.await??))
}

async fn create(api: web::Data<Api>, request: HttpRequest, payload: web::Payload, caller: Caller) -> Result<HttpResponse, Failure> {
    let form = match media_type(&request).as_str() {
        "application/json" => None,
        FORM => Some(charset::from_request(&request)?),
        _ => return Err(drf::unsupported_media_type(&request, "application/json, application/x-www-form-urlencoded")),
    };
    let key = IdempotencyKey::from_request(&request, &caller)?;
    let max = if form.is_some() { FORM_BYTES_MAX } else { limits::EVENT_BYTES_MAX };
    let Body { bytes, mut reservation } = Body::read(&api, &request, payload, Room::for_append(&api, &caller, max)).await?;
    let (store, producer_id, received) = (api.store.clone(), caller.token.id, bytes.len());
    let prepared = blocking::compute(&api, producer_id, received, move || prepare(&store, &bytes, (form, key), &caller)).await??;
    // The server keeps the action log twice, for the log and for the answer. A message that was
    // formatted from its arguments takes more bytes than the arguments did.
    reservation.grow((2 * prepared.bytes()).saturating_sub(received)).map_err(BodyError::from)?;
    let (channel, uuid, bytes) = (prepared.channel_id(), prepared.uuid(), prepared.bytes());
    let kept = prepared.entry().clone();
    let append = AppendRequest::new([prepared]).producer(producer_id).holding(reservation);
    let receipts = blocking::append(&api, append)
        .await
        .map_err(|error| Failure::from_append(error, key.as_ref(), |_| RecordPlace::default()))?;
    // A new action log is the one that the client sent, so the server does not read it from the
    // log. Such a read could fail, and the client would then send it again although it is stored.
    if let [Receipt { duplicate: false, position, recorded_at, leaf_hash, .. }] = receipts[..] {
        let log = ActionLog::from(kept.into_entry(producer_id, position, recorded_at, leaf_hash));
        return show(HttpResponse::Created(), log).await;
    }
    // The action log is stored, so an answer that asks the client to send it again would be wrong.
    let find = move |store: &Store| store.channels(channel).action_logs().get(uuid);
    let log = blocking::point_read(&api, bytes, find).await??;
    show(HttpResponse::Ok(), log.ok_or_else(|| Failure::lost(channel, uuid))?).await
}

fn prepare(
    store: &Store,
    body: &[u8],
    (form, key): (Option<&'static Encoding>, Option<IdempotencyKey>),
    caller: &Caller,
) -> Result<Prepared, Failure> {
    let mut log = match form {
        Some(charset) => read_log(drf::body_members(&Form::read(body, charset)?.json)?)?,
        None => {
            let text = body::text(body)?;
            // DRF treats a missing body as `{}`, and its answer names the missing fields.
            read_log(drf::body_members(if text.is_empty() { "{}" } else { text })?)?
        }
    };
    let channel = caller.channel_to_write(log.channel_id)?;
    log.uuid = log.uuid.or(key.map(|key| key.uuid(0)));
    Ok(store.channels(channel).action_logs().prepare(log)?)
}

fn read_log(members: Members<'_>) -> Result<NewActionLog, Failure> {
    let field = |name: &str, value: JsonText| match name {
        "level" | "channel_id" => drf::integer_field(value),
        "created_at" => drf::instant_field(value),
        "logger_name" | "message" | "app_name" | "trace" => Ok(drf::text_field(value)),
        _ => Ok(value),
    };
    drf::read_tolerantly(translate_action_log(members), field, |members| NewActionLog::from_members(members, ParseMode::PUBLISHED))
}
