//! Queries that take too long, and clients that do not wait for them.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use audit_http::store::Store;
use audit_http::store::domain::Role;

use super::append_searched;
use crate::common::{Ask, Fixture, TestDatabase, TestServer};

#[test]
fn a_query_that_takes_too_long_is_503_in_the_words_of_each_api() {
    let place = Fixture::get().copy();
    let shortly = Duration::from_millis(1);
    let store = Store::open(place.config().query_timeout(shortly)).unwrap();
    let server = TestServer::with_store(place, store, |_| {});
    let why = "The query did not end within 0 s. Ask for less (a range of time, one channel, another filter), or retry later.";
    for (path, member) in [
        ("/api/v1/oms/settings/audit_events/?limit=1000&sort=object_id", "detail"),
        ("/api/v1/data-warehouse/audit-events/?limit=1000&sort=user", "detail"),
        ("/api/v1/audit/logs?limit=1000", "message"),
        ("/api/v1/audit/summary?record_id=1&action=READ&start_date=2023-10-16", "message"),
        ("/api/v1/events?limit=1000&channel_id=all&count=true&remote_addr=x", "detail"),
        ("/api/v1/events/summary?group_by=user&channel_id=all&timestamp__gte=2020-01-01T00:00:00Z", "detail"),
    ] {
        // A machine may be quick.
        let mut answers = std::iter::repeat_with(|| server.get(&server.admin, path)).take(1_000);
        let answer = answers.find(|answer| answer.status != 200).expect("one of them takes a millisecond");
        assert_eq!(answer.header("Retry-After"), Some("10"), "{path}");
        assert_eq!(answer.expect(503)[member], why, "{path}");
    }
    server.stop();
}

#[test]
fn what_waits_for_clients_that_are_gone_never_starts() {
    let server = TestServer::start();
    append_searched(&server.store, 600);
    let (hasty, patient) = (server.token(Role::Reader, "*"), server.token(Role::Reader, "*"));
    let search = |key: &str| Ask::get("/api/v1/action-logs?search=not%20not&count=true").key(key);
    let timed = |key: &str| {
        let start = Instant::now();
        assert_eq!(server.ask(&search(key)).expect(200)["count"], 0);
        start.elapsed()
    };
    let alone = timed(&patient);
    // One of these runs, the others wait.
    let mut gone: Vec<_> = (0..17).map(|_| server.connect()).collect();
    for client in &mut gone {
        client.send(&search(&hasty).bytes());
    }
    drop(gone);
    // Each of them would take as long as this one does.
    let behind = timed(&hasty);
    assert!(behind < alone * 8 + Duration::from_secs(1), "{behind:?}, and alone {alone:?}");
    server.stop();
}

#[test]
fn a_client_that_closes_its_side_gets_what_is_quick() {
    let server = TestServer::over(TestDatabase::new(), |_| {});
    let mut client = server.connect();
    client.send(&Ask::get("/api/v1/events").key(&server.admin).bytes());
    client.shutdown(Shutdown::Write);
    assert_eq!(client.answer("GET").unwrap().status, 200);
    server.stop();
}
