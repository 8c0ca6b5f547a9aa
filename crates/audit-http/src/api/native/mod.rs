//! What the native APIs of events and action logs have in common: append, list by cursor, get, summary, histogram.

mod append;
mod histogram;
mod list;
mod query;
mod summary;
mod walk;

pub(crate) use query::{Query, instant, integer, text, uuid};

use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::uuid::Uuid;
use audit_store::domain::{ChannelGrant, ChannelId, Entry, InputError, PreparedEntry, Span, parse_uuid};
use audit_store::{CursorPage, CursorQuery, Histogram, Store, StoreError, Summary};

use crate::auth::Caller;
use crate::problem::{Code, Problem};
use crate::routes::{Route, Routes};
use crate::{Api, blocking};

/// A stream, as its native API needs it.
pub(crate) trait Stream: 'static {
    /// The list, which is also where records are appended.
    const LIST: Route;
    /// Counts by group.
    const SUMMARY: Route;
    /// Counts by span of time.
    const HISTOGRAM: Route;
    /// One record.
    const ONE: Route;
    /// What the API calls a record.
    const NAME: &'static str;
    /// Parameters that filter, beside `channel_id`.
    const FILTERS: &'static [&'static str];
    /// The parameter of `sort` that stands for the instant at which something happened.
    const TIME: &'static str;

    /// A record as a client sends it.
    type New;
    /// A record of the log.
    type StoredEntry: std::ops::Deref<Target = Entry> + Send + 'static;
    /// What is asked for.
    type Filter: serde::Serialize + Clone + Send + 'static;
    /// What records can be grouped by.
    type GroupBy: Copy + Send + 'static;

    /// The groupings, by name.
    const GROUPS: &'static [(&'static str, Self::GroupBy)];
    /// What spans of time can be split by, by name.
    const SPLITS: &'static [(&'static str, Self::GroupBy)];

    /// Reads a record, and the channel it names.
    fn parse(text: &str) -> Result<(Self::New, Option<ChannelId>), InputError>;

    /// Makes it ready for the log.
    fn prepare(store: &Store, new: Self::New, channel: ChannelId) -> Result<PreparedEntry, StoreError>;

    /// Whether a filter is for what only this side finds in the records.
    fn is_search(filter: &Self::Filter) -> bool;

    /// Reads the filters.
    fn filter(query: &mut Query) -> Self::Filter;

    /// Appends the native shape.
    fn write(record: &Self::StoredEntry, out: &mut String);

    /// The record of a uuid; with `bytes_max`, if its values have no more bytes.
    fn get(
        store: &Store,
        channels: &ChannelGrant,
        first: ChannelId,
        uuid: Uuid,
        bytes_max: Option<usize>,
    ) -> Result<Option<Self::StoredEntry>, StoreError>;

    fn walk(store: &Store, query: &CursorQuery<Self::Filter>) -> Result<CursorPage<Self::StoredEntry>, StoreError>;

    fn summary(
        store: &Store,
        channels: &ChannelGrant,
        filter: &Self::Filter,
        by: Self::GroupBy,
    ) -> Result<Vec<Summary>, StoreError>;

    fn histogram(
        store: &Store,
        channels: &ChannelGrant,
        filter: &Self::Filter,
        span: Span,
        split_by: Option<Self::GroupBy>,
    ) -> Result<Histogram, StoreError>;
}

/// Spans of time, by name.
pub(crate) const SPANS: [(&str, Span); 4] =
    [("hour", Span::Hour), ("day", Span::Day), ("week", Span::Week), ("month", Span::Month)];

/// Mounts the API of a stream.
pub(super) fn configure<S: Stream>(routes: &mut Routes<'_>) {
    routes.mount(S::LIST, list_or_append::<S>);
    routes.mount(S::SUMMARY, summary::summary::<S>);
    routes.mount(S::HISTOGRAM, histogram::histogram::<S>);
    routes.mount(S::ONE, get::<S>);
}

pub(super) const ALLOW_LIST: &str = "GET, POST, HEAD, OPTIONS";
pub(crate) const ALLOW_GET: &str = "GET, HEAD, OPTIONS";

/// Answers OPTIONS, and refuses methods that are not allowed.
pub(crate) fn check_method(request: &HttpRequest, allow: &'static str) -> Result<Option<HttpResponse>, Problem> {
    let method = request.method();
    if !allow.split(", ").any(|allowed| allowed == method.as_str()) {
        return Err(Problem::method_not_allowed(method.as_str(), allow));
    }
    let is_options = method == Method::OPTIONS;
    Ok(is_options.then(|| HttpResponse::NoContent().insert_header((ALLOW, allow)).finish()))
}

/// A body as text.
pub(super) fn body_text(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        let detail = format!("The body is no UTF-8: byte {} cannot be read.", error.valid_up_to());
        Problem::new(Code::InvalidEncoding, detail)
    })
}

async fn list_or_append<S: Stream>(
    api: web::Data<Api>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::authenticate(&api, &request).await?;
    if let Some(response) = check_method(&request, S::LIST.allow)? {
        return Ok(response);
    }
    if request.method() == Method::POST {
        append::append::<S>(&api, &request, payload, &caller).await
    } else {
        walk::walk::<S>(&api, &request, &caller).await
    }
}

async fn get<S: Stream>(api: web::Data<Api>, request: HttpRequest, uuid: web::Path<String>) -> Result<HttpResponse, Problem> {
    let caller = Caller::authenticate(&api, &request).await?;
    if let Some(response) = check_method(&request, S::ONE.allow)? {
        return Ok(response);
    }
    caller.require_read()?;
    let mut query = Query::parse(&request, &["channel_id"])?;
    let channels = query.channels(&caller);
    query.finish()?;
    let missing = || Problem::not_found(format!("There is no {} {uuid} in the channels that are read.", S::NAME));
    let id = parse_uuid(&uuid).ok_or_else(missing)?;
    let get = move |store: &Store, channels: &_, first, bytes_max| S::get(store, channels, first, id, bytes_max);
    let record = blocking::find(&api, &caller, channels, get).await??.ok_or_else(missing)?;
    let bytes = record.slots.bytes();
    let write = move || {
        let mut body = String::with_capacity(512 + bytes);
        S::write(&record, &mut body);
        body
    };
    Ok(HttpResponse::Ok().content_type("application/json").body(blocking::shape(bytes, write).await?))
}
