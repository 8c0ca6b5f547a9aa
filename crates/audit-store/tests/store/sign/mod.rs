//! Signed checkpoints: who makes the key, what is signed, and that a database which went back is refused.

mod keys;
mod root;
mod went_back;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use audit_store::domain::log::{Checkpoint, Note, SignerKey, VerifierKey, verify_inclusion};
use audit_store::domain::{ChannelGrant, NewEvent, Stream};
use audit_store::{AppendError, Log, NotStored, OpenError, Signing, Store, StoreError};

use crate::common::{ActionLogs, Events, Kind, Scratch, append, event, of_database, on_postgres};

const PATIENCE: Duration = Duration::from_secs(60);

/// The files of one server.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Files {
        Files(tempfile::tempdir().unwrap())
    }

    fn signing(&self) -> Signing {
        Signing::new(self.0.path().join("signing.key"), self.0.path().join("checkpoints"))
    }

    fn key(&self) -> String {
        fs::read_to_string(self.0.path().join("signing.key")).unwrap()
    }

    /// The files of another server that has the same keys.
    fn with_same_key(&self) -> Files {
        let other = Files::new();
        fs::copy(self.0.path().join("signing.key"), other.0.path().join("signing.key")).unwrap();
        other
    }

    fn checkpoint(&self) -> String {
        fs::read_to_string(self.0.path().join("checkpoints/1-events.checkpoint")).unwrap()
    }
}

fn scratch(files: &Files) -> Scratch {
    Scratch::with(|config| config.signing = Some(files.signing()))
}

fn open(scratch: &Scratch, files: &Files) -> Result<Store, OpenError> {
    Store::open(scratch.place.config().signing(files.signing()))
}

fn events(store: &Store) -> Log<Events> {
    store.channel(1).unwrap().events()
}

fn append_many(store: &Store, count: usize) {
    append(store, (0..count).map(|_| event("{}")).collect());
}

/// The newest checkpoint of the events, verified by the key of the database.
fn signed(store: &Store) -> (Checkpoint, Note) {
    let signed = events(store).checkpoint().unwrap().unwrap();
    let (checkpoint, note) = Checkpoint::open(signed.note(), signed.verifier()).unwrap();
    assert_eq!((checkpoint.size(), checkpoint.root()), (signed.tree().size(), signed.tree().root()));
    (checkpoint, note)
}

fn size(store: &Store) -> u64 {
    signed(store).0.size()
}

/// Waits until something holds.
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn checkpoints_follow_appends_and_prove_entries() {
    let files = Files::new();
    let scratch = scratch(&files);
    let receipts = scratch.append((0..300).map(|_| event("{}")).collect());
    scratch.append(vec![ActionLogs::entry("")]);
    wait_until("the log is signed", || {
        events(&scratch.store).checkpoint().unwrap().is_some_and(|signed| signed.tree().size() == 300)
    });
    let signed = events(&scratch.store).checkpoint().unwrap().unwrap();
    assert_eq!(files.checkpoint(), signed.note());
    append_many(&scratch.store, 500);
    for receipt in receipts.iter().step_by(37) {
        let position = receipt.position.unsigned_abs();
        let path = signed.tree().inclusion(position).unwrap().unwrap();
        verify_inclusion(receipt.leaf_hash, position, 300, &path, signed.tree().root()).unwrap();
    }
    let action_logs = || scratch.store.channel(1).unwrap().action_logs().checkpoint().unwrap();
    wait_until("the action log is signed", || action_logs().is_some_and(|signed| signed.tree().size() == 1));
    assert!(action_logs().unwrap().verifier().name().ends_with("/1/action-logs"));
}

#[test]
fn a_checkpoint_that_was_not_stored_is_signed_again() {
    let files = Files::new();
    let scratch = scratch(&files);
    append_many(&scratch.store, 10);
    scratch.store.sign().unwrap();
    let raw = scratch.place.raw();
    let fault = of_database(
        "CREATE TRIGGER fault BEFORE UPDATE ON checkpoints BEGIN SELECT RAISE(ABORT, 'no'); END",
        "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
         CREATE TRIGGER fault BEFORE UPDATE ON checkpoints FOR EACH ROW EXECUTE FUNCTION fault()",
    );
    raw.execute(fault);
    append_many(&scratch.store, 10);
    assert!(scratch.store.sign().unwrap_err().to_string().contains("no"));
    assert_eq!(size(&scratch.store), 10);
    assert!(files.checkpoint().contains("\n20\n"), "{}", files.checkpoint());
    let kept = files.checkpoint();
    drop(scratch.store);
    raw.execute(of_database("DROP TRIGGER fault", "DROP TRIGGER fault ON checkpoints"));
    let store = Store::open(scratch.place.config().signing(files.signing())).unwrap();
    store.sign().unwrap();
    assert_eq!((events(&store).checkpoint().unwrap().unwrap().note(), &*files.checkpoint()), (&*kept, &*kept));
}

#[test]
fn several_stores_sign_one_log() {
    let files = Files::new();
    let scratch = scratch(&files);
    let others = [files.with_same_key(), files.with_same_key()];
    let stores = others.map(|files| {
        let store = open(&scratch, &files).unwrap();
        (files, store)
    });
    std::thread::scope(|scope| {
        for (_, store) in &stores {
            scope.spawn(|| {
                for count in [1, 30, 300, 7, 50] {
                    append_many(store, count);
                    store.sign().unwrap();
                }
            });
        }
    });
    for (_, store) in &stores {
        store.sign().unwrap();
    }
    assert_eq!(size(&scratch.store), 776);
    for (files, _) in &stores {
        wait_until("every server keeps the newest checkpoint", || files.checkpoint().contains("\n776\n"));
    }
}

#[test]
#[cfg(unix)]
fn a_checkpoint_that_cannot_be_kept_is_not_signed() {
    let files = Files::new();
    let scratch = scratch(&files);
    append_many(&scratch.store, 5);
    scratch.store.sign().unwrap();
    let directory = files.0.path().join("checkpoints");
    fs::rename(&directory, files.0.path().join("gone")).unwrap();
    append_many(&scratch.store, 5);
    let error = scratch.store.sign().unwrap_err().to_string();
    assert!(error.starts_with(&format!("a checkpoint cannot be kept in `{}`", directory.display())), "{error}");
    assert_eq!(size(&scratch.store), 5);
    append_many(&scratch.store, 5);
    fs::rename(files.0.path().join("gone"), Path::new(&directory)).unwrap();
    scratch.store.sign().unwrap();
    assert_eq!(size(&scratch.store), 15);
}
