//! Hashes of subtrees, and where a subtree is in the tree (RFC 6962, 2.1).

use std::fmt::{self, Debug, Display, Formatter};

use sha2::{Digest, Sha256};

use super::LeafHash;

/// The hash of a subtree. That of a single leaf is its leaf hash, that of a whole tree is its root.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeHash(pub [u8; 32]);

impl NodeHash {
    /// The root of a tree without leaves: the SHA-256 of nothing.
    #[must_use]
    pub fn of_empty_tree() -> NodeHash {
        NodeHash(Sha256::digest([]).into())
    }

    /// The hash of a node: `SHA-256(0x01 ‖ left ‖ right)`.
    #[must_use]
    pub fn of_children(left: NodeHash, right: NodeHash) -> NodeHash {
        let hash = Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0);
        NodeHash(hash.finalize().into())
    }

    /// The hash of neighbouring subtrees, largest first, as one subtree. Each is complete, and none
    /// is larger than the one before it. `None` if there are none.
    pub(super) fn of_neighbours(hashes: impl DoubleEndedIterator<Item = NodeHash>) -> Option<NodeHash> {
        hashes.rev().reduce(|right, left| NodeHash::of_children(left, right))
    }
}

impl From<LeafHash> for NodeHash {
    fn from(LeafHash(hash): LeafHash) -> NodeHash {
        NodeHash(hash)
    }
}

/// Formats the hash as lowercase hex.
impl Display for NodeHash {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Debug for NodeHash {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "NodeHash({self})")
    }
}

/// A complete subtree: the 2^`level` leaves from `index` · 2^`level` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// The height of the subtree; 0 is a leaf.
    pub level: u8,
    /// The number of subtrees of this height before it.
    pub index: u64,
}

impl Node {
    /// The largest complete subtrees that cover the leaves from `from` to before `to`, in their
    /// order.
    #[must_use]
    pub fn cover(mut from: u64, to: u64) -> Vec<Node> {
        let mut nodes = Vec::new();
        while from < to {
            // The subtree has to begin here, and to end in the range.
            let aligned = if from == 0 { u64::BITS - 1 } else { from.trailing_zeros() };
            let level = aligned.min((to - from).ilog2());
            nodes.push(Node { level: level as u8, index: from >> level });
            from += 1 << level;
        }
        nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cover_has_each_leaf_once_and_cannot_be_smaller() {
        for to in 0..70 {
            for from in 0..=to {
                let nodes = Node::cover(from, to);
                let leaves: Vec<u64> =
                    nodes.iter().flat_map(|node| (node.index << node.level)..((node.index + 1) << node.level)).collect();
                assert_eq!(leaves, (from..to).collect::<Vec<_>>());
                let are_siblings = |pair: &[Node]| pair[0].level == pair[1].level && pair[0].index.is_multiple_of(2);
                assert!(!nodes.windows(2).any(are_siblings), "{from}..{to}: {nodes:?}");
            }
        }
        assert_eq!(Node::cover(0, u64::MAX).len(), 64);
        assert_eq!(Node::cover(u64::MAX - 1, u64::MAX), [Node { level: 0, index: u64::MAX - 1 }]);
    }
}
