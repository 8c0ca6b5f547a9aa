//! `aics-tlog` audits the tiles of a running server, and refuses changed ones.

use std::fs;
use std::path::Path;

use crate::common::{Ended, run};
use crate::log::{EVENTS, Log, on_both_databases, repository};

/// What the log has at its size.
const TILES: [&str; 7] = [
    "tile/0/000",
    "tile/0/001",
    "tile/0/002.p/188",
    "tile/1/000.p/2",
    "tile/entries/000",
    "tile/entries/001",
    "tile/entries/002.p/188",
];

fn tlog(log: &Log, arguments: &[&str]) -> (Ended, serde_json::Value) {
    let ended = log.foreign("aics-tlog", arguments);
    let report = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    (ended, report)
}

fn audit(log: &Log, tiles: &str) -> Ended {
    let script = repository("crates/audit-server/tests/foreign/audit_tiles.py");
    log.script(&script, &[tiles, "vkey.txt", "whole.bundle"])
}

#[test]
fn aics_tlog_audits_the_tiles_and_refuses_changed_ones() {
    on_both_databases(|log| {
        run(log.program().args(["export", "--bundle", "--channel", "1", "-o", "whole.bundle"])).ok();
        let said = "700 entries, 4 tiles, 3 tiles of entries\n";
        assert_eq!(audit(log, &log.prefix()).ok(), said);
        let mirror = log.path().join("mirror");
        for file in ["checkpoint"].iter().chain(&TILES) {
            let (status, bytes) = log.get(&format!("/log/1/events/{file}"), "*/*");
            assert_eq!(status, 200, "{file}");
            fs::create_dir_all(mirror.join(file).parent().unwrap()).unwrap();
            fs::write(mirror.join(file), bytes).unwrap();
        }
        assert_eq!(audit(log, "mirror").ok(), said);
        for file in TILES {
            let bytes = fs::read(mirror.join(file)).unwrap();
            for at in [0, bytes.len() / 2, bytes.len() - 1] {
                let mut changed = bytes.clone();
                changed[at] ^= 1;
                fs::write(mirror.join(file), changed).unwrap();
                let ended = audit(log, "mirror");
                assert!(ended.code == Some(1) && ended.stderr.contains("aics_tlog.tiles.Tile"), "{file} at {at}: {ended:?}");
            }
            fs::write(mirror.join(file), bytes).unwrap();
        }
    });
}

#[test]
fn aics_tlog_proves_entries_and_that_the_log_grew() {
    on_both_databases(|log| {
        let (prefix, always) = (log.prefix(), ["--vkey-file", "vkey.txt", "--origin", log.origin()]);
        let ask = |arguments: &[&str]| tlog(log, &[arguments, &["--tiles", &prefix], &always].concat());
        log.save("entry.leaf", &format!("{}/leaf", log.event(300)), "*/*");
        let (ended, report) =
            ask(&["verify-inclusion", "--leaf", "entry.leaf", "--index", "300", "--save-checkpoint", "kept.checkpoint"]);
        assert!(ended.code == Some(0) && report["size"] == EVENTS, "{ended:?}");
        let (ended, _) = ask(&["verify-inclusion", "--leaf", "entry.leaf", "--index", "301"]);
        assert!(ended.code == Some(1) && ended.stdout.contains("not included"), "{ended:?}");

        let newer = log.append(400);
        let (ended, report) = ask(&["verify-consistency", "--old-checkpoint", "kept.checkpoint"]);
        assert!(ended.code == Some(0) && report["new_size"] == EVENTS + 400, "{ended:?}");
        let (ended, _) = ask(&["verify-inclusion", "--leaf", "entry.leaf", "--index", "300", "--checkpoint", "kept.checkpoint"]);
        assert_eq!(ended.code, Some(0), "the tiles of an older checkpoint stay: {ended:?}");
        consistency_of_the_server(log, &newer);
        // The kept checkpoint is another one.
        let root = fs::read_to_string(log.path().join("kept.checkpoint")).unwrap().lines().nth(2).unwrap().to_owned();
        let (ended, _) = ask(&["verify-consistency", "--old-size", "699", "--old-root", &root]);
        assert!(ended.code == Some(1) && ended.stdout.contains("history was rewritten"), "{ended:?}");
    });
}

/// The consistency proof that the server makes, and not the one of the tiles.
fn consistency_of_the_server(log: &Log, newer: &str) {
    let (from, to) = (EVENTS.to_string(), (EVENTS + 400).to_string());
    let (_, proof) = log.get(&format!("/log/1/events/consistency?from={from}&to={to}"), "application/json");
    let proof: serde_json::Value = serde_json::from_slice(&proof).unwrap();
    let hashes: Vec<&str> = proof["consistency"].as_array().unwrap().iter().map(|hash| hash.as_str().unwrap()).collect();
    let root = |note: &str| note.lines().nth(2).unwrap().to_owned();
    let older = fs::read_to_string(log.path().join("kept.checkpoint")).unwrap();
    let verify = |hashes: &[&str]| {
        fs::write(log.path().join("hashes"), hashes.join("\n")).unwrap();
        let sizes = ["verify-consistency", "--old-size", &from, "--new-size", &to, "--proof", "hashes"];
        tlog(log, &[&sizes[..], &["--old-root", &root(&older), "--new-root", &root(newer)]].concat()).0.code
    };
    assert_eq!(verify(&hashes), Some(0));
    assert_eq!(verify(&hashes[1..]), Some(1));
    assert_eq!(verify(&hashes[..hashes.len() - 1]), Some(1));
    assert!(Path::new(&log.path().join("hashes")).exists() && hashes.len() > 2);
}
