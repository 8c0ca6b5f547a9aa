//! Files that are removed, renamed or replaced under an open store: nothing is acknowledged that nobody would find again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use audit_store::domain::{NewToken, Role};
use audit_store::{AppendError, AppendRequest, OpenError, Prepared, Receipt, Store, StoreError, Unknown};
use rusqlite::Connection;

use crate::common::{Scratch, checked_logs, event, only};
use crate::wal::all_events;

const PATIENCE: Duration = Duration::from_secs(60);

fn beside(scratch: &Scratch, name: &str) -> PathBuf {
    scratch.place.path().with_file_name(name)
}

fn try_append(store: &Store, entry: Prepared) -> Result<Vec<Receipt>, AppendError> {
    store.append(AppendRequest::new([entry]))?.wait()
}

fn reader() -> NewToken {
    NewToken { name: "a".to_owned(), role: Role::Reader, channels: only(1), expires_at: None }
}

/// A sound database of its own that is older than the log.
fn back_up(scratch: &Scratch) -> PathBuf {
    let backup = beside(scratch, "backup.db");
    let conn = Connection::open(scratch.place.path()).unwrap();
    conn.execute("VACUUM INTO ?", [backup.to_str().unwrap()]).unwrap();
    backup
}

/// Waits until the WAL of a path is empty.
fn wait_until_empty(wal: &Path) {
    let end = Instant::now() + PATIENCE;
    while fs::metadata(wal).unwrap().len() > 0 {
        assert!(Instant::now() < end, "{} is not emptied", wal.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn nothing_is_acknowledged_into_a_file_that_is_gone() {
    type Harm = fn(&Scratch);
    let harms: [(Harm, &str); 6] = [
        (|scratch| fs::remove_file(scratch.place.path()).unwrap(), "removed or renamed"),
        (|scratch| fs::rename(scratch.place.path(), beside(scratch, "moved.db")).unwrap(), "removed or renamed"),
        (|scratch| fs::rename(back_up(scratch), scratch.place.path()).unwrap(), "replaced"),
        (|scratch| fs::remove_file(beside(scratch, "audit.db-wal")).unwrap(), "audit.db-wal` was removed"),
        (
            |scratch| {
                fs::write(beside(scratch, "other"), "").unwrap();
                fs::rename(beside(scratch, "other"), beside(scratch, "audit.db-wal")).unwrap();
            },
            "audit.db-wal` was replaced",
        ),
        (|scratch| fs::remove_file(beside(scratch, "audit.db-shm")).unwrap(), "audit.db-shm` was removed"),
    ];
    for (harm, said) in harms {
        let scratch = Scratch::new();
        scratch.append_json("{}");
        scratch.store.check().unwrap();
        harm(&scratch);
        let was_there = scratch.place.path().exists();
        let error = try_append(&scratch.store, event("{}")).unwrap_err();
        assert!(matches!(&error, AppendError::Unknown(Unknown::Displaced(why)) if why.contains(said)), "{said}: {error}");
        let error = scratch.store.check().unwrap_err();
        assert!(matches!(&error, StoreError::Displaced(why) if why.contains(said)), "{said}: {error}");
        let error = scratch.store.create_token(reader()).unwrap_err();
        assert!(matches!(error, StoreError::Displaced(_)), "{said}: {error}");
        // Reads open more connections; none of them makes a file.
        drop(all_events(&scratch.store));
        assert_eq!(scratch.place.path().exists(), was_there, "{said}");
    }
}

#[test]
fn a_file_that_comes_back_is_the_log_again() {
    let scratch = Scratch::new();
    scratch.append_json("{}");
    let moved = beside(&scratch, "moved.db");
    fs::rename(scratch.place.path(), &moved).unwrap();
    let entry = event(r#"{"uuid":"00000000-0000-0000-0000-000000000001"}"#);
    assert!(try_append(&scratch.store, entry.clone()).is_err());
    fs::rename(&moved, scratch.place.path()).unwrap();
    assert_eq!(try_append(&scratch.store, entry).unwrap()[0].position, 1);
    scratch.store.check().unwrap();
    assert_eq!(checked_logs(&scratch.store).len(), 2);
}

#[test]
fn a_moved_file_is_whole_without_its_wal() {
    let scratch = Scratch::new();
    for _ in 0..5 {
        scratch.append_json("{}");
    }
    let moved = beside(&scratch, "moved.db");
    fs::rename(scratch.place.path(), &moved).unwrap();
    wait_until_empty(&beside(&scratch, "audit.db-wal"));
    let alone = tempfile::tempdir().unwrap();
    fs::copy(&moved, alone.path().join("audit.db")).unwrap();
    let url = format!("sqlite://{}/audit.db", alone.path().display());
    let store = Store::open(audit_store::StoreConfig::new(url)).unwrap();
    assert_eq!(checked_logs(&store).len(), 5);
}

#[test]
fn a_backup_put_in_place_is_not_harmed_by_the_old_wal() {
    let scratch = Scratch::new();
    scratch.append_json("{}");
    let backup = back_up(&scratch);
    for _ in 0..50 {
        scratch.append_json(r#"{"description":"later than the backup"}"#);
    }
    fs::rename(backup, scratch.place.path()).unwrap();
    wait_until_empty(&beside(&scratch, "audit.db-wal"));
    let Scratch { store, place } = scratch;
    drop(store);
    let store = Store::open(place.config()).unwrap();
    assert_eq!(checked_logs(&store).len(), 1);
    let sound: String = Connection::open(place.path()).unwrap().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    try_append(&store, event("{}")).unwrap();
}

#[test]
fn no_new_log_is_begun_where_one_was() {
    let scratch = Scratch::new();
    scratch.append_json("{}");
    fs::remove_file(scratch.place.path()).unwrap();
    let Scratch { store, place } = scratch;
    drop(store);
    let error = Store::open(place.config()).unwrap_err();
    assert!(matches!(&error, OpenError::Orphaned { left, .. } if left.ends_with("audit.db-wal")), "{error}");
    assert!(!place.path().exists());
    assert!(matches!(place.config().inspect().unwrap_err(), OpenError::Orphaned { .. }));
    for name in ["audit.db-wal", "audit.db-shm"] {
        fs::remove_file(place.path().with_file_name(name)).unwrap();
    }
    assert!(matches!(place.config().inspect().unwrap_err(), OpenError::Missing { .. }));
    Store::open(place.config()).unwrap();
}
