//! Moving a database, from a file to a server and back.

use audit_store::domain::{ChannelGrant, ChannelId, ContentType, ErasureOf, NewErasure, NewToken, Role, Stream};
use audit_store::{Copied, CopyError, CopyProgress, Signing, Store, StoreConfig, copy};
use tempfile::TempDir;

use crate::common::{ActionLogs, Dice, Events, Kind, Raw, TestDatabase, append, checked_logs_of, event, on_postgres, only, uuid};

const TABLES: [&str; 11] = [
    "logs",
    "events",
    "action_logs",
    "tokens",
    "content_types",
    "log_names",
    "signing_keys",
    "checkpoints",
    "erasures",
    "root_entries",
    "cosignatures",
];

/// Not carried: rebuilt from the entries.
const DERIVED: [&str; 5] = ["segments", "segment_times", "postings", "trees", "tiles"];

fn file() -> TestDatabase {
    TestDatabase::File(tempfile::tempdir().unwrap())
}

/// Everything that is stored, whatever it is stored in.
fn dump(raw: &Raw) -> Vec<Vec<Vec<Option<String>>>> {
    let order = |table: &str| match table {
        "tokens" | "content_types" => "id",
        "logs" => "channel_id, stream",
        "log_names" | "signing_keys" => "number",
        "checkpoints" | "cosignatures" | "erasures" => "1, 2, 3",
        _ => "channel_id, position",
    };
    TABLES.iter().map(|table| raw.rows(&format!("SELECT * FROM {table} ORDER BY {}", order(table)))).collect()
}

fn dump_of_derived(raw: &Raw) -> Vec<Vec<Vec<Option<String>>>> {
    DERIVED.iter().map(|table| raw.rows(&format!("SELECT * FROM {table} ORDER BY 1, 2, 3, 4"))).collect()
}

fn raw(place: &TestDatabase) -> Raw {
    match place {
        TestDatabase::File(_) => Raw::file(&place.path()),
        TestDatabase::Server(_) => place.raw(),
    }
}

/// A log with every kind of value, with erased slots, revoked tokens, and channels that have one log or two.
fn fill(place: &TestDatabase) -> Store {
    let store = Store::open(place.config()).unwrap();
    let mut dice = Dice(5);
    for round in 0..20u64 {
        let entries = (0..40).map(|n| {
            let (channel, at) = (dice.below(4), 1_600_000_000 + dice.below(100_000_000));
            let at = audit_store::domain::Timestamp::from_micros(at as i64 * 1_000_000 - 3_000_000_000_000_000).unwrap();
            let id = uuid(u128::from(round * 100 + n + 1));
            match dice.below(4) {
                0 if channel > 0 => ActionLogs::entry(&format!(r#""channel_id":{channel},"uuid":"{id}","created_at":"{at}","trace":"\u0000 \ud800","logger_name":"{n}""#)),
                _ => event(&format!(
                    r#"{{"channel_id":{channel},"uuid":"{id}","timestamp":"{at}","action":"A{}","content_type":{n},"object_id":"{n}","url":"{}","user":{{"pk":{n},"username":"zo\u00eb"}},"content":{{"b":1e400,"a":[],"a":"\u0000"}},"x":{n}}}"#,
                    n % 3,
                    "x".repeat(n as usize * 20)
                )),
            }
        });
        append(&store, entries.collect());
    }
    append(&store, vec![event(&format!(r#"{{"channel_id":7,"content":"{}"}}"#, "y".repeat(1_000_000)))]);
    for name in ["a", "b"] {
        store.create_token(NewToken { name: name.to_owned(), role: Role::Writer, channels: only(1), expires_at: None }).unwrap();
    }
    store.revoke_token(1, ChannelGrant::All).unwrap();
    store.put_content_types(vec![ContentType::new(7, "orders", "order").unwrap()]).unwrap().unwrap();
    store
}

fn erase_user(store: &Store, id: &str) {
    let (of, slots) = (ErasureOf::User(id.to_owned()), NewErasure::default_slots(Stream::Events));
    let new = NewErasure { stream: Stream::Events, of, slots, reason: "ticket 12".to_owned() };
    let begun = store.erase(ChannelId::DEFAULT, &new, 0).unwrap();
    assert!(begun[0].1.entries() > 1);
    assert!(store.wait_for_erasures(ChannelId::DEFAULT, Stream::Events, std::time::Duration::from_secs(60)).unwrap());
}

fn carry(from: &TestDatabase, to: &TestDatabase) -> Result<Copied, CopyError> {
    copy(&from.config(), &to.config(), |_| {})
}

#[test]
fn a_copy_to_a_server_and_back_is_equal_to_the_byte() {
    assert!(on_postgres());
    let (first, server, back) = (file(), TestDatabase::empty(), file());
    let store = fill(&first);
    erase_user(&store, "3");
    let files = tempfile::tempdir().unwrap();
    let signing = Signing::new(files.path().join("signing.key"), files.path().join("checkpoints"));
    let signer = Store::open(first.config().signing(signing.clone())).unwrap();
    signer.rotate_key(&signing).unwrap();
    signer.retire_key(&signing, 1).unwrap();
    signer.sign().unwrap();
    signer.sign_root().unwrap();
    signer.close();
    store.close();
    raw(&first).execute("INSERT INTO cosignatures VALUES (-1, 'w', 1, 1, 1, 'note', 'line')");
    let mut seen = (0, 0, 0);
    let copied = copy(&first.config(), &server.config(), |progress| match progress {
        CopyProgress::Start { entries, there } => seen.0 = entries - there,
        CopyProgress::Copied(count) => seen.1 += count,
        CopyProgress::Compared(count) => seen.2 += count,
    })
    .unwrap();
    assert_eq!(copied, Copied { entries: 802, new: 802, tokens: 2, content_types: 1, behind: 0 });
    assert_eq!(seen, (802, 802, 802));
    carry(&server, &back).unwrap();
    let dumps = [&first, &server, &back].map(|place| dump(&raw(place)));
    assert!(dumps[0].iter().all(|table| !table.is_empty()));
    assert_eq!(dumps[0], dumps[1]);
    assert_eq!(dumps[0], dumps[2]);
    // And the log goes on where it stood.
    let there = Store::open(server.config()).unwrap();
    there.index().unwrap();
    there.seal().unwrap();
    let derived = [&first, &server].map(|place| dump_of_derived(&raw(place)));
    for (number, table) in DERIVED.iter().enumerate() {
        let [copied, made] = [0, 1].map(|place| &derived[place][number]);
        assert!(!copied.is_empty() && copied == made, "{table} is not copied, and the same");
    }
    let before = there.channels(only(1)).events().states().unwrap()[0].size;
    assert_eq!(append(&there, vec![event("{}")])[0].position, before);
    checked_logs_of::<Events>(&there);
    checked_logs_of::<ActionLogs>(&there);
}

/// Every table there is but those that are made again, so that one that comes later is not forgotten.
#[test]
fn every_table_is_carried() {
    let place = TestDatabase::empty();
    drop(Store::open(place.config()).unwrap());
    let sql = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
               AND relname NOT LIKE '\\_\\_diesel%' ORDER BY relname";
    let mut tables = [TABLES.as_slice(), &DERIVED].concat();
    tables.sort_unstable();
    assert_eq!(raw(&place).strings(sql), tables);
}

#[test]
fn an_interrupted_copy_continues_and_a_later_one_adds_the_rest() {
    let (from, to) = (file(), TestDatabase::empty());
    let store = fill(&from);
    let url = from.config();
    let interrupted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        copy(&url, &to.config(), |progress| {
            assert!(!matches!(progress, CopyProgress::Copied(_)), "as if it were killed behind the first batch");
        })
    }));
    assert!(interrupted.is_err());
    let half = Store::open(to.config()).unwrap();
    let there = checked_logs_of::<Events>(&half).len() + checked_logs_of::<ActionLogs>(&half).len();
    assert!(there > 0 && there < 801, "{there}");
    half.close();
    assert_eq!(carry(&from, &to).unwrap().new as usize, 801 - there);
    append(&store, vec![event("{}"), event(r#"{"channel_id":99}"#)]);
    store.create_token(NewToken { name: "c".to_owned(), role: Role::Reader, channels: only(1), expires_at: None }).unwrap();
    store.revoke_token(2, ChannelGrant::All).unwrap();
    let again = carry(&from, &to).unwrap();
    assert_eq!((again.new, again.tokens), (2, 3));
    assert_eq!(carry(&from, &to).unwrap().new, 0);
    assert_eq!(dump(&raw(&from)), dump(&raw(&to)));
}

#[test]
fn an_erasure_reaches_a_copy_that_was_made_before() {
    let (from, to) = (file(), TestDatabase::empty());
    let store = fill(&from);
    carry(&from, &to).unwrap();
    let there = Store::open(to.config()).unwrap();
    there.index().unwrap();
    there.close();
    erase_user(&store, "3");
    assert_eq!(carry(&from, &to).unwrap().new, 1);
    assert_eq!(dump(&raw(&from)), dump(&raw(&to)));
    let there = Store::open(to.config()).unwrap();
    store.index().unwrap();
    there.index().unwrap();
    store.seal().unwrap();
    there.seal().unwrap();
    assert_eq!(dump_of_derived(&raw(&from)), dump_of_derived(&raw(&to)));
}

#[test]
fn what_holds_something_else_is_refused_and_left_alone() {
    let from = file();
    fill(&from).close();
    let other = |json: &str| {
        let place = TestDatabase::empty();
        append(&Store::open(place.config()).unwrap(), vec![event(json)]);
        place
    };
    for (place, why) in
        [(other("{}"), "has other entries than the source"), (other(r#"{"channel_id":50}"#), "has entries that the source lacks")]
    {
        let before = dump(&raw(&place));
        let error = carry(&from, &place).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert_eq!(dump(&raw(&place)), before);
    }
    let started = TestDatabase::empty();
    let store = Store::open(started.config()).unwrap();
    store
        .create_token(NewToken { name: "first".to_owned(), role: Role::Admin, channels: ChannelGrant::All, expires_at: None })
        .unwrap();
    let error = carry(&from, &started).unwrap_err().to_string();
    assert!(error.contains("the source lacks token 1 of the destination"), "{error}");
}

#[test]
fn a_copy_finds_entries_that_were_changed_in_a_database() {
    let (from, to) = (file(), TestDatabase::empty());
    fill(&from).close();
    carry(&from, &to).unwrap();
    for (change, undo) in [
        (
            "UPDATE events SET url = 'z' WHERE channel_id = 1 AND position = 3",
            "UPDATE events SET url = NULL WHERE channel_id = 1 AND position = 3",
        ),
        ("UPDATE tokens SET name = 'z' WHERE id = 2", "UPDATE tokens SET name = 'b' WHERE id = 2"),
        ("DELETE FROM action_logs WHERE channel_id = 2 AND position = 1", ""),
    ] {
        raw(&to).execute(change);
        let error = carry(&from, &to).unwrap_err();
        assert!(matches!(error, CopyError::Differs { .. } | CopyError::OtherToken { .. }), "{change}: {error}");
        if !undo.is_empty() {
            raw(&to).execute(undo);
        }
    }
    // The source itself is not what its hashes say: nobody should move it without knowing.
    let (from, to) = (file(), TestDatabase::empty());
    fill(&from).close();
    raw(&from).execute("DROP TRIGGER events_only_erase; UPDATE events SET content = '1' WHERE channel_id = 1 AND position = 0");
    let error = carry(&from, &to).unwrap_err().to_string();
    assert!(error.contains("the copy of the entry at 1/0 is wrong: it does not match its leaf hash"), "{error}");
}

#[test]
fn a_source_has_to_be_there_and_of_this_version() {
    let directory: TempDir = tempfile::tempdir().unwrap();
    let missing = StoreConfig::new(format!("sqlite://{}/nothing.db", directory.path().display()));
    let to = TestDatabase::empty();
    let error = copy(&missing, &to.config(), |_| {}).unwrap_err().to_string();
    assert!(error.starts_with("there is no database"), "{error}");
    let error = copy(&TestDatabase::empty().config(), &to.config(), |_| {}).unwrap_err().to_string();
    assert!(error.contains("has the schema of an older version (migration 2026-11-30-000000_create_logs is missing)"), "{error}");
}
