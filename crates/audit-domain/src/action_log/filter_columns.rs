//! The filter columns of an action log.

use super::ActionLogSubject;
use crate::json::{JsonString, JsonText};

/// The values of the filter columns. Texts are stored as [`crate::index_key`]s.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the columns of docs/architecture.md, by name")]
pub struct ActionLogFilterColumns {
    pub level: Option<i64>,
    pub logger_name: Option<String>,
    pub app_name: Option<String>,
    pub correlation_id: Option<String>,
}

impl ActionLogFilterColumns {
    /// Computes the filter columns of a record.
    #[must_use]
    pub fn from_subject(record: &ActionLogSubject) -> ActionLogFilterColumns {
        let key = |json: &JsonText| json.decoded().as_ref().map(JsonString::index_key);
        ActionLogFilterColumns {
            level: Some(record.level),
            logger_name: record.logger_name.as_ref().and_then(key),
            app_name: record.app_name.as_ref().and_then(key),
            correlation_id: record.correlation_id.as_ref().and_then(key),
        }
    }
}
