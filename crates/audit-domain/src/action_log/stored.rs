//! An action log as the log stores it.

use super::{ActionLogFilterColumns, ActionLogSubject, action_log_slot};
use crate::entry::Entry;
use crate::json::ObjectWriter;
use crate::stream::Stream;

/// One action log. Its values come from the slots: the bytes that the server received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionLog(pub Entry);

impl std::ops::Deref for ActionLog {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.0
    }
}

impl From<Entry> for ActionLog {
    fn from(entry: Entry) -> ActionLog {
        ActionLog(entry)
    }
}

impl ActionLog {
    /// The number that the published API shows as its id: 1 for the first action log of a channel,
    /// then in the order of commits.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.position + 1
    }

    /// Level, logger and application; `None` after erasure.
    #[must_use]
    pub fn subject(&self) -> Option<ActionLogSubject> {
        self.slots.value(action_log_slot::SUBJECT).and_then(ActionLogSubject::from_slot)
    }

    /// Computes the filter columns from the slots. All are empty if slot 0 is erased.
    #[must_use]
    pub fn filter_columns(&self) -> ActionLogFilterColumns {
        self.subject().map(|subject| ActionLogFilterColumns::from_subject(&subject)).unwrap_or_default()
    }

    /// The encoded leaf.
    #[must_use]
    pub fn leaf_data(&self) -> Vec<u8> {
        self.0.leaf_data(Stream::ActionLogs)
    }

    /// Appends the native shape: every member, null if absent. The values are the received bytes.
    pub fn write_json(&self, out: &mut String) {
        let subject = self.subject();
        let value = |number| self.slots.value(number);
        let mut object = ObjectWriter::new(out);
        object
            .integer("id", Some(self.id()))
            .string("uuid", &self.uuid.to_string())
            .integer("channel_id", Some(self.channel_id.get()))
            .integer("position", Some(self.position))
            .string("created_at", &self.timestamp.to_string())
            .string("recorded_at", &self.recorded_at.to_string())
            .integer("producer_id", Some(self.producer_id))
            .integer("level", subject.as_ref().map(|subject| subject.level))
            .text("logger_name", subject.as_ref().and_then(|subject| subject.logger_name.as_ref()))
            .text("app_name", subject.as_ref().and_then(|subject| subject.app_name.as_ref()))
            .text("message", value(action_log_slot::MESSAGE))
            .text("trace", value(action_log_slot::TRACE))
            .text("extra", value(action_log_slot::EXTRA))
            .string("leaf_hash", &self.leaf_hash.to_string());
        object.end();
    }
}
