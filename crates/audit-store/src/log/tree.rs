//! The tree of a log: its root, its tiles, and proofs that anybody can verify.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use audit_domain::log::{Node, NodeHash, ProofError, ProofPlan, Tile, TileKind};

use super::Log;
use crate::error::StoreError;
use crate::query::LogStream;
use crate::tree;

impl<S: LogStream> Log<S> {
    /// The tree of the log. It has the entries that were sealed until now: a moment after an append,
    /// or after [`Store::seal`](crate::Store::seal), all of them.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or its rows cannot be those of a tree
    /// ([`StoreError::UnfitTree`]).
    pub fn tree(&self) -> Result<LogTree<S>, StoreError> {
        let (size, root) = self.store.point_read(|conn| tree::read_tree(conn, (self.scope.get(), S::STREAM)))?;
        Ok(LogTree { log: self.clone(), size: size.unsigned_abs(), root })
    }
}

/// A tree at one size. The log may grow meanwhile: this stays as it is.
#[derive(Debug, Clone)]
pub struct LogTree<S: LogStream> {
    log: Log<S>,
    size: u64,
    root: NodeHash,
}

impl<S: LogStream> LogTree<S> {
    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> NodeHash {
        self.root
    }

    /// Reads a tile of hashes: 32 bytes for each. Returns `None` if this tree does not have all of
    /// its hashes, or if it is a tile of entries.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or the tile is missing
    /// ([`StoreError::UnfitTree`]).
    pub fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, StoreError> {
        let whole = Tile::of_size(tile.kind(), tile.index(), self.size);
        let TileKind::Hashes { level } = tile.kind() else { return Ok(None) };
        if whole.is_none_or(|whole| whole.width() < tile.width()) {
            return Ok(None);
        }
        let key = (i16::from(level), tile.index() as i64);
        let contents = self.log.store.point_read(|conn| tree::read_tile(conn, (self.log.scope.get(), S::STREAM), key))?;
        // The tile may have more hashes than it had at this size.
        let hashes = contents.and_then(|contents| contents.get(..32 * usize::from(tile.width())).map(<[u8]>::to_vec));
        hashes.ok_or_else(|| self.unfit(format!("{tile} is missing; `audit-server rebuild` repairs it"))).map(Some)
    }

    /// The proof that an entry is in the tree (RFC 6962, 2.1.1):
    /// [`verify_inclusion`](audit_domain::log::verify_inclusion) verifies it. Returns `None` if the
    /// tree does not have the position.
    ///
    /// # Errors
    ///
    /// As for [`LogTree::tile`].
    pub fn inclusion(&self, position: u64) -> Result<Option<Vec<NodeHash>>, StoreError> {
        self.path(ProofPlan::inclusion(position, self.size))
    }

    /// The proof that the tree begins with the entries of an older one (RFC 6962, 2.1.2):
    /// [`verify_consistency`](audit_domain::log::verify_consistency) verifies it. Returns `None` if the
    /// older one is larger.
    ///
    /// # Errors
    ///
    /// As for [`LogTree::tile`].
    pub fn consistency(&self, old_size: u64) -> Result<Option<Vec<NodeHash>>, StoreError> {
        self.path(ProofPlan::consistency(old_size, self.size))
    }

    /// Reads the hashes of a proof, each tile once.
    fn path(&self, plan: Result<ProofPlan, ProofError>) -> Result<Option<Vec<NodeHash>>, StoreError> {
        let Ok(plan) = plan else { return Ok(None) };
        let mut tiles: HashMap<Tile, Vec<NodeHash>> = HashMap::new();
        let missing = |node: Node| self.unfit(format!("a tile of the subtree {} of height {} is missing", node.index, node.level));
        let read = |node: Node| {
            let (tile, parts) = Tile::of_node(node, self.size).ok_or_else(|| missing(node))?;
            let hashes = match tiles.entry(tile) {
                Entry::Occupied(read) => read.into_mut(),
                Entry::Vacant(place) => {
                    let contents = self.tile(tile)?;
                    place.insert(contents.and_then(|contents| tile.hashes(&contents)).ok_or_else(|| missing(node))?)
                }
            };
            hashes.get(parts).and_then(NodeHash::of_parts).ok_or_else(|| missing(node))
        };
        plan.path(read).map(Some)
    }

    fn unfit(&self, what: String) -> StoreError {
        StoreError::UnfitTree { stream: S::STREAM, channel_id: self.log.scope.get(), what }
    }
}
