//! What a proof proves about an entry, and why it does not.

use super::checkpoint::Checkpoint;
use super::document::DocumentError;
use super::leaf::{Leaf, LeafError, LeafHash, leaf_hash};
use super::origin::LogOrigin;
use super::policy::Witnessed;
use super::proof::ProofError;
use super::slot_proof::{SlotFault, SlotProof, VerifiedSlot, verify_slots};
use super::trust::{TrustError, TrustedCheckpoint};

/// How much of an entry a proof shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryStatus {
    /// The value of every slot.
    Ok,
    /// The values of some slots. The others are erased or withheld: their commitments are those of
    /// the leaf.
    Erased,
    /// The leaf without its slots, which the proof does not have.
    LeafOnly,
}

/// An entry that is in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEntry {
    /// Its position.
    pub position: u64,
    /// Its leaf.
    pub leaf: Leaf,
    /// Its slots; none if the proof has only the leaf.
    pub slots: Vec<VerifiedSlot>,
    /// How much of it the proof shows.
    pub status: EntryStatus,
    /// The checkpoint of its log.
    pub checkpoint: Checkpoint,
    /// The checkpoint of the root log, if the policy has that and not the log.
    pub root: Option<Checkpoint>,
    /// The witnesses of the policy that cosigned: the checkpoint of the root log, if there is one.
    pub witnesses: Vec<Witnessed>,
}

/// The reason why an entry is not the one in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// The leaf data cannot be decoded.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// The leaf has another hash than the proof says.
    #[error("the leaf data have the hash {computed}, not {stated}")]
    LeafHash {
        /// The hash of the leaf data.
        computed: LeafHash,
        /// The hash that is stated.
        stated: LeafHash,
    },
    /// The leaf is one of another log.
    #[error("the leaf is one of channel {channel_id}, {stream}, and the log is {origin}")]
    OtherLog {
        /// The channel in the leaf.
        channel_id: i64,
        /// The stream in the leaf.
        stream: &'static str,
        /// The origin of the log.
        origin: String,
    },
    /// The slots are not those of the leaf.
    #[error(transparent)]
    Slot(#[from] SlotFault),
    /// The leaf is not in the tree of the checkpoint at this position.
    #[error(transparent)]
    Inclusion(ProofError),
}

/// The reason why a proof does not prove that an entry is in a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryProofInvalid {
    /// The checkpoint is not one that the verifier trusts.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The document names another log than its checkpoint.
    #[error("`origin` is {stated}, and the checkpoint is that of {of_checkpoint}")]
    Origin {
        /// The origin in the document.
        stated: String,
        /// The origin of the checkpoint.
        of_checkpoint: String,
    },
    /// The document names another size than its checkpoint.
    #[error("`tree_size` is {stated}, and the checkpoint is that of {of_checkpoint} leaves")]
    TreeSize {
        /// The size in the document.
        stated: u64,
        /// The size of the checkpoint.
        of_checkpoint: u64,
    },
    /// The entry is not the one in the log.
    #[error(transparent)]
    Entry(#[from] EntryFault),
    /// The line `extra` of a proof file is not a list of slots.
    #[error("the line `extra` is not a list of slots: {0}")]
    Extra(DocumentError),
}

/// Verifies the hash of leaf data, their form, their log and their slots; without slots, the leaf
/// alone.
pub(super) fn verify_leaf(
    origin: &LogOrigin,
    leaf_data: &[u8],
    stated: LeafHash,
    slots: Option<&[SlotProof]>,
) -> Result<(Leaf, Vec<VerifiedSlot>, EntryStatus), EntryFault> {
    let computed = leaf_hash(leaf_data);
    if computed != stated {
        return Err(EntryFault::LeafHash { computed, stated });
    }
    let leaf = Leaf::parse(leaf_data)?;
    if (leaf.channel_id, leaf.stream) != (origin.channel_id, origin.stream) {
        let (channel_id, stream) = (leaf.channel_id.get(), leaf.stream.name());
        return Err(EntryFault::OtherLog { channel_id, stream, origin: origin.to_string() });
    }
    let Some(slots) = slots else { return Ok((leaf, Vec::new(), EntryStatus::LeafOnly)) };
    let slots = verify_slots(&leaf, slots)?;
    let status = if slots.iter().any(|slot| slot.is_erased) { EntryStatus::Erased } else { EntryStatus::Ok };
    Ok((leaf, slots, status))
}

impl VerifiedEntry {
    pub(super) fn new(
        position: u64,
        (leaf, slots, status): (Leaf, Vec<VerifiedSlot>, EntryStatus),
        trusted: TrustedCheckpoint,
    ) -> VerifiedEntry {
        let TrustedCheckpoint { checkpoint, root, witnesses, .. } = trusted;
        VerifiedEntry { position, leaf, slots, status, checkpoint, root, witnesses }
    }
}
