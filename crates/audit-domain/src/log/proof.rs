//! Inclusion and consistency proofs: which nodes they are made of, and their verification (RFC 9162,
//! 2.1.3 and 2.1.4).
//!
//! The verifiers are loops without recursion. A proof that is longer or shorter than a proof for its
//! sizes is refused, whatever its hashes are.

use super::LeafHash;
use super::node::{Node, NodeHash};

/// The reason why a proof does not prove what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// A tree of this size has no such leaf.
    #[error("a tree of {size} leaves has no leaf {index}")]
    NoSuchLeaf {
        /// The index of the leaf.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// The old tree is larger than the new one.
    #[error("a tree of {new} leaves cannot contain one of {old}")]
    OldIsLarger {
        /// The size of the old tree.
        old: u64,
        /// The size of the new tree.
        new: u64,
    },
    /// The proof has more or fewer hashes than it must have.
    #[error("the proof has {got} hashes, and one for these sizes has {expected}")]
    Length {
        /// The number of hashes of a proof for these sizes.
        expected: usize,
        /// The number of its hashes.
        got: usize,
    },
    /// The tree has another size.
    #[error("the tree has {got} leaves, not {expected}")]
    Size {
        /// The size that was to be proven.
        expected: u64,
        /// The size of the tree.
        got: u64,
    },
    /// The proof leads to another root.
    #[error("the proof leads to the root {got}, not to {expected}")]
    Root {
        /// The root that was to be proven.
        expected: NodeHash,
        /// The root to which the proof leads.
        got: NodeHash,
    },
    /// The proof contains another old tree.
    #[error("the proof contains a tree with the root {got}, not {expected}")]
    OldRoot {
        /// The old root that was to be proven.
        expected: NodeHash,
        /// The old root to which the proof leads.
        got: NodeHash,
    },
}

/// The nodes that a proof is made of. Each hash of the proof is that of a range of leaves, which is a
/// complete subtree or, at the right edge of the tree, several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofPlan(Vec<Vec<Node>>);

impl ProofPlan {
    /// Plans the proof that a leaf is in a tree.
    ///
    /// # Errors
    ///
    /// [`ProofError::NoSuchLeaf`].
    pub fn inclusion(index: u64, size: u64) -> Result<ProofPlan, ProofError> {
        if index >= size {
            return Err(ProofError::NoSuchLeaf { index, size });
        }
        let (mut from, mut to, mut hashes) = (0, size, Vec::new());
        while to - from > 1 {
            let middle = middle(from, to);
            if index < middle {
                hashes.push(Node::cover(middle, to));
                to = middle;
            } else {
                hashes.push(Node::cover(from, middle));
                from = middle;
            }
        }
        hashes.reverse();
        Ok(ProofPlan(hashes))
    }

    /// Plans the proof that a tree begins with the leaves of an older one.
    ///
    /// # Errors
    ///
    /// [`ProofError::OldIsLarger`].
    pub fn consistency(old: u64, new: u64) -> Result<ProofPlan, ProofError> {
        if old > new {
            return Err(ProofError::OldIsLarger { old, new });
        }
        if old == 0 || old == new {
            return Ok(ProofPlan(Vec::new()));
        }
        let (mut from, mut to, mut hashes) = (0, new, Vec::new());
        while to != old {
            let middle = middle(from, to);
            if old <= middle {
                hashes.push(Node::cover(middle, to));
                to = middle;
            } else {
                hashes.push(Node::cover(from, middle));
                from = middle;
            }
        }
        // If this is the whole old tree, the verifier has its root.
        if from > 0 {
            hashes.push(Node::cover(from, to));
        }
        hashes.reverse();
        Ok(ProofPlan(hashes))
    }

    /// All nodes, in the order in which [`ProofPlan::path`] reads them.
    pub fn nodes(&self) -> impl Iterator<Item = Node> {
        self.0.iter().flatten().copied()
    }

    /// Makes the hashes of the proof.
    ///
    /// # Errors
    ///
    /// The first error of `read`.
    pub fn path<E>(&self, mut read: impl FnMut(Node) -> Result<NodeHash, E>) -> Result<Vec<NodeHash>, E> {
        let mut path = Vec::with_capacity(self.0.len());
        for nodes in &self.0 {
            let hashes = nodes.iter().map(|node| read(*node)).collect::<Result<Vec<_>, E>>()?;
            path.extend(NodeHash::of_neighbours(hashes.into_iter()));
        }
        Ok(path)
    }

    /// The number of hashes of the proof.
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.len()
    }

    fn check(&self, path: &[NodeHash]) -> Result<(), ProofError> {
        if path.len() == self.length() { Ok(()) } else { Err(ProofError::Length { expected: self.length(), got: path.len() }) }
    }
}

/// Where a tree is split: the left subtree is the largest complete one that is not the whole tree.
fn middle(from: u64, to: u64) -> u64 {
    from + (1 << (to - from - 1).ilog2())
}

/// Verifies that a leaf is the leaf with this index in the tree of this size and root.
///
/// # Errors
///
/// [`ProofError`].
pub fn verify_inclusion(leaf: LeafHash, index: u64, size: u64, path: &[NodeHash], root: NodeHash) -> Result<(), ProofError> {
    ProofPlan::inclusion(index, size)?.check(path)?;
    let (mut node, mut last, mut hash) = (index, size - 1, NodeHash::from(leaf));
    for sibling in path {
        hash = climb(&mut node, &mut last, hash, *sibling);
        (node, last) = (node >> 1, last >> 1);
    }
    if hash == root { Ok(()) } else { Err(ProofError::Root { expected: root, got: hash }) }
}

/// Verifies that the tree of the new size and root begins with all leaves of the old tree.
///
/// # Errors
///
/// [`ProofError`].
pub fn verify_consistency(
    (old, old_root): (u64, NodeHash),
    (new, root): (u64, NodeHash),
    path: &[NodeHash],
) -> Result<(), ProofError> {
    ProofPlan::consistency(old, new)?.check(path)?;
    let same =
        |expected: NodeHash, got: NodeHash| if got == expected { Ok(()) } else { Err(ProofError::OldRoot { expected, got }) };
    if old == 0 {
        same(old_root, NodeHash::of_empty_tree())?;
    }
    if old == new {
        return if old_root == root { Ok(()) } else { Err(ProofError::Root { expected: root, got: old_root }) };
    }
    if old == 0 {
        return Ok(());
    }
    // The largest subtree that ends with the old tree. If it is the whole old tree, the proof leaves
    // it out.
    let skipped = (old - 1).trailing_ones();
    let (mut node, mut last) = ((old - 1) >> skipped, (new - 1) >> skipped);
    let (first, rest) = if old.is_power_of_two() { (old_root, path) } else { (path[0], &path[1..]) };
    let (mut old_hash, mut hash) = (first, first);
    for sibling in rest {
        if node % 2 == 1 || node == last {
            old_hash = NodeHash::of_children(*sibling, old_hash);
        }
        hash = climb(&mut node, &mut last, hash, *sibling);
        (node, last) = (node >> 1, last >> 1);
    }
    same(old_root, old_hash)?;
    if hash == root { Ok(()) } else { Err(ProofError::Root { expected: root, got: hash }) }
}

/// The hash of the parent of a node and its sibling. The last node of a level may have no right
/// sibling; it then moves up until it is a right child.
fn climb(node: &mut u64, last: &mut u64, hash: NodeHash, sibling: NodeHash) -> NodeHash {
    if *node % 2 == 1 || node == last {
        // All bits are zero only at the root.
        let up = if *node == 0 { 0 } else { node.trailing_zeros() };
        (*node, *last) = (*node >> up, *last >> up);
        NodeHash::of_children(sibling, hash)
    } else {
        NodeHash::of_children(hash, sibling)
    }
}
