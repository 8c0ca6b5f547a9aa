//! The tree of each log in the database: how it grows, and what is read of it.
//!
//! The tree follows its log a moment after each append. It is computed from the leaf hashes of the
//! entries in the order of their positions, so every server makes the same tree, and any part of it
//! can be rebuilt.

mod edge;
mod lag;
mod leaves;
mod proof;
mod rebuild;
mod seal;
mod stored;

pub(crate) use edge::TileKey;
pub use lag::TreeLag;
pub(crate) use lag::{lagging, lags};
pub(crate) use proof::{consistency_between, path, subtrees, tile_at};
pub(crate) use rebuild::rebuild;
#[cfg(test)]
pub(crate) use rebuild::repair_edge;
#[cfg(test)]
pub(crate) use seal::Step as SealStep;
pub(crate) use seal::{step, steps};
pub(crate) use stored::{LEVELS, Tree, read_tile, read_tree};

use crate::follow::Follower;

pub(crate) const FOLLOWER: Follower = Follower {
    thread: "audit-sealer",
    what: "tree",
    consequence: "entries are stored, and the newest are in no proof",
    section: "A tree that is behind",
};
