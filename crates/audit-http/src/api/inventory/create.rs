//! `POST /api/v1/audit/logs`: appends one log. The client may send it again with the same `uuid`.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::limits;
use audit_store::{AppendRequest, Prepared, Store};

use super::{json, record, view};
use crate::admission::Room;
use crate::auth::Caller;
use crate::blocking;
use crate::body::{self, Body, media_type};
use crate::failure::{Failure, RecordPlace};
use crate::idempotency::IdempotencyKey;
use crate::state::Api;

pub(super) async fn create(
    api: web::Data<Api>,
    request: HttpRequest,
    payload: web::Payload,
    caller: Caller,
) -> Result<HttpResponse, Failure> {
    if media_type(&request) != "application/json" {
        let got = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        return Err(Failure::UnsupportedMediaType { got: got.unwrap_or("").to_owned(), accepted: "application/json" });
    }
    let key = IdempotencyKey::from_request(&request, &caller)?;
    let room = Room::for_append(&api, &caller, limits::EVENT_BYTES_MAX);
    let Body { bytes, reservation } = Body::read(&api, &request, payload, room).await?;
    let (store, producer_id) = (api.store.clone(), caller.token.id);
    let prepared = blocking::compute(&api, producer_id, bytes.len(), move || prepare(&store, &bytes, key, &caller)).await??;
    let uuid = prepared.uuid();
    let append = AppendRequest::new([prepared]).producer(producer_id).holding(reservation);
    let receipts = blocking::append(&api, append)
        .await
        .map_err(|error| Failure::from_append(error, key.as_ref(), |_| RecordPlace::default()))?;
    let is_retry = receipts.iter().all(|receipt| receipt.duplicate);
    Ok(json(if is_retry { HttpResponse::Ok() } else { HttpResponse::Created() }, view::created(uuid)))
}

fn prepare(store: &Store, body: &[u8], key: Option<IdempotencyKey>, caller: &Caller) -> Result<Prepared, Failure> {
    let mut event = record::parse_inventory_log(body::text(body)?)?;
    let channel = caller.channel_to_write(event.channel_id)?;
    event.uuid = event.uuid.or(key.map(|key| key.uuid(0)));
    Ok(store.channels(channel).events().prepare(event)?)
}
