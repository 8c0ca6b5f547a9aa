//! The file of a witness: it never goes back, and updates wait for each other.

use audit_store::domain::log::NodeHash;
use audit_store::{OpenError, Store, StoreConfig, WitnessStore, WitnessedCheckpoint};
use rusqlite::Connection;

fn checkpoint(size: u64, root: u8) -> WitnessedCheckpoint {
    WitnessedCheckpoint { size, root: NodeHash([root; 32]), note: format!("{size} {root}") }
}

#[test]
fn a_witness_keeps_the_newest_checkpoint_of_each_log() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/witness.db");
    let store = WitnessStore::open(&path).unwrap();
    assert_eq!(store.latest("a").unwrap(), None);
    let put = |origin: &str, new: WitnessedCheckpoint| store.update(origin, |_| Ok::<_, ()>(new));
    put("a", checkpoint(0, 1)).unwrap().unwrap();
    put("a", checkpoint(5, 1)).unwrap().unwrap();
    put("b", checkpoint(3, 2)).unwrap().unwrap();
    assert_eq!(store.update("a", |latest| Err::<WitnessedCheckpoint, _>(latest.cloned())).unwrap(), Err(Some(checkpoint(5, 1))));
    // Whatever the caller decides, the file refuses to go back.
    for back in [checkpoint(4, 1), checkpoint(5, 2)] {
        assert!(put("a", back).is_err());
    }
    let raw = Connection::open(&path).unwrap();
    for statement in ["DELETE FROM witnessed", "REPLACE INTO witnessed SELECT origin, 0, root, note FROM witnessed"] {
        assert!(raw.execute(statement, []).is_err(), "{statement}");
    }
    put("a", checkpoint(5, 1)).unwrap().unwrap();
    drop(store);
    let store = WitnessStore::open(&path).unwrap();
    assert_eq!((store.latest("a").unwrap(), store.latest("b").unwrap()), (Some(checkpoint(5, 1)), Some(checkpoint(3, 2))));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

/// Two handles are as two processes.
#[test]
fn updates_of_a_witness_wait_for_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("witness.db");
    let stores = [WitnessStore::open(&path).unwrap(), WitnessStore::open(&path).unwrap()];
    std::thread::scope(|scope| {
        for store in stores.iter().chain(&stores) {
            scope.spawn(move || {
                for _ in 0..50 {
                    let next = |latest: Option<&WitnessedCheckpoint>| {
                        Ok::<_, ()>(checkpoint(latest.map_or(0, |latest| latest.size) + 1, 0))
                    };
                    store.update("a", next).unwrap().unwrap();
                }
            });
        }
    });
    assert_eq!(stores[0].latest("a").unwrap(), Some(checkpoint(200, 0)));
}

#[test]
fn neither_program_takes_the_file_of_the_other() {
    let directory = tempfile::tempdir().unwrap();
    let (log, witness) = (directory.path().join("audit.db"), directory.path().join("witness.db"));
    let config = |path: &std::path::Path| StoreConfig::new(format!("sqlite://{}", path.display()));
    drop(Store::open(config(&log)).unwrap());
    drop(WitnessStore::open(&witness).unwrap());
    let error = WitnessStore::open(&log).unwrap_err();
    assert!(matches!(&error, OpenError::Database { why, .. } if why.contains("it is not the file of a witness")), "{error}");
    assert!(Store::open(config(&witness)).is_err());
}
