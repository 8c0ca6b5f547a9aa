//! `GET /api/v1/events/summary`: counts by group, with the filters of the list.

use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::{ObjectWriter, push_array};
use audit_store::{Group, GroupBy, GroupKey};

use super::query::FILTERS;
use super::{Query, SUMMARY, check_method};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::{Api, blocking};

/// What events can be grouped by, and its name.
pub(crate) const GROUPS: [(&str, GroupBy); 6] = [
    ("table_name", GroupBy::TableName),
    ("content_type", GroupBy::ContentType),
    ("user", GroupBy::User),
    ("action", GroupBy::Action),
    ("hour", GroupBy::Hour),
    ("day", GroupBy::Day),
];

pub(super) async fn summary(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&api, &request)?;
    if let Some(response) = check_method(&request, SUMMARY.allow)? {
        return Ok(response);
    }
    caller.reads()?;
    let mut query = Query::of(&request, &[FILTERS, &["group_by"]].concat())?;
    let names = || GROUPS.map(|(name, _)| name).join(", ");
    let by = query.parsed("group_by", |text| {
        GROUPS.into_iter().find(|(name, _)| *name == text).ok_or_else(|| format!("must be one of {}", names()))
    });
    let is_missing = query.text("group_by").is_none();
    let (channels, filter) = (query.channels(&caller), query.filter());
    query.finish()?;
    let required = || vec![("group_by".to_owned(), format!("group_by is required: one of {}", names()))];
    let (name, by) = by.filter(|_| !is_missing).ok_or_else(|| Problem::invalid_query(required()))?;
    let store = api.store.clone();
    let summary = blocking::query(move || store.summary(&channels, &filter, by)).await??;
    let mut body = String::new();
    let mut object = ObjectWriter::new(&mut body);
    object.string("group_by", name).integer("total", Some(summary.total));
    object.nested("groups", |out| push_array(out, &summary.groups, write_group));
    object.end();
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}

fn write_group(group: &Group, out: &mut String) {
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
