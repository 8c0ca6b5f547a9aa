//! Lists of values in filters: an entry has to have one of them, or must have none of them.

use std::collections::BTreeSet;

use serde::Serialize;
use uuid::Uuid;

use crate::event::{Event, slot};
use crate::json::{JsonString, JsonText};

/// Values of an event, by what they are values of. An empty set asks nothing. Texts compare by their characters, as in
/// [`crate::EventFilter`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
#[expect(missing_docs, reason = "the fields of `EventFilter`, by name")]
pub struct EventValues {
    // A set that is not asked for is not part of a cursor, so that cursors from before there were lists stay valid.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub uuid: BTreeSet<Uuid>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub content_type: BTreeSet<i64>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub table_name: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub object_id: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub user: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub action: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub url: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub remote_addr: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub changed: BTreeSet<String>,
}

impl EventValues {
    /// Whether they ask nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == EventValues::default()
    }

    /// Of each set that asks something, whether the event's value is in it. A value that the event does not have is in none.
    pub(crate) fn hits(&self, event: &Event) -> Vec<bool> {
        if self.is_empty() {
            return Vec::new();
        }
        let subject = event.subject();
        let user_id = event.user().and_then(|user| user.identity().id);
        let object_id = subject.object_id.as_ref().and_then(|id| id.text());
        let action = subject.action.as_ref().map(|action| action.json());
        let hits = [
            number(&self.uuid, Some(event.uuid)),
            number(&self.content_type, subject.content_type),
            text(&self.table_name, subject.table_name.as_ref().and_then(JsonText::decoded)),
            text(&self.object_id, object_id),
            text(&self.user, user_id),
            text(&self.action, action.and_then(JsonText::decoded)),
            text(&self.url, event.decoded(slot::URL)),
            text(&self.remote_addr, event.decoded(slot::REMOTE_ADDR)),
            (!self.changed.is_empty())
                .then(|| event.changed_fields().into_iter().any(|name| text(&self.changed, Some(name)) == Some(true))),
        ];
        hits.into_iter().flatten().collect()
    }
}

/// Values of an action log, as [`EventValues`].
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
    /// Whether they ask nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == ActionLogValues::default()
    }

    /// As [`EventValues::hits`].
    pub(crate) fn hits(&self, log: &crate::ActionLog) -> Vec<bool> {
        if self.is_empty() {
            return Vec::new();
        }
        let subject = log.subject();
        let subject = subject.as_ref();
        let hits = [
            number(&self.uuid, Some(log.uuid)),
            number(&self.level, subject.map(|subject| subject.level)),
            text(&self.logger_name, subject.and_then(|subject| subject.logger_name.as_ref()).and_then(JsonText::decoded)),
            text(&self.app_name, subject.and_then(|subject| subject.app_name.as_ref()).and_then(JsonText::decoded)),
        ];
        hits.into_iter().flatten().collect()
    }
}

/// `None` where nothing is asked.
fn number<T: Ord>(wanted: &BTreeSet<T>, actual: Option<T>) -> Option<bool> {
    (!wanted.is_empty()).then(|| actual.is_some_and(|actual| wanted.contains(&actual)))
}

/// The same of texts. One with a lone surrogate cannot be asked for.
fn text(wanted: &BTreeSet<String>, actual: Option<JsonString>) -> Option<bool> {
    (!wanted.is_empty()).then(|| actual.is_some_and(|actual| actual.as_str().is_some_and(|text| wanted.contains(text))))
}
