//! A clock that is wrong: what it says is refused, or seen, and the log stays one.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use audit_store::domain::{Clock, NewEvent, Timestamp};
use audit_store::{AppendError, AppendRequest, NotStored, Receipt, StoreError};

use crate::common::{ActionLogs, Kind, Scratch, checked_logs, event, uuid};

/// A clock that is ahead of this machine's by as much as a test says.
#[derive(Clone, Default)]
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn ahead_by(&self, seconds: i64) {
        self.0.store(seconds, Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let ahead = Arc::clone(&self.0);
        Clock::from_fn(move || {
            let seconds = ahead.load(Ordering::SeqCst);
            let (now, by) = (SystemTime::now(), Duration::from_secs(seconds.unsigned_abs()));
            if seconds < 0 { now - by } else { now + by }
        })
    }
}

fn scratch() -> (Scratch, Hands) {
    let hands = Hands::default();
    (Scratch::with(|config| config.clock = hands.clock()), hands)
}

const DAY: i64 = 86_400;
const YEAR: i64 = 366 * DAY;

#[test]
fn a_clock_that_cannot_be_right_stores_nothing() {
    let (scratch, hands) = scratch();
    for (ahead, said) in [(9_000 * YEAR, "says +1"), (-100 * YEAR, "says 19"), (-10 * YEAR, "says 201")] {
        hands.ahead_by(ahead);
        let prepared = event(r#"{"timestamp":"2023-10-16T09:00:00Z"}"#);
        let error = scratch.store.append(AppendRequest::new([prepared])).unwrap().wait().unwrap_err();
        assert!(matches!(error, AppendError::NotStored(NotStored::Clock(_))), "{error}");
        assert!(error.to_string().contains(said) && error.to_string().contains("2020-01-01"), "{error}");
        let channel = audit_store::domain::ChannelId::DEFAULT;
        assert!(matches!(scratch.store.channels(channel).events().prepare(NewEvent::new()), Err(StoreError::Clock(_))));
        assert!(matches!(scratch.store.check(), Err(StoreError::Clock(_))));
    }
    hands.ahead_by(0);
    assert_eq!(scratch.append_json("{}").position, 0, "nothing was stored before, and nothing needs a restart");
    assert_eq!(scratch.store.check().unwrap(), Vec::<String>::new());
    checked_logs(&scratch.store);
}

#[test]
fn a_jump_ahead_is_seen_until_the_clock_is_there() {
    let (scratch, hands) = scratch();
    let before = scratch.append_json("{}");
    assert_eq!(scratch.store.check().unwrap(), Vec::<String>::new());

    hands.ahead_by(3 * DAY);
    let warnings = scratch.store.check().unwrap();
    assert!(matches!(warnings.as_slice(), [one] if one.contains("jumped ahead by 2591") || one.contains("jumped ahead by 2592")));
    let ahead = scratch.append_json("{}");
    assert!(ahead.recorded_at.micros() - before.recorded_at.micros() >= 3 * DAY * 1_000_000);

    // Set right, the log stands still, and that is said for as long as it is so.
    hands.ahead_by(0);
    for _ in 0..2 {
        let (event, log) = (scratch.append_json("{}"), scratch.append_json_of::<ActionLogs>(r#"{"level":1,"message":"m"}"#));
        assert_eq!(event.recorded_at, ahead.recorded_at);
        assert!(log.recorded_at < ahead.recorded_at, "another log goes on");
    }
    let stands_still = |warnings: Vec<String>| {
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("1 log(s) is ahead of the clock"), "{warnings:?}");
        assert!(warnings[0].contains(&ahead.recorded_at.to_string()), "{warnings:?}");
    };
    stands_still(scratch.store.check().unwrap());
    stands_still(scratch.open_again().check().unwrap());
    let lead = scratch.store.log_ahead_of_clock().as_secs();
    assert!((3 * DAY as u64 - 600..=3 * DAY as u64).contains(&lead), "{lead}");

    // It goes on by itself where the clock arrives.
    hands.ahead_by(3 * DAY + 1);
    assert!(scratch.append_json("{}").recorded_at > ahead.recorded_at);
    assert_eq!(scratch.store.log_ahead_of_clock(), Duration::ZERO);
    assert_eq!(checked_logs(&scratch.store).len(), 5);
}

#[test]
fn more_than_a_minute_ahead_is_told() {
    let (scratch, hands) = scratch();
    scratch.append_json("{}");
    hands.ahead_by(65);
    scratch.append_json("{}");
    let warnings = scratch.store.check().unwrap();
    assert!(matches!(warnings.as_slice(), [one] if one.contains("jumped ahead by 6")), "{warnings:?}");
    hands.ahead_by(0);
    // The first append after that finds the log ahead of the clock.
    scratch.append_json("{}");
    let warnings = scratch.store.check().unwrap();
    assert!(matches!(warnings.as_slice(), [one] if one.contains("1 log(s) is ahead of the clock")), "{warnings:?}");
}

#[test]
fn small_differences_of_the_clock_are_not_told() {
    let (scratch, hands) = scratch();
    for ahead in [50, 0, 55] {
        hands.ahead_by(ahead);
        scratch.append_json("{}");
        assert_eq!(scratch.store.check().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn an_event_far_in_the_future_is_stored_and_warned_about() {
    let scratch = Scratch::with(|config| config.future_warning = Duration::from_secs(3_600));
    let now = Timestamp::now().unwrap();
    let at = |seconds: i64| Timestamp::from_micros(now.micros() + seconds * 1_000_000).unwrap();
    let json = |number: u128, seconds| format!(r#"{{"uuid":"{}","timestamp":"{}"}}"#, uuid(number), at(seconds));
    let [near, far] = [json(1, 3_500), json(2, 7_200)];
    let receipts = scratch.append(vec![event(&near), event(&far)]);
    assert_eq!((receipts[0].future_seconds, receipts[0].warnings().len()), (None, 0));
    let seconds = receipts[1].future_seconds.unwrap();
    assert!((6_600..=7_200).contains(&seconds), "{seconds}");
    let mut written = [String::new(), String::new()];
    receipts.iter().zip(&mut written).for_each(|(receipt, out)| receipt.write_json(out));
    assert!(written[0].ends_with(r#""duplicate":false}"#), "{}", written[0]);
    let end = format!(r#","warnings":["the time of the entry is {seconds} s ahead of the server's clock"]}}"#);
    assert!(written[1].ends_with(&end), "{}", written[1]);
    assert_eq!(scratch.get(&receipts[1]).entry.timestamp, at(7_200), "it is stored as it is");
    // A retry says the same of an event that is there already.
    let again = scratch.append_json(&far);
    assert!(again.duplicate && again.future_seconds.is_some());
    assert_eq!(Receipt { duplicate: false, future_seconds: None, ..again }, Receipt { future_seconds: None, ..receipts[1] });
    let log = ActionLogs::entry(&format!(r#""created_at":"{}""#, at(7_200)));
    assert_eq!(scratch.append(vec![log])[0].warnings().len(), 1);
}
