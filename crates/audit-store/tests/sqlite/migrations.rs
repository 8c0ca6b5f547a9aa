//! A file that becomes a database, or cannot, and what in it only SQLite has.

use audit_store::{OpenError, Store, StoreConfig};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::common::Scratch;

fn config_in(dir: &TempDir) -> StoreConfig {
    StoreConfig::new(format!("sqlite://{}/audit.db", dir.path().display()))
}

#[test]
fn a_file_that_another_process_keeps_locked_is_said_to_be_locked() {
    let dir = tempfile::tempdir().unwrap();
    let holder = Connection::open(dir.path().join("audit.db")).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = Store::open(&config_in(&dir)).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error:?}");
    let path = dir.path().join("audit.db");
    assert_eq!(error.to_string(), format!("the database `{}` is locked by another process", path.display()));
    holder.execute_batch("ROLLBACK").unwrap();
    assert!(Store::open(&config_in(&dir)).is_ok());
}

#[test]
fn what_is_no_database_or_cannot_be_made_is_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("audit.db");
    std::fs::write(&file, "not a database, but long enough to have a header of a hundred bytes: ".repeat(3)).unwrap();
    let error = Store::open(&config_in(&dir)).unwrap_err();
    assert!(matches!(&error, OpenError::Database { why, .. } if why.contains("not a database")), "{error:?}");
    let below = |name: &str| Store::open(&StoreConfig::new(format!("sqlite://{}/{name}", file.display())));
    assert!(matches!(below("x.db").unwrap_err(), OpenError::Directory { .. }));
    std::fs::create_dir(dir.path().join("d.db")).unwrap();
    let error = Store::open(&StoreConfig::new(format!("sqlite://{}/d.db", dir.path().display()))).unwrap_err();
    assert!(matches!(&error, OpenError::Database { .. }), "{error:?}");
    for error in [error.to_string(), below("x.db").unwrap_err().to_string()] {
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn a_directory_that_is_missing_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/a/b/audit.db", dir.path().display());
    let store = Store::open(&StoreConfig::new(url)).unwrap();
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
trigger events_keep_rows
trigger events_only_erase
trigger events_refuse_replace
trigger logs_follow_action_logs
trigger logs_follow_events
trigger logs_keep_rows
trigger logs_only_advance
trigger logs_refuse_replace
trigger logs_start_at_zero
trigger tokens_keep_rows
trigger tokens_only_revoke
trigger tokens_refuse_replace
view action_logs_readable
view events_readable";

#[test]
fn triggers_and_views_are_these() {
    let scratch = Scratch::new();
    let raw = scratch.raw();
    let others = raw.strings("SELECT type || ' ' || name FROM sqlite_schema WHERE type IN ('trigger', 'view') ORDER BY 1");
    assert_eq!(others.join("\n"), OTHERS);
}
