//! A checkpoint that somebody kept: the file has to be of the same history.

use std::fs;

use audit_http::store::domain::log::{Checkpoint, NodeHash, Note, SignerKey};

use super::{FIXTURE, ending, verify, verify_with};

/// The paths of files of the fixture.
fn files<const N: usize>(names: [&str; N]) -> [String; N] {
    names.map(|name| FIXTURE.path().join(name).to_str().unwrap().to_owned())
}

#[test]
fn a_kept_checkpoint_of_the_same_size_has_the_same_root() {
    let ended = verify(FIXTURE.path(), &["proof.json", "--checkpoint", "new.checkpoint"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains(&format!(", consistent with `new.checkpoint` of {} entries\n", FIXTURE.size)), "{ended:?}");
}

#[test]
fn an_older_checkpoint_needs_a_consistency_proof() {
    let (path, from, to) = (FIXTURE.path(), FIXTURE.old_size, FIXTURE.size);
    let arguments = ["proof.json", "--checkpoint", "old.checkpoint"];
    let ended = verify(path, &arguments);
    let needed = format!(
        "not checked: whether `old.checkpoint` is of the same history is not known: give --consistency FILE, with the answer of \
         /log/{{channel}}/{{stream}}/consistency?from={from}&to={to}\n"
    );
    assert!(ended.code == Some(2) && ended.stdout.contains(&needed), "{ended:?}");
    let ended = verify(path, &[&arguments[..], &["--consistency", "consistency.json"]].concat());
    assert!(ended.code == Some(0) && ended.stdout.contains("consistent with `old.checkpoint`"), "{ended:?}");
    // One between other sizes, one that was changed, and one that is none.
    let proof = FIXTURE.read("consistency.json");
    let directory = tempfile::tempdir().unwrap();
    let [file, old, vkey] = files(["proof.json", "old.checkpoint", "vkey"]);
    let with = |text: String| {
        fs::write(directory.path().join("c"), text).unwrap();
        verify_with(directory.path(), &["--vkey", &vkey], &[&file, "--checkpoint", &old, "--consistency", "c"])
    };
    let ended = with(proof.replacen(&format!(":{from},"), ":7,", 1));
    assert!(
        ended.code == Some(2) && ended.stdout.contains(&format!("leads from 7 to {to}, and one from {from} to {to} is needed"))
    );
    let hash = proof.split('"').find(|part| part.len() == 64).unwrap();
    let ended = with(proof.replacen(hash, &"7".repeat(64), 1));
    assert!(ended.code == Some(1) && ended.stdout.contains("wrong: the consistency proof does not lead from "), "{ended:?}");
    let ended = with("{}".to_owned());
    assert!(ended.code == Some(2) && ended.stderr.contains("is not the JSON of a consistency proof: "), "{ended:?}");
}

#[test]
fn a_bundle_that_covers_a_checkpoint_needs_no_proof() {
    let (directory, old) = (tempfile::tempdir().unwrap(), FIXTURE.old_size.to_string());
    let [kept] = files(["old.checkpoint"]);
    for (from, to) in [("0", old.as_str()), ("40", &old), (&old, &old)] {
        FIXTURE.bundle(directory.path(), "b", &["--from-position", from, "--to-position", to]);
        let ended = verify(directory.path(), &["b", "--checkpoint", &kept]);
        assert!(ended.code == Some(0) && ended.stdout.contains("consistent with "), "{from} to {to}: {ended:?}");
    }
    FIXTURE.bundle(directory.path(), "b", &["--to-position", "40"]);
    let ended = verify(directory.path(), &["b", "--checkpoint", &kept]);
    assert!(ended.code == Some(2) && ended.stdout.contains("give --consistency FILE"), "{ended:?}");
    let [proof] = files(["consistency.json"]);
    assert_eq!(verify(directory.path(), &["b", "--checkpoint", &kept, "--consistency", &proof]).code, Some(0));
}

#[test]
fn a_server_that_rewrote_its_log_is_caught() {
    let directory = tempfile::tempdir().unwrap();
    FIXTURE.bundle(directory.path(), "b", &["--to-position", &FIXTURE.old_size.to_string()]);
    let [proof] = files(["proof.json"]);
    // The holder of the key signs another history under the same origin.
    let signer: SignerKey = FIXTURE.read("audit-data/signing.key").trim().parse().unwrap();
    let origin = FIXTURE.key().split_once('+').unwrap().0.to_owned();
    let signer = signer.named(&origin).unwrap();
    assert_eq!(signer.verifier().to_string(), FIXTURE.key());
    for (file, size) in [("b", FIXTURE.old_size), (&proof, FIXTURE.size)] {
        let text = Checkpoint::new(&origin, size, NodeHash([7; 32])).unwrap().to_string();
        let note = Note::new(text.clone(), vec![signer.sign(&text)]).unwrap();
        fs::write(directory.path().join("kept"), note.to_string()).unwrap();
        let ended = verify_with(directory.path(), &["--vkey", &FIXTURE.key()], &[file, "--checkpoint", "kept"]);
        let said =
            format!("wrong: the log is not the one of `kept`: entries before position {size} were changed: the root of {size}");
        assert!(ended.code == Some(1) && ended.stdout.contains(&said), "{ended:?}");
    }
}

#[test]
fn a_checkpoint_of_another_log_says_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let signer = SignerKey::new("example.com/1/events", &[7; 32]).unwrap();
    let text = Checkpoint::new("example.com/1/events", 4, NodeHash([7; 32])).unwrap().to_string();
    let note = Note::new(text.clone(), vec![signer.sign(&text)]).unwrap().to_string();
    fs::write(directory.path().join("kept"), &note).unwrap();
    let [proof, vkey] = files(["proof.json", "vkey"]);
    let keys = ["--vkey", &vkey, "--vkey", &signer.verifier().to_string()];
    let ended = verify_with(directory.path(), &keys, &[&proof, "--checkpoint", "kept"]);
    assert!(ended.code == Some(2) && ended.stdout.contains("is a checkpoint of example.com/1/events, which says nothing about"));
    assert_eq!(ending(&ended).1, "not checked: 1 file(s): 1 ok, 0 erased, 0 tampered, 0 missing");
    // A kept checkpoint that was changed is not one.
    fs::write(directory.path().join("kept"), note.replacen("\n4\n", "\n5\n", 1)).unwrap();
    let ended = verify_with(directory.path(), &keys, &[&proof, "--checkpoint", "kept"]);
    assert!(
        ended.code == Some(2)
            && ended.stderr.contains("cannot be used: the signature of the key example.com/1/events is not one of this text")
    );
}
