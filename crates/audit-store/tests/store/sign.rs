//! Signed checkpoints: who makes the key, what is signed, and that a database which went back is refused.

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

fn refusal(store: &Store) -> String {
    match events(store).append_all([NewEvent::new()]) {
        Err(AppendError::NotStored(NotStored::WentBack(why))) => why,
        other => panic!("{other:?}"),
    }
}

/// A copy of all tables, which can be put back while stores have the database open.
struct Backup<'s>(&'s Scratch);

const TABLES: [&str; 11] = [
    "logs",
    "events",
    "action_logs",
    "segments",
    "segment_times",
    "postings",
    "trees",
    "tiles",
    "log_names",
    "signing_keys",
    "checkpoints",
];

impl Backup<'_> {
    fn take(scratch: &Scratch) -> Backup<'_> {
        let raw = scratch.place.raw();
        TABLES.iter().for_each(|table| raw.execute(&format!("CREATE TABLE old_{table} AS SELECT * FROM {table}")));
        Backup(scratch)
    }

    fn put_back(&self) {
        let raw = self.0.place.raw();
        if !on_postgres() {
            let triggers =
                raw.strings("SELECT group_concat('DROP TRIGGER ' || name || ';', '') FROM sqlite_master WHERE type = 'trigger'");
            raw.execute(&triggers.concat());
        }
        let put = |table| format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM old_{table};");
        raw.execute(&format!("BEGIN; {} COMMIT", TABLES.map(put).concat()));
    }
}

#[test]
fn the_first_store_makes_the_key_and_others_do_not_sign() {
    let (files, others) = (Files::new(), Files::new());
    let unsigned = Scratch::new();
    append_many(&unsigned.store, 3);
    unsigned.store.sign().unwrap();
    assert_eq!((unsigned.store.log_name().unwrap(), unsigned.store.signing_state()), (None, None));
    assert!(events(&unsigned.store).checkpoint().unwrap().is_none());

    let store = open(&unsigned, &files).unwrap();
    let key: SignerKey = files.key().trim_end().parse().unwrap();
    let name = store.log_name().unwrap().unwrap();
    assert!(name.starts_with("audit.local/") && name.len() == 28, "{name}");
    assert_eq!(key.verifier().name(), name);
    #[cfg(unix)]
    for (path, mode) in [("signing.key", 0o600), ("checkpoints", 0o700)] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(files.0.path().join(path)).unwrap().permissions().mode() & 0o777, mode, "{path}");
    }
    store.sign().unwrap();
    let (checkpoint, _) = signed(&store);
    assert_eq!((checkpoint.origin(), checkpoint.size()), (&*format!("{name}/1/events"), 3));
    assert_eq!(
        store.verifier_keys(&ChannelGrant::All).unwrap(),
        [VerifierKey::of_log(checkpoint.origin(), &key.verifier().public_bytes()).unwrap()]
    );
    assert_eq!(store.verifier_keys(&"2".parse().unwrap()).unwrap(), []);

    let other = open(&unsigned, &others).unwrap();
    assert!(!other.signing_state().unwrap().signs && !others.0.path().join("signing.key").exists());
    append_many(&other, 2);
    other.sign().unwrap();
    wait_until("it keeps what it sees", || others.checkpoint() == files.checkpoint());
    // With the key, it signs from then on.
    fs::copy(files.0.path().join("signing.key"), others.0.path().join("signing.key")).unwrap();
    drop(store);
    other.sign().unwrap();
    assert_eq!(size(&other), 5);
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

/// A commit that fails after the file was written, and a program that ends there: the file is ahead of the database.
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

/// A saw 100 entries and sleeps, B signed 200, and the database goes back to 150.
#[test]
fn neither_of_two_servers_signs_a_database_that_went_back() {
    let files = Files::new();
    let scratch = Scratch::new();
    let b = open(&scratch, &files).unwrap();
    let of_a = files.with_same_key();
    let a = open(&scratch, &of_a).unwrap();
    append_many(&b, 100);
    b.sign().unwrap();
    a.sign().unwrap();
    assert!(of_a.checkpoint().contains("\n100\n"));
    drop(a);
    append_many(&b, 50);
    b.sign().unwrap();
    let backup = Backup::take(&scratch);
    append_many(&b, 50);
    b.sign().unwrap();
    backup.put_back();

    let why = refusal(&b);
    let file = files.0.path().join("checkpoints/1-events.checkpoint").display().to_string();
    assert!(why.starts_with(&format!("the log 1/events has 150 entries, and its checkpoint in `{file}` has 200")), "{why}");
    assert!(why.contains("audit-server log new-origin"), "{why}");
    assert!(matches!(b.sign(), Err(StoreError::WentBack(_))));
    assert_eq!(b.signing_state().unwrap().refusals.len(), 1);
    let warning =
        "1 log(s) do not extend their newest checkpoint, and nothing is appended to them: the log of the program says why";
    assert!(b.check().unwrap().iter().any(|said| said == warning), "what needs no key names no log");
    // B told the database, so A learns of it although it never saw more than 100.
    let a = open(&scratch, &of_a).unwrap();
    assert!(matches!(a.sign(), Err(StoreError::WentBack(_))));
    refusal(&a);
    assert!(of_a.checkpoint().contains("\n100\n"), "{}", of_a.checkpoint());
    // The other log of the channel is as it was.
    append(&a, vec![ActionLogs::entry("")]);
    // After a restart as well.
    drop(b);
    let b = open(&scratch, &files).unwrap();
    refusal(&b);
    assert_eq!(scratch.store.tree_lags(Stream::Events).unwrap()[0].entries, 0);
    // A store without files appends, as a batch job does: the entries are others then.
    append_many(&scratch.store, 100);
    scratch.store.seal().unwrap();
    assert!(
        matches!(b.sign(), Err(StoreError::WentBack(why)) if why.contains("the first 200 entries of the log 1/events are not those"))
    );
    refusal(&b);
}

#[test]
fn the_newest_copy_is_taken_back_without_a_restart() {
    let files = Files::new();
    let scratch = scratch(&files);
    append_many(&scratch.store, 5);
    scratch.store.sign().unwrap();
    let old = Backup::take(&scratch);
    append_many(&scratch.store, 5);
    scratch.store.sign().unwrap();
    let raw = scratch.place.raw();
    TABLES.iter().for_each(|table| raw.execute(&format!("CREATE TABLE new_{table} AS SELECT * FROM {table}")));
    old.put_back();
    refusal(&scratch.store);
    TABLES.iter().for_each(|table| {
        raw.execute(&format!("DROP TABLE old_{table}; CREATE TABLE old_{table} AS SELECT * FROM new_{table}"));
    });
    Backup(&scratch).put_back();
    scratch.store.sign().unwrap();
    assert_eq!(scratch.store.signing_state().unwrap().refusals, <[String; 0]>::default());
    append_many(&scratch.store, 1);
}

#[test]
fn a_new_origin_accepts_the_database_as_it_is() {
    let files = Files::new();
    let scratch = scratch(&files);
    append_many(&scratch.store, 5);
    scratch.append(vec![ActionLogs::entry("")]);
    scratch.store.sign().unwrap();
    let backup = Backup::take(&scratch);
    append_many(&scratch.store, 300);
    scratch.store.sign().unwrap();
    let (lost, _) = signed(&scratch.store);
    backup.put_back();
    refusal(&scratch.store);

    let operator = scratch.open_again();
    let origin = operator.begin_new_origin(&files.signing()).unwrap();
    assert_eq!(origin.log_name, format!("{}-2", origin.before));
    assert_eq!(origin.cited.iter().map(Checkpoint::size).collect::<Vec<_>>(), [305, 1]);
    // The server that runs goes on.
    wait_until("the server appends again", || events(&scratch.store).append_all([NewEvent::new()]).is_ok());
    scratch.store.sign().unwrap();
    let (checkpoint, _) = signed(&scratch.store);
    assert_eq!((checkpoint.origin(), checkpoint.size()), (&*format!("{}-2/1/events", origin.before), 7));
    let cited = events(&scratch.store).find_at(5).get().unwrap().unwrap();
    assert_eq!(cited.action(), Some("AUDIT.ORIGIN".to_owned()));
    let content: serde_json::Value = serde_json::from_str(cited.content().unwrap().as_str()).unwrap();
    assert_eq!(content["log_name"], origin.log_name);
    assert_eq!(content["previous"][0]["size"], 305);
    assert_eq!(content["previous"][0]["root"], lost.root().to_string());
    let verifier =
        VerifierKey::of_log(lost.origin(), &files.key().trim_end().parse::<SignerKey>().unwrap().verifier().public_bytes());
    assert_eq!(Checkpoint::open(content["previous"][0]["checkpoint"].as_str().unwrap(), &verifier.unwrap()).unwrap().0, lost);
    // Also after a restart, and for the next one.
    drop(scratch.store);
    let store = Store::open(scratch.place.config().signing(files.signing())).unwrap();
    append_many(&store, 1);
    assert_eq!(operator.begin_new_origin(&files.signing()).unwrap().log_name, format!("{}-3", origin.before));
}

/// The name that a lost database had is never used again, and every log goes on, also those that have no entries any more.
#[test]
fn a_copy_from_before_a_new_origin_gets_a_name_of_its_own() {
    let files = Files::new();
    let scratch = scratch(&files);
    append_many(&scratch.store, 5);
    scratch.store.sign().unwrap();
    let backup = Backup::take(&scratch);
    let operator = scratch.open_again();
    let second = operator.begin_new_origin(&files.signing()).unwrap();
    scratch.append(vec![ActionLogs::entry("")]);
    wait_until("the server knows the new name", || scratch.store.sign().is_ok() && size(&scratch.store) == 6);
    scratch.store.close();
    backup.put_back();
    // Both logs have files of a name that the database does not know.
    let store = Store::open(scratch.place.config().signing(files.signing())).unwrap();
    assert!(refusal(&store).contains(&format!("is of {}/1/events, a name that the database does not know", second.log_name)));
    let third = operator.begin_new_origin(&files.signing()).unwrap();
    assert_eq!((&third.before, third.log_name), (&second.log_name, format!("{}-3", second.before)));
    assert_eq!(third.cited.iter().map(Checkpoint::size).collect::<Vec<_>>(), [6, 1]);
    assert!(files.0.path().join("checkpoints/before-name-3/1-action-logs.checkpoint").exists());
    drop(store);
    let store = Store::open(scratch.place.config().signing(files.signing())).unwrap();
    append_many(&store, 1);
    append(&store, vec![ActionLogs::entry("")]);
    store.sign().unwrap();
    assert_eq!(size(&store), 7);
}

#[test]
fn an_emptied_database_is_refused_where_its_checkpoints_are() {
    let files = Files::new();
    let first = scratch(&files);
    append_many(&first.store, 5);
    first.store.sign().unwrap();
    let name = first.store.log_name().unwrap().unwrap();
    let empty = Scratch::new();
    let error = open(&empty, &files).unwrap_err().to_string();
    assert!(error.contains("has no log name") && error.contains(&format!("{name}/1/events")), "{error}");
    let origin = empty.store.begin_new_origin(&files.signing()).unwrap();
    assert_eq!((origin.before, origin.log_name), (name.clone(), format!("{name}-2")));
    let store = open(&empty, &files).unwrap();
    append_many(&store, 1);
    store.sign().unwrap();
    assert_eq!(size(&store), 2);
    // Another database that has logs of its own is not taken for it either.
    let others = Files::new();
    let other = scratch(&others);
    append_many(&other.store, 9);
    other.store.sign().unwrap();
    refusal(&open(&other, &files).unwrap());
}

#[test]
fn a_rotation_has_both_keys_sign_until_one_is_retired() {
    let files = Files::new();
    let scratch = scratch(&files);
    append_many(&scratch.store, 5);
    scratch.store.sign().unwrap();
    let keys = |store: &Store| store.verifier_keys(&ChannelGrant::All).unwrap();
    let verifying = |store: &Store, keys: &[VerifierKey]| {
        let (_, note) = signed(store);
        keys.iter().map(|key| note.verify(key).is_ok()).collect::<Vec<_>>()
    };
    let old = keys(&scratch.store);
    let operator = scratch.open_again();
    assert_eq!(
        operator.retire_key(&files.signing(), 1).unwrap_err().to_string(),
        "key 1 is the only one that signs: `audit-server key rotate` adds another"
    );
    let without = Files::new();
    assert!(operator.rotate_key(&without.signing()).unwrap_err().to_string().contains("lacks a key"));
    assert_eq!(operator.rotate_key(&files.signing()).unwrap(), 2);
    let both = keys(&scratch.store);
    assert_eq!((both.len(), &both[..1]), (2, &old[..]));
    scratch.store.sign().unwrap();
    assert_eq!(verifying(&scratch.store, &both), [true, true], "also a checkpoint of the same size");
    append_many(&scratch.store, 5);
    scratch.store.sign().unwrap();
    assert_eq!((verifying(&scratch.store, &both), size(&scratch.store)), (vec![true, true], 10));
    operator.retire_key(&files.signing(), 1).unwrap();
    append_many(&scratch.store, 5);
    scratch.store.sign().unwrap();
    assert_eq!((verifying(&scratch.store, &both), keys(&scratch.store)), (vec![false, true], both[1..].to_vec()));
    assert_eq!(files.key().lines().count(), 1);
    let listed = operator.signing_keys(&files.signing()).unwrap();
    assert_eq!(
        listed.iter().map(|key| (key.number, key.is_held, key.retired_at.is_some())).collect::<Vec<_>>(),
        [(1, false, true), (2, true, false)]
    );
    assert_eq!(
        operator.retire_key(&files.signing(), 1).unwrap_err().to_string(),
        "no key that signs has the number 1: `audit-server key show` lists them"
    );
    // Checkpoints that the retired key signed are still known.
    drop(scratch.store);
    assert_eq!(Store::open(scratch.place.config().signing(files.signing())).unwrap().signing_state().unwrap().refusals.len(), 0);
}

#[test]
fn a_file_or_a_row_that_was_changed_refuses_its_log_alone() {
    let files = Files::new();
    let scratch = scratch(&files);
    append_many(&scratch.store, 5);
    append(&scratch.store, vec![ActionLogs::entry("")]);
    scratch.store.sign().unwrap();
    drop(scratch.store);
    let path = files.0.path().join("checkpoints/1-events.checkpoint");
    let good = files.checkpoint();
    let others = Files::new();
    let other = Scratch::with(|config| config.signing = Some(others.signing()));
    append_many(&other.store, 5);
    other.store.sign().unwrap();
    let reopened = || Store::open(scratch.place.config().signing(files.signing())).unwrap();
    for (text, said) in [
        (good.replace("\n5\n", "\n4\n"), "is not a checkpoint of this database ("),
        (String::new(), "is not a checkpoint of this database ("),
        (others.checkpoint(), "is not a checkpoint of this database ("),
        (fs::read_to_string(files.0.path().join("checkpoints/1-action-logs.checkpoint")).unwrap(), "is of "),
    ] {
        fs::write(&path, &text).unwrap();
        let store = reopened();
        refusal(&store);
        // Also after several looks at the database.
        assert!(matches!(store.sign(), Err(StoreError::WentBack(_))));
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(files.checkpoint(), text, "the file stays as it is");
        let why = refusal(&store);
        assert!(why.starts_with(&format!("`{}` is not a checkpoint", path.display())) && why.contains(said), "{why}");
        append(&store, vec![ActionLogs::entry("")]);
    }
    fs::write(&path, &good).unwrap();
    let store = reopened();
    append_many(&store, 1);
    store.sign().unwrap();
    let raw = scratch.place.raw();
    if !on_postgres() {
        raw.execute("DROP TRIGGER checkpoints_only_grow");
    }
    raw.execute("UPDATE checkpoints SET note = 'x' || note WHERE stream = 1");
    append_many(&store, 1);
    assert!(
        matches!(store.sign(), Err(StoreError::WentBack(why)) if why.contains("checkpoint of the log 1/events in the database was changed"))
    );
    refusal(&store);
    assert!(matches!(events(&store).checkpoint(), Err(StoreError::WentBack(_))));
}

/// Another database in the place of the one that is open.
#[test]
fn a_database_that_is_swapped_while_it_is_open_is_refused() {
    let files = Files::new();
    let scratch = scratch(&files);
    append_many(&scratch.store, 5);
    scratch.store.sign().unwrap();
    let raw = scratch.place.raw();
    if !on_postgres() {
        raw.execute("DROP TRIGGER log_names_stay");
    }
    raw.execute("UPDATE log_names SET name = 'other'");
    assert!(matches!(scratch.store.sign(), Err(StoreError::WentBack(_))));
    let why = refusal(&scratch.store);
    assert!(why.contains("another database was put in its place"), "{why}");
}

#[test]
fn names_and_key_files_that_do_not_fit_are_refused() {
    let files = Files::new();
    let scratch = Scratch::new();
    let error = |signing: Signing| Store::open(scratch.place.config().signing(signing)).unwrap_err().to_string();
    for (name, said) in [("a b", "has no blanks"), ("a+b", "has no blanks"), ("/a", "other than `/`"), ("a/", "other than `/`")] {
        let error = error(files.signing().log_name(name));
        assert!(error.starts_with(&format!("the log name `{name}` cannot be used")) && error.contains(said), "{error}");
    }
    let key_file = files.0.path().join("signing.key");
    assert!(!key_file.exists());
    for (text, said) in
        [("", "has no key"), ("x\n", "has a line 1 that is not a signer key"), ("PRIVATE+KEY+a+b\n", "has a line 1 that is not")]
    {
        fs::write(&key_file, text).unwrap();
        let error = error(files.signing());
        assert!(error.starts_with(&format!("the signing key file `{}` {said}", key_file.display())), "{error}");
    }
    let key = SignerKey::new("audit.example.com", &[7; 32]).unwrap();
    fs::write(&key_file, key.to_secret_text()).unwrap();
    assert!(error(files.signing().log_name("other")).contains("has the key of audit.example.com"));
    // The operator's own key.
    let store = open(&scratch, &files).unwrap();
    assert_eq!(store.log_name().unwrap().as_deref(), Some("audit.example.com"));
    let error = error(files.signing().log_name("other"));
    assert!(error.contains("the logs of the database have the name audit.example.com"), "{error}");
    drop(Store::open(scratch.place.config().signing(files.signing().log_name("audit.example.com"))).unwrap());
}

/// A directory that cannot be written: nothing is signed, and appends go on.
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

#[test]
fn the_guards_of_sqlite_keep_names_keys_and_checkpoints() {
    if on_postgres() {
        return;
    }
    let files = Files::new();
    let scratch = scratch(&files);
    append_many(&scratch.store, 5);
    scratch.store.sign().unwrap();
    let raw = scratch.place.raw();
    for (sql, said) in [
        ("DELETE FROM log_names", "a name is never deleted"),
        ("UPDATE log_names SET name = 'x'", "a name never changes"),
        ("INSERT INTO log_names VALUES (3, 'x', 0)", "number or name is taken"),
        ("INSERT OR REPLACE INTO log_names SELECT 2, name, 0 FROM log_names", "number or name is taken"),
        ("INSERT OR REPLACE INTO log_names (rowid, number, name, created_at) VALUES (1, 2, 'x', 0)", "number or name is taken"),
        ("DELETE FROM signing_keys", "retire a key instead of deleting it"),
        ("UPDATE signing_keys SET public_key = zeroblob(32)", "a key is only ever retired"),
        ("UPDATE signing_keys SET retired_at = 1, number = 2", "a key is only ever retired"),
        ("INSERT INTO signing_keys VALUES (1, zeroblob(32), 0, NULL)", "number or key is taken"),
        ("INSERT OR REPLACE INTO signing_keys SELECT 2, public_key, 0, NULL FROM signing_keys", "number or key is taken"),
        ("DELETE FROM checkpoints", "a checkpoint is never deleted"),
        ("UPDATE checkpoints SET size = 4", "a checkpoint only grows"),
        ("UPDATE checkpoints SET log_name = 2", "a checkpoint only grows"),
        ("INSERT OR REPLACE INTO checkpoints SELECT channel_id, stream, log_name, 9, note FROM checkpoints", "is never replaced"),
    ] {
        let error = raw.try_execute(sql).unwrap_err();
        assert!(error.contains(said), "{sql}: {error}");
    }
    raw.execute("UPDATE signing_keys SET retired_at = 1");
    assert!(raw.try_execute("UPDATE signing_keys SET retired_at = NULL").unwrap_err().contains("a key is only ever retired"));
}

/// The tree of the old name may be the one that somebody changed: under the new name, only the tree that starts again is signed.
#[test]
fn a_tree_that_was_begun_under_an_earlier_name_is_not_signed() {
    let files = Files::new();
    let scratch = scratch(&files);
    append_many(&scratch.store, 5);
    scratch.store.sign().unwrap();
    let raw = scratch.place.raw();
    raw.execute(of_database(
        "CREATE TRIGGER stay BEFORE DELETE ON tiles BEGIN SELECT RAISE(ABORT, 'no'); END",
        "CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
         CREATE TRIGGER stay BEFORE DELETE ON tiles FOR EACH ROW EXECUTE FUNCTION stay()",
    ));
    scratch.open_again().begin_new_origin(&files.signing()).unwrap();
    // More than the time between two looks at the database.
    std::thread::sleep(Duration::from_millis(2_500));
    assert!(events(&scratch.store).checkpoint().unwrap().is_none());
    raw.execute(of_database("DROP TRIGGER stay", "DROP TRIGGER stay ON tiles"));
    scratch.store.sign().unwrap();
    assert_eq!(size(&scratch.store), 6);
}
