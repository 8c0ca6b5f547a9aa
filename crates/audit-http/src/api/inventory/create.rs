//! `POST /api/v1/audit/logs`: one log, which may be sent again with the same `uuid`.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::{PreparedEntry, limits};
use audit_store::{AppendRequest, Store};

use super::error::InventoryError;
use super::{json, record, view};
use crate::admission::Room;
use crate::auth::Caller;
use crate::body::{Body, media_type};
use crate::{Api, blocking};

pub(super) async fn create(
    api: &Api,
    request: &HttpRequest,
    payload: web::Payload,
    caller: &Caller,
) -> Result<HttpResponse, InventoryError> {
    caller.require_write()?;
    if media_type(request) != "application/json" {
        let got = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        return Err(InventoryError::media_type(got.unwrap_or("")));
    }
    let Body { bytes, reservation } =
        Body::read(api, request, payload, Room::for_append(api, caller, limits::EVENT_BYTES_MAX)).await?;
    let (store, writer) = (api.store.clone(), caller.clone());
    let prepared = blocking::compute(api, caller.token.id, bytes.len(), move || prepare(&store, &bytes, &writer)).await??;
    let uuid = prepared.uuid();
    let append = AppendRequest { producer_id: caller.token.id, entries: vec![prepared], reservation: Some(reservation) };
    let receipts = blocking::append(api, append).await?;
    let is_retry = receipts.iter().all(|receipt| receipt.duplicate);
    Ok(json(if is_retry { HttpResponse::Ok() } else { HttpResponse::Created() }, view::created(uuid)))
}

fn prepare(store: &Store, body: &[u8], caller: &Caller) -> Result<PreparedEntry, InventoryError> {
    let text = std::str::from_utf8(body).map_err(|error| InventoryError::not_utf8(error.valid_up_to()))?;
    let event = record::parse_inventory_log(text)?;
    let channel = caller.channel_to_write(event.channel_id)?;
    Ok(store.prepare(event, channel)?)
}
