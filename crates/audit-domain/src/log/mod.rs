//! The evidence: splits an entry into slots, commits to each slot, and hashes the leaf. All
//! functions are pure. The format is version AEV1 of `docs/log-format.md`.

mod leaf;
mod slot;

pub use leaf::{LeafHash, LeafInput, leaf_data, leaf_hash};
pub use slot::{Commitment, Opening, OpeningsError, Salt, Slot, Slots, commitment};
