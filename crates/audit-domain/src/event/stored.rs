//! An event as the log stores it.

use std::collections::BTreeSet;

use super::{EventFilterColumns, Subject, slot};
use crate::change::changed_fields;
use crate::entry::Entry;
use crate::json::{JsonString, ObjectWriter};
use crate::object::ObjectId;
use crate::stream::Stream;
use crate::user::User;

/// One event. Its values come from the slots: the bytes that the server received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event(pub Entry);

impl std::ops::Deref for Event {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.0
    }
}

impl From<Entry> for Event {
    fn from(entry: Entry) -> Event {
        Event(entry)
    }
}

impl Event {
    /// The action, the content type and the object. Empty after erasure.
    #[must_use]
    pub fn subject(&self) -> Subject {
        self.slots.value(slot::SUBJECT).and_then(Subject::from_slot).unwrap_or_default()
    }

    /// The slots in which a search looks.
    pub const SEARCHED: [u8; 4] = [slot::CONTENT, slot::URL, slot::DESCRIPTION, slot::USER];

    /// The names of the changed fields, derived from the content.
    #[must_use]
    pub fn changed_fields(&self) -> BTreeSet<JsonString> {
        self.slots.value(slot::CONTENT).map(changed_fields).unwrap_or_default()
    }

    /// The user who did the action.
    #[must_use]
    pub fn user(&self) -> Option<User> {
        self.slots.value(slot::USER).and_then(|json| User::from_json(json.clone()).ok())
    }

    /// Computes the filter columns from the slots, for a comparison with the stored ones.
    #[must_use]
    pub fn filter_columns(&self) -> EventFilterColumns {
        let value = |number| self.slots.value(number);
        EventFilterColumns::new(&self.subject(), self.user().as_ref(), value(slot::REMOTE_ADDR), value(slot::URL))
    }

    /// The encoded leaf.
    #[must_use]
    pub fn leaf_data(&self) -> Vec<u8> {
        self.0.leaf_data(Stream::Events)
    }

    /// Appends the native shape: every member, null if absent. The values are the received bytes.
    pub fn write_json(&self, out: &mut String) {
        let subject = self.subject();
        let value = |number| self.slots.value(number);
        let mut object = ObjectWriter::new(out);
        object
            .string("uuid", &self.uuid.to_string())
            .integer("channel_id", Some(self.channel_id.get()))
            .integer("position", Some(self.position))
            .string("timestamp", &self.timestamp.to_string())
            .string("recorded_at", &self.recorded_at.to_string())
            .integer("producer_id", Some(self.producer_id))
            .text("action", subject.action.as_ref().map(|action| action.json()))
            .integer("content_type", subject.content_type)
            .text("table_name", subject.table_name.as_ref())
            .raw("object_id", subject.object_id.as_ref().map_or("null", ObjectId::shown))
            .text("user", value(slot::USER))
            .text("remote_addr", value(slot::REMOTE_ADDR))
            .text("url", value(slot::URL))
            .text("description", value(slot::DESCRIPTION))
            .text("query_params", value(slot::QUERY_PARAMS))
            .text("post_data", value(slot::POST_DATA))
            .text("headers", value(slot::HEADERS))
            .text("content", value(slot::CONTENT))
            .text("extra", value(slot::EXTRA))
            .string("leaf_hash", &self.leaf_hash.to_string());
        object.end();
    }

    /// Formats the native shape; see [`Event::write_json`].
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(512 + self.slots.bytes());
        self.write_json(&mut out);
        out
    }
}
