//! A prepared entry: filled in, split, salted and hashed, which is everything that does not need
//! the lock.

use uuid::Uuid;

use crate::action_log::{ActionLogFilterColumns, ActionLogSubject, NewActionLog, action_log_slot};
use crate::channel::ChannelId;
use crate::clock::{Clock, ClockError};
use crate::content_type::ContentTypes;
use crate::draw::{RandomError, draw_uuid_v7};
use crate::entry::Entry;
use crate::error::Fault;
use crate::event::{EventFilterColumns, EventParts, NewEvent, ParsedSubject, StoredSubject, Subject, slot};
use crate::log::{Commitment, LeafHash, LeafInput, Slots, leaf_data, leaf_hash};
use crate::masking::{MaskingPolicy, with_earlier};
use crate::stream::Stream;
use crate::timestamp::Timestamp;

/// Bytes of the copies that the filter columns and the subject have of names, numbers and addresses
/// in the slots. Long texts are cut.
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

/// The filter columns of an entry. The variant says to which stream the entry belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "most entries are events, and a box would take an allocation for each")]
pub enum FilterColumns {
    /// The filter columns of an event.
    Event(EventFilterColumns),
    /// The filter columns of an action log.
    ActionLog(ActionLogFilterColumns),
}

/// How slot 0 is compared with slot 0 of a retry.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ClientSubject {
    /// Member by member: a value that the server filled in does not count if the retry leaves it
    /// out.
    Event { subject: Subject, action: bool, content_type: bool, table_name: bool },
    /// Byte for byte, because the server fills in nothing.
    ActionLog,
}

/// The reason why an entry cannot be prepared. Except for a nil uuid, the reason is this machine
/// and not the entry: the same entry can be prepared later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// The operating system has no random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The clock is wrong, and the entry has no time of its own.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The uuid of the entry is nil.
    #[error("uuid {}", Fault::NilUuid)]
    NilUuid,
}

impl NewEvent {
    /// Fills in missing members (a UUIDv7, the current time, the action derived from the content),
    /// splits the slots, draws their salts and hashes their commitments. This is the expensive part
    /// of an append, and it happens before any lock.
    ///
    /// The event goes to `channel`, whatever its `channel_id` says: the caller decides which of the
    /// two counts.
    ///
    /// # Errors
    ///
    /// [`PrepareError::NilUuid`] if the uuid is nil, [`PrepareError::Random`] if the operating
    /// system has no random bytes, and [`PrepareError::Clock`] if the clock cannot be right and the
    /// record lacks a uuid or a time.
    pub fn prepare(self, channel: ChannelId) -> Result<PreparedEntry, PrepareError> {
        self.prepare_with(channel, &ContentTypes::default(), &MaskingPolicy::none(), &Clock::system())
    }

    /// Like [`NewEvent::prepare`], but masks secrets before anything is hashed, and fills in the
    /// number or the name of the content type from a registry if the event has only the other. The
    /// filled-in value does not count as given: a retry of an event from before the registration
    /// still matches.
    ///
    /// # Errors
    ///
    /// [`PrepareError::NilUuid`] if the uuid is nil, [`PrepareError::Random`] if the operating
    /// system has no random bytes, and [`PrepareError::Clock`] if the clock cannot be right and the
    /// record lacks a uuid or a time.
    pub fn prepare_with(
        mut self,
        channel: ChannelId,
        types: &ContentTypes,
        masking: &MaskingPolicy,
        clock: &Clock,
    ) -> Result<PreparedEntry, PrepareError> {
        check_uuid(self.uuid)?;
        let (action, content_type) = (self.action.is_some(), self.content_type.is_some());
        let table_name = self.table_name.is_some();
        types.fill(&mut self);
        // The rules for a table need its name.
        let masked = self.mask(masking);
        self.masked = with_earlier(masked, self.masked.take());
        let subject = Subject {
            action: self.effective_action(),
            content_type: self.content_type,
            correlation_id: self.correlation_id.take(),
            object_id: self.object_id.take(),
            outcome: self.outcome.take(),
            source: self.source.take(),
            table_name: self.table_name.take(),
        };
        let parts = EventParts {
            user: self.user.as_ref(),
            impersonator: self.impersonator.as_ref(),
            remote_addr: self.remote_addr.as_ref(),
            url: self.url.as_ref(),
        };
        let keys = EventFilterColumns::new(&subject, parts);
        let given = ClientValues { uuid: self.uuid, timestamp: self.timestamp };
        let slots = Slots::with_new_salts(self.into_slots(subject.to_slot()))?;
        let subject = ClientSubject::Event { subject, action, content_type, table_name };
        PreparedEntry::new(given, channel, slots, FilterColumns::Event(keys), subject, clock)
    }
}

impl NewActionLog {
    /// Fills in missing members (a UUIDv7, the current time), splits the slots, draws their salts
    /// and hashes their commitments.
    ///
    /// The record goes to `channel`, whatever its `channel_id` says.
    ///
    /// # Errors
    ///
    /// [`PrepareError::NilUuid`] if the uuid is nil, [`PrepareError::Random`] if the operating
    /// system has no random bytes, and [`PrepareError::Clock`] if the clock cannot be right and the
    /// record lacks a uuid or a time.
    pub fn prepare(self, channel: ChannelId) -> Result<PreparedEntry, PrepareError> {
        self.prepare_with(channel, &MaskingPolicy::none(), &Clock::system())
    }

    /// Like [`NewActionLog::prepare`], but masks secrets before anything is hashed, and takes the
    /// time from a clock.
    ///
    /// # Errors
    ///
    /// [`PrepareError::NilUuid`] if the uuid is nil, [`PrepareError::Random`] if the operating
    /// system has no random bytes, and [`PrepareError::Clock`] if the clock cannot be right and the
    /// record lacks a uuid or a time.
    pub fn prepare_with(
        mut self,
        channel: ChannelId,
        masking: &MaskingPolicy,
        clock: &Clock,
    ) -> Result<PreparedEntry, PrepareError> {
        check_uuid(self.uuid)?;
        let masked = self.mask(masking);
        self.masked = with_earlier(masked, self.masked.take());
        let subject = ActionLogSubject {
            level: self.level,
            logger_name: self.logger_name,
            app_name: self.app_name,
            correlation_id: self.correlation_id,
        };
        let keys = ActionLogFilterColumns::from_subject(&subject);
        let slots = Slots::with_new_salts([
            (action_log_slot::SUBJECT, Some(subject.to_slot())),
            (action_log_slot::MESSAGE, Some(self.message)),
            (action_log_slot::TRACE, self.trace),
            (action_log_slot::EXTRA, self.extra),
            (action_log_slot::MASKED, self.masked),
        ])?;
        let given = ClientValues { uuid: self.uuid, timestamp: self.created_at };
        PreparedEntry::new(given, channel, slots, FilterColumns::ActionLog(keys), ClientSubject::ActionLog, clock)
    }
}

/// Refuses the nil uuid. It is the value of a field that nothing set, in a program that builds a
/// record as well as in a client that sends one.
fn check_uuid(uuid: Option<Uuid>) -> Result<(), PrepareError> {
    if uuid.is_some_and(|uuid| uuid.is_nil()) { Err(PrepareError::NilUuid) } else { Ok(()) }
}

/// The values that the server fills in if the client leaves them out.
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

    /// The stream that the entry goes to.
    #[must_use]
    pub fn stream(&self) -> Stream {
        match self.keys {
            FilterColumns::Event(_) => Stream::Events,
            FilterColumns::ActionLog(_) => Stream::ActionLogs,
        }
    }

    /// The uuid, given by the client or drawn here.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// Whether the client gave the uuid. A uuid that was drawn here cannot be in the log yet.
    #[must_use]
    pub fn uuid_was_given(&self) -> bool {
        self.uuid_was_given
    }

    /// The channel that the entry goes to.
    #[must_use]
    pub fn channel_id(&self) -> ChannelId {
        self.channel_id
    }

    /// The time at which the entry happened.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// The slots of the entry.
    #[must_use]
    pub fn slots(&self) -> &Slots {
        &self.slots
    }

    /// The approximate memory of the entry in bytes. The values of a small entry are the smaller
    /// part of it.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        // The members of slot 0 are kept for the comparison with a retry, too.
        let subject = self.slots.value(slot::SUBJECT).map_or(0, |subject| subject.as_str().len());
        size_of::<PreparedEntry>() + COPIES_BYTES + subject + self.slots.memory_bytes()
    }

    /// The filter columns.
    #[must_use]
    pub fn filter_columns(&self) -> &FilterColumns {
        &self.keys
    }

    /// Encodes the leaf, for the time at which the log records the entry.
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

    /// Makes the stored entry, for its position in the log.
    #[must_use]
    pub fn into_entry(self, producer_id: i64, position: i64, recorded_at: Timestamp, leaf_hash: LeafHash) -> Entry {
        let PreparedEntry { uuid, channel_id, timestamp, slots, .. } = self;
        Entry { channel_id, position, uuid, timestamp, recorded_at, producer_id, slots, leaf_hash }
    }

    /// Computes the [`leaf_hash`] of [`PreparedEntry::leaf_data`].
    #[must_use]
    pub fn leaf_hash(&self, producer_id: i64, recorded_at: Timestamp) -> LeafHash {
        leaf_hash(&self.leaf_data(producer_id, recorded_at))
    }

    /// Whether this entry is a retry of an entry that the same stream stores: all slots are equal
    /// byte for byte (an erased slot counts as equal). Timestamp, action, table name and content
    /// type must be equal only if the retry has them.
    #[must_use]
    pub fn is_retry_of(&self, stored: &Entry) -> bool {
        self.is_retry_of_parsed(stored, &StoredSubject::default())
    }

    /// Like [`PreparedEntry::is_retry_of`], but keeps the parsed subject of the stored entry for
    /// the next comparison.
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

    /// Applies the same rule to an earlier entry that has no position yet, for two entries of one
    /// batch.
    #[must_use]
    pub fn is_retry_of_prepared(&self, first: &PreparedEntry) -> bool {
        self.matches_first(first.timestamp, &first.slots)
            && match &first.subject {
                ClientSubject::ActionLog => self.same_slot(&first.slots, action_log_slot::SUBJECT),
                ClientSubject::Event { subject, .. } => self.subject.repeats(subject),
            }
    }

    /// Whether everything except the subject matches.
    fn matches_first(&self, timestamp: Timestamp, slots: &Slots) -> bool {
        let same_time = !self.timestamp_was_given || self.timestamp == timestamp;
        let numbers = self.slots.iter().chain(slots.iter()).map(|slot| slot.number);
        same_time && numbers.filter(|number| *number != slot::SUBJECT).all(|number| self.same_slot(slots, number))
    }

    fn same_slot(&self, slots: &Slots, number: u8) -> bool {
        slots.get(number).is_some_and(|slot| slot.is_erased()) || self.slots.value(number) == slots.value(number)
    }
}

impl ClientSubject {
    /// Whether the other subject has everything that this one gives.
    fn repeats(&self, first: &Subject) -> bool {
        let ClientSubject::Event { subject: mine, action, content_type, table_name } = self else { return false };
        (&mine.object_id, &mine.outcome) == (&first.object_id, &first.outcome)
            && (&mine.correlation_id, &mine.source) == (&first.correlation_id, &first.source)
            && (!action || mine.action == first.action)
            && (!content_type || mine.content_type == first.content_type)
            && (!table_name || mine.table_name == first.table_name)
    }
}

#[cfg(test)]
mod tests;
