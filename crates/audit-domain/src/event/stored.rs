//! An event as the log stores it.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{EventFilterColumns, EventParts, Subject, slot};
use crate::change::changed_fields;
use crate::channel::ChannelId;
use crate::entry::Entry;
use crate::json::{JsonString, ObjectWriter};
use crate::log::LeafHash;
use crate::object::ObjectId;
use crate::stream::Stream;
use crate::timestamp::Timestamp;

/// One event. Its values come from the slots: the bytes that the server received.
///
/// The accessors of single members read their slot with each call. Code that shows many members of
/// slot 0 reads them once, with [`Event::subject`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The position, the times and the slots, which the entries of both streams have.
    pub entry: Entry,
}

impl AsRef<Entry> for Event {
    fn as_ref(&self) -> &Entry {
        &self.entry
    }
}

impl From<Entry> for Event {
    fn from(entry: Entry) -> Event {
        Event { entry }
    }
}

impl Event {
    /// The uuid, unique in the channel.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.entry.uuid
    }

    /// The channel.
    #[must_use]
    pub fn channel_id(&self) -> ChannelId {
        self.entry.channel_id
    }

    /// The index in the log of its channel, from 0.
    #[must_use]
    pub fn position(&self) -> i64 {
        self.entry.position
    }

    /// The time at which the event happened, as the client says.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.entry.timestamp
    }

    /// The time of the commit.
    #[must_use]
    pub fn recorded_at(&self) -> Timestamp {
        self.entry.recorded_at
    }

    /// The token that appended it, by its id; 0 for a program on the machine of the log.
    #[must_use]
    pub fn producer_id(&self) -> i64 {
        self.entry.producer_id
    }

    /// The leaf hash, which covers the whole entry.
    #[must_use]
    pub fn leaf_hash(&self) -> LeafHash {
        self.entry.leaf_hash
    }

    /// The name of the action, given or derived from the content.
    #[must_use]
    pub fn action(&self) -> Option<String> {
        self.subject().action.and_then(|action| action.json().decoded()).map(|name| name.to_text())
    }

    /// The number of the content type.
    #[must_use]
    pub fn content_type(&self) -> Option<i64> {
        self.subject().content_type
    }

    /// The name of the content type.
    #[must_use]
    pub fn table_name(&self) -> Option<String> {
        self.subject().table_name.and_then(|name| name.decoded()).map(|name| name.to_text())
    }

    /// The id of the object.
    #[must_use]
    pub fn object_id(&self) -> Option<String> {
        self.subject().object_id.and_then(|id| id.text()).map(|id| id.to_text())
    }

    /// The id of the user.
    #[must_use]
    pub fn user_id(&self) -> Option<String> {
        self.user().and_then(|user| user.id())
    }

    /// The name of the user.
    #[must_use]
    pub fn user_name(&self) -> Option<String> {
        self.user().and_then(|user| user.name())
    }

    /// Whether the action succeeded: `success`, `failure` or another name.
    #[must_use]
    pub fn outcome(&self) -> Option<String> {
        self.subject().outcome.and_then(|outcome| outcome.json().decoded()).map(|name| name.to_text())
    }

    /// The id of the request, the transaction or the trace.
    #[must_use]
    pub fn correlation_id(&self) -> Option<String> {
        self.subject().correlation_id.and_then(|id| id.decoded()).map(|id| id.to_text())
    }

    /// The application.
    #[must_use]
    pub fn source(&self) -> Option<String> {
        self.subject().source.and_then(|source| source.decoded()).map(|source| source.to_text())
    }

    /// The members of slot 0. Empty after erasure.
    #[must_use]
    pub fn subject(&self) -> Subject {
        self.entry.slots.value(slot::SUBJECT).and_then(Subject::from_slot).unwrap_or_default()
    }

    /// The slots in which a search looks.
    pub const SEARCHED: [u8; 4] = [slot::CONTENT, slot::URL, slot::DESCRIPTION, slot::USER];

    /// The names of the changed fields, derived from the content.
    #[must_use]
    pub fn changed_fields(&self) -> BTreeSet<JsonString> {
        self.entry.slots.value(slot::CONTENT).map(changed_fields).unwrap_or_default()
    }

    /// Computes the filter columns from the slots, for a comparison with the stored ones.
    #[must_use]
    pub fn filter_columns(&self) -> EventFilterColumns {
        let (user, impersonator) = (self.user(), self.impersonator());
        EventFilterColumns::new(
            &self.subject(),
            EventParts {
                user: user.as_ref(),
                impersonator: impersonator.as_ref(),
                remote_addr: self.entry.slots.value(slot::REMOTE_ADDR),
                url: self.entry.slots.value(slot::URL),
            },
        )
    }

    /// The encoded leaf.
    #[must_use]
    pub fn leaf_data(&self) -> Vec<u8> {
        self.entry.leaf_data(Stream::Events)
    }

    /// Appends the native shape: every member, null if absent. The values are the received bytes.
    pub fn write_json(&self, out: &mut String) {
        let subject = self.subject();
        let mut object = ObjectWriter::new(out);
        object
            .string("uuid", &self.entry.uuid.to_string())
            .integer("channel_id", Some(self.entry.channel_id.get()))
            .integer("position", Some(self.entry.position))
            .string("timestamp", &self.entry.timestamp.to_string())
            .string("recorded_at", &self.entry.recorded_at.to_string())
            .integer("producer_id", Some(self.entry.producer_id))
            .text("action", subject.action.as_ref().map(|action| action.json()))
            .integer("content_type", subject.content_type)
            .text("table_name", subject.table_name.as_ref())
            .raw("object_id", subject.object_id.as_ref().map_or("null", ObjectId::shown))
            .text("outcome", subject.outcome.as_ref().map(|outcome| outcome.json()))
            .text("correlation_id", subject.correlation_id.as_ref())
            .text("source", subject.source.as_ref());
        self.write_slots(&mut object);
        object.string("leaf_hash", &self.entry.leaf_hash.to_string());
        object.end();
    }

    /// Formats the native shape; see [`Event::write_json`].
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(512 + self.entry.slots.bytes());
        self.write_json(&mut out);
        out
    }
}
