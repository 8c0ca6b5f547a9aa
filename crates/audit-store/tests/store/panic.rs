//! A writer that panics: no caller waits forever, and each one gets what is known.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use audit_store::domain::Clock;
use audit_store::{AppendError, AppendRequest, NotStored, StoreError, Unknown};

use crate::common::{Events, Scratch, event, log_of};

/// A clock that panics in the thread that writes, once it is told to.
fn fatal() -> (Clock, Arc<AtomicBool>) {
    let told = Arc::new(AtomicBool::new(false));
    let panics = Arc::clone(&told);
    let clock = Clock::from_fn(move || {
        let is_writer = std::thread::current().name() == Some("audit-writer");
        assert!(!(is_writer && panics.load(Ordering::SeqCst)), "the clock is broken");
        SystemTime::now()
    });
    (clock, told)
}

fn request() -> AppendRequest {
    AppendRequest::new([event("{}")])
}

#[test]
fn a_writer_that_panics_leaves_nobody_waiting() {
    let (clock, told) = fatal();
    let scratch = Scratch::with(|config| (config.clock, config.writers) = (clock, 1));
    scratch.append_json("{}");
    assert_eq!(scratch.store.writer_panic(), None);
    let lock = scratch.lock();
    let in_hand = scratch.store.append(request()).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let queued: Vec<_> = (0..3).map(|_| scratch.store.append(request()).unwrap()).collect();
    told.store(true, Ordering::SeqCst);
    drop(lock);
    assert_eq!(in_hand.wait().unwrap_err(), AppendError::Unknown(Unknown::WriterEnded), "it may have been committed");
    for pending in queued {
        assert_eq!(pending.wait().unwrap_err(), AppendError::NotStored(NotStored::Closed), "it was never taken");
    }
    assert_eq!(scratch.store.try_append(request()).unwrap_err(), NotStored::Closed);
    assert_eq!(scratch.store.append(request()).unwrap_err(), NotStored::Closed);
    assert!(matches!(scratch.store.rebuild_index(), Err(StoreError::Closed)));
    assert_eq!(scratch.store.writer_panic().as_deref(), Some("the clock is broken"));
    let error = scratch.store.check().unwrap_err();
    assert_eq!(error.to_string(), "a writer thread panicked: the clock is broken");
    scratch.store.close();
    assert_eq!(log_of::<Events>(&scratch.open_again(), 1).len(), 1, "another store goes on with the same log");
}
