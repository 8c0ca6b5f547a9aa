//! `GET /api/v1/events/summary`: counts by group, with the filters of the list.

use actix_web::{HttpRequest, HttpResponse, web};
use audit_store::domain::ObjectWriter;
use audit_store::{GroupBy, GroupKey};

use super::query::FILTERS;
use super::{ALLOW_GET, Query, check_method};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::{Api, blocking};

const GROUPS: [(&str, GroupBy); 6] = [
    ("table_name", GroupBy::TableName),
    ("content_type", GroupBy::ContentType),
    ("user", GroupBy::User),
    ("action", GroupBy::Action),
    ("hour", GroupBy::Hour),
    ("day", GroupBy::Day),
];

pub(super) async fn summary(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&api, &request)?;
    if let Some(response) = check_method(&request, ALLOW_GET)? {
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
    object.nested("groups", |out| {
        out.push('[');
        for (index, group) in summary.groups.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            let mut item = ObjectWriter::new(out);
            match &group.key {
                GroupKey::Null => item.raw("key", "null"),
                GroupKey::Number(number) => item.integer("key", Some(*number)),
                GroupKey::Text(text) => item.text("key", Some(text)),
                GroupKey::Time(at) => item.string("key", &at.to_string()),
            };
            item.integer("count", Some(group.count));
            item.end();
        }
        out.push(']');
    });
    object.end();
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}
