//! An entry that is ready for the log: everything filled in, cut, salted and hashed that does not need the lock.

use uuid::Uuid;

use crate::action_log::{ActionLogFilterColumns, ActionLogSubject, NewActionLog, action_log_slot};
use crate::channel::ChannelId;
use crate::clock::{Clock, ClockError};
use crate::content_type::ContentTypes;
use crate::draw::draw_uuid_v7;
use crate::entry::Entry;
use crate::error::Fault;
use crate::event::EventFilterColumns;
use crate::event::NewEvent;
use crate::event::slot;
use crate::event::{ParsedSubject, StoredSubject, Subject};
use crate::log::{Commitment, LeafHash, LeafInput, Slots, leaf_data, leaf_hash};
use crate::stream::Stream;
use crate::timestamp::Timestamp;

/// Names, numbers and addresses that are in the filter columns and in the subject as well as in the slots; long ones are cut.
const COPIES_BYTES: usize = 512;

/// An event or an action log without its position. See [`NewEvent::prepare`] and [`NewActionLog::prepare`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedEntry {
    uuid: Uuid,
    uuid_was_given: bool,
    channel_id: ChannelId,
    timestamp: Timestamp,
    timestamp_was_given: bool,
    slots: Slots,
    commitments: Vec<(u8, Commitment)>,
    keys: FilterColumns,
    subject: ClientSubject,
}

/// The filter columns of an entry, and with them the stream it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterColumns {
    /// Of an event.
    Event(EventFilterColumns),
    /// Of an action log.
    ActionLog(ActionLogFilterColumns),
}

/// How slot 0 is compared with that of a retry.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ClientSubject {
    /// Member by member: what the server filled in is no part of a retry that leaves it out.
    Event { subject: Subject, action: bool, content_type: bool, table_name: bool },
    /// Byte for byte: the server fills in nothing.
    ActionLog,
}

/// Why an entry cannot be made ready for the log. But for a nil uuid, it has to do with this machine and not with the entry: the
/// same one can be prepared later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// The operating system has no random bytes to give.
    #[error("the operating system has no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    /// The clock is wrong, and the entry does not say when it happened.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// Its uuid is nil.
    #[error("uuid {}", Fault::NilUuid)]
    NilUuid,
}

impl NewEvent {
    /// Fills in what was left out (a UUIDv7, the present, the action its content stands for), cuts the slots, draws their
    /// salts and hashes their commitments: the costly part of an append, done before any lock.
    ///
    /// `channel` is where the event goes, whatever `channel_id` says: which of the two counts is for the caller to decide.
    ///
    /// # Errors
    /// [`PrepareError`]
    pub fn prepare(self, channel: ChannelId) -> Result<PreparedEntry, PrepareError> {
        self.prepare_with(channel, &ContentTypes::default(), &Clock::system())
    }

    /// The same, with the number or the name of the object type filled in from a registry where the event has only the other.
    /// Filled in is not given: a retry from before the type was registered is a retry still.
    ///
    /// # Errors
    /// [`PrepareError`]
    pub fn prepare_with(mut self, channel: ChannelId, types: &ContentTypes, clock: &Clock) -> Result<PreparedEntry, PrepareError> {
        check_uuid(self.uuid)?;
        let (action, content_type) = (self.action.is_some(), self.content_type.is_some());
        let table_name = self.table_name.is_some();
        types.fill(&mut self);
        let subject = Subject {
            action: self.effective_action(),
            content_type: self.content_type,
            object_id: self.object_id,
            table_name: self.table_name,
        };
        let keys = EventFilterColumns::new(&subject, self.user.as_ref(), self.remote_addr.as_ref(), self.url.as_ref());
        let slots = Slots::with_new_salts([
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
        let subject = ClientSubject::Event { subject, action, content_type, table_name };
        let given = ClientValues { uuid: self.uuid, timestamp: self.timestamp };
        PreparedEntry::new(given, channel, slots, FilterColumns::Event(keys), subject, clock)
    }
}

impl NewActionLog {
    /// Fills in what was left out (a UUIDv7, the present), cuts the slots, draws their salts and hashes their commitments.
    ///
    /// `channel` is where the record goes, whatever `channel_id` says.
    ///
    /// # Errors
    /// [`PrepareError`]
    pub fn prepare(self, channel: ChannelId) -> Result<PreparedEntry, PrepareError> {
        self.prepare_at(channel, &Clock::system())
    }

    /// The same, by another clock.
    ///
    /// # Errors
    /// [`PrepareError`]
    pub fn prepare_at(self, channel: ChannelId, clock: &Clock) -> Result<PreparedEntry, PrepareError> {
        check_uuid(self.uuid)?;
        let subject = ActionLogSubject { level: self.level, logger_name: self.logger_name, app_name: self.app_name };
        let keys = ActionLogFilterColumns::from_subject(&subject);
        let slots = Slots::with_new_salts([
            (action_log_slot::SUBJECT, Some(subject.to_slot())),
            (action_log_slot::MESSAGE, Some(self.message)),
            (action_log_slot::TRACE, self.trace),
            (action_log_slot::EXTRA, self.extra),
        ])?;
        let given = ClientValues { uuid: self.uuid, timestamp: self.created_at };
        PreparedEntry::new(given, channel, slots, FilterColumns::ActionLog(keys), ClientSubject::ActionLog, clock)
    }
}

/// Refuses the nil uuid: it is what a field has that nobody set, in a program that builds a record as in a client that sends one.
fn check_uuid(uuid: Option<Uuid>) -> Result<(), PrepareError> {
    if uuid.is_some_and(|uuid| uuid.is_nil()) { Err(PrepareError::NilUuid) } else { Ok(()) }
}

/// What the server fills in where the client left it out.
struct ClientValues {
    uuid: Option<Uuid>,
    timestamp: Option<Timestamp>,
}

impl PreparedEntry {
    fn new(
        given: ClientValues,
        channel_id: ChannelId,
        slots: Slots,
        keys: FilterColumns,
        subject: ClientSubject,
        clock: &Clock,
    ) -> Result<PreparedEntry, PrepareError> {
        Ok(PreparedEntry {
            uuid: given.uuid.map_or_else(|| Ok::<_, PrepareError>(draw_uuid_v7(clock.now()?)?), Ok)?,
            uuid_was_given: given.uuid.is_some(),
            channel_id,
            timestamp: given.timestamp.map_or_else(|| clock.now(), Ok)?,
            timestamp_was_given: given.timestamp.is_some(),
            commitments: slots.commitments(),
            slots,
            keys,
            subject,
        })
    }

    /// Which of the channel's logs it goes to.
    #[must_use]
    pub fn stream(&self) -> Stream {
        match self.keys {
            FilterColumns::Event(_) => Stream::Events,
            FilterColumns::ActionLog(_) => Stream::ActionLogs,
        }
    }

    /// Its uuid, given or made.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// Whether the client gave the uuid. One made here cannot be in the log yet.
    #[must_use]
    pub fn uuid_was_given(&self) -> bool {
        self.uuid_was_given
    }

    /// The channel it goes to.
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

    /// About how many bytes of memory it takes: of a small entry, most are not those of its values.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of::<PreparedEntry>() + COPIES_BYTES + self.slots.memory_bytes()
    }

    /// The filter columns.
    #[must_use]
    pub fn filter_columns(&self) -> &FilterColumns {
        &self.keys
    }

    /// The leaf, once the log has said when it records the entry.
    #[must_use]
    pub fn leaf_data(&self, producer_id: i64, recorded_at: Timestamp) -> Vec<u8> {
        leaf_data(&LeafInput {
            stream: self.stream(),
            uuid: self.uuid,
            channel_id: self.channel_id,
            producer_id,
            timestamp: self.timestamp,
            recorded_at,
            commitments: &self.commitments,
        })
    }

    /// The entry as the log keeps it, once it has a place there.
    #[must_use]
    pub fn into_entry(self, producer_id: i64, position: i64, recorded_at: Timestamp, leaf_hash: LeafHash) -> Entry {
        let PreparedEntry { uuid, channel_id, timestamp, slots, .. } = self;
        Entry { channel_id, position, uuid, timestamp, recorded_at, producer_id, slots, leaf_hash }
    }

    /// [`leaf_hash`] of [`PreparedEntry::leaf_data`].
    #[must_use]
    pub fn leaf_hash(&self, producer_id: i64, recorded_at: Timestamp) -> LeafHash {
        leaf_hash(&self.leaf_data(producer_id, recorded_at))
    }

    /// Whether a retry with this entry means the one that is stored in the same stream: slots equal byte for byte (erased
    /// ones count as equal) and, only where the retry carries them, timestamp, action, table name and content type equal.
    #[must_use]
    pub fn is_retry_of(&self, stored: &Entry) -> bool {
        self.is_retry_of_parsed(stored, &StoredSubject::default())
    }

    /// The same, with the subject of the stored entry kept for the next comparison.
    #[must_use]
    pub fn is_retry_of_parsed(&self, stored: &Entry, subject: &StoredSubject) -> bool {
        self.matches_first(stored.timestamp, &stored.slots)
            && match &self.subject {
                ClientSubject::ActionLog => self.same_slot(&stored.slots, action_log_slot::SUBJECT),
                given => match subject.get_or_parse(&stored.slots) {
                    ParsedSubject::Erased => true,
                    ParsedSubject::Unreadable => false,
                    ParsedSubject::Known(first) => given.repeats(first),
                },
            }
    }

    /// The same rule against an entry that is on its way too, for two of one batch.
    #[must_use]
    pub fn is_retry_of_prepared(&self, first: &PreparedEntry) -> bool {
        self.matches_first(first.timestamp, &first.slots)
            && match &first.subject {
                ClientSubject::ActionLog => self.same_slot(&first.slots, action_log_slot::SUBJECT),
                ClientSubject::Event { subject, .. } => self.subject.repeats(subject),
            }
    }

    /// Whether all but the subject matches.
    fn matches_first(&self, timestamp: Timestamp, slots: &Slots) -> bool {
        let same_time = !self.timestamp_was_given || self.timestamp == timestamp;
        same_time && (slot::USER..=slot::EXTRA).all(|number| self.same_slot(slots, number))
    }

    fn same_slot(&self, slots: &Slots, number: u8) -> bool {
        slots.get(number).is_some_and(|slot| slot.is_erased()) || self.slots.value(number) == slots.value(number)
    }
}

impl ClientSubject {
    /// Whether all that it gives of an event's subject is the same in another one.
    fn repeats(&self, first: &Subject) -> bool {
        let ClientSubject::Event { subject: mine, action, content_type, table_name } = self else { return false };
        mine.object_id == first.object_id
            && (!action || mine.action == first.action)
            && (!content_type || mine.content_type == first.content_type)
            && (!table_name || mine.table_name == first.table_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ParseMode;

    fn prepared(text: &str) -> PreparedEntry {
        NewEvent::parse(text, ParseMode::NATIVE).unwrap().prepare(ChannelId::DEFAULT).unwrap()
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

    #[test]
    fn a_type_that_the_registry_filled_in_is_no_conflict_before_or_after() {
        let types: ContentTypes = [crate::ContentType::new(4, "orders", "order").unwrap()].into_iter().collect();
        let filled = |text: &str| {
            NewEvent::parse(text, ParseMode::NATIVE).unwrap().prepare_with(ChannelId::DEFAULT, &types, &Clock::system()).unwrap()
        };
        let (by_number, by_name) = (r#"{"content_type":4}"#, r#"{"table_name":"orders.order"}"#);
        for text in [by_number, by_name] {
            let FilterColumns::Event(keys) = filled(text).filter_columns().clone() else { panic!() };
            assert_eq!((keys.content_type, keys.table_name.as_deref()), (Some(4), Some("orders.order")), "{text}");
            assert!(filled(text).is_retry_of_prepared(&prepared(text)), "registered between the first time and the second");
            assert!(prepared(text).is_retry_of_prepared(&filled(text)), "and taken away");
        }
        assert!(filled(by_number).is_retry_of_prepared(&filled(by_name)));
        let both = r#"{"content_type":4,"table_name":"other.name"}"#;
        let FilterColumns::Event(keys) = filled(both).filter_columns().clone() else { panic!() };
        assert_eq!((keys.content_type, keys.table_name.as_deref()), (Some(4), Some("other.name")));
        assert!(!filled(both).is_retry_of_prepared(&filled(by_number)));
    }

    #[test]
    fn a_record_that_is_built_with_the_nil_uuid_is_refused() {
        let event = NewEvent { uuid: Some(Uuid::nil()), ..NewEvent::default() };
        let error = event.prepare(ChannelId::DEFAULT).unwrap_err();
        assert_eq!(error, PrepareError::NilUuid);
        assert!(error.to_string().starts_with("uuid must not be the nil UUID 00000000-"), "{error}");
        let log = NewActionLog::parse(r#"{"level":20,"message":"m"}"#, ParseMode::NATIVE).unwrap();
        let log = NewActionLog { uuid: Some(Uuid::nil()), ..log };
        assert_eq!(log.prepare(ChannelId::DEFAULT), Err(PrepareError::NilUuid));
    }

    #[test]
    fn a_retry_of_an_action_log_says_the_same() {
        let prepared = |text: &str| NewActionLog::parse(text, ParseMode::NATIVE).unwrap().prepare(ChannelId::DEFAULT).unwrap();
        let first = prepared(r#"{"level":20,"message":"x","app_name":"shop","created_at":"2023-10-16"}"#);
        for same in [
            r#"{"message":"x","level":20,"app_name":"shop"}"#,
            r#"{"message":"x","level":20,"app_name":"shop","created_at":"2023-10-16T00:00:00Z"}"#,
        ] {
            assert!(prepared(same).is_retry_of_prepared(&first), "{same}");
        }
        for other in [
            r#"{"message":"x","level":20}"#,
            r#"{"message":"x","level":30,"app_name":"shop"}"#,
            r#"{"message":"y","level":20,"app_name":"shop"}"#,
            r#"{"message":"x","level":20,"app_name":"shop","trace":""}"#,
            r#"{"message":"x","level":20,"app_name":"shop","more":1}"#,
            r#"{"message":"x","level":20,"app_name":"shop","created_at":"2023-10-17"}"#,
        ] {
            assert!(!prepared(other).is_retry_of_prepared(&first), "{other}");
        }
    }
}
