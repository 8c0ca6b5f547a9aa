//! The common parts of the native APIs of events and action logs: append, list by cursor, get,
//! summary, histogram.

mod append;
mod filter;
mod histogram;
mod list;
pub(crate) mod openapi;
mod page;
mod proof;
mod query;
mod sent;
mod summary;

pub(crate) use filter::{Filter, FilterValues, StreamFilter};
pub(crate) use query::{Query, parse_filter};

use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::LogStream;
use audit_store::domain::uuid::Uuid;
use audit_store::domain::{ChannelId, InputError, ParseMode, Span, parse_uuid};
use encoding_rs::Encoding;
use serde::Serialize;

use crate::auth::Caller;
use crate::blocking;
use crate::body::media_type;
use crate::failure::Failure;
use crate::problem;
use crate::routes::{Access, Routes};
use crate::state::Api;

/// A stream, with the parts that its native API needs.
pub(crate) trait Stream: LogStream<Filter: StreamFilter + Serialize> {
    /// The path of the list. Clients also append records there.
    const LIST: &'static str;
    /// The path of the counts by group.
    const SUMMARY: &'static str;
    /// The path of the counts by span of time.
    const HISTOGRAM: &'static str;
    /// The path of one record.
    const ONE: &'static str;
    /// The path of the proof of one record.
    const PROOF: &'static str;
    /// The path of the leaf of one record.
    const LEAF: &'static str;
    /// The API's name for a record.
    const NAME: &'static str;
    /// The filters of lists and counts, in addition to `channel_id`.
    const FILTERS: &'static [Filter<Self::Filter>];
    /// The value of `sort` that stands for the time at which the event happened.
    const TIME: &'static str;

    /// The groupings, by name.
    const GROUPS: &'static [(&'static str, Self::GroupBy)];
    /// The fields by which spans of time can be split, by name.
    const SPLITS: &'static [(&'static str, Self::GroupBy)];

    /// The parameters of an append.
    const APPEND_PARAMETERS: &'static [&'static str] = &["channel_id", "partial"];

    /// How a form is read, if the stream accepts forms.
    const FORM: Option<FormReader> = None;

    /// Reads a record and the channel that it names.
    fn parse(text: &str, mode: ParseMode) -> Result<(Self::New, Option<ChannelId>), InputError>;

    /// The uuid that a record has from its client.
    fn uuid(record: &mut Self::New) -> &mut Option<Uuid>;

    /// Whether the filter has a condition that only the server itself can check, by reading the
    /// values of the records.
    fn is_search(filter: &Self::Filter) -> bool;

    /// Writes a record in the native form at the end of `out`.
    fn write(record: &Self::Stored, out: &mut String);
}

/// Reads a form as the JSON of one record.
#[derive(Clone, Copy)]
pub(crate) struct FormReader {
    /// The bytes of the largest form.
    pub(crate) bytes_max: usize,
    pub(crate) read: fn(&[u8], &'static Encoding) -> Result<String, Failure>,
}

/// Spans of time, by name.
pub(crate) const SPANS: [(&str, Span); 4] =
    [("hour", Span::Hour), ("day", Span::Day), ("week", Span::Week), ("month", Span::Month)];

/// Mounts the API of a stream.
pub(super) fn configure<S: Stream>(routes: &mut Routes<'_>) {
    routes.mount(problem::resource(S::LIST).get(Access::Read, page::page::<S>).post(Access::Append, append::append::<S>));
    routes.mount(problem::resource(S::SUMMARY).get(Access::Read, summary::summary::<S>));
    routes.mount(problem::resource(S::HISTOGRAM).get(Access::Read, histogram::histogram::<S>));
    routes.mount(problem::resource(S::PROOF).get(Access::Read, proof::proof::<S>));
    routes.mount(problem::resource(S::LEAF).get(Access::Read, proof::leaf::<S>));
    routes.mount(problem::resource(S::ONE).get(Access::Read, get::<S>));
}

async fn get<S: Stream>(
    api: web::Data<Api>,
    request: HttpRequest,
    uuid: web::Path<String>,
    caller: Caller,
) -> Result<HttpResponse, Failure> {
    let record = read_one::<S>(&api, &request, &uuid, &caller).await?;
    let bytes = record.as_ref().slots.bytes();
    let write = move || {
        let mut body = String::with_capacity(512 + bytes);
        S::write(&record, &mut body);
        body
    };
    Ok(HttpResponse::Ok().content_type("application/json").body(blocking::write_record(bytes, write).await?))
}

/// Reads the record that a path names, in the channels of `channel_id`.
async fn read_one<S: Stream>(api: &Api, request: &HttpRequest, uuid: &str, caller: &Caller) -> Result<S::Stored, Failure> {
    let mut query = Query::parse(request, &["channel_id"])?;
    let channels = query.channels(caller);
    query.finish()?;
    let missing = || Failure::not_found(format!("There is no {} {uuid} in the channels that are read.", S::NAME));
    let id = parse_uuid(uuid).ok_or_else(missing)?;
    blocking::find::<S>(api, caller, channels, id).await??.ok_or_else(missing)
}

/// Refuses a body whose media type is not JSON.
pub(crate) fn require_json(request: &HttpRequest) -> Result<(), Failure> {
    let got = media_type(request);
    if matches!(got.as_str(), "" | "application/json") {
        return Ok(());
    }
    Err(Failure::UnsupportedMediaType { got, accepted: "application/json" })
}
