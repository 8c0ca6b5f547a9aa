//! The evidence: splits an entry into slots, commits to each slot, hashes the leaf, and proves what
//! is in the tree of the leaves. All functions are pure. The format is version AEV1 of
//! `docs/log-format.md`.
//!
//! A log of two entries signs its checkpoint, and somebody who has the public key verifies that the
//! second entry is in it:
//!
//! ```
//! use std::collections::HashMap;
//!
//! use audit_domain::log::{
//!     Checkpoint, Frontier, Note, ProofFile, ProofPlan, SignerKey, leaf_hash,
//! };
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let key = SignerKey::new("audit.example.com/1/events", &[7; 32])?;
//!     let (mut tree, mut nodes) = (Frontier::new(), HashMap::new());
//!     for entry in ["first", "second"] {
//!         tree.append(leaf_hash(entry.as_bytes()), |node, hash| nodes.extend([(node, hash)]))?;
//!     }
//!     let text = Checkpoint::new(key.verifier().name(), tree.size(), tree.root())?.to_string();
//!     let note = Note::new(text.clone(), vec![key.sign(&text)])?;
//!
//!     let path = ProofPlan::inclusion(1, 2)?.path(|node| nodes.get(&node).copied().ok_or("no such node"))?;
//!     let file = ProofFile { extra: None, index: 1, path, checkpoint: note.to_string() }.to_string();
//!
//!     let (seen, _) = file.parse::<ProofFile>()?.verify(leaf_hash(b"second"), key.verifier())?;
//!     assert_eq!(seen.size(), 2);
//!     Ok(())
//! }
//! ```

mod add_checkpoint;
mod bundle;
mod checkpoint;
mod consistency_proof;
mod document;
mod entry_proof;
mod frontier;
mod key;
mod leaf;
mod node;
mod note;
mod origin;
mod policy;
mod proof;
mod proof_file;
mod signature;
mod slot;
mod slot_proof;
mod tile;
mod trust;
mod verified_entry;

pub use add_checkpoint::{AddCheckpoint, AddCheckpointRefused};
pub use bundle::{
    BUNDLE_FORMAT, BundleEntry, BundleEntryFault, BundleFault, BundleFooter, BundleHeader, BundleHeaderError, BundleKind,
    BundleLine, BundleRefused, BundleSummary, BundleVerifier, EntryVerdict, Verdict,
};
pub use checkpoint::{Checkpoint, CheckpointError, CheckpointTextError, ConsistencyError};
pub use consistency_proof::ConsistencyProof;
pub use document::{DOCUMENT_BYTES_MAX, DocumentError, MemberFault};
pub use entry_proof::{EntryProof, EntryProofError, verify_proof_file};
pub use frontier::{Frontier, FrontierError};
pub use key::{CosignerKey, KeyError, KeyKind, SignerKey, VerifierKey};
pub use leaf::{Leaf, LeafError, LeafHash, LeafInput, leaf_data, leaf_hash};
pub use node::{Node, NodeHash};
pub use note::{Note, NoteError, SignatureError};
pub use origin::{LogOrigin, OriginError};
pub use policy::{Opened, Policy, PolicyError, PolicyFault, PolicyUnmet, PolicyWitness, Witnessed};
pub use proof::{ProofError, ProofPlan, verify_consistency, verify_inclusion};
pub use proof_file::{PROOF_FILE_EXTENSION, ProofFile, ProofFileError, ProofFileInvalid};
pub use signature::{KeyId, NotASignature, NoteSignature};
pub use slot::{Commitment, Opening, OpeningsError, Salt, Slot, Slots, commitment};
pub use slot_proof::{Erasure, SlotContent, SlotFault, SlotProof, VerifiedSlot};
pub use tile::{TILE_HEIGHT, TILE_WIDTH, Tile, TileKind, TilePathError};
pub use trust::{RootInclusion, Trust, TrustError, TrustedCheckpoint};
pub use verified_entry::{EntryFault, EntryProofInvalid, EntryStatus, VerifiedEntry};
