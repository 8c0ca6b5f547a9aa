//! Summary: counts by group, with the filters of the list.

use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::{ObjectWriter, push_array};
use audit_store::{Group, GroupKey, OtherGroups, StoreError, Summary};

use super::{Query, Stream, check_method};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::{Api, blocking};

pub(super) async fn summary<S: Stream>(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = Caller::authenticate(&api, &request).await?;
    if let Some(response) = check_method(&request, S::SUMMARY.allow)? {
        return Ok(response);
    }
    caller.require_read()?;
    let mut query = Query::parse(&request, &[S::FILTERS, &["channel_id", "group_by"]].concat())?;
    let names = || S::GROUPS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let by = query.parsed("group_by", |text| {
        S::GROUPS.iter().find(|(name, _)| *name == text).copied().ok_or_else(|| format!("must be one of {}", names()))
    });
    let is_missing = query.text("group_by").is_none();
    let (channels, filter) = (query.channels(&caller), S::filter(&mut query));
    query.finish()?;
    let required = || vec![("group_by".to_owned(), format!("group_by is required: one of {}", names()))];
    let (name, by) = by.filter(|_| !is_missing).ok_or_else(|| Problem::invalid_query(required()))?;
    let is_search = S::is_search(&filter);
    let page = blocking::page(&api, &caller, is_search, move |store| {
        let summary = S::summary(store, &channels, &filter, by)?.into_iter().next();
        Ok::<_, StoreError>(write(name, summary))
    });
    Ok(HttpResponse::Ok().content_type("application/json").body(page.await??))
}

fn write(group_by: &str, summary: Option<Summary>) -> String {
    let empty = Summary { total: 0, groups: Vec::new(), other: OtherGroups::default() };
    let Summary { total, groups, other } = summary.unwrap_or(empty);
    let mut body = String::new();
    let mut object = ObjectWriter::new(&mut body);
    object.string("group_by", group_by).integer("total", Some(total));
    object.nested("groups", |out| push_array(out, &groups, write_group));
    object.nested("other", |out| write_other("groups", other, out));
    object.end();
    body
}

/// What is not listed: how many groups or spans, and how many records they have.
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
