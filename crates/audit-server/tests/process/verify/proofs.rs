//! Proofs of one entry, keys, policies and usage.

use std::fs;

use audit_http::store::domain::log::commitment;

use super::{FIXTURE, POSITION, ending, verify, verify_with};

const OK: &str = "ok: 1 file(s): 1 ok, 0 erased, 0 tampered, 0 missing";

#[test]
fn a_proof_of_an_entry_is_proven_in_both_forms() {
    let fixture = &*FIXTURE;
    let proof: serde_json::Value = serde_json::from_str(&fixture.read("proof.json")).unwrap();
    let uuid = hex(&proof["leaf_data"].as_str().unwrap()[10..42]);
    let entry = format!("proof.json: {POSITION} {uuid} ok\n");
    let log = proof["origin"].as_str().unwrap();
    let proven = format!("proof.json: proven: one entry of {log}, checkpoint of {} entries\n", fixture.size);
    let ended = verify(fixture.path(), &["proof.json"]);
    assert_eq!(ended.stdout, format!("{entry}{proven}{OK}\n"), "{ended:?}");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let file = verify(fixture.path(), &["proof.tlog-proof", "--leaf", "entry.leaf"]);
    assert_eq!(file.stdout, format!("{entry}{proven}{OK}\n").replace("proof.json", "proof.tlog-proof"), "{file:?}");
}

/// A uuid from its digits.
fn hex(digits: &str) -> String {
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[test]
fn an_erased_slot_is_proven_and_said() {
    let directory = tempfile::tempdir().unwrap();
    let mut proof: serde_json::Value = serde_json::from_str(&FIXTURE.read("proof.json")).unwrap();
    let slot = proof["slots"].as_array_mut().unwrap().last_mut().unwrap();
    let mut salt = [0; 16];
    for (at, byte) in salt.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&slot["salt"].as_str().unwrap()[2 * at..2 * at + 2], 16).unwrap();
    }
    let (number, value) = (slot["slot"].as_u64().unwrap() as u8, slot["value"].as_str().unwrap());
    let digits: String = commitment(number, &salt, value.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let name = slot["name"].as_str().unwrap().to_owned();
    *slot = serde_json::json!({ "slot": number, "name": name, "commitment": digits, "erased": null });
    fs::write(directory.path().join("p"), proof.to_string()).unwrap();
    let ended = verify(directory.path(), &["p"]);
    assert!(ended.stdout.contains(&format!(" erased: {name}\n")), "{ended:?}");
    assert_eq!(ending(&ended), (Some(0), "ok: 1 file(s): 0 ok, 1 erased, 0 tampered, 0 missing"));
}

#[test]
fn a_changed_value_is_tampered_and_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let mut proof: serde_json::Value = serde_json::from_str(&FIXTURE.read("proof.json")).unwrap();
    proof["slots"][0]["value"] = "\"other\"".into();
    fs::write(directory.path().join("p"), proof.to_string()).unwrap();
    let ended = verify(directory.path(), &["p"]);
    let why = " tampered: the salt and the value of slot 0 do not have the commitment that is in the leaf\n\
               p: wrong: it does not prove that the entry is in the log\n";
    assert!(ended.stdout.contains(why), "{ended:?}");
    assert_eq!(ending(&ended), (Some(1), "wrong: 1 file(s): 0 ok, 0 erased, 1 tampered, 0 missing"));
}

#[test]
fn without_its_slots_only_the_leaf_is_proven() {
    let (directory, fixture) = (tempfile::tempdir().unwrap(), &*FIXTURE);
    let file = fixture.read("proof.tlog-proof");
    let without: String = file.split_inclusive('\n').filter(|line| !line.starts_with("extra ")).collect();
    fs::write(directory.path().join("p"), without).unwrap();
    let leaf = fixture.path().join("entry.leaf");
    let ended = verify(directory.path(), &["p", "--leaf", leaf.to_str().unwrap()]);
    assert!(ended.stdout.contains(" ok: only the leaf: the file does not have the slots\n"), "{ended:?}");
    assert_eq!(ended.code, Some(0));
    // The leaf of another entry.
    let mut other = fs::read(&leaf).unwrap();
    other[7] ^= 1;
    fs::write(directory.path().join("leaf"), other).unwrap();
    let ended = verify(directory.path(), &["p", "--leaf", "leaf"]);
    assert!(ended.code == Some(1) && ended.stdout.contains(" tampered: the proof leads to the root "), "{ended:?}");
}

#[test]
fn each_usage_error_says_what_to_give() {
    let path = FIXTURE.path();
    let other_file = FIXTURE.read("proof.json").replace("\"origin\"", "\"origins\"");
    fs::write(path.join("other.json"), other_file).unwrap();
    fs::write(path.join("empty"), "\n").unwrap();
    for (trust, arguments, said) in [
        (
            &[][..],
            &["proof.json"][..],
            "audit-server: give --vkey KEY or --policy FILE: a file is verified with a key that you trust",
        ),
        (
            &["--vkey", "nothing"],
            &["proof.json"],
            "audit-server: --vkey nothing is not a file, and as a key it is not a verifier key",
        ),
        (&["--vkey", "empty"], &["proof.json"], "audit-server: `empty` has no keys: put one on each line"),
        (&["--vkey", "proof.json"], &["proof.json"], "audit-server: `proof.json` line 1: is not a verifier key"),
        (&["--policy", "vkey"], &["proof.json"], "audit-server: `vkey` is not a policy: line 1: expected `log KEY [URL]`"),
        (&["--policy", "vkey", "--vkey", "vkey"], &["proof.json"], "error: the argument '--policy <FILE>' cannot be used with"),
        (&["--vkey", "vkey"], &[], "error: the following required arguments were not provided:\n  <FILE>"),
        (&["--vkey", "vkey"], &["proof.json", "--leaf", "missing"], "audit-server: cannot read `missing`: "),
        (
            &["--vkey", "vkey"],
            &["a", "b", "--leaf", "vkey"],
            "audit-server: --leaf is the leaf of one entry: verify its proof alone",
        ),
        (
            &["--vkey", "vkey"],
            &["a", "--consistency", "b"],
            "error: the following required arguments were not provided:\n  --checkpoint",
        ),
        (&["--vkey", "vkey"], &["a", "--checkpoint", "vkey"], "audit-server: --checkpoint `vkey` cannot be used: no key was given"),
    ] {
        let ended = verify_with(path, trust, arguments);
        assert!(ended.code == Some(2) && ended.stderr.starts_with(said) && ended.stdout.is_empty(), "{said}: {ended:?}");
    }
    for (arguments, said) in [
        (&["missing"][..], "missing: not checked: cannot read `missing`: "),
        (
            &["proof.tlog-proof"],
            "proof.tlog-proof: not checked: a tlog-proof file does not have the leaf of the entry: give --leaf",
        ),
        (&["proof.json", "--leaf", "entry.leaf"], "proof.json: not checked: --leaf is for a tlog-proof file"),
        (&["vkey"], "vkey: not checked: is neither the JSON of a proof, nor a tlog-proof file, nor a bundle: "),
        (&["entry.leaf"], "entry.leaf: not checked: is neither a proof nor a bundle: it is not UTF-8"),
        (
            &["other.json"],
            "other.json: not checked: is neither the JSON of a proof, nor a tlog-proof file, nor a bundle: `origins`",
        ),
    ] {
        let ended = verify(path, arguments);
        assert!(ended.code == Some(2) && ended.stdout.starts_with(said), "{said}: {ended:?}");
        assert_eq!(ending(&ended).1, "not checked: 1 file(s): 0 ok, 0 erased, 0 tampered, 0 missing");
    }
    // What is wrong counts more than what could not be checked.
    let changed = FIXTURE.read("proof.json").replacen("\"position\":300", "\"position\":299", 1);
    fs::write(path.join("changed.json"), changed).unwrap();
    let ended = verify(path, &["changed.json", "missing"]);
    assert_eq!(ending(&ended), (Some(1), "wrong: 2 file(s): 0 ok, 0 erased, 1 tampered, 0 missing"));
    // One good file does not hide another one that is not.
    let ended = verify(path, &["proof.json", "missing"]);
    assert_eq!(ending(&ended), (Some(2), "not checked: 2 file(s): 1 ok, 0 erased, 0 tampered, 0 missing"));
}

#[test]
fn the_key_of_another_log_or_server_proves_nothing() {
    let (directory, fixture) = (tempfile::tempdir().unwrap(), &*FIXTURE);
    let path = fixture.path();
    assert_eq!(ending(&verify_with(path, &["--vkey", &fixture.key()], &["proof.json"])), (Some(0), OK));
    let others = fixture.keys("/action-logs");
    let ended = verify_with(path, &["--vkey", &others[0]], &["proof.json"]);
    let name = others[0].split_once('+').unwrap().0;
    let origin = fixture.key().split_once('+').unwrap().0.to_owned();
    let said = format!("proof.json: not checked: no key was given for the log {origin}: --vkey has keys of {name}\n");
    assert!(ended.code == Some(2) && ended.stdout.starts_with(&said), "{ended:?}");
    // A key with the same name that is not the server's.
    let forged = audit_http::store::domain::log::SignerKey::new(&origin, &[7; 32]).unwrap().verifier().to_string();
    let ended = verify_with(path, &["--vkey", &forged], &["proof.json"]);
    let said = format!("tampered: the note has no signature of the key {origin}");
    assert!(ended.code == Some(1) && ended.stdout.contains(&said), "{ended:?}");
    // As after a rotation: one of several keys of the log is enough.
    assert_eq!(ending(&verify_with(path, &["--vkey", &forged, "--vkey", &fixture.key()], &["proof.json"])), (Some(0), OK));
    // The key inside of the file counts for nothing.
    let mut proof: serde_json::Value = serde_json::from_str(&fixture.read("proof.json")).unwrap();
    proof["vkey"] = forged.into();
    fs::write(directory.path().join("p"), proof.to_string()).unwrap();
    assert_eq!(ending(&verify(directory.path(), &["p"])), (Some(0), OK));
    let witness = audit_http::store::domain::log::CosignerKey::new("w", &[7; 32]).unwrap().verifier().to_string();
    let ended = verify_with(path, &["--vkey", &witness], &["proof.json"]);
    assert_eq!((ended.code, ended.stderr.contains("w is the key of a witness, not of a log")), (Some(2), true), "{ended:?}");
}

#[test]
fn a_policy_takes_the_place_of_a_key() {
    let (directory, fixture) = (tempfile::tempdir().unwrap(), &*FIXTURE);
    let proof = fixture.path().join("proof.json");
    let verify_by = |policy: String| {
        fs::write(directory.path().join("policy"), policy).unwrap();
        verify_with(directory.path(), &["--policy", "policy"], &[proof.to_str().unwrap()])
    };
    assert_eq!(ending(&verify_by(format!("log {}\nquorum none\n", fixture.key()))), (Some(0), OK));
    let ended = verify_by(format!("log {}\nquorum none\n", fixture.keys("/action-logs")[0]));
    assert!(ended.code == Some(2) && ended.stdout.contains("not checked: the policy does not have the log "), "{ended:?}");
    let witness = audit_http::store::domain::log::CosignerKey::new("w", &[7; 32]).unwrap().verifier().to_string();
    let ended = verify_by(format!("log {}\nwitness w {witness}\nquorum w\n", fixture.key()));
    assert!(ended.code == Some(1) && ended.stdout.contains("tampered: the quorum w is not met: no witness cosigned"), "{ended:?}");
}
