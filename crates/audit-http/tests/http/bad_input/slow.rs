//! Slow and broken connections, and more bodies on their way than the server has memory for.

use std::time::{Duration, Instant};

use super::Bench;
use crate::common::{Ask, TestServer};

const EVENTS: &str = "/api/v1/events";
const MIB: usize = 1024 * 1024;

fn impatient() -> TestServer {
    TestServer::with(|config| {
        config.head_timeout = Duration::from_secs(1);
        config.idle_timeout = Duration::from_secs(1);
        config.api.body_timeout = Duration::from_secs(1);
    })
}

#[test]
fn a_body_that_does_not_arrive_in_time_gets_408() {
    let server = impatient();
    for (path, wanted) in [
        (EVENTS, "\"code\":\"timeout\""),
        ("/api/v1/tokens", "\"code\":\"timeout\""),
        ("/api/v1/oms/settings/audit_events/", r#"{"detail":"The request body did not arrive within 1 s."}"#),
        ("/api/v1/data-warehouse/audit-events/", r#"{"detail":"The request body did not arrive within 1 s."}"#),
    ] {
        let mut client = server.connect();
        let start = Instant::now();
        client.send(&Ask::post(path, "{").announced(1000).key(&server.admin).bytes());
        // A byte now and then does not buy more time.
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(250));
            client.send(b" ");
        }
        let answer = client.answer("POST").unwrap();
        assert_eq!(answer.status, 408);
        assert!(answer.text().contains(wanted), "{}", answer.text());
        assert!((0.9..5.0).contains(&start.elapsed().as_secs_f64()), "{:?}", start.elapsed());
        assert!(client.ends_within(Duration::from_secs(10)));
    }
    assert_eq!(server.everything().1.len(), 0);
    server.stop();
}

#[test]
fn a_head_that_does_not_arrive_in_time_gets_408_and_idle_connections_end() {
    let server = impatient();
    for begun in [&b""[..], b"GET /healthz HTTP/1.1\r\nHost: a"] {
        let mut client = server.connect();
        client.send(begun);
        assert_eq!(client.answer("GET").map(|answer| answer.status), Some(408));
        assert!(client.ends_within(Duration::from_secs(10)));
    }
    let mut client = server.connect();
    assert_eq!(client.ask(&Ask::get("/healthz")).status, 200);
    assert_eq!(client.ask(&Ask::get("/healthz")).status, 200, "a connection is kept");
    let start = Instant::now();
    assert!(client.ends_within(Duration::from_secs(10)));
    // Of a second, half may be over before it begins: actix looks at the clock twice a second.
    assert!(start.elapsed() > Duration::from_millis(400), "{:?}", start.elapsed());
    server.stop();
}

#[test]
fn a_request_that_breaks_off_leaves_nothing() {
    let server = TestServer::start();
    let whole = Ask::post_lines(EVENTS, "{\"url\":\"/x\"}\n".repeat(100)).key(&server.admin);
    let bytes = whole.bytes();
    for sent in [10, bytes.len() / 2, bytes.len() - 1] {
        let mut client = server.connect();
        client.send(&bytes[..sent]);
        drop(client);
    }
    let chunked = whole.chunked().bytes();
    let mut client = server.connect();
    client.send(&chunked[..chunked.len() - 3]);
    drop(client);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(server.everything(), (Vec::new(), Vec::new()));
    server.append("{}");
    server.stop();
}

#[test]
fn bodies_beyond_the_shared_budget_get_503_until_there_is_room_again() {
    const LOGIN: &str = r#"{"action":"LOGIN"}"#;
    let bench = Bench::start();
    let hold = || {
        let mut client = bench.server.connect();
        // What is only announced takes nothing; these bytes are there.
        let bytes = vec![b' '; 32 * MIB - 1];
        client.send(&Ask::post_lines(EVENTS, bytes).announced(32 * MIB).key(&bench.writer).bytes());
        client
    };
    let (first, second) = (hold(), hold());
    let room = |wanted: bool| {
        let start = Instant::now();
        while bench.server.store.budget().try_reserve(3).is_some() != wanted {
            assert!(start.elapsed() < Duration::from_secs(10), "the budget did not change");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    room(false);
    for ask in [
        Ask::post(EVENTS, LOGIN).key(&bench.writer),
        Ask::post(EVENTS, LOGIN).key(&bench.writer).chunked(),
        Ask::post("/api/v1/oms/settings/audit_events/", LOGIN).key(&bench.writer),
        Ask::post("/api/v1/data-warehouse/audit-events/", LOGIN).key(&bench.writer).chunked(),
        Ask::post("/api/v1/tokens", LOGIN).key(&bench.admin),
    ] {
        let answer = bench.server.ask(&ask);
        assert_eq!((answer.status, answer.header("Retry-After")), (503, Some("1")), "{}", answer.text());
    }
    // What needs no memory is answered all the same.
    assert_eq!(bench.server.get(&bench.reader, EVENTS).status, 200);
    assert_eq!(bench.server.ask(&Ask::get("/readyz")).status, 200);
    drop(first);
    room(true);
    let answer = bench.server.post(&bench.writer, EVENTS, "{");
    assert_eq!(answer.status, 400);
    drop(second);
    bench.run(Vec::new());
}

#[test]
fn uploads_that_are_only_announced_keep_nobody_out() {
    let bench = Bench::start();
    let silent: Vec<_> = (0..8)
        .map(|_| {
            let mut client = bench.server.connect();
            client.send(&Ask::post_lines(EVENTS, "{").announced(32 * MIB).key(&bench.writer).bytes());
            client
        })
        .collect();
    assert_eq!(bench.server.post(&bench.writer, EVENTS, "{").status, 400);
    drop(silent);
    bench.run(Vec::new());
}

#[test]
fn the_budget_is_given_back_whatever_becomes_of_a_request() {
    let bench = Bench::start();
    let whole = 64 * MIB;
    for body in ["{", "{}", "[]", "\u{0}"] {
        bench.server.post(&bench.writer, "/api/v1/oms/settings/audit_events/", body);
        bench.server.post(&bench.reader, EVENTS, body);
        bench
            .server
            .ask(&Ask::post(EVENTS, body).announced(30).key(&bench.writer).version("HTTP/1.0").header("Content-Encoding", "gzip"));
    }
    let start = Instant::now();
    while bench.server.store.budget().try_reserve(whole).is_none() {
        assert!(start.elapsed() < Duration::from_secs(10), "some of the budget is gone");
        std::thread::sleep(Duration::from_millis(5));
    }
    bench.server.stop();
}
