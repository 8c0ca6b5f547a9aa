//! Queries that would never end by themselves: each test holds those of action logs, so that nothing depends on how quick a machine is.

use std::time::{Duration, Instant};

use audit_http::store::Store;
use audit_http::store::domain::Role;

use super::{MIB, append_events};
use crate::common::{Answer, Ask, Client, TestDatabase, TestServer};

/// What waits for a place gets 503 after ten seconds: whatever is answered sooner did not wait.
const AT_ONCE: Duration = Duration::from_secs(8);

/// Ends what a test that fails leaves behind.
const AT_LAST: Duration = Duration::from_secs(60);

const SEARCH: &str = "/api/v1/action-logs?search=nowhere&count=true";
const LIST: &str = "/api/v1/action-logs?level=20";
const EVENTS: &str = "/api/v1/events?limit=1";

/// A server with places for two queries, of which a key may have one, beside those for two searches.
fn server(query_timeout: Duration) -> TestServer {
    let place = TestDatabase::new();
    let config = place.config().readers(2).query_timeout(query_timeout);
    let store = Store::open(&config).unwrap();
    let server = TestServer::with_store(place, store, |_| {});
    server.append(r#"{"action":"honest"}"#);
    server.post(&server.admin, "/api/v1/action-logs", r#"{"level":20,"message":"m"}"#).expect(201);
    server
}

/// Queries of action logs do not end until this is dropped.
struct Held<'a> {
    server: &'a TestServer,
    /// A transaction that keeps the table.
    session: Option<postgres::Client>,
}

impl Held<'_> {
    fn by(server: &TestServer) -> Held<'_> {
        if let Some(mut session) = server.session() {
            session.batch_execute("BEGIN; LOCK TABLE action_logs IN ACCESS EXCLUSIVE MODE").unwrap();
            return Held { server, session: Some(session) };
        }
        // In place of the table, a view of it that begins with a count to infinity.
        server.sql(
            "ALTER TABLE action_logs RENAME TO kept_action_logs;
             CREATE VIEW action_logs AS SELECT * FROM kept_action_logs
             WHERE (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT 2 FROM n) SELECT COUNT(*) FROM n) > 0;",
        );
        Held { server, session: None }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.session.take().is_none() {
            self.server.sql("DROP VIEW action_logs; ALTER TABLE kept_action_logs RENAME TO action_logs;");
        }
    }
}

/// Asks for the same over so many connections, and gives the server time to begin. A server that has not begun by then lets a test
/// pass that should fail, and never the other way round.
fn send(server: &TestServer, connections: usize, path: &str, key: &str) -> Vec<Client> {
    let mut clients: Vec<_> = (0..connections).map(|_| server.connect()).collect();
    clients.iter_mut().for_each(|client| client.send(&Ask::get(path).key(key).bytes()));
    std::thread::sleep(Duration::from_secs(1));
    clients
}

/// Asks for what nothing that is held may keep waiting.
#[track_caller]
fn at_once(server: &TestServer, ask: &Ask) -> Answer {
    let start = Instant::now();
    let answer = server.ask(ask);
    assert!(start.elapsed() < AT_ONCE, "{} {} took {:?}: {}", ask.method, ask.target, start.elapsed(), answer.text());
    answer
}

/// Who somebody is, appends, and whether the server is ready.
#[track_caller]
fn assert_works(server: &TestServer) {
    let writer = server.token(Role::Writer, "1");
    at_once(server, &Ask::post("/api/v1/events", r#"{"action":"honest"}"#).key(&writer)).expect(201);
    at_once(server, &Ask::get(EVENTS).key("nobody's")).expect(401);
    at_once(server, &Ask::get("/readyz")).expect(200);
}

#[test]
fn each_kind_of_query_ends_at_its_time() {
    let server = server(Duration::from_secs(1));
    let held = Held::by(&server);
    let paths = [
        SEARCH,
        LIST,
        "/api/v1/action-logs/summary?group_by=level&search=nowhere",
        "/api/v1/oms/logs/action_log/?search=nowhere",
        "/api/v1/oms/logs/action_log/?level=20",
    ];
    for path in paths {
        let answer = server.get(&server.admin, path);
        assert_eq!(answer.header("Retry-After"), Some("10"), "{path}: {}", answer.text());
        let refused = answer.expect(503);
        assert!(refused["detail"].as_str().unwrap().starts_with("The query did not end within 1 s."), "{path}: {refused}");
    }
    drop(held);
    for path in paths {
        server.get(&server.admin, path).expect(200);
    }
    server.stop();
}

#[test]
fn a_client_that_is_gone_gives_its_place_back() {
    let server = server(AT_LAST);
    let hasty = server.token(Role::Reader, "*");
    let held = Held::by(&server);
    // More than the key has places: some run, some wait.
    for _ in 0..2 {
        drop(send(&server, 3, LIST, &hasty));
        at_once(&server, &Ask::get(EVENTS).key(&hasty)).expect(200);
    }
    drop(held);
    server.stop();
}

#[test]
fn queries_of_one_key_leave_places_to_the_others() {
    let server = server(AT_LAST);
    let [greedy, other] = [(); 2].map(|()| server.token(Role::Reader, "*"));
    let held = Held::by(&server);
    let waiting = send(&server, 10, LIST, &greedy);
    at_once(&server, &Ask::get(EVENTS).key(&other)).expect(200);
    assert_works(&server);
    drop(waiting);
    drop(held);
    server.stop();
}

#[test]
fn searches_leave_the_other_queries_their_connections() {
    let server = server(AT_LAST);
    let [first, second, other] = [(); 3].map(|()| server.token(Role::Reader, "*"));
    let held = Held::by(&server);
    let running = [send(&server, 5, SEARCH, &first), send(&server, 5, SEARCH, &second)];
    at_once(&server, &Ask::get(EVENTS).key(&other)).expect(200);
    assert_works(&server);
    drop(running);
    drop(held);
    server.stop();
}

#[test]
fn with_every_place_taken_keys_appends_and_health_go_on() {
    let server = server(AT_LAST);
    let keys = [(); 2].map(|()| server.token(Role::Reader, "*"));
    let held = Held::by(&server);
    let running = keys.each_ref().map(|key| [send(&server, 5, LIST, key), send(&server, 5, SEARCH, key)]);
    assert_works(&server);
    drop(running);
    drop(held);
    server.stop();
}

#[test]
fn what_waits_too_long_or_in_too_long_a_line_is_503() {
    let server = server(AT_LAST);
    let greedy = server.token(Role::Reader, "*");
    let held = Held::by(&server);
    // One runs, and 128 wait.
    let start = Instant::now();
    let mut waiting = send(&server, 1, LIST, &greedy);
    waiting.extend(send(&server, 140, LIST, &greedy));
    let beyond = at_once(&server, &Ask::get(LIST).key(&greedy));
    assert_eq!((beyond.status, beyond.header("Retry-After")), (503, Some("1")), "{}", beyond.text());
    for client in &mut waiting[1..] {
        let answer = client.answer("GET").unwrap();
        assert_eq!((answer.status, answer.header("Retry-After")), (503, Some("1")), "{}", answer.text());
    }
    assert!(start.elapsed() < AT_LAST / 2, "{:?}", start.elapsed());
    drop(waiting);
    drop(held);
    server.stop();
}

#[test]
fn a_key_that_takes_no_answers_gets_no_more_of_them() {
    let server = TestServer::start();
    append_events(&server.store, 16, &format!(r#"{{"content":"{}"}}"#, "x".repeat(MIB - 1000)));
    let [greedy, other] = [(); 2].map(|()| server.token(Role::Reader, "*"));
    let untaken = send(&server, 2, "/api/v1/events?limit=16", &greedy);
    let refused = server.get(&greedy, EVENTS);
    assert_eq!((refused.status, refused.header("Retry-After")), (503, Some("1")), "{}", refused.text());
    at_once(&server, &Ask::get(EVENTS).key(&other)).expect(200);
    drop(untaken);
    at_once(&server, &Ask::get(EVENTS).key(&greedy)).expect(200);
    server.stop();
}

/// A small record is read where it is asked for, which on an embedded database takes less time than to hand the work on. A large one
/// takes a thousand times as long: it waits for its place, and for nobody else's.
#[test]
fn a_large_record_waits_for_a_place_as_a_query_does() {
    let server = server(AT_LAST);
    let [small, large] = ["m".to_owned(), "m".repeat(MIB / 2)].map(|text| {
        let event = server.append(&format!(r#"{{"action":"honest","content":{{"a":["","{text}"]}},"table_name":"t"}}"#));
        event["uuid"].as_str().unwrap().to_owned()
    });
    let [greedy, other] = [(); 2].map(|()| server.token(Role::Admin, "1"));
    let held = Held::by(&server);
    let waiting = send(&server, 1, LIST, &greedy);
    for (before, after) in [
        ("events/", ""),
        ("data-warehouse/audit-events/", "/"),
        ("remote/1/data-warehouse/audit-events/", "/"),
        ("audit/logs/", ""),
    ] {
        let path = |uuid: &str| format!("/api/v1/{before}{uuid}{after}");
        let by_greedy = send(&server, 1, &path(&large), &greedy);
        assert!(by_greedy.iter().all(|client| !client.is_answered()), "{before}");
        at_once(&server, &Ask::get(&path(&large)).key(&other)).expect(200);
        if server.session().is_none() {
            at_once(&server, &Ask::get(&path(&small)).key(&greedy)).expect(200);
        }
    }
    drop(waiting);
    drop(held);
    server.get(&greedy, &format!("/api/v1/events/{large}")).expect(200);
    server.stop();
}
