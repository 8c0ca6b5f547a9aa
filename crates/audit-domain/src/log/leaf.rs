//! The leaf: everything about an entry that never changes, in one encoding.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Commitment;
use crate::{ChannelId, Stream, Timestamp};

/// `SHA-256(0x00 ‖ leaf_data)`, the leaf hash of RFC 6962.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeafHash(pub [u8; 32]);

/// Formats the hash as lowercase hex, as in every API.
impl std::fmt::Display for LeafHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for LeafHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LeafHash({self})")
    }
}

/// The contents of a leaf. It does not have the position, because the tree proves it.
#[derive(Debug, Clone, Copy)]
pub struct LeafInput<'a> {
    /// The stream of the log.
    pub stream: Stream,
    /// The entry's uuid.
    pub uuid: Uuid,
    /// The entry's channel.
    pub channel_id: ChannelId,
    /// The token that appended the entry; 0 for a local import.
    pub producer_id: i64,
    /// The time at which the entry happened.
    pub timestamp: Timestamp,
    /// The time of the commit.
    pub recorded_at: Timestamp,
    /// Slot numbers and commitments, strictly ascending, at most 32.
    pub commitments: &'a [(u8, Commitment)],
}

/// Encodes a leaf: `"AEV1" ‖ stream ‖ uuid ‖ channel ‖ producer ‖ timestamp ‖ recorded_at ‖ n ‖ n ×
/// (slot ‖ commitment)`, big-endian, instants in microseconds since the epoch.
#[must_use]
pub fn leaf_data(leaf: &LeafInput<'_>) -> Vec<u8> {
    debug_assert!(leaf.commitments.len() <= 32 && leaf.commitments.is_sorted_by(|a, b| a.0 < b.0));
    let mut out = Vec::with_capacity(54 + 33 * leaf.commitments.len());
    out.extend_from_slice(b"AEV1");
    out.push(leaf.stream.code());
    out.extend_from_slice(leaf.uuid.as_bytes());
    out.extend_from_slice(&leaf.channel_id.get().to_be_bytes());
    out.extend_from_slice(&leaf.producer_id.to_be_bytes());
    out.extend_from_slice(&leaf.timestamp.micros().to_be_bytes());
    out.extend_from_slice(&leaf.recorded_at.micros().to_be_bytes());
    out.push(leaf.commitments.len() as u8);
    for (slot, commitment) in leaf.commitments {
        out.push(*slot);
        out.extend_from_slice(commitment);
    }
    out
}

/// Hashes an encoded leaf.
#[must_use]
pub fn leaf_hash(leaf_data: &[u8]) -> LeafHash {
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update(leaf_data);
    LeafHash(hash.finalize().into())
}
