//! Append: one record, an array, or NDJSON. The log stores all records of the request or none.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::{
    ChannelId, ConvertError, ConvertFault, Format, JsonText, ObjectWriter, ParseMode, convert, limits, push_array,
};
use audit_store::{AppendRequest, Prepared, Receipt, Reservation, Store};

use super::{Query, Stream};
use crate::admission::{Room, Turn};
use crate::auth::Caller;
use crate::blocking;
use crate::body::{self, Body, BodyError, media_type};
use crate::failure::{ERRORS_MAX, Failure, InvalidMember, InvalidRecord};
use crate::state::Api;

/// The least number of bytes of memory that a record takes in addition to its text.
const RECORD_OVERHEAD_BYTES: usize = 1024;

/// A body, and how it is read.
struct Sent {
    bytes: Vec<u8>,
    is_ndjson: bool,
    /// The format of another system, which is converted.
    format: Option<Format>,
    mode: ParseMode,
}

/// Reads the parameters of an append: `format` and `lenient`, if the stream has them.
fn parameters<S: Stream>(request: &HttpRequest) -> Result<(Option<Format>, ParseMode), Failure> {
    let mut query = Query::parse(request, S::APPEND_PARAMETERS)?;
    let formats = Format::ALL.map(|format| (format.name(), format));
    let format = query.named("format", &formats).map(|(_, format)| format);
    let lenient = query.named("lenient", &[("true", true), ("false", false)]).is_some_and(|(_, lenient)| lenient);
    query.finish()?;
    Ok((format, ParseMode { refuses_unrecognized: !lenient, ..ParseMode::NATIVE }))
}

pub(super) async fn append<S: Stream>(
    api: web::Data<Api>,
    request: HttpRequest,
    payload: web::Payload,
    caller: Caller,
) -> Result<HttpResponse, Failure> {
    let (format, mode) = parameters::<S>(&request)?;
    let media_type = media_type(&request);
    let is_ndjson = match media_type.as_str() {
        "" | "application/json" => false,
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => true,
        "application/cloudevents+json" | "application/cloudevents-batch+json" if format == Some(Format::CloudEvents) => false,
        _ => return Err(Failure::UnsupportedMediaType { got: media_type, accepted: "application/json, application/x-ndjson" }),
    };
    let room = Room::for_append(&api, &caller, limits::REQUEST_BYTES_MAX);
    let Body { bytes, reservation } = Body::read(&api, &request, payload, room).await?;
    let (store, writer) = (api.store.clone(), caller.clone());
    let received = bytes.len();
    let work = move |turn| {
        let sent = Sent { bytes, is_ndjson, format, mode };
        prepare_all::<S>(&store, sent, &writer, (reservation, turn))
    };
    let (entries, is_single, reservation) = blocking::compute_in_turn(&api, caller.token.id, received, work).await??;
    let append = AppendRequest::new(entries).producer(caller.token.id).holding(reservation);
    let refused = |error| Failure::from_append(error, is_single);
    let receipts = blocking::append(&api, append).await.map_err(refused)?;
    Ok(if is_single { one(&receipts) } else { many(&receipts) })
}

/// Prepares the records of a body for the log. Returns the entries, whether the body is a single
/// record (its receipt is then not in a list), and the memory that the entries take.
fn prepare_all<S: Stream>(
    store: &Store,
    sent: Sent,
    caller: &Caller,
    (mut reservation, turn): (Reservation, Option<Turn>),
) -> Result<(Vec<Prepared>, bool, Reservation), Failure> {
    let Sent { mut bytes, is_ndjson, format, mode } = sent;
    let mut converted = None;
    if let Some(format) = format {
        let events = self::converted(format, body::text(&bytes)?, is_ndjson)?;
        // The events take the place of the body.
        let held = events.iter().map(|event| event.as_str().len()).sum::<usize>();
        reservation.grow(held.saturating_sub(bytes.len())).map_err(BodyError::from)?;
        bytes = Vec::new();
        converted = Some(events);
    }
    let (records, is_single) = match &converted {
        Some(events) => (events.iter().map(JsonText::as_str).collect(), false),
        None => cut(body::text(&bytes)?, is_ndjson, S::NAME)?,
    };
    // This reservation comes before the entries are made: ten thousand records fit into a body of
    // 30 KB.
    reservation.grow(records.len() * RECORD_OVERHEAD_BYTES).map_err(BodyError::from)?;
    let entries = prepare::<S>(store, &records, (is_single, mode), caller)?;
    drop((converted, bytes));
    let held = entries.iter().map(Prepared::memory_bytes).sum();
    reservation.settle(held);
    if let Some(held) = turn.and_then(|turn| turn.hold(held)) {
        reservation.attach(held);
    }
    Ok((entries, is_single, reservation))
}

/// Cuts a body into the texts of its records. Returns them and whether the body is a single record.
fn cut<'t>(text: &'t str, is_ndjson: bool, name: &str) -> Result<(Vec<&'t str>, bool), Failure> {
    // One more record than allowed is enough: a body of digits separated by blanks has millions of
    // them.
    let max = limits::EVENTS_PER_REQUEST_MAX;
    let (records, is_single): (Vec<&str>, bool) = if is_ndjson {
        (text.split('\n').filter(|line| !is_blank(line)).take(max + 1).collect(), false)
    } else if text.trim_start().starts_with('[') {
        (JsonText::elements(text, max)?, false)
    } else {
        (vec![text], true)
    };
    if records.len() > max {
        return Err(too_many(name));
    }
    Ok((records, is_single))
}

fn too_many(name: &str) -> Failure {
    Failure::TooLarge(format!("More than {} {name}s in one request.", limits::EVENTS_PER_REQUEST_MAX))
}

/// Converts a body in the format of another system into native events: one document, or one on each
/// line.
fn converted(format: Format, text: &str, is_ndjson: bool) -> Result<Vec<JsonText>, Failure> {
    if !is_ndjson {
        return convert(format, text).map_err(|error| not_converted("", &error));
    }
    let (mut events, mut bytes) = (Vec::new(), 0);
    for (index, line) in text.split('\n').filter(|line| !is_blank(line)).enumerate() {
        let of_line = convert(format, line).map_err(|error| not_converted(&format!("/{index}"), &error))?;
        bytes += of_line.iter().map(|event| event.as_str().len()).sum::<usize>();
        events.extend(of_line);
        if events.len() > limits::EVENTS_PER_REQUEST_MAX {
            return Err(too_many("event"));
        }
        if bytes > limits::REQUEST_BYTES_MAX {
            let max = limits::REQUEST_BYTES_MAX;
            return Err(Failure::TooLarge(format!("The documents become events of more than {max} bytes in all.")));
        }
    }
    Ok(events)
}

/// Makes the failure of a document at a place of the body.
fn not_converted(document: &str, error: &ConvertError) -> Failure {
    let too_large =
        matches!(error.fault, ConvertFault::TooLarge { .. } | ConvertFault::TooManyRecords | ConvertFault::TooLargeInAll { .. });
    if too_large {
        let line = if document.is_empty() { String::new() } else { format!("Document {document}: ") };
        return Failure::TooLarge(format!("{line}{error}."));
    }
    let message = match error.index {
        Some(index) => format!("record {index}: {}", error.fault),
        None => error.fault.to_string(),
    };
    Failure::Members(vec![InvalidMember { pointer: format!("{document}{}", error.pointer), message }])
}

fn prepare<S: Stream>(
    store: &Store,
    records: &[&str],
    (is_single, mode): (bool, ParseMode),
    caller: &Caller,
) -> Result<Vec<Prepared>, Failure> {
    let (mut entries, mut invalid, mut faults) = (Vec::with_capacity(records.len()), Vec::new(), 0);
    for (index, record) in records.iter().enumerate() {
        let pointer = if is_single { String::new() } else { format!("/{index}") };
        if record.len() > limits::EVENT_BYTES_MAX {
            let detail = format!("Record {index} has {} bytes: at most {}.", record.len(), limits::EVENT_BYTES_MAX);
            return Err(Failure::TooLarge(detail));
        }
        match S::parse(record, mode) {
            Ok((new, channel)) if invalid.is_empty() => entries.push(place::<S>(store, new, channel, &pointer, caller)?),
            Ok(_) => {}
            Err(error) => {
                let record = InvalidRecord::first(pointer, error, ERRORS_MAX - faults);
                faults += record.faults();
                invalid.push(record);
            }
        }
        if faults == ERRORS_MAX {
            break;
        }
    }
    if invalid.is_empty() { Ok(entries) } else { Err(Failure::Records(invalid)) }
}

/// Returns whether a line has only the blanks of JSON. A line of any other characters is a faulty
/// record, not an empty line.
fn is_blank(line: &str) -> bool {
    line.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}

fn place<S: Stream>(
    store: &Store,
    new: S::New,
    channel: Option<ChannelId>,
    pointer: &str,
    caller: &Caller,
) -> Result<Prepared, Failure> {
    let channel = caller.channel_to_write(channel).map_err(|error| error.at(pointer))?;
    Ok(store.channels(channel).log::<S>().prepare(new)?)
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

fn many(receipts: &[Receipt]) -> HttpResponse {
    let duplicates = receipts.iter().filter(|receipt| receipt.duplicate).count();
    let accepted = receipts.len() - duplicates;
    let mut body = String::with_capacity(64 + receipts.len() * 240);
    let mut object = ObjectWriter::new(&mut body);
    object.integer("accepted", Some(accepted as i64)).integer("duplicates", Some(duplicates as i64));
    object.nested("receipts", |out| push_array(out, receipts, Receipt::write_json));
    object.end();
    HttpResponse::Created().content_type("application/json").body(body)
}
