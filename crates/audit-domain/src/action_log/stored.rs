//! An action log as the log stores it.

use uuid::Uuid;

use super::{ActionLogFilterColumns, ActionLogSubject, action_log_slot};
use crate::channel::ChannelId;
use crate::entry::Entry;
use crate::json::{JsonText, ObjectWriter};
use crate::log::LeafHash;
use crate::stream::Stream;
use crate::timestamp::Timestamp;

/// One action log. Its values come from the slots: the bytes that the server received.
///
/// The accessors of single members read their slot with each call. Code that shows many members of
/// slot 0 reads them once, with [`ActionLog::subject`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionLog {
    /// The position, the times and the slots, which the entries of both streams have.
    pub entry: Entry,
}

impl AsRef<Entry> for ActionLog {
    fn as_ref(&self) -> &Entry {
        &self.entry
    }
}

impl From<Entry> for ActionLog {
    fn from(entry: Entry) -> ActionLog {
        ActionLog { entry }
    }
}

impl ActionLog {
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

    /// The time at which the record was made, as the client says.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
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

    /// The level, from 0 to 50; `None` after erasure.
    #[must_use]
    pub fn level(&self) -> Option<i64> {
        self.subject().map(|subject| subject.level)
    }

    /// The name of the logger.
    #[must_use]
    pub fn logger_name(&self) -> Option<String> {
        self.subject()?.logger_name?.decoded().map(|name| name.to_text())
    }

    /// The name of the application.
    #[must_use]
    pub fn app_name(&self) -> Option<String> {
        self.subject()?.app_name?.decoded().map(|name| name.to_text())
    }

    /// The id of the request, the transaction or the trace.
    #[must_use]
    pub fn correlation_id(&self) -> Option<String> {
        self.subject()?.correlation_id?.decoded().map(|id| id.to_text())
    }

    /// The message; `None` after erasure.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        self.entry.decoded(action_log_slot::MESSAGE).map(|text| text.to_text())
    }

    /// The traceback.
    #[must_use]
    pub fn trace(&self) -> Option<String> {
        self.entry.decoded(action_log_slot::TRACE).map(|text| text.to_text())
    }

    /// The unknown members, as one object.
    #[must_use]
    pub fn extra(&self) -> Option<&JsonText> {
        self.entry.slots.value(action_log_slot::EXTRA)
    }

    /// What was masked before the record was hashed: the policy, and pointers to the values.
    #[must_use]
    pub fn masked(&self) -> Option<&JsonText> {
        self.entry.slots.value(action_log_slot::MASKED)
    }

    /// The number that the published API shows as its id: 1 for the first action log of a channel,
    /// then in the order of commits.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.entry.position + 1
    }

    /// Level, logger, application and correlation id; `None` after erasure.
    #[must_use]
    pub fn subject(&self) -> Option<ActionLogSubject> {
        self.entry.slots.value(action_log_slot::SUBJECT).and_then(ActionLogSubject::from_slot)
    }

    /// Computes the filter columns from the slots. All are empty if slot 0 is erased.
    #[must_use]
    pub fn filter_columns(&self) -> ActionLogFilterColumns {
        self.subject().map(|subject| ActionLogFilterColumns::from_subject(&subject)).unwrap_or_default()
    }

    /// The encoded leaf.
    #[must_use]
    pub fn leaf_data(&self) -> Vec<u8> {
        self.entry.leaf_data(Stream::ActionLogs)
    }

    /// Appends the native shape: every member, null if absent. The values are the received bytes.
    pub fn write_json(&self, out: &mut String) {
        let subject = self.subject();
        let value = |number| self.entry.slots.value(number);
        let mut object = ObjectWriter::new(out);
        object
            .integer("id", Some(self.id()))
            .string("uuid", &self.entry.uuid.to_string())
            .integer("channel_id", Some(self.entry.channel_id.get()))
            .integer("position", Some(self.entry.position))
            .string("created_at", &self.entry.timestamp.to_string())
            .string("recorded_at", &self.entry.recorded_at.to_string())
            .integer("producer_id", Some(self.entry.producer_id))
            .integer("level", subject.as_ref().map(|subject| subject.level))
            .text("logger_name", subject.as_ref().and_then(|subject| subject.logger_name.as_ref()))
            .text("app_name", subject.as_ref().and_then(|subject| subject.app_name.as_ref()))
            .text("correlation_id", subject.as_ref().and_then(|subject| subject.correlation_id.as_ref()))
            .text("message", value(action_log_slot::MESSAGE))
            .text("trace", value(action_log_slot::TRACE))
            .text("extra", value(action_log_slot::EXTRA))
            .text("masked", value(action_log_slot::MASKED))
            .string("leaf_hash", &self.entry.leaf_hash.to_string());
        object.end();
    }
}
