//! The filter columns of an event: plain values that every database can index.

use super::Subject;
use crate::json::{JsonString, JsonText};
use crate::object::ObjectId;
use crate::user::User;

/// The values of the filter columns: texts as [`crate::index_key`]s, numbers if the id is a
/// canonical integer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the columns of docs/architecture.md, by name")]
pub struct EventFilterColumns {
    pub action: Option<String>,
    pub content_type: Option<i64>,
    pub table_name: Option<String>,
    pub object_id: Option<String>,
    pub object_num: Option<i64>,
    pub user_id: Option<String>,
    pub user_num: Option<i64>,
    pub user_name: Option<String>,
    pub user_email: Option<String>,
    pub remote_addr: Option<String>,
    pub url: Option<String>,
    pub outcome: Option<String>,
    pub correlation_id: Option<String>,
    pub source: Option<String>,
    pub impersonator_id: Option<String>,
}

/// The parts of an event outside slot 0 that have filter columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventParts<'a> {
    pub(crate) user: Option<&'a User>,
    pub(crate) impersonator: Option<&'a User>,
    pub(crate) remote_addr: Option<&'a JsonText>,
    pub(crate) url: Option<&'a JsonText>,
}

impl EventFilterColumns {
    /// Computes the filter columns from the parts of an event.
    pub(crate) fn new(subject: &Subject, parts: EventParts<'_>) -> EventFilterColumns {
        let key = |json: &JsonText| json.decoded().as_ref().map(JsonString::index_key);
        let id = |user: &User| user.identity().id.as_ref().map(JsonString::index_key);
        let identity = parts.user.map(User::identity);
        EventFilterColumns {
            action: subject.action.as_ref().and_then(|action| key(action.json())),
            content_type: subject.content_type,
            table_name: subject.table_name.as_ref().and_then(key),
            object_id: subject.object_id.as_ref().and_then(|id| key(id.json())),
            object_num: subject.object_id.as_ref().and_then(ObjectId::number),
            user_id: identity.as_ref().and_then(|i| i.id.as_ref()).map(JsonString::index_key),
            user_num: identity.as_ref().and_then(|i| i.number()),
            user_name: identity.as_ref().and_then(|i| i.name.as_ref()).map(JsonString::index_key),
            user_email: identity.as_ref().and_then(|i| i.email.as_ref()).map(JsonString::index_key),
            remote_addr: parts.remote_addr.and_then(key),
            url: parts.url.and_then(key),
            outcome: subject.outcome.as_ref().and_then(|outcome| key(outcome.json())),
            correlation_id: subject.correlation_id.as_ref().and_then(key),
            source: subject.source.as_ref().and_then(key),
            impersonator_id: parts.impersonator.and_then(id),
        }
    }
}
