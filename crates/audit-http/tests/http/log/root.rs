//! The root log: a log for clients of tlog-tiles below `/log/root`, which every reader may read.

use std::time::{Duration, Instant};

use audit_http::store::domain::Role;
use audit_http::store::domain::log::{Checkpoint, EntryProof, Frontier, Policy, Tile, TileKind, leaf_hash};

use super::{Auditor, assert_problem};
use crate::common::{SigningServer, TestDatabase};

const CHECKPOINT: &str = "/log/root/checkpoint";

/// The newest checkpoint, once the server made it.
fn checkpoint(auditor: &mut Auditor, at_least: u64) -> Checkpoint {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = auditor.get(CHECKPOINT);
        if answer.status == 200 {
            assert_eq!(answer.header("Cache-Control"), Some("no-cache"));
            let (checkpoint, _) = Checkpoint::open(&answer.text(), auditor.root.as_ref().unwrap()).unwrap();
            if checkpoint.size() >= at_least {
                return checkpoint;
            }
        }
        assert!(Instant::now() < end, "{}", answer.text());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_root_log_is_read_as_every_log_by_every_reader() {
    let server = SigningServer::over(TestDatabase::new(), |_| ());
    let mut admin = Auditor::new(&server);
    for path in [CHECKPOINT, "/log/root/consistency?from=0", "/log/root/tile/0/000.p/1", "/log/root/tile/entries/000.p/1"] {
        assert_problem(&admin.get(path), 404, "not_found");
    }
    server.append_all(&[r#"{"channel_id":1}"#.to_owned(), r#"{"channel_id":2}"#.to_owned()]);
    server.sign();
    // A reader of a channel without entries, who sees neither of these logs.
    let mut auditor = Auditor::with_key(&server, &server.token(Role::Reader, "3"));
    let root = checkpoint(&mut auditor, 1);
    let tile = Tile::of_size(TileKind::Entries, 0, root.size()).unwrap();
    let bundle = auditor.bytes(&format!("/log/root/{tile}"));
    let (mut tree, mut entries) = (Frontier::new(), Vec::new());
    for entry in tile.entries(&bundle).unwrap() {
        tree.append(leaf_hash(entry), |_, _| {}).unwrap();
        entries.push(String::from_utf8(entry.to_vec()).unwrap().parse::<Checkpoint>().unwrap());
    }
    tree.verify(root.size(), root.root()).unwrap();
    assert!(entries.iter().all(|entry| entry.size() == 1 && entry.origin().ends_with("/events")), "{entries:?}");
    let hashes = auditor.bytes(&format!("/log/root/tile/0/000.p/{}", root.size()));
    assert_eq!(hashes.len() as u64, 32 * root.size());
    let same = auditor.get(&format!("/log/root/consistency?from={0}&to={0}", root.size()));
    assert_eq!((same.status, same.text().contains("\"consistency\":[]")), (200, true));
    assert_problem(&auditor.get("/log/root/consistency?from=1000"), 400, "invalid_query");
    assert_problem(&auditor.get("/log/root/checkpoint?x=1"), 400, "invalid_query");
    for path in ["/log/root/tile/0/000.p/255", "/log/root/tile/0/0", "/log/root/tile/entries/001", "/log/root/tile/"] {
        assert_problem(&auditor.get(path), 404, "not_found");
    }
    assert_problem(&server.get(&server.token(Role::Writer, "*"), CHECKPOINT), 403, "forbidden");
    server.stop();
}

#[test]
fn a_proof_leads_to_the_root_log() {
    let server = SigningServer::over(TestDatabase::new(), |_| ());
    let uuid = "00000000-0000-4000-8000-000000000001";
    server.append_all(&[format!(r#"{{"channel_id":1,"uuid":"{uuid}"}}"#)]);
    server.sign();
    let mut auditor = Auditor::new(&server);
    checkpoint(&mut auditor, 1);
    let proof: EntryProof = auditor.get(&format!("/api/v1/events/{uuid}/proof")).text().parse().unwrap();
    let policy: Policy = format!("log {}\nquorum none\n", auditor.root.as_ref().unwrap()).parse().unwrap();
    assert_eq!(proof.verify_by(&policy).unwrap().position, 0);
    server.stop();
}
