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

/// The first bytes of a leaf: the version of the format.
const TAG: &[u8; 4] = b"AEV1";

/// The largest number of slots in a leaf.
pub(super) const SLOTS_MAX: usize = 32;

/// Bytes of a leaf without slots.
const HEAD_BYTES: usize = 54;

/// Bytes of a slot in a leaf.
const SLOT_BYTES: usize = 33;

/// Bytes of the largest leaf.
pub(super) const LEAF_BYTES_MAX: usize = HEAD_BYTES + SLOTS_MAX * SLOT_BYTES;

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
    debug_assert!(leaf.commitments.len() <= SLOTS_MAX && leaf.commitments.is_sorted_by(|a, b| a.0 < b.0));
    let mut out = Vec::with_capacity(HEAD_BYTES + SLOT_BYTES * leaf.commitments.len());
    out.extend_from_slice(TAG);
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

/// The contents of a leaf, as they are decoded from leaf data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
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
    pub commitments: Vec<(u8, Commitment)>,
}

/// The reason why bytes are not leaf data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// They do not begin with the version.
    #[error("leaf data begin with AEV1: another version of the format needs another version of this program")]
    Tag,
    /// They end too early, or something follows.
    #[error("leaf data with {slots} slots have {expected} bytes (got {got})")]
    Length {
        /// The number of slots that they list.
        slots: u8,
        /// The bytes of such leaf data.
        expected: usize,
        /// Their bytes.
        got: usize,
    },
    /// The stream does not exist.
    #[error("the stream of a leaf is 1 (events) or 2 (action-logs), not {0}")]
    Stream(u8),
    /// The channel cannot exist.
    #[error("the channel of a leaf is a number from 0, not {0}")]
    Channel(i64),
    /// An instant is outside the years 1 to 9999.
    #[error("the {field} of a leaf is in the years 1 to 9999, which {micros} microseconds since 1970 is not")]
    Instant {
        /// `timestamp` or `recorded_at`.
        field: &'static str,
        /// The number.
        micros: i64,
    },
    /// There are too many slots.
    #[error("a leaf has at most {SLOTS_MAX} slots, not {0}")]
    Slots(u8),
    /// The slots are not in order, or one is listed twice.
    #[error("the slots of a leaf are strictly ascending, and slot {0} is not")]
    Order(u8),
}

impl Leaf {
    /// Decodes leaf data. Each leaf has one encoding, and any other is refused.
    ///
    /// # Errors
    ///
    /// [`LeafError`].
    pub fn parse(leaf_data: &[u8]) -> Result<Leaf, LeafError> {
        if !leaf_data.starts_with(TAG) {
            return Err(LeafError::Tag);
        }
        let length = |slots: u8, expected| LeafError::Length { slots, expected, got: leaf_data.len() };
        let (head, slots) = leaf_data.split_first_chunk::<HEAD_BYTES>().ok_or_else(|| length(0, HEAD_BYTES))?;
        let count = head[53];
        if usize::from(count) > SLOTS_MAX {
            return Err(LeafError::Slots(count));
        }
        let expected = HEAD_BYTES + SLOT_BYTES * usize::from(count);
        if leaf_data.len() != expected {
            return Err(length(count, expected));
        }
        let integer = |at: usize| i64::from_be_bytes(std::array::from_fn(|byte| head[at + byte]));
        let instant = |field: &'static str, micros: i64| Timestamp::from_micros(micros).ok_or(LeafError::Instant { field, micros });
        Ok(Leaf {
            stream: Stream::from_code(head[4]).ok_or(LeafError::Stream(head[4]))?,
            uuid: Uuid::from_bytes(std::array::from_fn(|byte| head[5 + byte])),
            channel_id: ChannelId::new(integer(21)).ok_or(LeafError::Channel(integer(21)))?,
            producer_id: integer(29),
            timestamp: instant("timestamp", integer(37))?,
            recorded_at: instant("recorded_at", integer(45))?,
            commitments: commitments(slots)?,
        })
    }

    /// The same contents, for [`leaf_data`].
    #[must_use]
    pub fn as_input(&self) -> LeafInput<'_> {
        LeafInput {
            stream: self.stream,
            uuid: self.uuid,
            channel_id: self.channel_id,
            producer_id: self.producer_id,
            timestamp: self.timestamp,
            recorded_at: self.recorded_at,
            commitments: &self.commitments,
        }
    }
}

/// Reads slot numbers and commitments, whose number was checked.
fn commitments(slots: &[u8]) -> Result<Vec<(u8, Commitment)>, LeafError> {
    let mut commitments: Vec<(u8, Commitment)> = Vec::with_capacity(slots.len() / SLOT_BYTES);
    for slot in slots.as_chunks::<SLOT_BYTES>().0 {
        let [number, commitment @ ..] = *slot;
        if commitments.last().is_some_and(|(before, _)| *before >= number) {
            return Err(LeafError::Order(number));
        }
        commitments.push((number, commitment));
    }
    Ok(commitments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(slots: impl IntoIterator<Item = u8>) -> Leaf {
        Leaf {
            stream: Stream::ActionLogs,
            uuid: Uuid::from_u128(7),
            channel_id: ChannelId::new(i64::MAX).unwrap(),
            producer_id: -3,
            timestamp: Timestamp::MIN,
            recorded_at: Timestamp::MAX,
            commitments: slots.into_iter().map(|number| (number, [number; 32])).collect(),
        }
    }

    #[test]
    fn a_leaf_comes_back_from_its_data() {
        for slots in [vec![], vec![0], vec![0, 3, 255], (0..32).collect()] {
            let leaf = leaf(slots);
            assert_eq!(Leaf::parse(&leaf_data(&leaf.as_input())), Ok(leaf));
        }
        assert_eq!(leaf_data(&leaf(0..32).as_input()).len(), LEAF_BYTES_MAX);
    }

    #[test]
    fn data_in_another_form_are_refused() {
        let good = leaf_data(&leaf([0, 3]).as_input());
        let with = |at: usize, bytes: &[u8]| {
            let mut data = good.clone();
            data[at..at + bytes.len()].copy_from_slice(bytes);
            Leaf::parse(&data)
        };
        assert_eq!(with(3, b"2"), Err(LeafError::Tag));
        assert_eq!((with(4, &[0]), with(4, &[3])), (Err(LeafError::Stream(0)), Err(LeafError::Stream(3))));
        assert_eq!(with(21, &[255; 8]), Err(LeafError::Channel(-1)));
        assert_eq!(with(37, &[127; 8]), Err(LeafError::Instant { field: "timestamp", micros: 0x7f7f_7f7f_7f7f_7f7f }));
        assert!(matches!(with(45, &[127; 8]), Err(LeafError::Instant { field: "recorded_at", .. })));
        assert_eq!(with(53, &[33]), Err(LeafError::Slots(33)));
        assert_eq!(with(53, &[1]), Err(LeafError::Length { slots: 1, expected: 87, got: 120 }));
        assert_eq!(with(53, &[3]), Err(LeafError::Length { slots: 3, expected: 153, got: 120 }));
        assert_eq!((with(54, &[3]), with(54, &[4])), (Err(LeafError::Order(3)), Err(LeafError::Order(3))));
        for length in 0..good.len() {
            let cut = Leaf::parse(&good[..length]);
            assert!(matches!(cut, Err(LeafError::Tag | LeafError::Length { .. })), "{length}: {cut:?}");
        }
        assert!(matches!(Leaf::parse(&[&good[..], &[0]].concat()), Err(LeafError::Length { .. })));
    }
}
