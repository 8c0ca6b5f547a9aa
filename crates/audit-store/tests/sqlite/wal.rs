//! The file of newest entries stays bounded, however readers overlap.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use audit_store::domain::{ActionLogFilter, ChannelGrant, Event, EventFilter};
use audit_store::{Page, Store, StoreError};

use crate::common::{ActionLogs, Kind, Scratch, append, event};

/// Over this, a checkpoint gets its turn.
const GROWN: u64 = 32 << 20;

/// Long queries on a slow machine let it grow further than 100 MiB, but not permanently.
const TOO_LARGE: u64 = 600 << 20;

/// A page of everything.
pub(crate) fn all_events(store: &Store) -> Result<Page<Event>, StoreError> {
    store.channels(ChannelGrant::All).events().list(EventFilter::default()).page(1, 10)
}

/// Looks into all texts, which takes a while.
fn search(store: &Store) {
    let filter = ActionLogFilter::default().containing("nowhere");
    store.channels(ChannelGrant::All).action_logs().list(filter).page(1, 10).unwrap();
}

#[test]
fn the_wal_begins_anew_though_readers_overlap_without_a_gap() {
    let scratch = Scratch::new();
    let text = "x".repeat(900_000);
    for _ in 0..8 {
        scratch.append(vec![ActionLogs::entry(&format!(r#""trace":"{text}""#))]);
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // More than run at once: when one ends, the next one starts while another is in the middle.
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    search(&scratch.store);
                }
            });
        }
        let large = format!(r#"{{"description":"{text}"}}"#);
        let (mut largest, mut bytes) = (0, 0);
        while largest <= GROWN || (bytes > GROWN && bytes < TOO_LARGE) {
            append(&scratch.store, vec![event(&large)]);
            bytes = scratch.store.wal_bytes().unwrap();
            largest = largest.max(bytes);
        }
        stop.store(true, Ordering::Relaxed);
        assert!(bytes <= GROWN, "{bytes} bytes");
    });
}

/// The threads of a web server drop their clones after it has stopped.
#[test]
fn closing_the_database_waits_for_other_clones() {
    let scratch = Scratch::new();
    scratch.append(vec![event("{}")]);
    let Scratch { store, place } = scratch;
    let wal = place.path().with_file_name("audit.db-wal");
    let (clone, last) = (store.clone(), store.clone());
    assert!(!store.close_database(Duration::from_millis(20)), "clones are left");
    assert!(fs::metadata(&wal).unwrap().len() > 0);
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        drop(clone);
    });
    assert!(last.close_database(Duration::from_secs(60)));
    assert!(!wal.exists());
    thread.join().unwrap();
}
