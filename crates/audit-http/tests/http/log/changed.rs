//! Rows that somebody changed in the database: nothing is proven that does not verify.

use audit_http::store::domain::log::{EntryProof, EntryStatus, Frontier, NodeHash, leaf_hash, verify_consistency};

use super::erased::literal;
use super::{Auditor, assert_problem, hashes_of};
use crate::common::{SigningFiles, TestServer, all_events, on_postgres};

const SIZE: usize = 300;
const LOG: &str = "1/events";

/// A server of a signed log that signs no more, so that nothing happens meanwhile.
struct Forged {
    server: TestServer,
    uuids: Vec<String>,
    leaves: Vec<Vec<u8>>,
}

impl Forged {
    fn new() -> Forged {
        let server = TestServer::start();
        server.append_all(&(0..SIZE).map(|number| format!(r#"{{"url":"/{number}"}}"#)).collect::<Vec<_>>());
        server.post(&server.admin, "/api/v1/action-logs", r#"{"level":20,"message":"m"}"#).expect(201);
        SigningFiles::new().sign(&server);
        let events = all_events(&server.store, 1);
        let uuids = events.iter().map(|event| event.as_ref().uuid.to_string()).collect();
        Forged { uuids, leaves: events.iter().map(|event| event.leaf_data()).collect(), server }
    }

    /// Changes rows, with the guard of their table out of the way.
    fn change(&self, guard: &str, sql: &str) {
        let unguard = if on_postgres() { String::new() } else { format!("DROP TRIGGER IF EXISTS {guard};") };
        self.server.sql(&format!("{unguard} {sql}"));
    }

    fn proof_of(&self, position: usize) -> String {
        format!("/api/v1/events/{}/proof", self.uuids[position])
    }

    /// Changes the hash of position 5 in its tile.
    fn change_tile(&self) {
        let mut hashes: Vec<u8> = self.leaves[..256].iter().flat_map(|leaf| leaf_hash(leaf).0).collect();
        hashes[5 * 32] ^= 1;
        let set = format!("UPDATE tiles SET hashes = {} WHERE stream = 1 AND level = 0 AND tile = 0", literal(&hashes));
        self.change("tiles_only_grow", &set);
    }

    /// The bundles with position 5 are an error, and those without it are right.
    #[track_caller]
    fn assert_bundles(&self) {
        let bundle = |path: &str| self.server.get(&self.server.admin, &format!("/log/{LOG}/tile/entries/{path}"));
        for path in ["000", "000.p/6", "000.p/255"] {
            assert_problem(&bundle(path), 500, "internal");
        }
        for (path, positions) in [("000.p/5", 0..5), ("001.p/44", 256..SIZE)] {
            let entry = |leaf: &Vec<u8>| [(leaf.len() as u16).to_be_bytes().to_vec(), leaf.clone()].concat();
            assert_eq!(bundle(path).body, self.leaves[positions].iter().flat_map(entry).collect::<Vec<u8>>(), "{path}");
        }
    }

    /// The positions that the server proves. Each proof verifies, and everything else is its error.
    fn proven(&self, code: &str) -> Vec<usize> {
        let mut auditor = Auditor::new(&self.server);
        let mut is_proven = |position: &usize| {
            let answer = auditor.get(&self.proof_of(*position));
            if answer.status != 200 {
                assert_problem(&answer, 500, code);
                return false;
            }
            let verified = answer.text().parse::<EntryProof>().unwrap().verify(&auditor.trusted[LOG]).unwrap();
            assert_eq!((verified.position, verified.status), (*position as u64, EntryStatus::Ok));
            true
        };
        (0..SIZE).filter(&mut is_proven).collect()
    }
}

#[test]
fn a_changed_event_is_neither_proven_nor_in_a_bundle() {
    let forged = Forged::new();
    forged.change("events_only_erase", "UPDATE events SET url_json = '\"/forged\"', url = '/forged' WHERE position = 5");
    let server = &forged.server;
    assert_eq!(forged.proven("entry_was_changed"), (0..SIZE).filter(|position| *position != 5).collect::<Vec<_>>());
    assert_problem(&server.get(&server.admin, &forged.proof_of(5).replace("/proof", "/leaf")), 500, "entry_was_changed");
    forged.assert_bundles();
    forged.server.stop();
}

/// The leaf hash was changed as well, so the row fits itself. It does not fit the tree.
#[test]
fn an_event_with_a_forged_leaf_hash_is_not_proven() {
    let forged = Forged::new();
    let mut leaf = forged.leaves[5].clone();
    let recorded_at = i64::from_be_bytes(leaf[45..53].try_into().unwrap()) + 1;
    leaf[45..53].copy_from_slice(&recorded_at.to_be_bytes());
    let hash = literal(&leaf_hash(&leaf).0);
    forged.change(
        "events_only_erase",
        &format!("UPDATE events SET recorded_at = {recorded_at}, leaf_hash = {hash} WHERE channel_id = 1 AND position = 5"),
    );
    let server = &forged.server;
    assert_eq!(server.get(&server.admin, &forged.proof_of(5).replace("/proof", "/leaf")).body, leaf, "the row fits itself");
    assert_eq!(forged.proven("internal"), (0..SIZE).filter(|position| *position != 5).collect::<Vec<_>>());
    forged.assert_bundles();
    forged.server.stop();
}

#[test]
fn an_event_that_was_deleted_is_in_no_bundle() {
    let forged = Forged::new();
    forged.change("events_keep_rows", "DELETE FROM events WHERE position = 5");
    let server = &forged.server;
    assert_problem(&server.get(&server.admin, &forged.proof_of(5)), 404, "not_found");
    forged.assert_bundles();
    forged.server.stop();
}

/// A hash in a tile: no proof leads through it, and no bundle is compared with it in vain.
#[test]
fn no_proof_leads_through_a_changed_tile() {
    let forged = Forged::new();
    forged.change_tile();
    let proven = forged.proven("internal");
    // Its own hash is not in the proof of an entry. Beyond the tile, proofs take the hash of the whole tile from level 1.
    assert_eq!(proven, [vec![5], (256..SIZE).collect()].concat());
    let server = &forged.server;
    forged.assert_bundles();
    // A client that reads the tile itself finds out, as it does with every tile.
    let mut auditor = Auditor::new(server);
    let [tile, above] = ["tile/0/000", "tile/1/000.p/1"].map(|path| auditor.bytes(&format!("/log/{LOG}/{path}")));
    let (tile, _) = tile.as_chunks::<32>();
    let parts: Vec<NodeHash> = tile.iter().copied().map(NodeHash).collect();
    assert_ne!(NodeHash::of_parts(&parts).unwrap().0.to_vec(), above);
    forged.server.stop();
}

#[test]
fn no_consistency_proof_has_a_changed_hash() {
    let forged = Forged::new();
    let mut tree = Frontier::new();
    let mut roots = vec![tree.root()];
    for leaf in &forged.leaves {
        tree.append(leaf_hash(leaf), |_, _| {}).unwrap();
        roots.push(tree.root());
    }
    forged.change_tile();
    let mut auditor = Auditor::new(&forged.server);
    let (mut refused, mut proven) = (0, 0);
    for (from, to) in (0..=SIZE).step_by(3).flat_map(|from| [from, from + 1, from + 7, 256, SIZE].map(|to| (from, to))) {
        if from > to || to > SIZE {
            continue;
        }
        let answer = auditor.get(&format!("/log/{LOG}/consistency?from={from}&to={to}"));
        if answer.status != 200 {
            assert_problem(&answer, 500, "internal");
            refused += 1;
            continue;
        }
        let (older, newer) = ((from as u64, roots[from]), (to as u64, roots[to]));
        verify_consistency(older, newer, &hashes_of(&answer.json())).unwrap_or_else(|error| panic!("{from} {to}: {error}"));
        proven += 1;
    }
    assert!(refused > 30 && proven > 30, "{refused} {proven}");
    forged.server.stop();
}

#[test]
fn a_changed_checkpoint_is_not_served() {
    for set in [
        "note = 'x' || note",
        "note = ''",
        "note = replace(note, '300', '299')",
        "note = replace(note, '/1/events', '/2/events')",
        "note = (SELECT note FROM checkpoints WHERE stream = 2)",
        "size = 1, note = (SELECT note FROM checkpoints WHERE stream = 2)",
        "size = 299",
        "size = 301",
    ] {
        let forged = Forged::new();
        forged.change("checkpoints_only_grow", &format!("UPDATE checkpoints SET {set} WHERE stream = 1"));
        let server = &forged.server;
        let paths = ["checkpoint", "consistency?from=1", "tile/0/000", "tile/0/000.p/1", "tile/entries/000.p/1"];
        for path in paths.map(|path| format!("/log/{LOG}/{path}")).into_iter().chain([forged.proof_of(5)]) {
            let answer = server.get(&server.admin, &path);
            assert!(answer.status == 503, "{set} {path} {}", answer.text());
            assert_problem(&answer, 503, "unavailable");
        }
        // The other log is as it was.
        Auditor::new(server).checkpoint("1/action-logs");
        forged.server.stop();
    }
}
