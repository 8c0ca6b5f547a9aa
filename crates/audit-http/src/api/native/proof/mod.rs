//! The proof of one record, and its leaf.

mod openapi;

pub(super) use openapi::{paths, schema};

use actix_web::http::header::{Accept, CACHE_CONTROL, CONTENT_DISPOSITION, Header, Quality, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::log::PROOF_FILE_EXTENSION;

use super::{Stream, read_one};
use crate::auth::Caller;
use crate::blocking;
use crate::failure::Failure;
use crate::state::Api;

pub(crate) const JSON: &str = "application/json";
pub(crate) const TEXT: &str = "text/plain";

/// Proves that a record is in its log. As text, the proof is a file of C2SP tlog-proof.
pub(super) async fn proof<S: Stream>(
    api: web::Data<Api>,
    request: HttpRequest,
    uuid: web::Path<String>,
    caller: Caller,
) -> Result<HttpResponse, Failure> {
    let record = read_one::<S>(&api, &request, &uuid, &caller).await?;
    let (channel, position) = (record.as_ref().channel_id, record.as_ref().position);
    let file_name = format!("{}.{PROOF_FILE_EXTENSION}", record.as_ref().uuid);
    let is_text = prefers_text(&request);
    let proven = blocking::query(&api, &caller, move |store| {
        let proof = store.channels(channel).log::<S>().prove(record.as_ref())?;
        Ok::<_, audit_store::StoreError>(
            proof.map(|proof| if is_text { proof.to_proof_file().to_string() } else { proof.to_string() }),
        )
    });
    let body = proven.await??.ok_or(Failure::NotSigned { channel_id: channel.get(), stream: S::STREAM.name(), position })?;
    // Each checkpoint makes another proof of the same record.
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-cache")).insert_header((VARY, "Accept"));
    if !is_text {
        return Ok(response.content_type(JSON).body(body));
    }
    response.insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{file_name}\"")));
    Ok(response.content_type("text/plain; charset=utf-8").body(body))
}

/// Whether the client prefers text to JSON.
fn prefers_text(request: &HttpRequest) -> bool {
    let mut accept = Accept::parse(request).unwrap_or_else(|_| Accept(Vec::new()));
    // A quality of 0 refuses a type.
    accept.retain(|range| range.quality > Quality::ZERO);
    let ranked = accept.ranked();
    let first = ranked.iter().find(|range| [JSON, TEXT, "*/*", "text/*", "application/*"].contains(&range.essence_str()));
    first.is_some_and(|range| [TEXT, "text/*"].contains(&range.essence_str()))
}

/// The bytes of the leaf of a record.
pub(super) async fn leaf<S: Stream>(
    api: web::Data<Api>,
    request: HttpRequest,
    uuid: web::Path<String>,
    caller: Caller,
) -> Result<HttpResponse, Failure> {
    let record = read_one::<S>(&api, &request, &uuid, &caller).await?;
    let entry = record.as_ref();
    let bytes = entry.slots.bytes();
    let file_name = format!("attachment; filename=\"{}.leaf\"", entry.uuid);
    let leaf = blocking::write_record(bytes, move || record.as_ref().leaf_data(S::STREAM)).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_DISPOSITION, file_name));
    Ok(response.content_type("application/octet-stream").body(leaf))
}
