//! A synchronous standby that is away: nothing is acknowledged that it has not, and nothing is lost for it.

use std::time::{Duration, Instant};

use audit_store::{AppendError, AppendRequest, NotStored, Receipt, Store, StoreConfig, Unknown};

use crate::common::{append, checked_logs, event, uuid};
use crate::postgres_server::{Server, Standby};

struct Pair {
    primary: Server,
    standby: Standby,
    store: Store,
}

impl Pair {
    fn start() -> Pair {
        let primary = Server::start();
        primary.create("audit");
        let store = Store::open(StoreConfig::new(primary.url("audit"))).unwrap();
        let standby = primary.standby("second");
        primary.set("synchronous_standby_names", "'second'");
        append(&store, vec![event("{}")]);
        Pair { primary, standby, store }
    }

    /// The sessions that wait for the standby, as the primary sees them.
    fn waiting(&self) -> Vec<i32> {
        let sql = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = 'audit'";
        self.primary.client("postgres").query(sql, &[]).unwrap().iter().map(|row| row.get(0)).collect()
    }

    #[track_caller]
    fn until_one_waits(&self) -> i32 {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            match self.waiting().as_slice() {
                [one] => return *one,
                _ => assert!(Instant::now() < end, "nobody waits for the standby"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn request(number: u128) -> AppendRequest {
    AppendRequest::new([event(&format!(r#"{{"uuid":"{}"}}"#, uuid(number)))])
}

#[test]
fn an_append_is_acknowledged_only_after_the_standby_has_it() {
    let pair = Pair::start();
    pair.standby.stop();
    let first = pair.store.append(request(1)).unwrap();
    pair.until_one_waits();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| first.wait());
        // Another server gets the retry. It waits for the first one's lock, and then for nothing else: it is refused.
        let other = Store::open(StoreConfig::new(pair.primary.url("audit"))).unwrap();
        let refused = other.append(request(1)).unwrap().wait().unwrap_err();
        assert!(
            matches!(&refused, AppendError::NotStored(NotStored::Database(why)) if why.contains("is locked by another program")),
            "{refused}"
        );
        assert!(!waiting.is_finished(), "it waits as long as it takes");
        let late = other.append(request(2)).unwrap().wait_for(Duration::from_millis(500)).unwrap_err();
        assert_eq!(late, AppendError::Unknown(Unknown::Late), "who would rather not wait is told that nobody knows");
        pair.standby.start();
        let receipt = waiting.join().unwrap().unwrap()[0];
        assert!(!receipt.duplicate);
        let again = other.append(request(1)).unwrap().wait().unwrap()[0];
        assert_eq!(again, Receipt { duplicate: true, ..receipt });
    });
    append(&pair.store, vec![event(&format!(r#"{{"uuid":"{}"}}"#, uuid(2)))]);
    assert_eq!(checked_logs(&pair.store).len(), 3);
    let mut client = pair.standby.client("audit");
    let end = Instant::now() + Duration::from_secs(10);
    while client.query_one("SELECT COUNT(*) FROM events", &[]).unwrap().get::<_, i64>(0) < 3 {
        assert!(Instant::now() < end, "what was acknowledged is not on the standby");
    }
}

/// PostgreSQL reports success for a commit whose wait is cancelled. What took that long is followed by another commit, and that
/// waits for the standby again.
#[test]
fn a_wait_that_somebody_cancels_is_no_acknowledgement() {
    let pair = Pair::start();
    pair.standby.stop();
    let pending = pair.store.append(request(1)).unwrap();
    let waits = pair.until_one_waits();
    std::thread::sleep(Duration::from_millis(1500));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| pending.wait());
        // Once by mistake, and twice again because it did not seem to help.
        for _ in 0..3 {
            pair.primary.client("postgres").execute("SELECT pg_cancel_backend($1)", &[&waits]).unwrap();
            std::thread::sleep(Duration::from_millis(1500));
            assert_eq!(pair.until_one_waits(), waits);
            assert!(!waiting.is_finished(), "it was acknowledged though no standby has it");
        }
        pair.standby.start();
        assert!(!waiting.join().unwrap().unwrap()[0].duplicate);
    });
    assert_eq!(checked_logs(&pair.store).len(), 2);
}

/// The connection is ended while its commit waits: the event is in the log of the primary and may be nowhere else.
#[test]
fn a_commit_on_an_ended_connection_is_settled_by_the_standby() {
    let pair = Pair::start();
    pair.standby.stop();
    let pending = pair.store.append(request(1)).unwrap();
    let waits = pair.until_one_waits();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| pending.wait());
        pair.primary.client("postgres").execute("SELECT pg_terminate_backend($1)", &[&waits]).unwrap();
        let end = Instant::now() + Duration::from_secs(30);
        // The writer has looked, found it, and its own commit waits now.
        while !pair.waiting().iter().any(|pid| *pid != waits) {
            assert!(Instant::now() < end && !waiting.is_finished(), "it was acknowledged though no standby has it");
            std::thread::sleep(Duration::from_millis(20));
        }
        pair.standby.start();
        let receipt = waiting.join().unwrap().unwrap()[0];
        assert!(!receipt.duplicate, "it is this very request's");
    });
    assert_eq!(checked_logs(&pair.store).len(), 2);
}

#[test]
fn a_standby_is_no_primary() {
    let pair = Pair::start();
    let error = Store::open(StoreConfig::new(pair.standby.url("audit"))).unwrap_err().to_string();
    assert!(error.contains("the server is a standby, which cannot be written"), "{error}");
}

/// The commit waits for the standby when the server dies, and the log cannot be asked what became of it.
#[test]
fn a_commit_that_is_lost_with_its_server_is_unknown() {
    let pair = Pair::start();
    pair.standby.stop();
    let lost = pair.store.append(request(1)).unwrap();
    pair.until_one_waits();
    pair.primary.stop_immediate();
    let error = lost.wait().unwrap_err();
    assert!(matches!(error, AppendError::Unknown(Unknown::Unconfirmed(_))), "{error}");
    // Nothing of this one was sent.
    let refused = pair.store.append(request(2)).unwrap().wait().unwrap_err();
    assert!(matches!(refused, AppendError::NotStored(NotStored::Database(_))), "{refused}");
    pair.primary.start_again();
    pair.standby.start();
    for (number, duplicate) in [(1, true), (2, false)] {
        let receipt = pair.store.append(request(number)).unwrap().wait().unwrap()[0];
        assert_eq!(receipt.duplicate, duplicate, "{number}");
    }
}
