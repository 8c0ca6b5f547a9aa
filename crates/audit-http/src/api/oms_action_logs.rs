//! The OMS action logs API: `/api/v1/oms/logs/action_log/`.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use audit_store::domain::{
    ActionLog, ChannelGrant, InputError, JsonText, Members, NewActionLog, ObjectWriter, ParseMode, PreparedEntry, action_log_slot,
    limits, translate_action_log,
};
use audit_store::{ActionLogListQuery, AppendRequest, Receipt, Store};
use encoding_rs::Encoding;

use super::{python_fit, python_logging};
use crate::admission::Room;
use crate::auth::Caller;
use crate::body::{Body, BodyError, FORM, media_type};
use crate::drf::{self, BaseUrl, DrfError, FilterReader, Paging};
use crate::params::Params;
use crate::routes::{Route, Routes};
use crate::{Api, blocking, charset};

pub(crate) const LIST: Route = Route::new("/api/v1/oms/logs/action_log/", "GET, POST, HEAD, OPTIONS");
pub(crate) const ONE: Route = Route::new("/api/v1/oms/logs/action_log/{id}/", "GET, HEAD, OPTIONS");

pub(super) fn configure(routes: &mut Routes<'_>) {
    routes.mount_published(LIST, collection);
    routes.mount_published(ONE, detail);
}

const NAME: &str = "Action Log List";

async fn collection(api: web::Data<Api>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let result = async {
        let caller = Caller::authenticate(&api, &request).await?;
        drf::check_method(&caller, &request, LIST.allow)?;
        let params = Params::parse(request.query_string());
        drf::check_format(&request, &params)?;
        match *request.method() {
            Method::OPTIONS => Ok(drf::metadata(NAME)),
            Method::POST => create(&api, &request, payload, &caller).await,
            _ => list(&api, &request, &params, &caller).await,
        }
    };
    drf::respond(result.await, LIST.allow)
}

async fn detail(api: web::Data<Api>, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let result = async {
        let caller = Caller::authenticate(&api, &request).await?;
        drf::check_method(&caller, &request, ONE.allow)?;
        drf::check_format(&request, &Params::parse(request.query_string()))?;
        if request.method() == Method::OPTIONS {
            return Ok(drf::metadata(NAME));
        }
        let position = drf::whole_number(&id).and_then(|id| id.checked_sub(1)).ok_or(DrfError::NotFound)?;
        let channel = caller.single_channel().ok_or(DrfError::NotFound)?;
        let log = blocking::read_by_key(&api, &caller, move |store, bytes_max| store.action_log_at(channel, position, bytes_max))
            .await??;
        show(HttpResponse::Ok(), log.ok_or(DrfError::NotFound)?).await
    };
    drf::respond(result.await, ONE.allow)
}

async fn show(builder: HttpResponseBuilder, log: ActionLog) -> Result<HttpResponse, DrfError> {
    let bytes = log.slots.bytes();
    let shown = move || {
        let mut body = String::with_capacity(512 + bytes);
        write(&log, &mut body);
        body
    };
    Ok(drf::json(builder, blocking::shape(bytes, shown).await?))
}

/// Keys and order of the published page.
fn write(log: &ActionLog, out: &mut String) {
    let subject = log.subject();
    let mut object = ObjectWriter::new(out);
    object
        .integer("id", Some(log.id()))
        .integer("level", subject.as_ref().map(|subject| subject.level))
        .text("logger_name", subject.as_ref().and_then(|subject| subject.logger_name.as_ref()))
        .text("message", log.slots.value(action_log_slot::MESSAGE))
        .text("app_name", subject.as_ref().and_then(|subject| subject.app_name.as_ref()))
        .text("trace", log.slots.value(action_log_slot::TRACE))
        .string("created_at", &log.timestamp.to_string());
    object.end();
}

async fn list(api: &Api, request: &HttpRequest, params: &Params, caller: &Caller) -> Result<HttpResponse, DrfError> {
    let origin = BaseUrl::from_request(&api.config, request)?;
    let filter = FilterReader::new(params).action_logs().finish()?;
    let Paging { page, size } = Paging::parse(&api.config, params)?;
    // Ids count per channel, so channels are never merged.
    let channels = ChannelGrant::Only(caller.single_channel().into_iter().collect());
    let query = ActionLogListQuery { channels, filter, sort: drf::action_log_sort(params), page, size };
    let (params, is_search) = (params.clone(), query.filter.search.is_some());
    let page = blocking::page(api, caller, is_search, move |store| {
        drf::write_page(store.list_action_logs(&query)?, &origin, &params, |log| log.slots.bytes(), write)
    });
    Ok(drf::json(HttpResponse::Ok(), page.await??))
}

async fn create(api: &Api, request: &HttpRequest, payload: web::Payload, caller: &Caller) -> Result<HttpResponse, DrfError> {
    let form = match media_type(request).as_str() {
        "application/json" => None,
        FORM => Some(charset::from_request(request)?),
        _ => return Err(drf::unsupported_media_type(request)),
    };
    let max = if form.is_some() { FORM_BYTES_MAX } else { limits::EVENT_BYTES_MAX };
    let Body { bytes, mut reservation } = Body::read(api, request, payload, Room::for_append(api, caller, max)).await?;
    let (store, writer, received) = (api.store.clone(), caller.clone(), bytes.len());
    let prepared = blocking::compute(api, caller.token.id, received, move || prepare(&store, &bytes, form, &writer)).await??;
    // It is kept twice, for the log and for the answer; and a message that was put together from its arguments takes more than they did.
    reservation.grow((2 * prepared.slots().bytes()).saturating_sub(received)).map_err(BodyError::from)?;
    let (channel, uuid, bytes) = (prepared.channel_id(), prepared.uuid(), prepared.slots().bytes());
    let (producer_id, kept) = (caller.token.id, prepared.clone());
    let append = AppendRequest { producer_id, entries: vec![prepared], reservation: Some(reservation) };
    let receipts = blocking::append(api, append).await?;
    // What is new is what was sent. To read it again could fail, and the client would send it again though it is stored.
    if let [Receipt { duplicate: false, position, recorded_at, leaf_hash, .. }] = receipts[..] {
        let log = ActionLog(kept.into_entry(producer_id, position, recorded_at, leaf_hash));
        return show(HttpResponse::Created(), log).await;
    }
    // It is stored: an answer that asks the client to send it again would be wrong.
    let find = move |store: &Store| store.get_action_log(&ChannelGrant::Only([channel].into()), channel, uuid);
    let log = blocking::point_read(api, bytes, find).await??;
    show(HttpResponse::Ok(), log.ok_or(DrfError::Internal)?).await
}

/// Bytes of the largest form. A record that Python's handler posts is stored in any case, cut to what an action log may have.
const FORM_BYTES_MAX: usize = 8 * limits::EVENT_BYTES_MAX;

fn prepare(store: &Store, body: &[u8], form: Option<&'static Encoding>, caller: &Caller) -> Result<PreparedEntry, DrfError> {
    let log = match form {
        Some(charset) => read_log(drf::body_members(&json_of_form(body, charset)?)?)?,
        None => {
            let text = drf::body_text(body)?;
            // No body at all is `{}` to DRF, whose answer names what is missing.
            read_log(drf::body_members(if text.is_empty() { "{}" } else { text })?)?
        }
    };
    let channel = caller.channel_to_write(log.channel_id)?;
    Ok(store.prepare_action_log(log, channel)?)
}

/// A form as the JSON of an action log.
fn json_of_form(body: &[u8], charset: &'static Encoding) -> Result<String, DrfError> {
    let max = limits::EVENT_BYTES_MAX;
    let mut form = drf::form(body, charset)?;
    let is_record = python_logging::is_record(&form);
    if is_record {
        form = python_fit::fit(form, max);
    } else if body.len() > max {
        return Err(BodyError::TooLarge { max }.into());
    }
    // A message is never put together at the cost of the whole record.
    let mut json = python_logging::to_json(&form, max.saturating_sub(body.len()));
    if is_record && json.len() > max {
        json = python_logging::to_json(&form, 0);
    }
    if json.len() > max {
        return Err(InputError::TooLarge { bytes: json.len() }.into());
    }
    Ok(json)
}

fn read_log(members: Members<'_>) -> Result<NewActionLog, DrfError> {
    let field = |name: &str, value: JsonText| match name {
        "level" | "channel_id" => drf::integer_field(value),
        "created_at" => Ok(drf::instant_field(value)),
        "logger_name" | "message" | "app_name" | "trace" => Ok(drf::text_field(value)),
        _ => Ok(value),
    };
    drf::read_tolerantly(translate_action_log(members), field, |members| NewActionLog::from_members(members, ParseMode::PUBLISHED))
}
