//! The tree, the proofs, the notes and the checkpoints are those of three crates that are not ours.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::convert::Infallible;

use audit_domain::log::{
    Checkpoint, Frontier, LeafHash, Node, NodeHash, Note, ProofPlan, SignerKey, Tile, TileKind, leaf_hash, verify_consistency,
    verify_inclusion,
};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::Sha256;
use signed_note::{StandardSigner, StandardVerifier, VerifierList};

/// The largest tree that is compared, and some others.
const SIZES: [u64; 14] = [1, 2, 3, 4, 5, 7, 8, 31, 32, 33, 64, 100, 255, 257];

fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

fn leaf(index: u64) -> LeafHash {
    leaf_hash(&entry(index))
}

struct Tree {
    root: NodeHash,
    nodes: HashMap<Node, NodeHash>,
}

impl Tree {
    fn of_size(size: u64) -> Tree {
        let (mut frontier, mut nodes) = (Frontier::new(), HashMap::new());
        for index in 0..size {
            frontier.append(leaf(index), |node, hash| nodes.extend([(node, hash)])).unwrap();
        }
        Tree { root: frontier.root(), nodes }
    }

    fn path(&self, plan: &ProofPlan) -> Vec<NodeHash> {
        plan.path(|node| Ok::<_, Infallible>(self.nodes[&node])).unwrap()
    }

    fn inclusion(&self, index: u64, size: u64) -> Vec<NodeHash> {
        self.path(&ProofPlan::inclusion(index, size).unwrap())
    }

    fn consistency(&self, old: u64, new: u64) -> Vec<NodeHash> {
        self.path(&ProofPlan::consistency(old, new).unwrap())
    }
}

fn hashes(bytes: &[u8]) -> Vec<NodeHash> {
    bytes.chunks_exact(32).map(|hash| NodeHash(hash.try_into().unwrap())).collect()
}

#[test]
fn ct_merkle_makes_the_same_trees_and_proofs() {
    for size in SIZES {
        let (ours, mut theirs) = (Tree::of_size(size), MemoryBackedTree::<Sha256, Vec<u8>>::new());
        (0..size).for_each(|index| theirs.push(entry(index)));
        let root = theirs.root();
        assert_eq!(root.as_bytes()[..], ours.root.0, "{size}");
        for index in 0..size {
            let proof = theirs.prove_inclusion(index as usize);
            assert_eq!(hashes(proof.as_bytes()), ours.inclusion(index, size), "{index} of {size}");
            assert_eq!(verify_inclusion(leaf(index), index, size, &hashes(proof.as_bytes()), ours.root), Ok(()));
            root.verify_inclusion(&entry(index), index, &proof).unwrap();
        }
        for old in 1..size {
            let proof = theirs.prove_consistency((size - old) as usize);
            assert_eq!(hashes(proof.as_bytes()), ours.consistency(old, size), "{old} to {size}");
            let old_root = Tree::of_size(old).root;
            assert_eq!(verify_consistency((old, old_root), (size, ours.root), &hashes(proof.as_bytes())), Ok(()));
        }
    }
}

/// Reads our hashes by the numbers that tlog_tiles gives them.
impl tlog_tiles::HashReader for Tree {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        let read = |index: &u64| {
            let (level, index) = tlog_tiles::split_stored_hash_index(*index);
            tlog_tiles::Hash(self.nodes[&Node { level, index }].0)
        };
        Ok(indexes.iter().map(read).collect())
    }
}

#[test]
fn tlog_tiles_accepts_what_is_proven_here() {
    let theirs = |path: Vec<NodeHash>| path.into_iter().map(|hash| tlog_tiles::Hash(hash.0)).collect::<Vec<_>>();
    let hash = |hash: NodeHash| tlog_tiles::Hash(hash.0);
    for size in SIZES {
        let ours = Tree::of_size(size);
        assert_eq!(tlog_tiles::tree_hash(size, &ours).unwrap(), hash(ours.root));
        for index in 0..size {
            let path = theirs(ours.inclusion(index, size));
            assert_eq!(tlog_tiles::prove_record(size, index, &ours).unwrap(), path, "{index} of {size}");
            tlog_tiles::check_record(&path, size, hash(ours.root), index, tlog_tiles::record_hash(&entry(index))).unwrap();
        }
        for old in 1..=size {
            let path = theirs(ours.consistency(old, size));
            assert_eq!(tlog_tiles::prove_tree(size, old, &ours).unwrap(), path, "{old} to {size}");
            tlog_tiles::check_tree(&path, size, hash(ours.root), old, hash(Tree::of_size(old).root)).unwrap();
        }
    }
}

/// Their paths begin with the height of the tiles.
#[test]
fn tlog_tiles_has_the_same_paths() {
    for (level, index, width) in [(0, 0, 256), (0, 999, 1), (1, 1_000, 255), (7, 1_234_067, 256), (0, u64::MAX, 30)] {
        let path = Tile::new(TileKind::Hashes { level }, index, width).unwrap().to_string();
        let theirs = tlog_tiles::Tile::from_path(&path.replacen("tile/", "tile/8/", 1)).unwrap();
        assert_eq!((theirs.level(), theirs.level_index(), theirs.width()), (level, index, u32::from(width)), "{path}");
    }
}

#[test]
fn signed_note_signs_the_same_and_reads_our_checkpoints() {
    let key = SignerKey::new("audit.example.com/1/events", &[7; 32]).unwrap();
    let (vkey, secret) = (key.verifier().to_string(), key.to_secret_text());
    for size in [0, 1, 257] {
        let root = Tree::of_size(size).root;
        let text = Checkpoint::new(key.verifier().name(), size, root).unwrap().to_string();
        let ours = Note::new(text.clone(), vec![key.sign(&text)]).unwrap();

        let note = signed_note::Note::from_bytes(ours.to_string().as_bytes()).unwrap();
        let known = VerifierList::new(vec![Box::new(StandardVerifier::new(&vkey).unwrap())]);
        let (verified, others) = note.verify(&known).unwrap();
        assert_eq!((verified.len(), others.len()), (1, 0));
        let mut signed = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
        signed.add_sigs(&[&StandardSigner::new(&secret).unwrap()]).unwrap();
        assert_eq!(String::from_utf8(signed.to_bytes()).unwrap(), ours.to_string(), "Ed25519 has one signature of a text");

        let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
        assert_eq!((checkpoint.origin(), checkpoint.size()), (key.verifier().name(), size));
        assert_eq!((checkpoint.hash().0, checkpoint.to_bytes()), (root.0, text.into_bytes()));
    }
}
