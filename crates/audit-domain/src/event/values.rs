//! The sets of values in a filter of events.

use std::collections::BTreeSet;

use serde::Serialize;
use uuid::Uuid;

use super::{Event, slot};
use crate::filter_values::{number, text};
use crate::json::JsonText;

/// Sets of values of an event, one set for each field. An empty set is not a condition. Texts
/// compare by their characters, as in [`crate::EventFilter`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
#[expect(missing_docs, reason = "the fields of `EventFilter`, by name")]
pub struct EventValues {
    // The digest of a cursor leaves out an empty set, so cursors from before there were lists stay
    // valid.
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
    /// Whether all sets are empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == EventValues::default()
    }

    /// Returns for each set that is not empty whether the event's value is in it. A value that the
    /// event lacks is in no set.
    pub(crate) fn hits(&self, event: &Event) -> Vec<bool> {
        if self.is_empty() {
            return Vec::new();
        }
        let subject = event.subject();
        let user_id = event.user().and_then(|user| user.identity().id);
        let object_id = subject.object_id.as_ref().and_then(|id| id.text());
        let action = subject.action.as_ref().map(|action| action.json());
        let hits = [
            number(&self.uuid, Some(event.entry.uuid)),
            number(&self.content_type, subject.content_type),
            text(&self.table_name, subject.table_name.as_ref().and_then(JsonText::decoded)),
            text(&self.object_id, object_id),
            text(&self.user, user_id),
            text(&self.action, action.and_then(JsonText::decoded)),
            text(&self.url, event.entry.decoded(slot::URL)),
            text(&self.remote_addr, event.entry.decoded(slot::REMOTE_ADDR)),
            (!self.changed.is_empty())
                .then(|| event.changed_fields().into_iter().any(|name| text(&self.changed, Some(name)) == Some(true))),
        ];
        hits.into_iter().flatten().collect()
    }
}
