//! The proof of an entry as one JSON document: its leaf, its slots, the inclusion proof and the
//! checkpoint. And the same from a proof file, whose line `extra` has the slots.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::document::{DocumentError, Object, PATH_MAX};
use super::key::VerifierKey;
use super::leaf::{LEAF_BYTES_MAX, Leaf, LeafError, LeafHash, leaf_hash};
use super::node::NodeHash;
use super::note::Note;
use super::policy::Policy;
use super::proof::verify_inclusion;
use super::proof_file::ProofFile;
use super::slot::Slots;
use super::slot_proof::{Erasure, SlotFault, SlotProof, add_erasures, of_slots, read_slots, write_slots};
use super::trust::{RootInclusion, Trust, write_hashes};
use super::verified_entry::{EntryFault, EntryProofInvalid, VerifiedEntry, verify_leaf};
use crate::json::ObjectWriter;

const MEMBERS: &[&str] =
    &["origin", "vkey", "leaf_data", "leaf_hash", "position", "tree_size", "inclusion", "checkpoint", "slots", "witnessed"];

/// The proof of an entry. Nothing of it is verified.
///
/// ```
/// use audit_domain::log::{EntryProof, EntryStatus, VerifierKey};
///
/// fn is_whole(document: &str, key: &VerifierKey) -> Result<bool, Box<dyn std::error::Error>> {
///     let verified = document.parse::<EntryProof>()?.verify(key)?;
///     println!("{} is at position {}", verified.leaf.uuid, verified.position);
///     Ok(verified.status == EntryStatus::Ok)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryProof {
    /// The origin of the log.
    pub origin: String,
    /// The verifier key of the log, for people who compare it with the one that they have. A verifier
    /// never uses it.
    pub vkey: String,
    /// The leaf.
    pub leaf_data: Vec<u8>,
    /// Its hash.
    pub leaf_hash: LeafHash,
    /// Its position.
    pub position: u64,
    /// The size of the tree of the checkpoint.
    pub tree_size: u64,
    /// The inclusion proof of the leaf in that tree.
    pub inclusion: Vec<NodeHash>,
    /// The checkpoint as it was signed and cosigned.
    pub checkpoint: String,
    /// The slots.
    pub slots: Vec<SlotProof>,
    /// The inclusion of the checkpoint in the root log of the database, if there is one.
    pub witnessed: Option<RootInclusion>,
}

/// The reason why no proof can be made of its parts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryProofError {
    /// The text of the note is not a checkpoint of the log of the key.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The leaf data cannot be decoded.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// The stream of the leaf does not have one of the slots.
    #[error(transparent)]
    Slot(#[from] SlotFault),
}

impl EntryProof {
    /// Makes the proof that an entry is at a position of the log of a key. Nothing is verified, only
    /// decoded: a log proves its own entries.
    ///
    /// # Errors
    ///
    /// [`EntryProofError`].
    pub fn new(
        key: &VerifierKey,
        checkpoint: &Note,
        position: u64,
        inclusion: Vec<NodeHash>,
        leaf_data: Vec<u8>,
        slots: &Slots,
    ) -> Result<EntryProof, EntryProofError> {
        let signed: Checkpoint = checkpoint.text().parse().map_err(CheckpointError::from)?;
        if signed.origin() != key.name() {
            let (expected, got) = (key.name().to_owned(), signed.origin().to_owned());
            return Err(CheckpointError::Origin { expected, got }.into());
        }
        let stream = Leaf::parse(&leaf_data)?.stream;
        Ok(EntryProof {
            origin: signed.origin().to_owned(),
            vkey: key.to_string(),
            leaf_hash: leaf_hash(&leaf_data),
            leaf_data,
            position,
            tree_size: signed.size(),
            inclusion,
            checkpoint: checkpoint.to_string(),
            slots: of_slots(stream, slots)?,
            witnessed: None,
        })
    }

    /// Adds to each erased slot which entry erased it, if that is known.
    #[must_use]
    pub fn erased_by(mut self, erasure_of_slot: impl Fn(u8) -> Option<Erasure>) -> EntryProof {
        add_erasures(&mut self.slots, erasure_of_slot);
        self
    }

    /// Verifies that the entry is in the log of a key, and that the slots are its slots. Neither `vkey`
    /// nor `witnessed` counts: see [`EntryProof::verify_by`].
    ///
    /// # Errors
    ///
    /// [`EntryProofInvalid`].
    pub fn verify(&self, trusted: &VerifierKey) -> Result<VerifiedEntry, EntryProofInvalid> {
        self.verify_in(trusted.into())
    }

    /// Verifies that the entry is in a log that meets a policy. If the policy does not have the log
    /// itself, it has to have the root log of the same database, and `witnessed` has to lead there.
    ///
    /// # Errors
    ///
    /// [`EntryProofInvalid`].
    pub fn verify_by(&self, policy: &Policy) -> Result<VerifiedEntry, EntryProofInvalid> {
        self.verify_in(policy.into())
    }

    fn verify_in(&self, trust: Trust<'_>) -> Result<VerifiedEntry, EntryProofInvalid> {
        let trusted = trust.open(&self.checkpoint, self.witnessed.as_ref())?;
        let checkpoint = &trusted.checkpoint;
        if self.origin != checkpoint.origin() {
            let (stated, of_checkpoint) = (self.origin.clone(), checkpoint.origin().to_owned());
            return Err(EntryProofInvalid::Origin { stated, of_checkpoint });
        }
        if self.tree_size != checkpoint.size() {
            return Err(EntryProofInvalid::TreeSize { stated: self.tree_size, of_checkpoint: checkpoint.size() });
        }
        let shown = verify_leaf(&trusted.origin, &self.leaf_data, self.leaf_hash, Some(&self.slots))?;
        verify_inclusion(self.leaf_hash, self.position, checkpoint.size(), &self.inclusion, checkpoint.root())
            .map_err(EntryFault::Inclusion)?;
        Ok(VerifiedEntry::new(self.position, shown, trusted))
    }

    /// The proof as a file of C2SP tlog-proof, with the slots in its line `extra`. The file does not
    /// have the leaf data.
    #[must_use]
    pub fn to_proof_file(&self) -> ProofFile {
        let mut extra = String::new();
        write_slots(&self.slots, &mut extra);
        ProofFile {
            extra: Some(extra.into_bytes()),
            index: self.position,
            path: self.inclusion.clone(),
            checkpoint: self.checkpoint.clone(),
        }
    }
}

/// Verifies a proof file of an entry whose leaf data are given, and the slots in its line `extra`.
/// Without that line, the status is [`EntryStatus::LeafOnly`](super::EntryStatus::LeafOnly).
///
/// # Errors
///
/// [`EntryProofInvalid`].
pub fn verify_proof_file<'t>(
    file: &ProofFile,
    leaf_data: &[u8],
    trust: impl Into<Trust<'t>>,
) -> Result<VerifiedEntry, EntryProofInvalid> {
    let trusted = trust.into().open(&file.checkpoint, None)?;
    let (leaf, checkpoint) = (leaf_hash(leaf_data), &trusted.checkpoint);
    verify_inclusion(leaf, file.index, checkpoint.size(), &file.path, checkpoint.root()).map_err(EntryFault::Inclusion)?;
    let slots = file.extra.as_deref().map(slots_of_extra).transpose().map_err(EntryProofInvalid::Extra)?;
    let shown = verify_leaf(&trusted.origin, leaf_data, leaf, slots.as_deref())?;
    Ok(VerifiedEntry::new(file.index, shown, trusted))
}

/// Reads the slots in the line `extra`.
fn slots_of_extra(extra: &[u8]) -> Result<Vec<SlotProof>, DocumentError> {
    let text = str::from_utf8(extra).map_err(|_| DocumentError::NotUtf8)?;
    // Read as a member, so that an error names the slot.
    let document = format!("{{\"slots\":{text}}}");
    read_slots(&Object::parse(&document, &["slots"])?)
}

/// Formats the document, as compact JSON.
impl Display for EntryProof {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        let mut object = ObjectWriter::new(&mut out);
        object.string("origin", &self.origin).string("vkey", &self.vkey);
        object.string("leaf_data", &hex::encode(&self.leaf_data)).string("leaf_hash", &self.leaf_hash.to_string());
        object.raw("position", &self.position.to_string()).raw("tree_size", &self.tree_size.to_string());
        object.nested("inclusion", |out| write_hashes(&self.inclusion, out)).string("checkpoint", &self.checkpoint);
        object.nested("slots", |out| write_slots(&self.slots, out));
        match &self.witnessed {
            Some(witnessed) => object.nested("witnessed", |out| witnessed.write(out)),
            None => object.raw("witnessed", "null"),
        };
        object.end();
        f.write_str(&out)
    }
}

/// Reads a document. The blanks of its JSON and the order of its members do not matter, and
/// `witnessed` may be absent.
impl FromStr for EntryProof {
    type Err = DocumentError;

    fn from_str(text: &str) -> Result<EntryProof, DocumentError> {
        let document = Object::parse(text, MEMBERS)?;
        Ok(EntryProof {
            origin: document.string("origin")?,
            vkey: document.string("vkey")?,
            leaf_data: document.bytes("leaf_data", LEAF_BYTES_MAX)?,
            leaf_hash: LeafHash(document.hex("leaf_hash")?),
            position: document.number("position")?,
            tree_size: document.number("tree_size")?,
            inclusion: document.hashes("inclusion", PATH_MAX)?,
            checkpoint: document.string("checkpoint")?,
            slots: read_slots(&document)?,
            witnessed: RootInclusion::read(&document)?,
        })
    }
}
