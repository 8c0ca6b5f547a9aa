//! The name of the logs and the keys that sign.

use super::*;

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
