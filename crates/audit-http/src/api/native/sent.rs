//! The records of a body that is appended: cut, converted, parsed and prepared for the log.

use std::fmt::{self, Display, Formatter};

use actix_web::HttpRequest;
use audit_store::domain::{
    ChannelId, ConvertError, ConvertFault, Format, InputError, JsonError, JsonText, ParseMode, convert, limits,
};
use audit_store::{Prepared, Reservation, Store, StoreError};
use encoding_rs::Encoding;

use super::{FormReader, Query, Stream};
use crate::admission::Turn;
use crate::auth::{Caller, ChannelError};
use crate::body::{self, BodyError, FORM, charset, media_type};
use crate::failure::{ERRORS_MAX, Failure, InvalidMember, InvalidRecord, RecordPlace};
use crate::idempotency::IdempotencyKey;
use crate::problem::Detail;

/// The least number of bytes of memory that a record takes in addition to its text.
const RECORD_OVERHEAD_BYTES: usize = 1024;

/// How a body is read.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    is_ndjson: bool,
    /// How a form is read, and its charset.
    form: Option<(FormReader, &'static Encoding)>,
    /// The format of another system, which is converted.
    format: Option<Format>,
    mode: ParseMode,
    /// The channel of records that name none.
    channel: Option<ChannelId>,
    /// Whether the log stores the good records of a list if others are refused.
    pub(super) partial: bool,
    pub(super) key: Option<IdempotencyKey>,
}

/// The prepared records of a body.
pub(super) struct Records {
    pub(super) entries: Vec<Prepared>,
    /// The place of each of them in the body.
    pub(super) places: Vec<Place>,
    /// The records that cannot be stored, if the others can be stored without them.
    pub(super) rejected: Vec<Rejected>,
    /// Whether the body is a single record. Its receipt is then not in a list.
    pub(super) is_single: bool,
    /// The memory that the entries take.
    pub(super) reservation: Reservation,
}

/// The place of a record in the body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) index: usize,
    /// The line, from 1, if the body has lines.
    pub(super) line: Option<usize>,
}

impl Place {
    /// The place of a record of a list.
    pub(super) fn of_record(self) -> RecordPlace {
        RecordPlace { pointer: format!("/{}", self.index), line: self.line }
    }
}

/// Formats a place for a sentence: `3 (line 5)`.
impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.index)?;
        self.line.map_or(Ok(()), |line| write!(f, " (line {line})"))
    }
}

/// A record that the log does not store, and why.
pub(super) struct Rejected {
    pub(super) index: usize,
    pub(super) details: Vec<Detail>,
}

impl Reading {
    pub(super) fn of<S: Stream>(request: &HttpRequest, caller: &Caller) -> Result<Reading, Failure> {
        let mut query = Query::parse(request, S::APPEND_PARAMETERS)?;
        let formats = Format::ALL.map(|format| (format.name(), format));
        let format = query.named("format", &formats).map(|(_, format)| format);
        let channel = query.parsed("channel_id", |text| text.parse::<ChannelId>().map_err(|fault| fault.to_string()));
        let mut is_true = |name| query.named(name, &[("true", true), ("false", false)]).is_some_and(|(_, is_true)| is_true);
        let (partial, lenient) = (is_true("partial"), is_true("lenient"));
        if partial && format.is_some() {
            query.refuse("partial", "cannot be combined with format: a document is converted as a whole");
        }
        query.finish()?;
        if let Some(channel) = channel.filter(|channel| !caller.token.channels.allows(*channel)) {
            return Err(Failure::not_found(format!(
                "This token has no channel {channel}, which channel_id names; nothing was stored."
            )));
        }
        let (is_ndjson, form) = content::<S>(request, format)?;
        let mode = if lenient { ParseMode::LENIENT } else { ParseMode::NATIVE };
        Ok(Reading { is_ndjson, form, format, mode, channel, partial, key: IdempotencyKey::from_request(request, caller)? })
    }

    /// The maximum bytes of the body.
    pub(super) fn bytes_max(&self) -> usize {
        self.form.map_or(limits::REQUEST_BYTES_MAX, |(reader, _)| reader.bytes_max)
    }
}

/// What the media type says: whether the body has a record on each line, and how a form is read.
fn content<S: Stream>(request: &HttpRequest, format: Option<Format>) -> Result<Content, Failure> {
    let media_type = media_type(request);
    match (media_type.as_str(), S::FORM) {
        ("" | "application/json", _) => Ok((false, None)),
        ("application/x-ndjson" | "application/ndjson" | "application/jsonl", _) => Ok((true, None)),
        ("application/cloudevents+json" | "application/cloudevents-batch+json", _) if format == Some(Format::CloudEvents) => {
            Ok((false, None))
        }
        (FORM, Some(reader)) => Ok((false, Some((reader, charset::from_request(request)?)))),
        (_, form) => {
            let with_form = "application/json, application/x-ndjson, application/x-www-form-urlencoded";
            let accepted = if form.is_some() { with_form } else { "application/json, application/x-ndjson" };
            Err(Failure::UnsupportedMediaType { got: media_type, accepted })
        }
    }
}

type Content = (bool, Option<(FormReader, &'static Encoding)>);

/// Prepares the records of a body for the log.
pub(super) fn prepare_all<S: Stream>(
    store: &Store,
    mut bytes: Vec<u8>,
    reading: Reading,
    caller: &Caller,
    (mut reservation, turn): (Reservation, Option<Turn>),
) -> Result<Records, Failure> {
    if let Some((reader, charset)) = reading.form {
        let json = (reader.read)(&bytes, charset)?.into_bytes();
        reservation.grow(json.len().saturating_sub(bytes.len())).map_err(BodyError::from)?;
        bytes = json;
    }
    let mut converted = None;
    if let Some(format) = reading.format {
        let events = self::converted(format, text(&bytes)?, reading.is_ndjson)?;
        // The events take the place of the body.
        let held = events.iter().map(|(_, event)| event.as_str().len()).sum::<usize>();
        reservation.grow(held.saturating_sub(bytes.len())).map_err(BodyError::from)?;
        bytes = Vec::new();
        converted = Some(events);
    }
    let texts = match &converted {
        Some(events) => Texts { texts: events.iter().map(|(line, event)| (*line, Ok(event.as_str()))).collect(), is_single: false },
        None => cut(&bytes, &reading, S::NAME)?,
    };
    // This reservation comes before the entries are made: ten thousand records fit into a body of
    // 30 KB.
    reservation.grow(texts.texts.len() * RECORD_OVERHEAD_BYTES).map_err(BodyError::from)?;
    let PreparedRecords { entries, places, rejected } = prepare::<S>(store, &texts, &reading, caller)?;
    let is_single = texts.is_single;
    drop((converted, bytes));
    let held = entries.iter().map(Prepared::memory_bytes).sum();
    reservation.settle(held);
    if let Some(held) = turn.and_then(|turn| turn.hold(held)) {
        reservation.attach(held);
    }
    Ok(Records { entries, places, rejected, is_single, reservation })
}

/// Reads a body as text.
fn text(bytes: &[u8]) -> Result<&str, BodyError> {
    body::text(without_mark(bytes))
}

/// A body may be a file, which begins with a byte order mark if it comes from some programs of
/// Windows.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}

/// Makes the failure of a body that is NDJSON and announced as JSON.
fn not_announced(error: impl Display) -> Failure {
    let message = format!("{error}; send one JSON value on each line as NDJSON, with Content-Type: application/x-ndjson");
    Failure::Members(vec![InvalidMember { pointer: String::new(), line: None, message }])
}

/// Whether the first line of a body is JSON by itself, so that the body is NDJSON and not one large
/// record.
fn begins_with_a_record(body: &str) -> bool {
    let line = body.trim_start().split('\n').next().unwrap_or_default();
    line.len() <= limits::EVENT_BYTES_MAX && JsonText::parse(line).is_ok()
}

/// The text of a record, with its line if the body has lines. A line that is not UTF-8 has none.
type Text<'t> = (Option<usize>, Result<&'t str, BodyError>);

/// The texts of the records of a body.
struct Texts<'t> {
    texts: Vec<Text<'t>>,
    is_single: bool,
}

/// Cuts a body into the texts of its records.
fn cut<'t>(bytes: &'t [u8], reading: &Reading, name: &str) -> Result<Texts<'t>, Failure> {
    // One more record than allowed is enough: a body of digits separated by blanks has millions of
    // them.
    let max = limits::EVENTS_PER_REQUEST_MAX;
    let (texts, is_single): (Vec<Text<'t>>, bool) = match text(bytes) {
        Ok(text) if reading.is_ndjson => (lines(text).map(|(line, text)| (Some(line), Ok(text))).take(max + 1).collect(), false),
        Ok(text) if text.trim_start().starts_with('[') => {
            let elements = JsonText::elements(text, max).map_err(|error| match error {
                JsonError::SecondValue { .. } => not_announced(&error),
                error => error.into(),
            });
            (elements?.into_iter().map(|text| (None, Ok(text))).collect(), false)
        }
        Ok(text) => (vec![(None, Ok(text))], true),
        Err(_) if reading.is_ndjson && reading.partial => (texts_of_lines(bytes).take(max + 1).collect(), false),
        Err(error) => return Err(error.into()),
    };
    if texts.len() > max {
        return Err(too_many(name));
    }
    Ok(Texts { texts, is_single })
}

/// The lines of a body in which some are not UTF-8, without those that are blank.
fn texts_of_lines(bytes: &[u8]) -> impl Iterator<Item = Text<'_>> {
    let lines = (1..).zip(without_mark(bytes).split(|byte| *byte == b'\n'));
    lines.map(|(line, bytes)| (Some(line), body::text(bytes))).filter(|(_, text)| !text.as_ref().is_ok_and(|text| is_blank(text)))
}

/// The lines that are not blank, each with its number.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.split('\n')).filter(|(_, line)| !is_blank(line))
}

fn too_many(name: &str) -> Failure {
    Failure::TooLarge(format!("More than {} {name}s in one request.", limits::EVENTS_PER_REQUEST_MAX))
}

/// Converts a body in the format of another system into native events: one document, or one on each
/// line. Each event has the line of its document.
fn converted(format: Format, text: &str, is_ndjson: bool) -> Result<Vec<(Option<usize>, JsonText)>, Failure> {
    if !is_ndjson {
        let events = convert(format, text).map_err(|error| not_converted(None, &error))?;
        return Ok(events.into_iter().map(|event| (None, event)).collect());
    }
    let (mut events, mut bytes) = (Vec::new(), 0);
    for (index, (line, text)) in lines(text).enumerate() {
        let place = Place { index, line: Some(line) };
        let of_line = convert(format, text).map_err(|error| not_converted(Some(place), &error))?;
        bytes += of_line.iter().map(|event| event.as_str().len()).sum::<usize>();
        events.extend(of_line.into_iter().map(|event| (Some(line), event)));
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

/// Makes the failure of a document at a place of the body, or of a body that is one document.
fn not_converted(document: Option<Place>, error: &ConvertError) -> Failure {
    let too_large =
        matches!(error.fault, ConvertFault::TooLarge { .. } | ConvertFault::TooManyRecords | ConvertFault::TooLargeInAll { .. });
    if let (None, ConvertFault::Json(second @ JsonError::SecondValue { .. })) = (document, &error.fault) {
        return not_announced(second);
    }
    if too_large {
        let document = document.map(|place| format!("Document {place}: "));
        return Failure::TooLarge(format!("{}{error}.", document.unwrap_or_default()));
    }
    let message = match error.index {
        Some(index) => format!("record {index}: {}", error.fault),
        None => error.fault.to_string(),
    };
    let RecordPlace { pointer, line } = document.map(Place::of_record).unwrap_or_default();
    Failure::Members(vec![InvalidMember { pointer: format!("{pointer}{}", error.pointer), line, message }])
}

/// The records of a body that can be stored, and the others.
#[derive(Default)]
struct PreparedRecords {
    entries: Vec<Prepared>,
    places: Vec<Place>,
    rejected: Vec<Rejected>,
}

/// Prepares the records, or those that can be stored if the request may be stored in part.
fn prepare<S: Stream>(store: &Store, texts: &Texts<'_>, reading: &Reading, caller: &Caller) -> Result<PreparedRecords, Failure> {
    let partial = reading.partial && !texts.is_single;
    let mut prepared = PreparedRecords::default();
    let (mut invalid, mut faults) = (Vec::new(), 0);
    for (index, (line, text)) in texts.texts.iter().enumerate() {
        let place = Place { index, line: *line };
        let of_record = || if texts.is_single { RecordPlace::default() } else { place.of_record() };
        let text = match text {
            Ok(text) => *text,
            Err(error) => {
                prepared.rejected.push(Rejected { index, details: vec![Detail::of_line(error, &of_record())] });
                continue;
            }
        };
        let parsed = parse::<S>(text, reading.mode);
        if parsed.is_ok() && !invalid.is_empty() {
            continue;
        }
        let error = match parsed.and_then(|new| prepare_one::<S>(store, new, index, reading, caller)) {
            Ok(entry) => {
                prepared.entries.push(entry);
                prepared.places.push(place);
                continue;
            }
            Err(Refused::NotPrepared(error)) => return Err(error.into()),
            Err(Refused::Channel(error)) if partial => {
                prepared.rejected.push(Rejected { index, details: vec![Detail::of_channel(error, &of_record())] });
                continue;
            }
            Err(Refused::Channel(error)) => return Err(error.at(of_record())),
            Err(Refused::Input(InputError::TooLarge { .. })) if texts.is_single && begins_with_a_record(text) => {
                return Err(not_announced("has a second JSON value after the first line"));
            }
            Err(Refused::Input(InputError::TooLarge { bytes })) if !partial => {
                let detail = format!("Record {place} has {bytes} bytes: at most {}.", limits::EVENT_BYTES_MAX);
                return Err(Failure::TooLarge(detail));
            }
            Err(Refused::Input(InputError::Json(second @ JsonError::SecondValue { .. }))) if texts.is_single => {
                return Err(not_announced(&second));
            }
            Err(Refused::Input(error)) => error,
        };
        // In part, the client has to know about each record that is not stored.
        let faults_max = ERRORS_MAX.saturating_sub(faults).max(1);
        let record = InvalidRecord::first(of_record(), error, faults_max);
        faults += record.faults();
        if partial {
            prepared.rejected.push(Rejected { index, details: Detail::of_record(&record) });
        } else {
            invalid.push(record);
            if faults >= ERRORS_MAX {
                break;
            }
        }
    }
    if invalid.is_empty() { Ok(prepared) } else { Err(Failure::Records(invalid)) }
}

/// The reason why a record cannot be stored.
enum Refused {
    Input(InputError),
    Channel(ChannelError),
    /// The reason is this server, not the record.
    NotPrepared(StoreError),
}

fn parse<S: Stream>(text: &str, mode: ParseMode) -> Result<(S::New, Option<ChannelId>), Refused> {
    if text.len() > limits::EVENT_BYTES_MAX {
        return Err(Refused::Input(InputError::TooLarge { bytes: text.len() }));
    }
    S::parse(text, mode).map_err(Refused::Input)
}

/// Prepares a record for the log of its channel.
fn prepare_one<S: Stream>(
    store: &Store,
    (mut new, channel): (S::New, Option<ChannelId>),
    index: usize,
    reading: &Reading,
    caller: &Caller,
) -> Result<Prepared, Refused> {
    let channel = caller.channel_to_write(channel.or(reading.channel)).map_err(Refused::Channel)?;
    if let Some(key) = &reading.key {
        S::uuid(&mut new).get_or_insert_with(|| key.uuid(index));
    }
    store.channels(channel).log::<S>().prepare(new).map_err(Refused::NotPrepared)
}

/// Returns whether a line has only the blanks of JSON. A line of any other characters is a faulty
/// record, not an empty line.
fn is_blank(line: &str) -> bool {
    line.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}
