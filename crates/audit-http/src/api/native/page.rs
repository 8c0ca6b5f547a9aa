//! List: pages of the log by cursor.

use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::{ChannelGrant, CursorOrder, CursorScope, ObjectWriter, limits, push_array};
use audit_store::{CursorPage, CursorQuery, Store, StoreError};

use super::{Query, Stream};
use crate::auth::Caller;
use crate::blocking;
use crate::failure::Failure;
use crate::state::Api;

pub(super) async fn page<S: Stream>(api: web::Data<Api>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, Failure> {
    let query = Query::parse_filtered::<S>(&request, &["channel_id", "sort", "limit", "cursor", "count"])?;
    let (pages, size) = read::<S>(query, &api.store, &caller)?;
    let is_search = S::is_search(&pages.scope().filter);
    let page = blocking::page(&api, &caller, is_search, move |_| Ok::<_, StoreError>(write::<S>(pages.page(size)?, pages.scope())));
    Ok(HttpResponse::Ok().content_type("application/json").body(page.await??))
}

/// Writes a page. It drops each record as soon as the record is written, so that the page is in
/// memory only once.
fn write<S: Stream>(page: CursorPage<S::Stored>, pages: &CursorScope<S::Filter>) -> String {
    let bytes: usize = page.records.iter().map(|record| record.as_ref().slots.bytes() + 1024).sum();
    let mut body = blocking::page_buffer(256 + bytes);
    let mut object = ObjectWriter::new(&mut body);
    if let Some(count) = page.count {
        object.integer("count", Some(count));
    }
    object.nested("results", |out| push_array(out, page.records, |record, out| S::write(&record, out)));
    match page.next {
        Some(point) => object.string("next_cursor", &pages.cursor(point)),
        None => object.raw("next_cursor", "null"),
    };
    object.end();
    body
}

/// Reads the query and the size of its page.
fn read<S: Stream>(mut query: Query, store: &Store, caller: &Caller) -> Result<(CursorQuery<S>, usize), Failure> {
    let channels = query.channels(caller);
    let granted = match &channels {
        ChannelGrant::All => None,
        ChannelGrant::Only(ids) => Some(ids.len()),
    };
    // A channel that the caller may not see looks empty, so the number of requested channels
    // decides.
    let is_one_channel = query.channels_named().or(granted) == Some(1);
    let order = query.parsed("sort", |text| match text.strip_prefix('-').unwrap_or(text) {
        time if time == S::TIME => Ok((CursorOrder::Timestamp, text.starts_with('-'))),
        "position" if is_one_channel => Ok((CursorOrder::Position, text.starts_with('-'))),
        "position" => Err("by position needs exactly one channel_id: positions of two logs cannot be compared".to_owned()),
        _ => Err(format!("must be {time}, -{time}, position or -position", time = S::TIME)),
    });
    let (order, descending) = order.unwrap_or((CursorOrder::Timestamp, true));
    let size = query.parsed("limit", |text| {
        let limit = text.parse().ok().filter(|limit| (1..=limits::PAGE_SIZE_MAX).contains(limit));
        limit.ok_or_else(|| format!("must be an integer from 1 to {}", limits::PAGE_SIZE_MAX))
    });
    let counted = query.parsed("count", |text| text.parse::<bool>().map_err(|_| "must be true or false".to_owned()));
    let pages = store.channels(channels).log::<S>().by_cursor(query.filter::<S>()).order(order).descending(descending);
    let after = query.parsed("cursor", |text| pages.scope().point(text).map_err(|error| error.to_string()));
    query.finish()?;
    let pages = match after {
        Some(key) => pages.after(key),
        None => pages,
    };
    Ok((pages.counted(counted.unwrap_or(false)), size.unwrap_or(limits::PAGE_SIZE_DEFAULT)))
}
