//! Who may read the files of a database: events tell of persons.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use audit_store::{Store, StoreConfig};

use crate::common::{append, event};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode() & 0o7777
}

fn open(path: &Path) -> Store {
    let store = Store::open(StoreConfig::new(format!("sqlite://{}", path.display()))).unwrap();
    append(&store, vec![event("{}")]);
    store
}

/// The modes of the database and of the files that SQLite keeps beside it while it is open.
fn modes(path: &Path) -> [u32; 3] {
    ["audit.db", "audit.db-wal", "audit.db-shm"].map(|name| mode(&path.with_file_name(name)))
}

#[test]
fn what_is_made_is_its_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let path = dir.path().join("one/two/audit.db");
    let _store = open(&path);
    assert_eq!(modes(&path), [0o600; 3]);
    assert_eq!([dir.path().join("one"), dir.path().join("one/two")].map(|path| mode(&path)), [0o700; 2]);
    assert_eq!(mode(dir.path()), 0o755, "it was there");
}

#[test]
fn what_is_there_keeps_its_mode() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data/audit.db");
    drop(open(&path));
    fs::set_permissions(dir.path().join("data"), Permissions::from_mode(0o750)).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let _store = open(&path);
    assert_eq!((mode(&dir.path().join("data")), modes(&path)), (0o750, [0o640; 3]));
}
