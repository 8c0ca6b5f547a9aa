//! The tree, its proofs and their verifiers: against the test vectors, against the definitions of RFC
//! 6962 for every small tree, and against changed proofs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;

use audit_domain::log::{
    Checkpoint, ConsistencyError, Frontier, FrontierError, LeafHash, Node, NodeHash, ProofError, ProofPlan, Tile, TileKind,
    leaf_hash, verify_consistency, verify_inclusion,
};
use proptest::prelude::*;
use serde_json::Value;

/// The leaves of the test vectors.
fn leaf(index: u64) -> LeafHash {
    leaf_hash(&[(index % 256) as u8, (index / 256) as u8])
}

/// The hash of a range of leaves as RFC 6962, 2.1 defines it.
#[derive(Default)]
struct Reference(HashMap<(u64, u64), NodeHash>);

impl Reference {
    fn hash(&mut self, from: u64, to: u64) -> NodeHash {
        if let Some(known) = self.0.get(&(from, to)) {
            return *known;
        }
        let hash = match to - from {
            0 => NodeHash::of_empty_tree(),
            1 => leaf(from).into(),
            _ => {
                let split = split(from, to);
                NodeHash::of_children(self.hash(from, split), self.hash(split, to))
            }
        };
        self.0.insert((from, to), hash);
        hash
    }

    /// `PATH(m, D[n])` of RFC 6962, 2.1.1.
    fn inclusion(&mut self, index: u64, from: u64, to: u64) -> Vec<NodeHash> {
        if to - from == 1 {
            return Vec::new();
        }
        let split = split(from, to);
        let (mut path, sibling) = if index < split {
            (self.inclusion(index, from, split), self.hash(split, to))
        } else {
            (self.inclusion(index, split, to), self.hash(from, split))
        };
        path.push(sibling);
        path
    }

    /// `SUBPROOF(m, D[n], b)` of RFC 6962, 2.1.2.
    fn consistency(&mut self, old: u64, from: u64, to: u64, is_old_tree: bool) -> Vec<NodeHash> {
        if old == to {
            return if is_old_tree { Vec::new() } else { vec![self.hash(from, to)] };
        }
        let split = split(from, to);
        let (mut path, sibling) = if old <= split {
            (self.consistency(old, from, split, is_old_tree), self.hash(split, to))
        } else {
            (self.consistency(old, split, to, false), self.hash(from, split))
        };
        path.push(sibling);
        path
    }
}

/// The largest power of two below the number of leaves.
fn split(from: u64, to: u64) -> u64 {
    let mut left = 1;
    while left * 2 < to - from {
        left *= 2;
    }
    from + left
}

/// A tree of this size, and the hashes of all its complete subtrees.
fn tree(size: u64) -> (Frontier, HashMap<Node, NodeHash>) {
    let (mut frontier, mut nodes) = (Frontier::new(), HashMap::new());
    for index in 0..size {
        frontier.append(leaf(index), |node, hash| assert_eq!(nodes.insert(node, hash), None)).unwrap();
    }
    (frontier, nodes)
}

fn path(plan: &ProofPlan, nodes: &HashMap<Node, NodeHash>) -> Vec<NodeHash> {
    plan.path(|node| Ok::<_, Infallible>(nodes[&node])).unwrap()
}

fn inclusion(index: u64, size: u64, nodes: &HashMap<Node, NodeHash>) -> Vec<NodeHash> {
    path(&ProofPlan::inclusion(index, size).unwrap(), nodes)
}

fn consistency(old: u64, new: u64, nodes: &HashMap<Node, NodeHash>) -> Vec<NodeHash> {
    path(&ProofPlan::consistency(old, new).unwrap(), nodes)
}

#[test]
fn roots_and_proofs_are_those_of_the_vectors() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/tree.json")).unwrap();
    let (_, nodes) = tree(600);
    let hex = |hash: &Value| NodeHash(hex::decode(hash.as_str().unwrap()).unwrap().try_into().unwrap());
    let roots = vectors["roots"].as_object().unwrap();
    let root = |size: u64| tree(size).0.root();
    for (size, expected) in roots {
        assert_eq!(root(size.parse().unwrap()), hex(expected), "{size}");
    }
    let number = |case: &Value, name: &str| case[name].as_u64().unwrap();
    let hashes = |case: &Value| case["proof"].as_array().unwrap().iter().map(hex).collect::<Vec<_>>();
    let (proofs, steps) = (vectors["inclusion"].as_array().unwrap(), vectors["consistency"].as_array().unwrap());
    for case in proofs {
        let (index, size) = (number(case, "index"), number(case, "size"));
        assert_eq!(inclusion(index, size, &nodes), hashes(case), "{index} of {size}");
        verify_inclusion(leaf(index), index, size, &hashes(case), root(size)).unwrap();
    }
    for case in steps {
        let (old, new) = (number(case, "old"), number(case, "new"));
        assert_eq!(consistency(old, new, &nodes), hashes(case), "{old} to {new}");
        verify_consistency((old, root(old)), (new, root(new)), &hashes(case)).unwrap();
    }
    assert!(roots.len() >= 17 && proofs.len() >= 8 && steps.len() >= 8);
}

#[test]
fn every_proof_of_small_trees_is_that_of_the_rfc() {
    let (mut reference, mut trees) = (Reference::default(), Vec::new());
    let (_, nodes) = tree(300);
    for size in 0..=300 {
        let root = tree(size).0.root();
        assert_eq!(root, reference.hash(0, size), "{size}");
        trees.push((size, root));
    }
    for (size, root) in &trees {
        for index in 0..*size {
            let path = inclusion(index, *size, &nodes);
            assert_eq!(path, reference.inclusion(index, 0, *size), "{index} of {size}");
            assert_eq!(verify_inclusion(leaf(index), index, *size, &path, *root), Ok(()), "{index} of {size}");
        }
        for old in &trees[..=*size as usize] {
            let path = consistency(old.0, *size, &nodes);
            if old.0 > 0 {
                assert_eq!(path, reference.consistency(old.0, 0, *size, true), "{} to {size}", old.0);
            }
            assert_eq!(verify_consistency(*old, (*size, *root), &path), Ok(()), "{} to {size}", old.0);
        }
    }
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let root = tree(4).0.root();
    assert_eq!(verify_inclusion(leaf(4), 4, 4, &[], root), Err(ProofError::NoSuchLeaf { index: 4, size: 4 }));
    assert_eq!(verify_inclusion(leaf(0), 0, 0, &[], root), Err(ProofError::NoSuchLeaf { index: 0, size: 0 }));
    assert_eq!(verify_consistency((5, root), (4, root), &[]), Err(ProofError::OldIsLarger { old: 5, new: 4 }));
    assert_eq!(verify_consistency((4, root), (4, root), &[root]), Err(ProofError::Length { expected: 0, got: 1 }));
    assert!(matches!(verify_consistency((0, root), (4, root), &[]), Err(ProofError::OldRoot { .. })));
    assert!(matches!(verify_consistency((4, tree(3).0.root()), (4, root), &[]), Err(ProofError::Root { .. })));
    // A tree without leaves has one root.
    let empty = NodeHash::of_empty_tree();
    assert!(matches!(verify_consistency((0, empty), (0, root), &[]), Err(ProofError::Root { .. })));
    assert!(matches!(verify_consistency((0, root), (0, root), &[]), Err(ProofError::OldRoot { .. })));
    assert_eq!(verify_consistency((0, empty), (0, empty), &[]), Ok(()));
    // The proof of the largest tree has 64 hashes, and is a loop of 64 steps.
    let (last, long) = (u64::MAX - 1, vec![root; 64]);
    assert!(matches!(verify_inclusion(leaf(0), 0, u64::MAX, &long, root), Err(ProofError::Root { .. })));
    assert_eq!(ProofPlan::inclusion(last, u64::MAX).unwrap().length(), 63);
    let expected = ProofPlan::consistency(last, u64::MAX).unwrap().length();
    let longer = vec![root; expected + 1];
    let refused = verify_consistency((last, root), (u64::MAX, root), &longer);
    assert_eq!(refused, Err(ProofError::Length { expected, got: expected + 1 }));
    assert!(matches!(verify_consistency((last, root), (u64::MAX, root), &longer[1..]), Err(ProofError::OldRoot { .. })));
}

#[test]
fn a_frontier_goes_on_from_its_hashes_and_from_subtrees() {
    let (whole, nodes) = tree(300);
    for from in 0..=300 {
        let left: Vec<NodeHash> = Node::cover(0, from).iter().map(|node| nodes[node]).collect();
        assert_eq!(tree(from).0.hashes(), left);
        for to in [from, from + 1, 256, 299, 300].into_iter().filter(|to| (from..=300).contains(to)) {
            // A range of leaves, between the frontiers of what is before and after it.
            let mut frontier = Frontier::from_hashes(from, left.clone()).unwrap();
            (from..to).try_for_each(|index| frontier.append(leaf(index), |_, _| {})).unwrap();
            let right: Vec<NodeHash> = Node::cover(to, 300).iter().map(|node| nodes[node]).collect();
            frontier.append_frontier(300, &right).unwrap();
            assert_eq!(frontier, whole, "{from} to {to}");
            assert_eq!(frontier.verify(300, whole.root()), Ok(()));
        }
    }
    let hash = NodeHash([1; 32]);
    assert_eq!(Frontier::from_hashes(5, vec![hash]), Err(FrontierError::Hashes { size: 5, expected: 2, got: 1 }));
    let mut three = tree(3).0;
    let before = three.clone();
    assert_eq!(three.append_subtree(1, hash, |_, _| {}), Err(FrontierError::Unaligned { size: 3, level: 1 }));
    assert_eq!(three.append_subtree(64, hash, |_, _| {}), Err(FrontierError::Full));
    assert_eq!(three.append_frontier(8, &[hash]), Err(FrontierError::Subtrees { from: 3, to: 8, expected: 2, got: 1 }));
    assert_eq!(three.append_frontier(2, &[]), Err(FrontierError::Smaller { from: 3, to: 2 }));
    let mut full = Frontier::from_hashes(u64::MAX, vec![hash; 64]).unwrap();
    assert_eq!(full.append(leaf(0), |_, _| {}), Err(FrontierError::Full));
    assert_eq!((three, full.size()), (before, u64::MAX), "an error changes nothing");
}

/// A frontier of a stranger may claim any size: its hashes are those of many trees.
#[test]
fn a_frontier_of_a_false_size_is_noticed() {
    let (tree, nodes) = tree(3);
    let pair = nodes[&Node { level: 1, index: 0 }];
    let mut claimed = Frontier::from_hashes(1 << 40, vec![pair]).unwrap();
    claimed.append(leaf(2), |_, _| {}).unwrap();
    assert_eq!(claimed.root(), tree.root(), "the root does not tell the sizes apart");
    assert_eq!(claimed.append_frontier(3, &[]), Err(FrontierError::Smaller { from: (1 << 40) + 1, to: 3 }));
    assert_eq!(claimed.verify(3, tree.root()), Err(ProofError::Size { expected: 3, got: (1 << 40) + 1 }));
    assert!(matches!(tree.verify(3, pair), Err(ProofError::Root { .. })));
}

#[test]
fn tiles_have_what_every_proof_reads() {
    let (_, nodes) = tree(600);
    for plan in (0..600).map(|index| ProofPlan::inclusion(index, 600)).chain((1..600).map(|old| ProofPlan::consistency(old, 600))) {
        for node in plan.unwrap().nodes() {
            let (tile, at) = Tile::of_node(node, 600).unwrap();
            let TileKind::Hashes { level } = tile.kind() else { panic!("{tile}") };
            let first = tile.index() * 256;
            let of_tile = (0..u64::from(tile.width())).map(|place| nodes[&Node { level: 8 * level, index: first + place }]);
            let contents: Vec<u8> = of_tile.flat_map(|hash| hash.0).collect();
            assert_eq!(NodeHash::of_parts(&tile.hashes(&contents).unwrap()[at]), Some(nodes[&node]), "{node:?} in {tile}");
        }
    }
}

/// A change of a proof that has to be noticed.
#[derive(Debug, Clone)]
enum Change {
    Flip(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Insert(prop::sample::Index, [u8; 32]),
    Swap(prop::sample::Index, prop::sample::Index),
    Double(prop::sample::Index),
}

fn changes() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, bit)| Change::Flip(at, bit)),
        at().prop_map(Change::Remove),
        (at(), any::<[u8; 32]>()).prop_map(|(at, hash)| Change::Insert(at, hash)),
        (at(), at()).prop_map(|(a, b)| Change::Swap(a, b)),
        at().prop_map(Change::Double),
    ]
}

impl Change {
    /// Changes a path; `None` if nothing changes.
    fn of(&self, path: &[NodeHash]) -> Option<Vec<NodeHash>> {
        let mut changed = path.to_vec();
        match self {
            Change::Insert(at, hash) => changed.insert(at.index(path.len() + 1), NodeHash(*hash)),
            _ if path.is_empty() => return None,
            Change::Flip(at, bit) => changed[at.index(path.len())].0[usize::from(bit / 8)] ^= 1 << (bit % 8),
            Change::Remove(at) => drop(changed.remove(at.index(path.len()))),
            Change::Swap(a, b) => changed.swap(a.index(path.len()), b.index(path.len())),
            Change::Double(at) => changed.insert(at.index(path.len()), path[at.index(path.len())]),
        }
        (changed != path).then_some(changed)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_inclusion_proof_is_refused(
        size in 1u64..2_000, index in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(), change in changes(), bit in any::<u8>(),
    ) {
        let mut reference = Reference::default();
        let index = index.index(size as usize) as u64;
        let (path, root) = (reference.inclusion(index, 0, size), reference.hash(0, size));
        prop_assert_eq!(verify_inclusion(leaf(index), index, size, &path, root), Ok(()));
        if let Some(changed) = change.of(&path) {
            prop_assert!(verify_inclusion(leaf(index), index, size, &changed, root).is_err());
        }
        let flipped = |mut hash: [u8; 32]| { hash[usize::from(bit / 8)] ^= 1 << (bit % 8); hash };
        prop_assert!(verify_inclusion(leaf(index), index, size, &path, NodeHash(flipped(root.0))).is_err());
        prop_assert!(verify_inclusion(LeafHash(flipped(leaf(index).0)), index, size, &path, root).is_err());
        let other = other.index(size as usize) as u64;
        prop_assert_eq!(verify_inclusion(leaf(index), other, size, &path, root).is_ok(), other == index);
    }

    #[test]
    fn a_changed_consistency_proof_is_refused(
        new in 1u64..2_000, old in any::<prop::sample::Index>(), change in changes(), bit in any::<u8>(),
    ) {
        let mut reference = Reference::default();
        let old = 1 + old.index(new as usize) as u64;
        let path = reference.consistency(old, 0, new, true);
        let (old_root, root) = (reference.hash(0, old), reference.hash(0, new));
        prop_assert_eq!(verify_consistency((old, old_root), (new, root), &path), Ok(()));
        if let Some(changed) = change.of(&path) {
            prop_assert!(verify_consistency((old, old_root), (new, root), &changed).is_err());
        }
        let flipped = |hash: NodeHash| { let mut hash = hash.0; hash[usize::from(bit / 8)] ^= 1 << (bit % 8); NodeHash(hash) };
        prop_assert!(verify_consistency((old, flipped(old_root)), (new, root), &path).is_err());
        prop_assert!(verify_consistency((old, old_root), (new, flipped(root)), &path).is_err());
    }
}

#[test]
fn a_checkpoint_follows_those_of_its_own_log() {
    let (_, nodes) = tree(20);
    let checkpoint = |origin: &str, size: u64| Checkpoint::new(origin, size, tree(size).0.root()).unwrap();
    for old in 0..=20 {
        let (older, path) = (checkpoint("log", old), consistency(old, 20, &nodes));
        assert_eq!(checkpoint("log", 20).verify_follows(&older, &path), Ok(()));
        let refused = checkpoint("other", 20).verify_follows(&older, &path);
        assert_eq!(refused, Err(ConsistencyError::Origin { older: "log".to_owned(), newer: "other".to_owned() }));
        let forged = Checkpoint::new("log", old, NodeHash([0; 32])).unwrap();
        assert!(matches!(checkpoint("log", 20).verify_follows(&forged, &path), Err(ConsistencyError::Proof(_))));
    }
    let newer = checkpoint("log", 20);
    let backwards = Err(ConsistencyError::Proof(ProofError::OldIsLarger { old: 20, new: 5 }));
    assert_eq!(checkpoint("log", 5).verify_follows(&newer, &[]), backwards);
}

/// What a server reads for the proof of one entry.
#[test]
fn a_proof_in_a_million_entries_needs_few_tiles() {
    for size in [1_000_000_u64, 1_048_575, 1_048_576, 999_999_999] {
        let tiles = |index: u64| {
            let plan = ProofPlan::inclusion(index, size).unwrap();
            plan.nodes().filter_map(|node| Some(Tile::of_node(node, size)?.0)).collect::<BTreeSet<_>>().len()
        };
        let drawn = (0..2_000).map(|number| number * (size / 2_000)).chain([0, 255, 256, 65_535, 65_536, size - 1]);
        let most = drawn.map(tiles).max();
        assert!(most.is_some_and(|most| most <= 8), "{size}: {most:?}");
    }
}
