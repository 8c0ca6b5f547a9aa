//! Summary: counts by group, with the filters of the list.

use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::{ObjectWriter, push_array};
use audit_store::{Group, GroupKey, OtherGroups, StoreError, Summary};

use super::{Query, Stream};
use crate::auth::Caller;
use crate::blocking;
use crate::failure::Failure;
use crate::state::Api;

pub(super) async fn summary<S: Stream>(api: web::Data<Api>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, Failure> {
    let mut query = Query::parse_filtered::<S>(&request, &["channel_id", "group_by"])?;
    let by = query.required("group_by", S::GROUPS);
    let (channels, filter) = (query.channels(&caller), query.filter::<S>());
    query.finish()?;
    // A missing or unknown group was an error already.
    let (name, by) = by.unwrap_or(S::GROUPS[0]);
    let is_search = S::is_search(&filter);
    let page = blocking::page(&api, &caller, is_search, move |store| {
        let summary = store.channels(channels).log::<S>().summary(&filter, by)?;
        Ok::<_, StoreError>(write(name, &summary))
    });
    Ok(HttpResponse::Ok().content_type("application/json").body(page.await??))
}

fn write(group_by: &str, summary: &Summary) -> String {
    let mut body = String::new();
    let mut object = ObjectWriter::new(&mut body);
    object.string("group_by", group_by).integer("total", Some(summary.total));
    object.nested("groups", |out| push_array(out, &summary.groups, write_group));
    object.nested("other", |out| write_other("groups", summary.other, out));
    object.end();
    body
}

/// Writes the groups or spans that the list leaves out: the number of them and of their records.
pub(super) fn write_other(what: &str, other: OtherGroups, out: &mut String) {
    let mut object = ObjectWriter::new(out);
    object.integer(what, Some(other.groups)).integer("count", Some(other.count));
    object.end();
}

pub(super) fn write_group(group: &Group, out: &mut String) {
    let mut object = ObjectWriter::new(out);
    match &group.key {
        GroupKey::Null => object.raw("key", "null"),
        GroupKey::Number(number) => object.integer("key", Some(*number)),
        GroupKey::Text(text) => object.text("key", Some(text)),
        GroupKey::Time(at) => object.string("key", &at.to_string()),
    };
    object.integer("count", Some(group.count));
    object.end();
}
