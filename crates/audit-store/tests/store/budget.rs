//! What happens when there is no room, and when the store closes.

use std::time::Duration;

use audit_store::domain::limits::{BYTES_IN_FLIGHT_MAX, EVENT_BYTES_MAX};
use audit_store::{AppendRequest, Full, NotStored, StoreError};

use crate::common::{Scratch, checked_logs, event};

const BUSY: NotStored = NotStored::Busy { retry_after_seconds: 1 };

fn request() -> AppendRequest {
    AppendRequest::new([event(r#"{"description":"some bytes"}"#)])
}

#[test]
fn bytes_beyond_the_budget_are_refused_until_some_are_free() {
    let scratch = Scratch::new();
    let all = scratch.store.budget().try_reserve(BYTES_IN_FLIGHT_MAX).unwrap();
    assert_eq!(scratch.store.try_append(request()).unwrap_err(), BUSY);
    drop(all);
    scratch.store.try_append(request()).unwrap().wait().unwrap();
    // A share that is there already is enough.
    let mut all = scratch.store.budget().try_reserve(BYTES_IN_FLIGHT_MAX - 1).unwrap();
    assert_eq!((all.grow(1), all.grow(1)), (Ok(()), Err(Full::Budget)));
    let paid = request().holding(all);
    scratch.store.try_append(paid).unwrap().wait().unwrap();
    // The share came back before the receipt did.
    assert!(scratch.store.budget().try_reserve(BYTES_IN_FLIGHT_MAX).is_some());
}

/// Busy would have its client come back for ever.
#[test]
fn a_request_larger_than_the_whole_budget_is_refused_for_good() {
    let scratch = Scratch::new();
    let large = event(&format!(r#"{{"description":"{}"}}"#, "x".repeat(EVENT_BYTES_MAX - 20)));
    let count = BYTES_IN_FLIGHT_MAX / large.entry().slots().bytes();
    let request = |count| AppendRequest::new((0..count).map(|_| large.clone()));
    let error = NotStored::TooManyBytes((count + 1) * large.entry().slots().bytes());
    assert_eq!(scratch.store.try_append(request(count + 1)).unwrap_err(), error);
    assert_eq!(scratch.store.append(request(count + 1)).unwrap_err(), error);
    assert!(error.to_string().starts_with("a request may have at most 67108864 bytes (got "), "{error}");
    assert!(scratch.store.budget().try_reserve(BYTES_IN_FLIGHT_MAX).is_some());
    assert_eq!(checked_logs(&scratch.store), []);
}

#[test]
fn a_batch_job_waits_for_the_budget() {
    let scratch = Scratch::new();
    let all = scratch.store.budget().try_reserve(BYTES_IN_FLIGHT_MAX).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| scratch.store.append(request()).unwrap().wait().unwrap());
        std::thread::sleep(Duration::from_millis(50));
        assert!(!waiting.is_finished());
        drop(all);
        assert_eq!(waiting.join().unwrap()[0].position, 0);
    });
}

#[test]
fn a_full_queue_refuses_and_forgets_nobody_it_accepted() {
    let scratch = Scratch::new();
    let lock = scratch.lock();
    let mut accepted = Vec::new();
    let error = loop {
        assert!(accepted.len() <= 4096 + 10_000, "the queue has no end");
        // One key alone may fill a quarter of it.
        let producer_id = accepted.len() as i64 % 4;
        match scratch.store.try_append(AppendRequest::new([event("{}")]).producer(producer_id)) {
            Ok(pending) => accepted.push(pending),
            Err(error) => break error,
        }
    };
    assert_eq!(error, BUSY);
    // The queue, and what the writer had in its hands when it came to the lock.
    assert!(accepted.len() >= 4096, "{}", accepted.len());
    drop(lock);
    let count = accepted.len() as i64;
    let mut positions: Vec<i64> = accepted.into_iter().map(|pending| pending.wait().unwrap()[0].position).collect();
    for key in 0..4 {
        assert!(positions.iter().skip(key).step_by(4).is_sorted(), "first come, first served, of each key");
    }
    positions.sort_unstable();
    assert_eq!(positions, (0..count).collect::<Vec<_>>());
    assert!(scratch.store.try_append(request()).is_ok());
}

#[test]
fn a_closed_store_finishes_what_it_accepted_and_takes_no_more() {
    let scratch = Scratch::new();
    let lock = scratch.lock();
    let accepted: Vec<_> = (0..20).map(|_| scratch.store.try_append(request()).unwrap()).collect();
    std::thread::scope(|scope| {
        let closing = scope.spawn(|| scratch.store.close());
        while scratch.store.try_append(AppendRequest::new([])).is_ok() {
            std::thread::yield_now();
        }
        assert!(!closing.is_finished(), "it waits for the commit");
        drop(lock);
    });
    for pending in accepted {
        assert_eq!(pending.wait().unwrap().len(), 1);
    }
    assert_eq!(scratch.store.try_append(request()).unwrap_err(), NotStored::Closed);
    assert_eq!(scratch.store.append(request()).unwrap_err(), NotStored::Closed);
    assert!(matches!(scratch.store.revoke_token(1, audit_store::domain::ChannelGrant::All), Err(StoreError::Closed)));
    assert!(matches!(scratch.store.check(), Err(StoreError::Closed)));
    assert_eq!(checked_logs(&scratch.store).len(), 20, "reads go on");
    scratch.store.close();
    assert_eq!(checked_logs(&scratch.open_again()).len(), 20);
}

#[test]
fn a_store_that_is_dropped_finishes_what_it_accepted() {
    let scratch = Scratch::new();
    let store = scratch.open_again();
    let accepted: Vec<_> = (0..50).map(|_| store.append(request()).unwrap()).collect();
    drop(store);
    assert!(accepted.into_iter().all(|pending| pending.wait().is_ok()));
    assert_eq!(checked_logs(&scratch.store).len(), 50);
}
