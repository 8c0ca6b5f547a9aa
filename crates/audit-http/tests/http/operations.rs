//! Health, request ids, many connections at once, and an orderly end.

use std::collections::HashSet;
use std::io::Read;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use audit_http::store::domain::{ChannelGrant, Clock, Role};
use audit_http::store::{Scrubbing, Store};

use serde_json::Value;

use crate::common::{Ask, Fixture, TestDatabase, TestServer};

const OMS: &str = "/api/v1/oms/settings/audit_events/";
const EVENTS: &str = "/api/v1/events";

#[test]
fn health_needs_no_key_and_readiness_ends_with_the_store() {
    let server = TestServer::start();
    for (path, status) in [("/healthz", "ok"), ("/readyz", "ready")] {
        assert_eq!(server.ask(&Ask::get(path)).expect(200)["status"], status);
        assert_eq!(server.ask(&Ask::new("HEAD", path)).status, 200);
        assert_eq!(server.ask(&Ask::new("POST", path)).status, 405, "{path}");
    }
    server.append(r#"{"action":"A"}"#);
    server.store.close();
    assert_eq!(server.ask(&Ask::get("/readyz")).expect(503)["status"], "the database cannot be used");
    assert_eq!(server.ask(&Ask::get("/healthz")).status, 200);
    assert_eq!(server.get(&server.admin, OMS).expect(200)["count"], 1, "reads go on");
    for path in [EVENTS, OMS] {
        let answer = server.post(&server.admin, path, r#"{"action":"A"}"#);
        assert_eq!((answer.status, answer.header("Retry-After")), (503, Some("1")), "{}", answer.text());
    }
    let token = server.post(&server.admin, "/api/v1/tokens", r#"{"name":"n","role":"reader","channels":[1]}"#);
    assert_eq!((token.status, token.json()["code"].as_str()), (503, Some("unavailable")));
    server.stop();
}

#[test]
fn every_answer_has_a_request_id_of_its_own() {
    let server = TestServer::start();
    let reader = server.token(Role::Reader, "1");
    let mut seen = HashSet::new();
    for ask in [
        Ask::get("/healthz"),
        Ask::get("/healthz"),
        Ask::get("/readyz"),
        Ask::get("/nothing"),
        Ask::get(OMS),
        Ask::get(OMS).key(&reader),
        Ask::get(OMS.trim_end_matches('/')),
        Ask::get(&format!("{OMS}?user=x")).key(&reader),
        Ask::post(OMS, "{}").key(&reader),
        Ask::post(OMS, "{}").key(&server.admin),
        Ask::new("PUT", EVENTS).key(&server.admin),
        Ask::new("OPTIONS", EVENTS).key(&server.admin),
        Ask::new("HEAD", EVENTS).key(&server.admin),
        Ask::post(EVENTS, "{").key(&server.admin),
        Ask::post(EVENTS, "").announced(40_000_000).key(&server.admin),
        Ask::get(EVENTS).key(&server.admin).header("X-Request-Id", "mine"),
    ] {
        let answer = server.ask(&ask);
        let id =
            answer.header("X-Request-Id").unwrap_or_else(|| panic!("{} {} {}", answer.status, ask.method, ask.target)).to_owned();
        assert!(id.len() == 36 && seen.insert(id.clone()), "{id}");
    }
    server.stop();
}

#[test]
fn answers_are_compressed_for_those_who_ask() {
    let server = Fixture::get().serve(|_| {});
    let target = format!("{EVENTS}?channel_id=2&limit=50");
    let plain = server.get(&server.admin, &target);
    assert!(plain.header("Content-Encoding").is_none());
    let packed = server.ask(&Ask::get(&target).header("Accept-Encoding", "gzip").key(&server.admin));
    assert_eq!(packed.header("Content-Encoding"), Some("gzip"));
    assert!(packed.header("Vary").is_some_and(|vary| vary.eq_ignore_ascii_case("accept-encoding")));
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == plain.body && packed.body.len() < plain.body.len() / 2);
    server.stop();
}

/// Chunks came with HTTP/1.1. A client of HTTP/1.0 would take their sizes for a part of the answer.
#[test]
fn http_1_0_gets_answers_with_a_length_and_without_chunks() {
    let server = Fixture::get().serve(|_| {});
    let target = format!("{EVENTS}?channel_id=2&limit=50");
    let plain = server.get(&server.admin, &target);
    for ask in [
        Ask::get(&target),
        Ask::get("/docs/swagger-ui.css"),
        Ask::get("/nothing"),
        Ask::get(&format!("{OMS}?user=x")),
        Ask::new("HEAD", OMS),
        Ask::new("OPTIONS", OMS),
    ] {
        for encoding in [None, Some("gzip"), Some("deflate, identity;q=0.1"), Some("*")] {
            for kept in [false, true] {
                let mut client = server.connect();
                let mut ask = ask.clone().key(&server.admin).version("HTTP/1.0");
                if let Some(encoding) = encoding {
                    ask = ask.header("Accept-Encoding", encoding);
                }
                if kept {
                    ask = ask.header("Connection", "keep-alive");
                }
                let answer = client.ask(&ask);
                let wanted = (None, None, true, kept.then_some("keep-alive"));
                let header = |name| answer.header(name);
                let length = header("Content-Length").is_some();
                let got = (header("Transfer-Encoding"), header("Content-Encoding"), length, header("Connection"));
                assert_eq!(got, wanted, "{} {encoding:?}", ask.target);
                if ask.target == target {
                    assert!(answer.body == plain.body);
                }
                if kept {
                    assert_eq!(client.ask(&Ask::get("/healthz").version("HTTP/1.0")).status, 200);
                } else {
                    assert!(client.ends_within(Duration::from_secs(10)));
                }
            }
        }
    }
    server.stop();
}

#[test]
fn requests_that_are_sent_at_once_are_answered_in_their_order() {
    let server = TestServer::start();
    let mut client = server.connect();
    let asks: Vec<Ask> = (0..20).map(|n| Ask::post(EVENTS, format!("{{\"object_id\":{n}}}")).key(&server.admin)).collect();
    client.send(&asks.iter().flat_map(Ask::bytes).collect::<Vec<u8>>());
    for n in 0..20 {
        assert_eq!(client.answer("POST").unwrap().expect(201)["position"], n);
    }
    server.stop();
}

/// Half of 64 connections append, the others list: no 5xx, counts never fall, and in the end nothing is missing.
#[test]
fn sixty_four_connections_append_and_list_at_once() {
    const WRITERS: i64 = 32;
    const ROUNDS: i64 = 12;
    let server = TestServer::start();
    let (writer, reader) = (server.token(Role::Writer, "1"), server.token(Role::Reader, "1"));
    let acknowledged = AtomicI64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..WRITERS {
            let (server, writer, acknowledged) = (&server, &writer, &acknowledged);
            scope.spawn(move || {
                let mut client = server.connect();
                for round in 0..ROUNDS {
                    let path = [EVENTS, OMS, "/api/v1/remote/1/data-warehouse/audit-events/"][(round % 3) as usize];
                    let event = format!(r#"{{"content_type":{thread},"object_id":{round}}}"#);
                    let answer = client.ask(&Ask::post(path, event).key(writer));
                    assert_eq!(answer.status, 201, "{}", answer.text());
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for thread in 0..WRITERS {
            let (server, reader, acknowledged) = (&server, &reader, &acknowledged);
            scope.spawn(move || {
                let mut client = server.connect();
                let mut last = 0;
                for round in 0..ROUNDS {
                    let before = acknowledged.load(Ordering::SeqCst);
                    let target = match (thread + round) % 3 {
                        0 => format!("{EVENTS}?count=true&limit=5"),
                        1 => format!("{OMS}?limit=5"),
                        _ => "/api/v1/data-warehouse/audit-events/?sort=object_id&limit=5".to_owned(),
                    };
                    let count = client.ask(&Ask::get(&target).key(reader)).expect(200)["count"].as_i64().unwrap();
                    assert!(count >= last && count >= before, "{count} after {last}, {before} acknowledged");
                    last = count;
                }
            });
        }
    });
    for path in [OMS.to_owned(), format!("{EVENTS}?count=true")] {
        assert_eq!(server.get(&reader, &path).expect(200)["count"], WRITERS * ROUNDS);
    }
    for thread in 0..WRITERS {
        assert_eq!(server.get(&reader, &format!("{OMS}?content_type={thread}")).expect(200)["count"], ROUNDS);
    }
    server.stop();
}

#[test]
fn shutdown_answers_accepted_requests_and_takes_no_more() {
    let mut server = TestServer::start();
    let body = "{\"url\":\"/x\"}\n".repeat(2000);
    let whole_budget = 64 * 1024 * 1024;
    let free_then = whole_budget - 6 * (body.len() - 1);
    let bytes = Ask::post_lines(EVENTS, body).key(&server.admin).bytes();
    let mut clients: Vec<_> = (0..6)
        .map(|_| {
            let mut client = server.connect();
            client.send(&bytes[..bytes.len() - 1]);
            client
        })
        .collect();
    let mut idle = server.connect();
    assert_eq!(idle.ask(&Ask::get("/healthz")).status, 200);
    // All six are being read: their bytes are taken from the budget.
    wait_for(|| server.store.budget().free() <= free_then);
    let store = server.store.clone();
    let thread = server.begin_to_stop();
    // The port is closed soon, and a connection that asks for nothing does not hold up the end.
    wait_for(|| TcpStream::connect(server.address).is_err());
    assert!(idle.ends_within(Duration::from_secs(10)));
    assert!(!thread.is_finished(), "it waits for what was accepted");
    for client in &mut clients {
        client.send(&bytes[bytes.len() - 1..]);
    }
    for client in &mut clients {
        assert_eq!(client.answer("POST").unwrap().expect(201)["accepted"], 2000);
    }
    let start = Instant::now();
    thread.join().unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(store.check().is_err(), "the store is closed");
    assert_eq!(store.channels(ChannelGrant::All).events().states().unwrap()[0].size, 12_000);
}

fn wait_for(mut ready: impl FnMut() -> bool) {
    let start = Instant::now();
    while !ready() {
        assert!(start.elapsed() < Duration::from_secs(10), "it does not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Appends would be refused for ever, so the server ends, and its supervisor starts it again.
#[test]
fn a_writer_that_panics_ends_the_server() {
    let told = Arc::new(AtomicBool::new(false));
    let panics = Arc::clone(&told);
    let clock = Clock::from_fn(move || {
        let is_writer = std::thread::current().name() == Some("audit-writer");
        assert!(!(is_writer && panics.load(Ordering::SeqCst)), "the clock is broken");
        SystemTime::now()
    });
    let place = TestDatabase::new();
    let store = Store::open(place.config().clock(clock)).unwrap();
    let server = TestServer::with_store(place, store, |_| {});
    server.append(r#"{"action":"A"}"#);
    told.store(true, Ordering::SeqCst);
    let answer = server.post(&server.admin, EVENTS, r#"{"action":"A"}"#);
    assert_eq!((answer.status, answer.json()["outcome"].as_str()), (503, Some("unknown")), "{}", answer.text());
    assert!(answer.text().contains("send them again with the same uuids."), "{}", answer.text());
    let error = server.ended().unwrap_err();
    assert_eq!(error.to_string(), "the writer thread panicked: the clock is broken");
}

#[test]
fn a_panic_on_a_blocking_thread_is_an_internal_error() {
    let told = Arc::new(AtomicBool::new(false));
    let panics = Arc::clone(&told);
    let clock = Clock::from_fn(move || {
        let is_writer = std::thread::current().name() == Some("audit-writer");
        assert!(is_writer || !panics.load(Ordering::SeqCst), "the clock is broken");
        SystemTime::now()
    });
    let place = TestDatabase::new();
    let store = Store::open(place.config().clock(clock)).unwrap();
    let server = TestServer::with_store(place, store, |_| {});
    // Too large to be looked at in place.
    let url = "x".repeat(5_000);
    let event = format!(r#"{{"url":"{url}"}}"#);
    let log = format!(r#"{{"user_id":"1","action":"READ","table_name":"t","record_id":"1","description":"{url}"}}"#);
    let apis = [
        (EVENTS, &event, r#""code":"internal""#),
        (OMS, &event, r#"{"detail":"A server error occurred."}"#),
        ("/api/v1/audit/logs", &log, r#""error":"Internal Server Error""#),
    ];
    told.store(true, Ordering::SeqCst);
    for (path, body, wanted) in apis {
        let answer = server.post(&server.admin, path, body.as_str());
        assert!(answer.status == 500 && answer.text().contains(wanted), "{path}: {} {}", answer.status, answer.text());
        assert_eq!(answer.header("Retry-After"), None);
    }
    assert_eq!(server.ask(&Ask::get("/readyz")).expect(503)["status"], "internal error");
    told.store(false, Ordering::SeqCst);
    for (path, body, _) in apis {
        assert_eq!(server.post(&server.admin, path, body.as_str()).status, 201, "{path}");
    }
    assert_eq!(server.ask(&Ask::get("/readyz")).expect(200)["status"], "ready");
    server.stop();
}

#[test]
fn what_is_known_of_an_append_is_said_at_every_api() {
    let server = TestServer::start();
    server.store.close();
    let log = r#"{"user_id":"1","action":"READ","table_name":"t","record_id":"1","description":"d"}"#;
    for (path, body) in [(EVENTS, r#"{"action":"A"}"#), (OMS, r#"{"action":"A"}"#), ("/api/v1/audit/logs", log)] {
        let answer = server.post(&server.admin, path, body);
        assert!(answer.status == 503 && answer.text().contains("nothing was stored"), "{path}: {}", answer.text());
    }
    assert_eq!(server.post(&server.admin, EVENTS, r#"{"action":"A"}"#).json()["outcome"], "not_stored");
    server.stop();
}

/// The scrub goes on in the background, and says what it found without a place: health checks need no key.
#[test]
fn readiness_tells_what_the_last_scrub_found() {
    let place = TestDatabase::new();
    let scrubbing = Scrubbing::every(Duration::from_millis(50)).first_after(Duration::ZERO);
    let store = Store::open(place.config().scrubbing(Some(scrubbing))).unwrap();
    let server = TestServer::with_store(place, store, |_| {});
    server.append(r#"{"action":"A"}"#);
    let wait_for = |holds: &dyn Fn(&Value) -> bool| {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let answer = server.ask(&Ask::get("/readyz")).expect(200);
            if holds(&answer) {
                return answer;
            }
            assert!(Instant::now() < end, "{answer}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let clean = wait_for(&|answer| answer["scrub"]["entries"] == 1);
    assert_eq!((&clean["scrub"]["findings"], clean.get("warnings")), (&0.into(), None), "{clean}");
    server.store.seal().unwrap();
    server.sql("DELETE FROM tiles");
    let found = wait_for(&|answer| answer["scrub"]["findings"] == 1);
    assert_eq!(found["status"], "ready");
    let warning = found["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("the last scrub found 1 difference(s) in the database"), "{warning}");
    server.stop();
}
