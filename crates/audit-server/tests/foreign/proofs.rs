//! `proofbundle verify-proof` verifies proofs of real events, without witnesses.

use std::fs;

use crate::common::Ended;
use crate::log::{EVENTS, Log, on_both_databases};

/// What it says of a proof and a leaf, with more arguments.
fn verify(log: &Log, proof: &str, leaf: &[u8], arguments: &[&str]) -> Ended {
    fs::write(log.path().join("changed.tlog-proof"), proof).unwrap();
    fs::write(log.path().join("changed.leaf"), leaf).unwrap();
    let always = ["verify-proof", "changed.tlog-proof", "--payload-file", "changed.leaf", "--expected-origin", log.origin()];
    log.foreign("proofbundle", &[&always, arguments].concat())
}

#[test]
fn proofbundle_accepts_proofs_and_refuses_changed_ones() {
    on_both_databases(|log| {
        for position in [0, 1, 255, 256, 511, 512, EVENTS - 1] {
            let event = log.event(position);
            let proof = String::from_utf8(log.save("entry.tlog-proof", &format!("{event}/proof"), "text/plain")).unwrap();
            let leaf = log.save("entry.leaf", &format!("{event}/leaf"), "*/*");
            let key = ["--log-vkey", &log.vkey];
            let ended = verify(log, &proof, &leaf, &key);
            let said = format!("[PASS] merkle-inclusion: index {position} of {EVENTS}\n=> OK\n");
            assert!(ended.code == Some(0) && ended.stdout.ends_with(&said), "{position}: {ended:?}");
            // A bit of each part of the leaf.
            for at in [0, 4, 5, 21, 37, 53, 54, 55, leaf.len() - 1] {
                let mut changed = leaf.clone();
                changed[at] ^= 1;
                assert_eq!(verify(log, &proof, &changed, &key).code, Some(1), "byte {at} of the leaf at {position}");
            }
            let moved = proof.replacen(&format!("\nindex {position}\n"), &format!("\nindex {}\n", position ^ 1), 1);
            assert_ne!(moved, proof);
            assert_eq!(verify(log, &moved, &leaf, &key).code, Some(1), "the index of {position}");
            let larger = proof.replacen(&format!("\n{EVENTS}\n"), &format!("\n{}\n", EVENTS + 1), 1);
            assert_ne!(larger, proof);
            assert_eq!(verify(log, &larger, &leaf, &key).code, Some(1), "the size in the proof of {position}");
            assert_eq!(verify(log, &proof, &leaf, &["--log-vkey", &log.vkey_of("/1/action-logs")]).code, Some(1), "another key");
            assert_eq!(verify(log, &proof, &leaf, &[&key[..], &["--threshold", "1"]].concat()).code, Some(1), "no witness");
        }
    });
}
