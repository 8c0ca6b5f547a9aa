//! The tree of a log: its root, its tiles, and proofs that anybody can verify.

use std::ops::Range;

use audit_domain::log::{Frontier, NodeHash, ProofError, ProofPlan, Tile, VerifierKey};

use super::Log;
use crate::error::StoreError;
use crate::query::LogStream;
use crate::sign::{self, Signed};
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
        let tree = self.store.point_read(|conn| tree::read_tree(conn, self.key()))?;
        Ok(LogTree { log: self.clone(), size: tree.size.unsigned_abs(), root: tree.root })
    }
}

impl<S: LogStream> Log<S> {
    /// The newest signed checkpoint of the log, with the tree that it is of. `None` if there is none yet:
    /// a store that signs makes it a moment after an append.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or the checkpoint was changed in it
    /// ([`StoreError::WentBack`]).
    pub fn checkpoint(&self) -> Result<Option<SignedTree<S>>, StoreError> {
        let Some(signed) = self.store.point_read(|conn| sign::signed(conn, self.key()))? else { return Ok(None) };
        Ok(Some(SignedTree::new(self, signed)))
    }
}

impl<S: LogStream> SignedTree<S> {
    /// A tree of the log that has an older checkpoint, as it was signed.
    pub(super) fn new(log: &Log<S>, signed: Signed) -> SignedTree<S> {
        let (size, root) = (signed.checkpoint.size(), signed.checkpoint.root());
        SignedTree { tree: LogTree { log: log.clone(), size, root }, signed }
    }
}

/// A tree with its signed checkpoint.
#[derive(Debug, Clone)]
pub struct SignedTree<S: LogStream> {
    tree: LogTree<S>,
    signed: Signed,
}

impl<S: LogStream> SignedTree<S> {
    /// The tree.
    #[must_use]
    pub fn tree(&self) -> &LogTree<S> {
        &self.tree
    }

    /// The checkpoint as it was signed, a note.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.signed.note
    }

    /// The key that signs, and that verifies the note: its name is the origin. With several, the one that
    /// is in use for the longest time.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.signed.verifier
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
    /// its hashes, or if it is a tile of entries ([`LogTree::entries`]).
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or the tile is missing
    /// ([`StoreError::UnfitTree`]).
    pub fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, StoreError> {
        self.log.store.point_read(|conn| tree::tile_at(conn, self.log.key(), self.size, tile))
    }

    /// The proof that an entry is in the tree (RFC 6962, 2.1.1):
    /// [`verify_inclusion`](audit_domain::log::verify_inclusion) verifies it. Returns `None` if the
    /// tree does not have the position.
    ///
    /// # Errors
    ///
    /// As for [`LogTree::tile`].
    pub fn inclusion(&self, position: u64) -> Result<Option<Vec<NodeHash>>, StoreError> {
        self.path(self.size, ProofPlan::inclusion(position, self.size))
    }

    /// The proof that the tree begins with the entries of an older one (RFC 6962, 2.1.2):
    /// [`verify_consistency`](audit_domain::log::verify_consistency) verifies it. Returns `None` if the
    /// older one is larger.
    ///
    /// # Errors
    ///
    /// As for [`LogTree::tile`].
    pub fn consistency(&self, old_size: u64) -> Result<Option<Vec<NodeHash>>, StoreError> {
        self.path(self.size, ProofPlan::consistency(old_size, self.size))
    }

    /// The proof that an older tree of this log begins with the entries of a still older one. `None` if
    /// the sizes are not in this order, or if this tree does not have so many entries.
    ///
    /// # Errors
    ///
    /// As for [`LogTree::tile`]; also [`StoreError::UnfitTree`] if the tiles do not lead to the root of
    /// this tree: a proof that nobody could verify is not given out.
    pub fn consistency_between(&self, old_size: u64, new_size: u64) -> Result<Option<Vec<NodeHash>>, StoreError> {
        self.log
            .store
            .point_read(|conn| tree::consistency_between(conn, self.log.key(), (self.size, self.root), old_size..new_size))
    }

    /// The hashes of the largest complete subtrees that cover some leaves, from left to right: those of
    /// [`Node::cover`](audit_domain::log::Node::cover). Returns `None` if the tree does not have all of these
    /// leaves, or if the end is before the start.
    ///
    /// # Errors
    ///
    /// As for [`LogTree::tile`].
    pub fn subtrees(&self, leaves: Range<u64>) -> Result<Option<Vec<NodeHash>>, StoreError> {
        if leaves.start > leaves.end || leaves.end > self.size {
            return Ok(None);
        }
        self.log.store.point_read(|conn| tree::subtrees(conn, self.log.key(), self.size, leaves.clone())).map(Some)
    }

    /// The frontier of the tree as it was with its first `size` leaves. Returns `None` if the tree does not
    /// have so many.
    ///
    /// # Errors
    ///
    /// As for [`LogTree::tile`].
    pub fn frontier(&self, size: u64) -> Result<Option<Frontier>, StoreError> {
        let hashes = self.subtrees(0..size)?;
        // A cover from the first leaf on has one subtree for each bit of the size.
        Ok(hashes.and_then(|hashes| Frontier::from_hashes(size, hashes).ok()))
    }

    /// Reads the hashes of a proof in the tree of `size` leaves.
    fn path(&self, size: u64, plan: Result<ProofPlan, ProofError>) -> Result<Option<Vec<NodeHash>>, StoreError> {
        let Ok(plan) = plan else { return Ok(None) };
        self.log.store.point_read(|conn| tree::path(conn, self.log.key(), size, &plan)).map(Some)
    }

    pub(super) fn log(&self) -> &Log<S> {
        &self.log
    }

    pub(super) fn unfit(&self, what: String) -> StoreError {
        let (channel_id, stream) = self.log.key();
        StoreError::UnfitTree { stream, channel_id, what }
    }
}
