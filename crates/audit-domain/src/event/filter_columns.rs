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
    pub remote_addr: Option<String>,
    pub url: Option<String>,
}

impl EventFilterColumns {
    /// Computes the filter columns from the parts of an event.
    #[must_use]
    pub fn new(
        subject: &Subject,
        user: Option<&User>,
        remote_addr: Option<&JsonText>,
        url: Option<&JsonText>,
    ) -> EventFilterColumns {
        let key = |json: &JsonText| json.decoded().as_ref().map(JsonString::index_key);
        let identity = user.map(User::identity);
        EventFilterColumns {
            action: subject.action.as_ref().and_then(|action| key(action.json())),
            content_type: subject.content_type,
            table_name: subject.table_name.as_ref().and_then(key),
            object_id: subject.object_id.as_ref().and_then(|id| key(id.json())),
            object_num: subject.object_id.as_ref().and_then(ObjectId::number),
            user_id: identity.as_ref().and_then(|i| i.id.as_ref()).map(JsonString::index_key),
            user_num: identity.as_ref().and_then(|i| i.number()),
            user_name: identity.as_ref().and_then(|i| i.name.as_ref()).map(JsonString::index_key),
            remote_addr: remote_addr.and_then(key),
            url: url.and_then(key),
        }
    }
}
