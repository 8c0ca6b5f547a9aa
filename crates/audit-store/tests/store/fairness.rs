//! Keys that send more than the database takes, beside others.

use std::time::Duration;

use audit_store::{AppendRequest, NotStored, PendingReceipts, Prepared};

use crate::common::{ActionLogs, Kind, Lock, Scratch, checked_logs, event};

/// A store whose only writer waits for a lock with one request in hand, so that all others queue.
fn waiting() -> (Scratch, Lock, PendingReceipts) {
    let scratch = Scratch::with(|config| config.writers = 1);
    let lock = scratch.lock();
    let first = scratch.store.append(AppendRequest::new([ActionLogs::entry("")])).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    (scratch, lock, first)
}

fn request_of(key: i64, events: usize) -> AppendRequest {
    let entries: Vec<Prepared> = (0..events).map(|_| event("{}")).collect();
    AppendRequest::new(entries).producer(key)
}

#[test]
fn a_key_that_floods_keeps_no_other_waiting() {
    let (scratch, lock, first) = waiting();
    let flood: Vec<_> = (0..30).map(|_| scratch.store.try_append(request_of(7, 200)).unwrap()).collect();
    let honest = scratch.store.try_append(request_of(8, 1)).unwrap();
    drop(lock);
    first.wait().unwrap();
    let honest = honest.wait().unwrap()[0];
    assert!(honest.position < 1_000, "{}: behind more than one share", honest.position);
    let flood: Vec<_> = flood.into_iter().flat_map(|pending| pending.wait().unwrap()).collect();
    assert!(flood.iter().map(|receipt| receipt.position).is_sorted(), "the order of one key is kept");
    // What has the same time was one transaction.
    let beside = flood.iter().filter(|receipt| receipt.recorded_at == honest.recorded_at).count();
    assert!(beside <= 1_000, "{beside} of the flood were committed before the honest one was answered");
    assert_eq!(checked_logs(&scratch.store).len(), 6_001);
}

#[test]
fn a_key_that_floods_leaves_room_in_the_queue() {
    let (scratch, lock, first) = waiting();
    let flood: Vec<_> = (0..1024).map(|_| scratch.store.try_append(request_of(7, 1)).unwrap()).collect();
    assert_eq!(scratch.store.try_append(request_of(7, 1)).unwrap_err(), NotStored::Busy { retry_after_seconds: 1 });
    let honest = scratch.store.try_append(request_of(8, 1)).unwrap();
    drop(lock);
    for pending in flood.into_iter().chain([first, honest]) {
        assert_eq!(pending.wait().unwrap().len(), 1);
    }
    assert_eq!(scratch.store.try_append(request_of(7, 1)).unwrap().wait().unwrap()[0].position, 1_025);
}
