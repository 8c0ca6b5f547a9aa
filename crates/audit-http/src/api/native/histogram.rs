//! Histogram: counts by span of time, with the filters of the list, for pages that draw charts.

use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::{ObjectWriter, push_array};
use audit_store::{Histogram, SpanCount, StoreError};

use super::summary::{write_group, write_other};
use super::{Query, SPANS, Stream};
use crate::auth::Caller;
use crate::blocking;
use crate::failure::Failure;
use crate::state::Api;

pub(super) async fn histogram<S: Stream>(
    api: web::Data<Api>,
    request: HttpRequest,
    caller: Caller,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::parse_filtered::<S>(&request, &["channel_id", "span", "split_by"])?;
    let (span, split_by) = (query.required("span", &SPANS), query.named("split_by", S::SPLITS));
    let (channels, filter) = (query.channels(&caller), query.filter::<S>());
    query.finish()?;
    // A missing or unknown span was an error already.
    let (name, span) = span.unwrap_or(SPANS[0]);
    let is_search = S::is_search(&filter);
    let page = blocking::page(&api, &caller, is_search, move |store| {
        let histogram = store.channels(channels).log::<S>().histogram(&filter, span, split_by.map(|(_, by)| by))?;
        Ok::<_, StoreError>(write(name, split_by.map(|(name, _)| name), &histogram))
    });
    Ok(HttpResponse::Ok().content_type("application/json").body(page.await??))
}

fn write(span: &str, split_by: Option<&str>, histogram: &Histogram) -> String {
    let mut body = String::new();
    let mut object = ObjectWriter::new(&mut body);
    object.string("span", span);
    if let Some(split_by) = split_by {
        object.string("split_by", split_by);
    }
    object.integer("total", Some(histogram.total));
    if split_by.is_some() {
        object.nested("groups", |out| push_array(out, &histogram.groups, write_group));
        object.nested("other", |out| write_other("groups", histogram.other, out));
    }
    object.nested("spans", |out| push_array(out, &histogram.spans, |span, out| write_span(span, split_by.is_some(), out)));
    object.nested("earlier", |out| write_other("spans", histogram.earlier, out));
    object.end();
    body
}

fn write_span(span: &SpanCount, is_split: bool, out: &mut String) {
    let mut object = ObjectWriter::new(out);
    object.string("start", &span.start.to_string()).integer("count", Some(span.count));
    if is_split {
        object.nested("counts", |out| push_array(out, &span.counts, |count, out| out.push_str(&count.to_string())));
    }
    object.end();
}
