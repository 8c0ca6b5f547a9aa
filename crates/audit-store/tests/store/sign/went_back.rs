//! A database that went back, or is another one, is refused until an operator decides.

use super::*;

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
    // B stored its checkpoint in the database, so A refuses too, although A never saw more than 100.
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
    assert_eq!(sizes_of_channels(&origin), [305, 1]);
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
    assert_eq!((&third.before, &third.log_name), (&second.log_name, &format!("{}-3", second.before)));
    assert_eq!(sizes_of_channels(&third), [6, 1]);
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

/// The sizes of the cited checkpoints, without that of the root log.
fn sizes_of_channels(origin: &audit_store::NewOrigin) -> Vec<u64> {
    let of_channels = origin.cited.iter().filter(|checkpoint| !checkpoint.origin().ends_with("/root"));
    of_channels.map(Checkpoint::size).collect()
}
