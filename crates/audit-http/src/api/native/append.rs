//! Append: one record, an array, or NDJSON. The log stores all records of the request or none,
//! unless the client asks for the good ones to be stored (`partial=true`).

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::{ObjectWriter, push_array};
use audit_store::{AppendError, AppendRequest, Conflict, NotStored, Prepared, Receipt, Reservation};

use super::Stream;
use super::sent::{Placed, Reading, Records, Rejected, prepare_all};
use crate::admission::Room;
use crate::auth::Caller;
use crate::blocking;
use crate::body::{Body, BodyError};
use crate::failure::{Failure, UuidConflict};
use crate::problem::Detail;
use crate::state::Api;

pub(super) async fn append<S: Stream>(
    api: web::Data<Api>,
    request: HttpRequest,
    payload: web::Payload,
    caller: Caller,
) -> Result<HttpResponse, Failure> {
    let reading = Reading::of::<S>(&request, &caller)?;
    let room = Room::for_append(&api, &caller, reading.bytes_max());
    let Body { bytes, reservation } = Body::read(&api, &request, payload, room).await?;
    let (store, writer, received) = (api.store.clone(), caller.clone(), bytes.len());
    let work = move |turn| prepare_all::<S>(&store, bytes, reading, &writer, (reservation, turn));
    let records = blocking::compute_in_turn(&api, caller.token.id, received, work).await??;
    if reading.partial && !records.is_single {
        let (receipts, rejected) = store_in_part(&api, &caller, records, &reading).await?;
        return Ok(many(&receipts, &rejected));
    }
    let Records { entries, is_single, reservation, .. } = records;
    let entries = entries.into_iter().map(|placed| placed.entry);
    let receipts = append_all(&api, &caller, entries, reservation)
        .await
        .map_err(|error| Failure::from_append(error, is_single, reading.key.as_ref()))?;
    Ok(if is_single { one(&receipts) } else { many(&receipts, &[]) })
}

async fn append_all(
    api: &Api,
    caller: &Caller,
    entries: impl IntoIterator<Item = Prepared>,
    reservation: Reservation,
) -> Result<Vec<Receipt>, AppendError> {
    blocking::append(api, AppendRequest::new(entries).producer(caller.token.id).holding(reservation)).await
}

/// Stores the records of a list that can be stored, in one transaction. A record whose uuid belongs
/// to another record is only known after an attempt, so there is another attempt without it.
async fn store_in_part(
    api: &Api,
    caller: &Caller,
    records: Records,
    reading: &Reading,
) -> Result<(Vec<Receipt>, Vec<Rejected>), Failure> {
    let Records { mut entries, mut rejected, mut reservation, .. } = records;
    loop {
        let attempt = entries.iter().map(|placed| placed.entry.clone());
        let conflicts = match append_all(api, caller, attempt, reservation).await {
            Ok(receipts) => {
                rejected.sort_unstable_by_key(|rejected| rejected.index);
                return Ok((receipts, rejected));
            }
            Err(AppendError::NotStored(NotStored::Conflict(conflicts))) if !conflicts.is_empty() => conflicts,
            Err(error) => return Err(Failure::from_append(error, false, reading.key.as_ref())),
        };
        let mut conflicts: HashMap<usize, Conflict> = conflicts.into_iter().map(|conflict| (conflict.index, conflict)).collect();
        let mut attempted = 0..;
        entries.retain(|Placed { index, line, .. }| {
            let Some(conflict) = attempted.next().and_then(|attempted| conflicts.remove(&attempted)) else { return true };
            let conflict = UuidConflict::new(&conflict.at(*index), &format!("/{index}"), reading.key.as_ref());
            rejected.push(Rejected { index: *index, details: vec![Detail::of_conflict(&conflict, *line)] });
            false
        });
        reservation = api.store.budget().share_of(caller.token.id);
        let held = 2 * entries.iter().map(|placed| placed.entry.memory_bytes()).sum::<usize>();
        reservation.grow(held).map_err(BodyError::from)?;
    }
}

fn one(receipts: &[Receipt]) -> HttpResponse {
    let mut body = String::new();
    let mut status = StatusCode::CREATED;
    for receipt in receipts {
        receipt.write_json(&mut body);
        if receipt.duplicate {
            status = StatusCode::OK;
        }
    }
    HttpResponse::build(status).content_type("application/json").body(body)
}

fn many(receipts: &[Receipt], rejected: &[Rejected]) -> HttpResponse {
    let duplicates = receipts.iter().filter(|receipt| receipt.duplicate).count();
    let accepted = receipts.len() - duplicates;
    let mut body = String::with_capacity(64 + receipts.len() * 240);
    let mut object = ObjectWriter::new(&mut body);
    object.integer("accepted", Some(accepted as i64)).integer("duplicates", Some(duplicates as i64));
    if !rejected.is_empty() {
        let details: Vec<&Detail> = rejected.iter().flat_map(|rejected| &rejected.details).collect();
        object.integer("rejected", Some(rejected.len() as i64));
        object.nested("errors", |out| push_array(out, &details, |detail, out| detail.write(out)));
    }
    object.nested("receipts", |out| push_array(out, receipts, Receipt::write_json));
    object.end();
    let mut response = if rejected.is_empty() { HttpResponse::Created() } else { HttpResponse::MultiStatus() };
    response.content_type("application/json").body(body)
}
