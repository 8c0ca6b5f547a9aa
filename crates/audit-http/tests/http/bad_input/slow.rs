//! Slow and broken connections, and more bodies on their way than the server has memory for.

use std::time::{Duration, Instant};

use audit_http::store::domain::Role;

use super::Bench;
use crate::common::{Ask, Client, TestServer};
use crate::events::compressed::gzip;

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
fn slow_heads_get_408_and_idle_connections_end() {
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
    server.append(r#"{"action":"A"}"#);
    server.stop();
}

/// A request whose bytes are there but for the last one. What is only announced takes nothing.
fn hold(bench: &Bench, key: &str, bytes: usize) -> Client {
    let mut client = bench.server.connect();
    client.send(&Ask::post_lines(EVENTS, vec![b' '; bytes - 1]).announced(bytes).key(key).bytes());
    client
}

/// Waits until so many bytes of the budget are free, or are not.
fn wait_for_room(bench: &Bench, bytes: usize, wanted: bool) {
    let start = Instant::now();
    while (bench.server.store.budget().free() >= bytes) != wanted {
        assert!(start.elapsed() < Duration::from_secs(10), "the budget did not change");
        std::thread::sleep(Duration::from_millis(5));
    }
}

const LOGIN: &str = r#"{"action":"LOGIN"}"#;

#[test]
fn bodies_beyond_the_shared_budget_get_503_until_there_is_room() {
    let bench = Bench::start();
    // What is not appended has room of its own: a key can be revoked while appends have none left.
    let (second, third) = (bench.server.token(Role::Writer, "1"), bench.server.token(Role::Writer, "1"));
    let mut held = Vec::new();
    let mut free = 64 * MIB;
    for (key, bytes) in [(&bench.writer, 32 * MIB), (&bench.writer, 16 * MIB), (&second, 16 * MIB)] {
        held.push(hold(&bench, key, bytes));
        free -= bytes - 1;
        wait_for_room(&bench, free + 1, false);
    }
    for ask in [
        Ask::post(EVENTS, LOGIN).key(&third),
        Ask::post(EVENTS, LOGIN).key(&third).chunked(),
        Ask::post("/api/v1/oms/settings/audit_events/", LOGIN).key(&third),
        Ask::post("/api/v1/data-warehouse/audit-events/", LOGIN).key(&third).chunked(),
    ] {
        let answer = bench.server.ask(&ask);
        assert_eq!((answer.status, answer.header("Retry-After")), (503, Some("1")), "{}", answer.text());
    }
    let token = r#"{"name":"x","role":"reader","channels":[1]}"#;
    let made = bench.server.post(&bench.admin, "/api/v1/tokens", token).expect(201)["id"].to_string();
    let revoke = Ask::new("DELETE", &format!("/api/v1/tokens/{made}")).key(&bench.admin);
    assert_eq!(bench.server.ask(&revoke).status, 204);
    let filter = Ask::get("/api/v1/oms/settings/audit_events/").header("Content-Type", "application/json").key(&bench.reader);
    assert_eq!(bench.server.ask(&filter.body(r#"{"end_date":"2023-10-16"}"#)).status, 200);
    assert_eq!(bench.server.get(&bench.reader, EVENTS).status, 200);
    assert_eq!(bench.server.ask(&Ask::get("/readyz")).status, 200);
    drop(held);
    wait_for_room(&bench, 64 * MIB, true);
    assert_eq!(bench.server.post(&bench.writer, EVENTS, "{").status, 400);
    bench.server.stop();
}

#[test]
fn a_body_that_grows_beyond_the_shared_budget_gets_503() {
    let bench = Bench::start();
    let (second, third) = (bench.server.token(Role::Writer, "1"), bench.server.token(Role::Writer, "1"));
    const LEFT: usize = 100_000;
    let mut held = Vec::new();
    let mut free = 64 * MIB;
    for (key, bytes) in [(&bench.writer, 32 * MIB), (&bench.writer, 16 * MIB), (&second, 16 * MIB - LEFT)] {
        held.push(hold(&bench, key, bytes));
        free -= bytes - 1;
        wait_for_room(&bench, free + 1, false);
    }
    let packed = gzip(format!("{LOGIN}\n").repeat(10_000).as_bytes());
    assert!(packed.len() < LEFT / 10, "it fits as it is sent");
    let grows = Ask::post_lines(EVENTS, packed).header("Content-Encoding", "gzip").key(&third);
    let answer = bench.server.ask(&grows);
    assert_eq!((answer.status, answer.header("Retry-After")), (503, Some("1")), "{}", answer.text());
    wait_for_room(&bench, free, true);
    // One that fits when it has grown gets in.
    let small = Ask::post(EVENTS, gzip(b"{")).header("Content-Encoding", "gzip").key(&third);
    assert_eq!(bench.server.ask(&small).status, 400);
    drop(held);
    wait_for_room(&bench, 64 * MIB, true);
    assert_eq!(bench.server.ask(&grows).expect(201)["accepted"], 10_000);
    bench.server.stop();
}

#[test]
fn a_key_has_a_quarter_of_the_budget_and_one_larger_request() {
    let bench = Bench::start();
    let other = bench.server.token(Role::Writer, "1");
    let large = hold(&bench, &bench.writer, 32 * MIB);
    wait_for_room(&bench, 33 * MIB, false);
    // Half a MiB of the quarter is left.
    let beside: Vec<_> = (0..31).map(|_| hold(&bench, &bench.writer, MIB / 2)).collect();
    wait_for_room(&bench, 17 * MIB, false);
    for path in [EVENTS, "/api/v1/data-warehouse/audit-events/", "/api/v1/audit/logs"] {
        let more = Ask::post(path, vec![b' '; MIB]).key(&bench.writer);
        let answer = bench.server.ask(&more);
        assert_eq!((answer.status, answer.header("Retry-After")), (503, Some("1")), "{}", answer.text());
        assert!(answer.text().contains("Too many requests of this key are in progress"), "{}", answer.text());
        // Others are served meanwhile, and so are small requests of this key.
        assert_eq!(bench.server.post(&other, EVENTS, "{").status, 400);
        assert_eq!(bench.server.post(&bench.writer, EVENTS, "{").status, 400);
    }
    drop((large, beside));
    wait_for_room(&bench, 64 * MIB, true);
    let largest = bench.server.ask(&Ask::post(EVENTS, vec![b' '; 32 * MIB]).key(&bench.writer));
    assert_eq!(largest.status, 413, "read to its end, and found to be no event: {}", largest.text());
    bench.run(Vec::new());
}

#[test]
fn a_body_that_trickles_gets_408_long_before_its_time() {
    let server = TestServer::start();
    // The last chunk, which says that it is the last, is missing.
    let chunked = Ask::post("/api/v1/audit/logs", "{").chunked().key(&server.admin).bytes();
    let bodies = [
        chunked[..chunked.len() - 5].to_vec(),
        Ask::post(EVENTS, "{").announced(MIB).key(&server.admin).bytes(),
        Ask::get("/api/v1/oms/settings/audit_events/")
            .header("Content-Type", "application/json")
            .body("{")
            .announced(1000)
            .key(&server.admin)
            .bytes(),
        Ask::post("/api/v1/oms/logs/action_log/", vec![b' '; 40_000]).announced(MIB).key(&server.admin).bytes(),
    ];
    let start = Instant::now();
    let mut clients = bodies.map(|bytes| {
        let mut client = server.connect();
        client.send(&bytes);
        client
    });
    // A phone on a slow line: 5 KiB/s.
    let mut phone = server.connect();
    phone.send(&Ask::post(EVENTS, "").announced(60 * 1024).key(&server.admin).bytes());
    for _ in 0..12 {
        std::thread::sleep(Duration::from_secs(1));
        phone.send(&[b' '; 5 * 1024]);
    }
    assert_eq!(phone.answer("POST").unwrap().status, 400, "a body of blanks, and not one that is too slow");
    for client in &mut clients {
        let answer = client.answer("POST").unwrap();
        assert_eq!(answer.status, 408, "{}", answer.text());
        assert!(answer.text().contains("too slowly"), "{}", answer.text());
    }
    assert!(start.elapsed() < Duration::from_secs(25), "a body may take 30 s: {:?}", start.elapsed());
    server.stop();
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
    while bench.server.store.budget().free() < whole {
        assert!(start.elapsed() < Duration::from_secs(10), "some of the budget is gone");
        std::thread::sleep(Duration::from_millis(5));
    }
    bench.server.stop();
}

/// A transaction that keeps the writer from its commit until it is dropped.
enum Kept {
    File(rusqlite::Connection),
    Server(postgres::Client),
}

impl Kept {
    fn by(server: &TestServer) -> Kept {
        if let Some(mut session) = server.session() {
            session.batch_execute("BEGIN; LOCK TABLE logs IN SHARE MODE").unwrap();
            return Kept::Server(session);
        }
        let conn = server.file_session();
        conn.execute_batch("BEGIN IMMEDIATE").unwrap();
        Kept::File(conn)
    }

    fn end(self) {
        match self {
            Kept::File(conn) => conn.execute_batch("ROLLBACK").unwrap(),
            Kept::Server(mut session) => session.batch_execute("ROLLBACK").unwrap(),
        }
    }
}

/// Waits until the budget has not changed for a while, and returns what is free.
fn settled(bench: &Bench) -> usize {
    let (mut free, mut since) = (bench.server.store.budget().free(), Instant::now());
    while since.elapsed() < Duration::from_millis(700) {
        let now = bench.server.store.budget().free();
        if now != free {
            (free, since) = (now, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    free
}

#[test]
fn a_client_that_hangs_up_before_its_turn_leaves_nothing() {
    let bench = Bench::start();
    let known: i64 = bench.server.everything().0.iter().map(|(_, size)| size).sum();
    let event = format!("{{\"url\":\"/{}\"}}\n", "x".repeat(2_000));
    let kept = Kept::by(&bench.server);
    // Its entries wait for the writer, and are more than a key may hold while others are parsed.
    let mut first = bench.server.connect();
    first.send(&Ask::post_lines(EVENTS, event.repeat(4_500)).key(&bench.writer).bytes());
    wait_for_room(&bench, 64 * MIB, false);
    let free = settled(&bench);
    let mut second = bench.server.connect();
    let body = event.repeat(100);
    second.send(&Ask::post_lines(EVENTS, body.clone()).key(&bench.writer).bytes());
    wait_for_room(&bench, free - body.len() + 1, false);
    assert_eq!(settled(&bench), free - body.len(), "its body waits, and is not parsed");
    drop(second);
    let start = Instant::now();
    wait_for_room(&bench, free, true);
    assert!(start.elapsed() < Duration::from_secs(5), "it is not kept until its time is over: {:?}", start.elapsed());
    kept.end();
    // On a slow machine, the writer may have given up waiting for the lock.
    let answer = first.answer("POST").unwrap();
    let stored = if answer.status == 503 { 0 } else { answer.expect(201)["accepted"].as_i64().unwrap() };
    assert_eq!(bench.server.everything().0.iter().map(|(_, size)| size).sum::<i64>(), known + stored);
    bench.server.stop();
}
