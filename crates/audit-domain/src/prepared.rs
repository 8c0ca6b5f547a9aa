//! An event that is ready for the log: everything filled in, cut, salted and hashed that does not need the lock.

use uuid::Uuid;

use crate::channel::ChannelId;
use crate::event::{Event, slot};
use crate::event_keys::EventKeys;
use crate::log::{Commitment, LeafHash, LeafInput, Slots, leaf_data, leaf_hash};
use crate::new_event::NewEvent;
use crate::stream::Stream;
use crate::subject::Subject;
use crate::timestamp::Timestamp;

/// What a client gave itself; the rest was filled in, and a retry that leaves it out is no conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Given {
    uuid: bool,
    timestamp: bool,
    action: bool,
    content_type: bool,
    table_name: bool,
}

/// An event without its position. See [`NewEvent::prepare`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedEvent {
    uuid: Uuid,
    channel_id: ChannelId,
    timestamp: Timestamp,
    subject: Subject,
    given: Given,
    slots: Slots,
    commitments: Vec<(u8, Commitment)>,
    keys: EventKeys,
}

impl NewEvent {
    /// Fills in what was left out (a UUIDv7, the present, the action its content stands for), cuts the slots, draws their
    /// salts and hashes their commitments: the costly part of an append, done before any lock.
    ///
    /// `channel` is where the event goes, whatever `channel_id` says: which of the two counts is for the caller to decide.
    ///
    /// # Errors
    /// When the operating system has no random bytes to give.
    pub fn prepare(self, channel: ChannelId) -> Result<PreparedEvent, getrandom::Error> {
        let given = Given {
            uuid: self.uuid.is_some(),
            timestamp: self.timestamp.is_some(),
            action: self.action.is_some(),
            content_type: self.content_type.is_some(),
            table_name: self.table_name.is_some(),
        };
        let subject = Subject {
            action: self.effective_action(),
            content_type: self.content_type,
            object_id: self.object_id,
            table_name: self.table_name,
        };
        let keys = EventKeys::of(&subject, self.user.as_ref(), self.remote_addr.as_ref(), self.url.as_ref());
        let slots = Slots::seal([
            (slot::SUBJECT, subject.to_slot()),
            (slot::USER, self.user.map(|user| user.json().clone())),
            (slot::REMOTE_ADDR, self.remote_addr),
            (slot::URL, self.url),
            (slot::QUERY_PARAMS, self.query_params),
            (slot::POST_DATA, self.post_data),
            (slot::HEADERS, self.headers),
            (slot::CONTENT, self.content),
            (slot::DESCRIPTION, self.description),
            (slot::EXTRA, self.extra),
        ])?;
        Ok(PreparedEvent {
            uuid: self.uuid.unwrap_or_else(Uuid::now_v7),
            channel_id: channel,
            timestamp: self.timestamp.unwrap_or_else(Timestamp::now),
            subject,
            given,
            commitments: slots.commitments(),
            slots,
            keys,
        })
    }
}

impl PreparedEvent {
    /// Its uuid, given or made.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// Whether the client gave the uuid. One made here cannot be in the log yet.
    #[must_use]
    pub fn uuid_was_given(&self) -> bool {
        self.given.uuid
    }

    /// The log it goes to.
    #[must_use]
    pub fn channel_id(&self) -> ChannelId {
        self.channel_id
    }

    /// When it happened.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// The slots that are stored.
    #[must_use]
    pub fn slots(&self) -> &Slots {
        &self.slots
    }

    /// The filter columns.
    #[must_use]
    pub fn keys(&self) -> &EventKeys {
        &self.keys
    }

    /// The leaf, once the log has said when it records the event.
    #[must_use]
    pub fn leaf_data(&self, producer_id: i64, recorded_at: Timestamp) -> Vec<u8> {
        leaf_data(&LeafInput {
            stream: Stream::Events,
            uuid: self.uuid,
            channel_id: self.channel_id,
            producer_id,
            timestamp: self.timestamp,
            recorded_at,
            commitments: &self.commitments,
        })
    }

    /// [`leaf_hash`] of [`PreparedEvent::leaf_data`].
    #[must_use]
    pub fn leaf_hash(&self, producer_id: i64, recorded_at: Timestamp) -> LeafHash {
        leaf_hash(&self.leaf_data(producer_id, recorded_at))
    }

    /// Whether a retry with this event means the one that is stored: slots equal byte for byte (erased ones count as
    /// equal) and, only where the retry carries them, timestamp, action, table name and content type equal.
    #[must_use]
    pub fn is_retry_of(&self, stored: &Event) -> bool {
        self.matches_first(stored.timestamp, &stored.slots)
    }

    /// The same rule against an event that is on its way too, for two of one batch.
    #[must_use]
    pub fn is_retry_of_prepared(&self, first: &PreparedEvent) -> bool {
        self.matches_first(first.timestamp, &first.slots)
    }

    fn matches_first(&self, timestamp: Timestamp, slots: &Slots) -> bool {
        let same_time = !self.given.timestamp || self.timestamp == timestamp;
        same_time && self.same_subject(slots) && (slot::USER..=slot::EXTRA).all(|number| self.same_slot(slots, number))
    }

    fn same_slot(&self, slots: &Slots, number: u8) -> bool {
        slots.get(number).is_some_and(|slot| slot.is_erased()) || self.slots.value(number) == slots.value(number)
    }

    fn same_subject(&self, slots: &Slots) -> bool {
        let subject = match slots.get(slot::SUBJECT) {
            None => Some(Subject::default()),
            Some(slot) if slot.is_erased() => return true,
            Some(slot) => slot.value.as_ref().and_then(Subject::from_slot),
        };
        let Some(stored) = subject else { return false };
        self.subject.object_id == stored.object_id
            && (!self.given.action || self.subject.action == stored.action)
            && (!self.given.content_type || self.subject.content_type == stored.content_type)
            && (!self.given.table_name || self.subject.table_name == stored.table_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reading;

    fn prepared(text: &str) -> PreparedEvent {
        NewEvent::parse(text, Reading::NATIVE).unwrap().prepare(ChannelId::DEFAULT).unwrap()
    }

    fn retry(first: &str, again: &str) -> bool {
        prepared(again).is_retry_of_prepared(&prepared(first))
    }

    #[test]
    fn what_the_server_filled_in_is_no_conflict() {
        let full = r#"{"timestamp":"2023-10-16","action":"LOGIN","content_type":4,"table_name":"a.b","object_id":1,"url":"/x"}"#;
        assert!(retry(full, full));
        assert!(retry(full, r#"{"object_id":1,"url":"/x"}"#));
        for other in [
            r#"{"timestamp":"2023-10-17","object_id":1,"url":"/x"}"#,
            r#"{"action":"LOGOUT","object_id":1,"url":"/x"}"#,
            r#"{"content_type":5,"object_id":1,"url":"/x"}"#,
            r#"{"table_name":"a.c","object_id":1,"url":"/x"}"#,
            r#"{"object_id":2,"url":"/x"}"#,
            r#"{"url":"/x"}"#,
            r#"{"object_id":1,"url":"\/x"}"#,
            r#"{"object_id":1}"#,
            r#"{"object_id":1,"url":"/x","user":1}"#,
        ] {
            assert!(!retry(full, other), "{other}");
        }
        assert!(!retry(r#"{"url":"/x"}"#, r#"{"url":"/x","action":"LOGIN"}"#));
    }
}
