//! The rows of the database: structs of primitives, with one conversion each to the domain types.

mod action_log;
mod checked;
mod columns;
mod erased;
mod erasure;
mod event;
mod token;

pub(crate) use action_log::{ActionLogRecordRow, ActionLogRow};
pub(crate) use checked::Compared;
pub(crate) use columns::Columns;
pub(crate) use erased::columns_of;
pub(crate) use erasure::ErasureRow;
pub(crate) use event::{EventRecordRow, EventRow};
pub(crate) use token::{TokenColumns, TokenRow};

use audit_domain::log::{LeafHash, Slots};
use audit_domain::uuid::Uuid;
use audit_domain::{ChannelId, Entry, FilterColumns, JsonText, PreparedEntry, Stream, Timestamp};

use crate::error::StoreError;

/// The columns that the log adds to an entry.
pub(crate) struct Placement {
    pub(crate) position: i64,
    pub(crate) recorded_at: Timestamp,
    pub(crate) producer_id: i64,
    pub(crate) leaf_hash: LeafHash,
}

/// Rows of both streams that are inserted together.
#[derive(Default)]
pub(crate) struct NewRows<'a> {
    pub(crate) events: Vec<EventRow<'a>>,
    pub(crate) action_logs: Vec<ActionLogRow<'a>>,
}

impl<'a> NewRows<'a> {
    pub(crate) fn len(&self) -> usize {
        self.events.len() + self.action_logs.len()
    }

    /// Adds the row of an entry.
    pub(crate) fn push(&mut self, entry: &'a PreparedEntry, placement: &Placement) {
        match entry.filter_columns() {
            FilterColumns::Event(keys) => self.events.push(EventRow::new(entry, keys, placement)),
            FilterColumns::ActionLog(keys) => self.action_logs.push(ActionLogRow::new(entry, keys, placement)),
        }
    }
}

/// The columns that the rows of both streams have.
struct Common<'r> {
    stream: Stream,
    channel_id: i64,
    position: i64,
    uuid: &'r [u8],
    timestamp: i64,
    recorded_at: i64,
    producer_id: i64,
    seals: &'r [u8],
    leaf_hash: &'r [u8],
}

impl Common<'_> {
    /// Builds the entry. `take` returns the value of a slot, once.
    fn into_entry(self, slots: &[u8], mut take: impl FnMut(u8) -> Option<String>) -> Result<Entry, StoreError> {
        let (stream, channel_id, position) = (self.stream, self.channel_id, self.position);
        let changed = |what: String| StoreError::Changed { stream, channel_id, position, what };
        let wrong = |column: &str| changed(format!("its {column} is not valid"));
        let values = Slots::from_stored(self.seals, |number| take(number).map(JsonText::from_trusted));
        let values = values.map_err(|error| changed(error.to_string()))?;
        if slots.iter().any(|number| take(*number).is_some()) {
            return Err(changed("a slot has a value without a salt or commitment".to_owned()));
        }
        Ok(Entry {
            channel_id: ChannelId::new(self.channel_id).ok_or_else(|| wrong("channel_id"))?,
            position: self.position,
            uuid: Uuid::from_slice(self.uuid).map_err(|_| wrong("uuid"))?,
            timestamp: Timestamp::from_micros(self.timestamp).ok_or_else(|| wrong("timestamp"))?,
            recorded_at: Timestamp::from_micros(self.recorded_at).ok_or_else(|| wrong("recorded_at"))?,
            producer_id: self.producer_id,
            slots: values,
            leaf_hash: self.leaf_hash.try_into().map(LeafHash).map_err(|_| wrong("leaf_hash"))?,
        })
    }
}
