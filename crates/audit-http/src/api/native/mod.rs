//! The common parts of the native APIs of events and action logs: append, list by cursor, get,
//! summary, histogram.

mod append;
mod filter;
mod histogram;
mod list;
pub(crate) mod openapi;
mod query;
mod summary;
mod walk;

pub(crate) use filter::{Filter, FilterValues, StreamFilter};
pub(crate) use query::Query;

use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::uuid::Uuid;
use audit_store::domain::{ChannelGrant, ChannelId, Entry, InputError, PreparedEntry, Span, parse_uuid};
use audit_store::{CursorPage, CursorQuery, Histogram, Store, StoreError, Summary};

use crate::auth::Caller;
use crate::blocking;
use crate::body::media_type;
use crate::failure::Failure;
use crate::problem;
use crate::routes::{Access, Routes};
use crate::state::Api;

/// A stream, with the parts that its native API needs.
pub(crate) trait Stream: 'static {
    /// The path of the list. Clients also append records there.
    const LIST: &'static str;
    /// The path of the counts by group.
    const SUMMARY: &'static str;
    /// The path of the counts by span of time.
    const HISTOGRAM: &'static str;
    /// The path of one record.
    const ONE: &'static str;
    /// The API's name for a record.
    const NAME: &'static str;
    /// The filters of lists and counts, in addition to `channel_id`.
    const FILTERS: &'static [Filter<Self::Filter>];
    /// The value of `sort` that stands for the time at which the event happened.
    const TIME: &'static str;

    /// A record as a client sends it.
    type New;
    /// A record of the log.
    type StoredEntry: AsRef<Entry> + Send + 'static;
    /// The filter of a query.
    type Filter: StreamFilter + serde::Serialize + Clone + Send;
    /// The fields by which records can be grouped.
    type GroupBy: Copy + Send + 'static;

    /// The groupings, by name.
    const GROUPS: &'static [(&'static str, Self::GroupBy)];
    /// The fields by which spans of time can be split, by name.
    const SPLITS: &'static [(&'static str, Self::GroupBy)];

    /// Reads a record and the channel that it names.
    fn parse(text: &str) -> Result<(Self::New, Option<ChannelId>), InputError>;

    /// Prepares a record for the log.
    fn prepare(store: &Store, new: Self::New, channel: ChannelId) -> Result<PreparedEntry, StoreError>;

    /// Whether the filter has a condition that only the server itself can check, by reading the
    /// values of the records.
    fn is_search(filter: &Self::Filter) -> bool;

    /// Writes a record in the native form at the end of `out`.
    fn write(record: &Self::StoredEntry, out: &mut String);

    /// Finds the record of a uuid. With `bytes_max`, finds it only if its values have at most that
    /// many bytes.
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
    routes.mount(problem::resource(S::LIST).get(Access::Read, walk::walk::<S>).post(Access::Append, append::append::<S>));
    routes.mount(problem::resource(S::SUMMARY).get(Access::Read, summary::summary::<S>));
    routes.mount(problem::resource(S::HISTOGRAM).get(Access::Read, histogram::histogram::<S>));
    routes.mount(problem::resource(S::ONE).get(Access::Read, get::<S>));
}

async fn get<S: Stream>(
    api: web::Data<Api>,
    request: HttpRequest,
    uuid: web::Path<String>,
    caller: Caller,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::parse(&request, &["channel_id"])?;
    let channels = query.channels(&caller);
    query.finish()?;
    let missing = || Failure::not_found(format!("There is no {} {uuid} in the channels that are read.", S::NAME));
    let id = parse_uuid(&uuid).ok_or_else(missing)?;
    let get = move |store: &Store, channels: &_, first, bytes_max| S::get(store, channels, first, id, bytes_max);
    let record = blocking::find(&api, &caller, channels, get).await??.ok_or_else(missing)?;
    let bytes = record.as_ref().slots.bytes();
    let write = move || {
        let mut body = String::with_capacity(512 + bytes);
        S::write(&record, &mut body);
        body
    };
    Ok(HttpResponse::Ok().content_type("application/json").body(blocking::shape(bytes, write).await?))
}

/// Refuses a body whose media type is not JSON.
pub(crate) fn require_json(request: &HttpRequest) -> Result<(), Failure> {
    let got = media_type(request);
    if matches!(got.as_str(), "" | "application/json") {
        return Ok(());
    }
    Err(Failure::UnsupportedMediaType { got, accepted: "application/json" })
}
