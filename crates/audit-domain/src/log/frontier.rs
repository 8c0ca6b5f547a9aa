//! The right edge of a growing tree: all that is needed to append leaves and to know the root.

use super::LeafHash;
use super::node::{Node, NodeHash};
use super::proof::ProofError;

/// The hashes of the complete subtrees that cover a tree, largest first: one for each bit of its
/// size. A tree of a billion leaves has at most 30 of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    hashes: Vec<NodeHash>,
}

/// The reason why hashes are not the frontier of a tree, or a subtree does not follow a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrontierError {
    /// The number of hashes does not fit the size.
    #[error("a tree of {size} leaves has a frontier of {expected} hashes, not {got}")]
    Hashes {
        /// The size of the tree.
        size: u64,
        /// The number of hashes that it needs.
        expected: u32,
        /// The number of hashes that were given.
        got: usize,
    },
    /// The subtrees do not lead from this size to that one.
    #[error("{expected} subtrees lead from {from} to {to} leaves (got {got})")]
    Subtrees {
        /// The size of the tree.
        from: u64,
        /// The size that it was to have.
        to: u64,
        /// The number of subtrees between them.
        expected: usize,
        /// The number of hashes that were given.
        got: usize,
    },
    /// A tree does not become smaller.
    #[error("a tree of {from} leaves cannot become one of {to}")]
    Smaller {
        /// The size of the tree.
        from: u64,
        /// The size that it was to have.
        to: u64,
    },
    /// A subtree of this height cannot follow a tree of this size.
    #[error("a subtree of height {level} cannot follow {size} leaves")]
    Unaligned {
        /// The size of the tree.
        size: u64,
        /// The height of the subtree.
        level: u8,
    },
    /// The tree would have 2^64 leaves or more.
    #[error("the tree is full")]
    Full,
}

impl Frontier {
    /// The frontier of the tree without leaves.
    #[must_use]
    pub fn new() -> Frontier {
        Frontier::default()
    }

    /// Makes the frontier of a tree of this size from its hashes: those of the nodes of
    /// [`Node::cover(0, size)`](Node::cover).
    ///
    /// # Errors
    ///
    /// [`FrontierError::Hashes`].
    pub fn from_hashes(size: u64, hashes: Vec<NodeHash>) -> Result<Frontier, FrontierError> {
        let expected = size.count_ones();
        if hashes.len() != expected as usize {
            return Err(FrontierError::Hashes { size, expected, got: hashes.len() });
        }
        Ok(Frontier { size, hashes })
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes, in the order of the nodes of [`Node::cover(0, size)`](Node::cover).
    #[must_use]
    pub fn hashes(&self) -> &[NodeHash] {
        &self.hashes
    }

    /// Appends a leaf. Calls `completed` for the leaf and for each larger subtree that it completes.
    ///
    /// # Errors
    ///
    /// [`FrontierError::Full`].
    pub fn append(&mut self, leaf: LeafHash, completed: impl FnMut(Node, NodeHash)) -> Result<(), FrontierError> {
        self.append_subtree(0, leaf.into(), completed)
    }

    /// Appends a complete subtree of 2^`level` leaves. Calls `completed` for it and for each larger
    /// subtree that it completes.
    ///
    /// # Errors
    ///
    /// [`FrontierError::Unaligned`], [`FrontierError::Full`].
    pub fn append_subtree(
        &mut self,
        level: u8,
        hash: NodeHash,
        mut completed: impl FnMut(Node, NodeHash),
    ) -> Result<(), FrontierError> {
        let leaves = 1u64.checked_shl(level.into()).ok_or(FrontierError::Full)?;
        if !self.size.is_multiple_of(leaves) {
            return Err(FrontierError::Unaligned { size: self.size, level });
        }
        let size = self.size.checked_add(leaves).ok_or(FrontierError::Full)?;
        let (mut node, mut hash) = (Node { level, index: self.size >> level }, hash);
        completed(node, hash);
        // A right child completes its parent, whose left child is the last hash.
        while node.index % 2 == 1
            && let Some(left) = self.hashes.pop()
        {
            hash = NodeHash::of_children(left, hash);
            node = Node { level: node.level + 1, index: node.index / 2 };
            completed(node, hash);
        }
        self.hashes.push(hash);
        self.size = size;
        Ok(())
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> NodeHash {
        NodeHash::of_neighbours(self.hashes.iter().copied()).unwrap_or_else(NodeHash::of_empty_tree)
    }

    /// Appends the hashes of a right frontier, so that the tree has this size: those of the nodes of
    /// [`Node::cover(self.size(), size)`](Node::cover).
    ///
    /// # Errors
    ///
    /// [`FrontierError::Smaller`], or [`FrontierError::Subtrees`] if there are more or fewer hashes.
    pub fn append_frontier(&mut self, size: u64, hashes: &[NodeHash]) -> Result<(), FrontierError> {
        let (from, to) = (self.size, size);
        if to < from {
            return Err(FrontierError::Smaller { from, to });
        }
        let nodes = Node::cover(from, to);
        if nodes.len() != hashes.len() {
            return Err(FrontierError::Subtrees { from, to, expected: nodes.len(), got: hashes.len() });
        }
        nodes.iter().zip(hashes).try_for_each(|(node, hash)| self.append_subtree(node.level, *hash, |_, _| {}))
    }

    /// Verifies that the tree has the size and the root of a checkpoint. The root alone does not say
    /// how many leaves a frontier stands for.
    ///
    /// # Errors
    ///
    /// [`ProofError::Size`], [`ProofError::Root`].
    pub fn verify(&self, size: u64, root: NodeHash) -> Result<(), ProofError> {
        if self.size != size {
            return Err(ProofError::Size { expected: size, got: self.size });
        }
        let got = self.root();
        if got == root { Ok(()) } else { Err(ProofError::Root { expected: root, got }) }
    }
}
