//! A line of a bundle with an entry.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use crate::json::ObjectWriter;
use crate::log::document::{DocumentError, Object, PATH_MAX};
use crate::log::leaf::{LEAF_BYTES_MAX, Leaf, LeafHash, leaf_hash};
use crate::log::node::NodeHash;
use crate::log::slot::Slots;
use crate::log::slot_proof::{Erasure, SlotProof, add_erasures, of_slots, read_slots, write_slots};
use crate::log::trust::write_hashes;
use crate::log::{EntryProof, EntryProofError};

pub(super) const MEMBERS: &[&str] = &["position", "leaf_hash", "leaf_data", "slots", "inclusion"];

/// An entry of a bundle. Nothing of it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleEntry {
    /// Its position.
    pub position: u64,
    /// Its leaf hash. It shows which line was changed, because the root of the tree only shows that
    /// one was.
    pub leaf_hash: LeafHash,
    /// Its leaf.
    pub leaf_data: Vec<u8>,
    /// Its slots.
    pub slots: Vec<SlotProof>,
    /// Its inclusion proof, in a filtered bundle.
    pub inclusion: Option<Vec<NodeHash>>,
}

/// The members of a line that say which entry it has. They are read first, so that a fault of the
/// others can be reported with its position.
pub(super) struct EntryHead {
    pub(super) position: u64,
    pub(super) leaf_hash: LeafHash,
}

impl BundleEntry {
    /// Makes the line of an entry of a range.
    ///
    /// # Errors
    ///
    /// [`EntryProofError`]: the leaf data cannot be decoded, or the stream does not have a slot.
    pub fn new(position: u64, leaf_data: Vec<u8>, slots: &Slots) -> Result<BundleEntry, EntryProofError> {
        let slots = of_slots(Leaf::parse(&leaf_data)?.stream, slots)?;
        Ok(BundleEntry { position, leaf_hash: leaf_hash(&leaf_data), leaf_data, slots, inclusion: None })
    }

    /// Makes the line of an entry of a filtered bundle from the proof of the entry in the checkpoint of the
    /// bundle.
    #[must_use]
    pub fn of_proof(proof: EntryProof) -> BundleEntry {
        let EntryProof { position, leaf_hash, leaf_data, slots, inclusion, .. } = proof;
        BundleEntry { position, leaf_hash, leaf_data, slots, inclusion: Some(inclusion) }
    }

    /// Adds the inclusion proof, which each line of a filtered bundle has.
    #[must_use]
    pub fn with_inclusion(self, inclusion: Vec<NodeHash>) -> BundleEntry {
        BundleEntry { inclusion: Some(inclusion), ..self }
    }

    /// Adds to each erased slot which entry erased it, if that is known.
    #[must_use]
    pub fn erased_by(mut self, erasure_of_slot: impl Fn(u8) -> Option<Erasure>) -> BundleEntry {
        add_erasures(&mut self.slots, erasure_of_slot);
        self
    }

    pub(super) fn read_head(line: &Object<'_>) -> Result<EntryHead, DocumentError> {
        Ok(EntryHead { position: line.number("position")?, leaf_hash: LeafHash(line.hex("leaf_hash")?) })
    }

    pub(super) fn read(line: &Object<'_>) -> Result<BundleEntry, DocumentError> {
        let EntryHead { position, leaf_hash } = BundleEntry::read_head(line)?;
        let leaf_data = line.bytes("leaf_data", LEAF_BYTES_MAX)?;
        let inclusion = if line.has("inclusion") { Some(line.hashes("inclusion", PATH_MAX)?) } else { None };
        Ok(BundleEntry { position, leaf_hash, leaf_data, slots: read_slots(line)?, inclusion })
    }
}

/// Formats the line, without its line feed.
impl Display for BundleEntry {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        let mut object = ObjectWriter::new(&mut out);
        object.raw("position", &self.position.to_string()).string("leaf_hash", &self.leaf_hash.to_string());
        object.string("leaf_data", &hex::encode(&self.leaf_data)).nested("slots", |out| write_slots(&self.slots, out));
        if let Some(inclusion) = &self.inclusion {
            object.nested("inclusion", |out| write_hashes(inclusion, out));
        }
        object.end();
        f.write_str(&out)
    }
}

impl FromStr for BundleEntry {
    type Err = DocumentError;

    fn from_str(line: &str) -> Result<BundleEntry, DocumentError> {
        BundleEntry::read(&Object::parse(line, MEMBERS)?)
    }
}
