//! A stored entry: the fields that events and action logs have in common.

use uuid::Uuid;

use crate::channel::ChannelId;
use crate::json::{JsonString, JsonText};
use crate::log::{LeafHash, LeafInput, Slots, leaf_data};
use crate::stream::Stream;
use crate::timestamp::Timestamp;

/// One entry of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The channel of its log.
    pub channel_id: ChannelId,
    /// Its index in that log: from 0, without gaps, in the order of commits.
    pub position: i64,
    /// Its uuid, unique inside the log.
    pub uuid: Uuid,
    /// The time at which it happened, as the client says.
    pub timestamp: Timestamp,
    /// The time of its commit; never decreases along a log.
    pub recorded_at: Timestamp,
    /// The token that appended it; 0 for a local import.
    pub producer_id: i64,
    /// Values, salts and commitments.
    pub slots: Slots,
    /// The leaf hash in the tree.
    pub leaf_hash: LeafHash,
}

impl Entry {
    /// Encodes the leaf of this entry for a stream.
    #[must_use]
    pub fn leaf_data(&self, stream: Stream) -> Vec<u8> {
        leaf_data(&LeafInput {
            stream,
            uuid: self.uuid,
            channel_id: self.channel_id,
            producer_id: self.producer_id,
            timestamp: self.timestamp,
            recorded_at: self.recorded_at,
            commitments: &self.slots.commitments(),
        })
    }

    /// The decoded characters of a slot that has a string.
    #[must_use]
    pub fn decoded(&self, number: u8) -> Option<JsonString> {
        self.slots.value(number).and_then(JsonText::decoded)
    }
}
