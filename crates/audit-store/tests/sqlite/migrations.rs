//! A file that becomes a database, or cannot, and what in it only SQLite has.

use std::path::Path;

use audit_store::{OpenError, Store, StoreConfig};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::common::Scratch;

fn config_in(dir: &TempDir) -> StoreConfig {
    StoreConfig::new(format!("sqlite://{}/audit.db", dir.path().display()))
}

/// What only reads needs no lock; what appends is told at the start, and not with its first event.
#[test]
fn a_file_that_another_process_locks_is_reported_as_locked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.db");
    drop(Store::open(config_in(&dir)).unwrap());
    let holder = Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let store = Store::open(config_in(&dir)).unwrap();
    let error = store.refuse_read_only().unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("the database `{}` is locked by another process", path.display()));
    holder.execute_batch("ROLLBACK").unwrap();
    store.refuse_read_only().unwrap();
}

/// A write that was tried leaves nothing behind.
#[test]
fn a_write_that_is_tried_leaves_the_file_as_it_was() {
    let scratch = Scratch::new();
    let read = || scratch.raw().strings("SELECT type || name || sql FROM sqlite_schema ORDER BY 1");
    let before = read();
    scratch.store.refuse_read_only().unwrap();
    scratch.store.check().unwrap();
    assert_eq!(read(), before);
    assert_eq!(scratch.raw().strings("PRAGMA integrity_check"), ["ok"]);
}

/// Connections that wanted to read once made such files, and the next start took one for a log without entries and keys.
#[test]
fn an_empty_file_that_something_left_is_not_taken_for_a_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.db");
    let empty: [fn(&Path); 3] = [
        |path| std::fs::write(path, "").unwrap(),
        |path| Connection::open(path).unwrap().execute_batch("PRAGMA journal_mode = WAL; PRAGMA user_version = 1").unwrap(),
        |path| Connection::open(path).unwrap().execute_batch("CREATE TABLE __diesel_schema_migrations (version)").unwrap(),
    ];
    for make in empty {
        make(&path);
        let before = std::fs::read(&path).unwrap();
        let error = Store::open(config_in(&dir)).unwrap_err();
        assert!(matches!(error, OpenError::Empty { .. }), "{error:?}");
        assert!(matches!(config_in(&dir).inspect(), Err(OpenError::Empty { .. })));
        assert!(matches!(config_in(&dir).migrate(), Err(OpenError::Empty { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), before);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_sqlite_file_of_another_program_is_refused_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE events (a); CREATE TABLE songs (b)").unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = Store::open(config_in(&dir)).unwrap_err();
    let wanted =
        format!("the SQLite file `{}` is not an audit log (its tables are `events`, `songs`): name another file", path.display());
    assert_eq!(error.to_string(), wanted);
    assert_eq!(std::fs::read(&path).unwrap(), before, "not even its journal mode is changed");
}

#[test]
fn a_schema_of_before_is_told_from_one_of_later() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(config_in(&dir)).unwrap());
    let conn = Connection::open(dir.path().join("audit.db")).unwrap();
    let with = |version: &str| {
        conn.execute("INSERT INTO __diesel_schema_migrations (version) VALUES (?)", [version]).unwrap();
        let error = Store::open(config_in(&dir)).unwrap_err();
        conn.execute("DELETE FROM __diesel_schema_migrations WHERE version = ?", [version]).unwrap();
        error
    };
    assert!(matches!(with("20250101000000"), OpenError::EarlierSchema { migration, .. } if migration == "20250101000000"));
    assert!(matches!(with("29990101000000"), OpenError::NewerSchema { migration, .. } if migration == "29990101000000"));
    Store::open(config_in(&dir)).unwrap();
}

/// The names of paths mean nothing to SQLite.
#[test]
fn a_path_is_a_name_whatever_characters_it_has() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["file:x.db", "a%41.db", "a b&mode=ro.db", "größe.db"] {
        let path = dir.path().join(name);
        drop(Store::open(StoreConfig::new(format!("sqlite://{}", path.display()))).unwrap());
        assert!(path.exists(), "{name}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 4);
}

#[test]
fn what_is_no_database_or_cannot_be_made_is_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("audit.db");
    std::fs::write(&file, "not a database, but long enough to have a header of a hundred bytes: ".repeat(3)).unwrap();
    let error = Store::open(config_in(&dir)).unwrap_err();
    assert!(matches!(&error, OpenError::Database { why, .. } if why.contains("not a database")), "{error:?}");
    let below = |name: &str| Store::open(StoreConfig::new(format!("sqlite://{}/{name}", file.display())));
    assert!(matches!(below("x.db").unwrap_err(), OpenError::Directory { .. }));
    std::fs::create_dir(dir.path().join("d.db")).unwrap();
    let error = Store::open(StoreConfig::new(format!("sqlite://{}/d.db", dir.path().display()))).unwrap_err();
    assert!(matches!(&error, OpenError::Database { .. }), "{error:?}");
    for error in [error.to_string(), below("x.db").unwrap_err().to_string()] {
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn a_directory_that_is_missing_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/a/b/audit.db", dir.path().display());
    let store = Store::open(StoreConfig::new(url)).unwrap();
    assert_eq!(store.location(), dir.path().join("a/b/audit.db").display().to_string());
}

#[test]
fn the_file_is_in_wal_mode_and_nothing_else_lies_beside_it() {
    let scratch = Scratch::new();
    assert_eq!(scratch.raw().strings("PRAGMA journal_mode"), ["wal"]);
    let names = ["audit.db", "audit.db-shm", "audit.db-wal"].map(str::to_owned);
    let directory = scratch.place.path().parent().unwrap().to_owned();
    let mut files: Vec<String> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort_unstable();
    assert_eq!(files, names);
}

const OTHERS: &str = "\
trigger action_logs_keep_rows
trigger action_logs_only_erase
trigger action_logs_refuse_replace
trigger checkpoints_keep_rows
trigger checkpoints_only_grow
trigger checkpoints_refuse_replace
trigger cosignatures_only_grow
trigger erasures_keep_rows
trigger erasures_only_advance
trigger erasures_refuse_replace
trigger events_keep_rows
trigger events_only_erase
trigger events_refuse_replace
trigger log_names_keep_rows
trigger log_names_refuse_replace
trigger log_names_stay
trigger logs_follow_action_logs
trigger logs_follow_events
trigger logs_follow_root_entries
trigger logs_keep_rows
trigger logs_only_advance
trigger logs_refuse_replace
trigger logs_start_at_zero
trigger root_entries_keep_rows
trigger root_entries_refuse_replace
trigger root_entries_stay
trigger signing_keys_keep_rows
trigger signing_keys_only_retire
trigger signing_keys_refuse_replace
trigger tiles_only_grow
trigger tokens_keep_rows
trigger tokens_only_revoke
trigger tokens_refuse_replace
trigger trees_keep_rows
trigger trees_only_grow
trigger trees_refuse_replace
trigger trees_start_empty
view action_logs_readable
view events_readable";

#[test]
fn triggers_and_views_are_these() {
    let scratch = Scratch::new();
    let raw = scratch.raw();
    let others = raw.strings("SELECT type || ' ' || name FROM sqlite_schema WHERE type IN ('trigger', 'view') ORDER BY 1");
    assert_eq!(others.join("\n"), OTHERS);
}
