//! Append: one record, an array, or NDJSON. The log stores all records of the request or none,
//! unless the client asks for the good ones to be stored (`partial=true`).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::{ObjectWriter, push_array};
use audit_store::{AppendRequest, Conflict, Receipt, SkippedConflicts};

use super::Stream;
use super::sent::{Reading, Records, Rejected, prepare_all};
use crate::admission::Room;
use crate::auth::Caller;
use crate::blocking::{self, NotRun};
use crate::body::Body;
use crate::failure::{Failure, RecordPlace, UuidConflict};
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
    let gone = |error| match error {
        // It may still read.
        NotRun::Gone => Failure::NotStored("The client closed its side of the connection while its body waited"),
        error => error.into(),
    };
    let records = blocking::compute_in_turn(&api, &caller, received, work).await.map_err(gone)??;
    let Records { entries, places, mut rejected, is_single, reservation } = records;
    let skipped = SkippedConflicts::default();
    let mut append = AppendRequest::new(entries).producer(caller.token.id).holding(reservation);
    if reading.partial && !is_single {
        append = append.skipping(&skipped);
    }
    let key = reading.key.as_ref();
    let of_record = |index: usize| match places.get(index) {
        Some(place) if !is_single => place.of_record(),
        _ => RecordPlace::default(),
    };
    let receipts = blocking::append(&api, append).await.map_err(|error| Failure::from_append(error, key, of_record))?;
    if is_single {
        return Ok(one(&receipts));
    }
    for conflict in skipped.take() {
        let Some(place) = places.get(conflict.index) else { continue };
        let conflict = UuidConflict::new(&Conflict { index: place.index, ..conflict }, place.of_record(), key);
        rejected.push(Rejected { index: place.index, details: vec![Detail::of_conflict(&conflict)] });
    }
    rejected.sort_unstable_by_key(|rejected| rejected.index);
    Ok(many(&receipts, &rejected))
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
