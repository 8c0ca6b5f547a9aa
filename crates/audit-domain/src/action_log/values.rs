//! The sets of values in a filter of action logs.

use std::collections::BTreeSet;

use serde::Serialize;
use uuid::Uuid;

use super::ActionLog;
use crate::filter_values::{number, text};
use crate::json::JsonText;

/// Values of an action log, as [`crate::EventValues`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
#[expect(missing_docs, reason = "the fields of `ActionLogFilter`, by name")]
pub struct ActionLogValues {
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub uuid: BTreeSet<Uuid>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub level: BTreeSet<i64>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub logger_name: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub app_name: BTreeSet<String>,
}

impl ActionLogValues {
    /// Whether all sets are empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == ActionLogValues::default()
    }

    /// Returns for each set that is not empty whether the action log's value is in it.
    pub(crate) fn hits(&self, log: &ActionLog) -> Vec<bool> {
        if self.is_empty() {
            return Vec::new();
        }
        let subject = log.subject();
        let subject = subject.as_ref();
        let hits = [
            number(&self.uuid, Some(log.entry.uuid)),
            number(&self.level, subject.map(|subject| subject.level)),
            text(&self.logger_name, subject.and_then(|subject| subject.logger_name.as_ref()).and_then(JsonText::decoded)),
            text(&self.app_name, subject.and_then(|subject| subject.app_name.as_ref()).and_then(JsonText::decoded)),
        ];
        hits.into_iter().flatten().collect()
    }
}
