//! The root log: what it has of each log, when, and that it is guarded as every log is.

use audit_store::domain::log::{
    Checkpoint, CosignerKey, EntryProof, Note, Policy, Tile, VerifierKey, leaf_hash, verify_consistency,
};
use audit_store::{Copied, RootCheckpoint, copy};

use super::*;

fn root(store: &Store) -> RootCheckpoint {
    store.root_log().newest().unwrap().unwrap()
}

/// The entries of the root log, as a client of tlog-tiles reads them.
fn entries(store: &Store) -> Vec<String> {
    let root = root(store);
    let (checkpoint, _) = Checkpoint::open(root.note(), root.verifier()).unwrap();
    assert_eq!((checkpoint.size(), checkpoint.root()), (root.size(), root.root()));
    let tile: Tile = match root.size() {
        256.. => panic!("these tests have fewer"),
        size => format!("tile/entries/000.p/{size}").parse().unwrap(),
    };
    let bundle = root.tile(tile).unwrap().unwrap();
    let hashes: Tile = format!("tile/0/000.p/{}", root.size()).parse().unwrap();
    let hashes = hashes.hashes(&root.tile(hashes).unwrap().unwrap()).unwrap();
    let entries: Vec<_> =
        tile.entries(&bundle).unwrap().into_iter().map(|entry| String::from_utf8(entry.to_vec()).unwrap()).collect();
    for (entry, hash) in entries.iter().zip(hashes) {
        assert_eq!(hash, leaf_hash(entry.as_bytes()).into());
    }
    entries
}

fn grow(store: &Store, count: usize) {
    append_many(store, count);
    store.sign().unwrap();
}

/// The origins and sizes in the root log.
fn list(store: &Store) -> Vec<(String, u64)> {
    let parse = |body: &String| {
        let checkpoint: Checkpoint = body.parse().unwrap();
        (checkpoint.origin().to_owned(), checkpoint.size())
    };
    entries(store).iter().map(parse).collect()
}

fn sizes(store: &Store) -> Vec<u64> {
    list(store).into_iter().map(|(_, size)| size).collect()
}

#[test]
fn the_root_log_has_the_checkpoints_of_logs_that_grew() {
    let files = Files::new();
    let scratch = scratch(&files);
    let store = &scratch.store;
    grow(store, 3);
    store.sign_root().unwrap();
    let name = store.log_name().unwrap().unwrap();
    assert_eq!(list(store), [(format!("{name}/1/events"), 3)]);
    assert_eq!(entries(store), [signed(store).1.text()]);
    assert!(root(store).note().starts_with(&format!("{name}/root\n1\n")));
    // Nothing grew.
    store.sign_root().unwrap();
    assert_eq!(sizes(store), [3]);
    let before = root(store);
    append(store, vec![ActionLogs::entry(r#""channel_id":7"#)]);
    grow(store, 2);
    store.sign_root().unwrap();
    let list = list(store);
    assert_eq!(list[1..], [(format!("{name}/1/events"), 5), (format!("{name}/7/action-logs"), 1)]);
    let now = root(store);
    let proof = now.consistency_between(before.size(), now.size()).unwrap().unwrap();
    verify_consistency((before.size(), before.root()), (now.size(), now.root()), &proof).unwrap();
    assert_eq!(now.consistency_between(0, 4).unwrap(), None);
    // It is no channel: nobody finds it there.
    assert_eq!(store.channels(ChannelGrant::All).events().count(&Default::default()).unwrap(), 5);
    for stream in [Stream::Events, Stream::ActionLogs] {
        assert!(store.tree_lags(stream).unwrap().iter().all(|lag| lag.channel_id >= 0));
        assert!(store.checkpoint_lags(stream).unwrap().iter().all(|lag| lag.channel_id >= 0));
    }
}

#[test]
fn a_log_has_one_entry_in_ten_seconds_and_one_at_a_stop() {
    let files = Files::new();
    let scratch = scratch(&files);
    grow(&scratch.store, 1);
    wait_until("the thread enters the checkpoint", || scratch.store.root_log().newest().unwrap().is_some());
    grow(&scratch.store, 1);
    // Three looks of the thread, and another server.
    let other = open(&scratch, &files.with_same_key()).unwrap();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(sizes(&scratch.store), [1]);
    append_many(&scratch.store, 1);
    scratch.store.close();
    assert_eq!(sizes(&scratch.store), [1, 3], "an orderly stop seals, signs and enters what is there");
    other.close();
    assert_eq!(sizes(&other), [1, 3]);
}

#[test]
fn a_root_log_that_went_back_is_refused() {
    let files = Files::new();
    let scratch = scratch(&files);
    grow(&scratch.store, 1);
    scratch.store.sign_root().unwrap();
    scratch.store.close();
    let other = other_database(&files);
    assert!(other.signing_state().unwrap().refusals[0].contains("root.checkpoint"), "{:?}", other.signing_state());
    // The same database, whose root log has lost its entry.
    let raw = scratch.raw();
    if !on_postgres() {
        raw.execute("DROP TRIGGER root_entries_keep_rows");
        raw.execute("DROP TRIGGER logs_only_advance");
        raw.execute("DROP TRIGGER logs_keep_rows");
    }
    raw.execute("DELETE FROM root_entries");
    raw.execute("DELETE FROM logs WHERE channel_id = -1");
    let store = open(&scratch, &files).unwrap();
    grow(&store, 1);
    let error = store.sign_root().unwrap_err();
    assert!(matches!(&error, StoreError::WentBack(why) if why.contains("the log root has 0 entries")), "{error}");
}

/// A database with the same key under the same name, and another root log.
fn other_database(files: &Files) -> Store {
    let others = files.with_same_key();
    let name = fs::read_to_string(files.0.path().join("checkpoints/root.checkpoint")).unwrap();
    let name = name.split("/root\n").next().unwrap().to_owned();
    let mut signing = others.signing();
    signing.log_name = Some(name);
    let database = format!("sqlite://{}/other.db", others.0.path().display());
    let store = Store::open(audit_store::StoreConfig::new(&*database).signing(signing.clone())).unwrap();
    // As many entries are compared as soon as the log grows, more or fewer at once.
    for _ in 0..2 {
        grow(&store, 1);
        store.sign_root().unwrap();
    }
    store.close();
    fs::copy(files.0.path().join("checkpoints/root.checkpoint"), others.0.path().join("checkpoints/root.checkpoint")).unwrap();
    let store = Store::open(audit_store::StoreConfig::new(&*database).signing(signing)).unwrap();
    wait_until("the signer compares", || !store.signing_state().unwrap().refusals.is_empty());
    // The database is in the directory of its files.
    std::mem::forget(others);
    store
}

#[test]
fn a_new_origin_begins_the_root_log_again() {
    let files = Files::new();
    let scratch = scratch(&files);
    grow(&scratch.store, 2);
    scratch.store.sign_root().unwrap();
    let old = root(&scratch.store);
    scratch.store.close();
    let plain = Store::open(scratch.place.config()).unwrap();
    let begun = plain.begin_new_origin(&files.signing()).unwrap();
    assert!(begun.cited.iter().any(|checkpoint| checkpoint.origin().ends_with("/root") && checkpoint.root() == old.root()));
    plain.close();
    let store = open(&scratch, &files).unwrap();
    store.sign().unwrap();
    store.sign_root().unwrap();
    let list = list(&store);
    assert!(root(&store).note().starts_with(&format!("{}/root\n", begun.log_name)), "{list:?}");
    assert_eq!(list, [(format!("{}/1/events", begun.before), 2), (format!("{}/1/events", begun.log_name), 3)]);
}

#[test]
fn a_copy_has_the_root_log() {
    let files = Files::new();
    let scratch = scratch(&files);
    grow(&scratch.store, 2);
    scratch.store.sign_root().unwrap();
    let before = root(&scratch.store);
    let witness = CosignerKey::new("witness.example/w1", &[3; 32]).unwrap();
    cosign(&scratch.store, &before, &witness).unwrap();
    scratch.store.close();
    let directory = tempfile::tempdir().unwrap();
    let target = audit_store::StoreConfig::new(format!("sqlite://{}/copy.db", directory.path().display()));
    for _ in 0..2 {
        let copied = copy(&scratch.place.config(), &target, |_| {}).unwrap();
        assert!(matches!(copied, Copied { entries: 2, behind: 0, .. }), "{copied:?}");
    }
    let others = files.with_same_key();
    let store = Store::open(target.signing(others.signing())).unwrap();
    store.sign().unwrap();
    store.sign_root().unwrap();
    assert_eq!(sizes(&store), [2]);
    assert_eq!(root(&store).root(), before.root());
    assert_eq!(store.root_log().cosignatures().unwrap().len(), 1);
}

fn cosign(store: &Store, root: &RootCheckpoint, witness: &CosignerKey) -> Result<(), StoreError> {
    let note: Note = root.note().parse().unwrap();
    let signature = witness.cosign(note.text(), 1_700_000_000 + root.size()).unwrap();
    store.root_log().add_cosignature(root.note(), witness.verifier(), &signature)
}

fn events_proof(store: &Store, position: i64) -> EntryProof {
    let record = events(store).by_cursor(Default::default()).page(100).unwrap().records;
    let record = record.into_iter().find(|record| record.position() == position).unwrap();
    events(store).prove(record.as_ref()).unwrap().unwrap()
}

#[test]
fn a_proof_leads_to_the_checkpoint_that_witnesses_cosigned() {
    let files = Files::new();
    let scratch = scratch(&files);
    let store = &scratch.store;
    grow(store, 1);
    assert_eq!(events_proof(store, 0).witnessed, None);
    store.sign_root().unwrap();
    let witnesses = [3, 4].map(|seed| CosignerKey::new(&format!("w{seed}"), &[seed; 32]).unwrap());
    let policy = |root: &VerifierKey, quorum: usize| -> Policy {
        let [a, b] = [&witnesses[0], &witnesses[1]].map(|witness| witness.verifier().to_string());
        format!("log {root}\nwitness a {a}\nwitness b {b}\ngroup g {quorum} a b\nquorum g\n").parse().unwrap()
    };
    let first = root(store);
    assert!(events_proof(store, 0).verify_by(&policy(first.verifier(), 1)).is_err(), "nobody cosigned");
    cosign(store, &first, &witnesses[0]).unwrap();
    cosign(store, &first, &witnesses[1]).unwrap();
    assert_eq!(events_proof(store, 0).verify_by(&policy(first.verifier(), 2)).unwrap().witnesses.len(), 2);
    // The next one is not cosigned yet: old events keep their witnesses, and new ones lead to the new root.
    grow(store, 1);
    store.sign_root().unwrap();
    let second = root(store);
    assert!(second.size() > first.size());
    assert!(events_proof(store, 0).verify_by(&policy(first.verifier(), 2)).is_ok());
    let proof = events_proof(store, 1);
    assert!(proof.witnessed.is_some() && proof.verify_by(&policy(first.verifier(), 1)).is_err());
    cosign(store, &second, &witnesses[1]).unwrap();
    assert!(events_proof(store, 1).verify_by(&policy(first.verifier(), 1)).is_ok());
    let kept = store.root_log().cosignatures().unwrap();
    assert_eq!(kept.iter().map(|cosignature| cosignature.size).collect::<Vec<_>>(), [first.size(), second.size()]);
}

#[test]
fn a_cosignature_of_something_else_is_refused() {
    let files = Files::new();
    let scratch = scratch(&files);
    let store = &scratch.store;
    grow(store, 1);
    store.sign_root().unwrap();
    let (root, witness) = (root(store), CosignerKey::new("w", &[3; 32]).unwrap());
    let other = CosignerKey::new("w", &[4; 32]).unwrap();
    let text = root.note().parse::<Note>().unwrap().text().to_owned();
    let add = |signature| store.root_log().add_cosignature(root.note(), witness.verifier(), &signature);
    for wrong in [witness.cosign(signed(store).1.text(), 5).unwrap(), other.cosign(&text, 5).unwrap()] {
        assert!(matches!(add(wrong), Err(StoreError::Cosignature(_))));
    }
    assert_eq!(store.root_log().cosignatures().unwrap(), []);
    add(witness.cosign(&text, 5).unwrap()).unwrap();
    add(witness.cosign(&text, 4).unwrap()).unwrap();
    let kept = store.root_log().cosignatures().unwrap();
    assert_eq!((kept.len(), kept[0].at, kept[0].is_of(witness.verifier())), (1, 5, true), "an older one replaces nothing");
}
