//! The evidence: how an entry is cut into slots, committed to, and hashed into a leaf. Pure functions; the format is
//! `docs/log-format.md`, version AEV1.

mod leaf;
mod slot;

pub use leaf::{LeafHash, LeafInput, leaf_data, leaf_hash};
pub use slot::{Commitment, Opening, OpeningsError, Salt, Slot, Slots, commitment};
