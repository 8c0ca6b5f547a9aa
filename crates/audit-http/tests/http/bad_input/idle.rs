//! Connections that ask for nothing, and connections that only look so.

use std::time::{Duration, Instant};

use crate::common::{Ask, TestServer};

const EVENTS: &str = "/api/v1/events";
const MIB: usize = 1024 * 1024;

/// Not less: actix looks at a clock that goes forward twice a second.
const HEAD: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_secs(1);

/// The longest silence.
const QUIET: Duration = Duration::from_secs(2);

/// The server looks once a second; the rest is for a busy machine.
const SLACK: Duration = Duration::from_secs(6);

fn impatient(body_timeout: Duration) -> TestServer {
    TestServer::with(|config| {
        config.head_timeout = HEAD;
        config.idle_timeout = IDLE;
        config.api.body_timeout = body_timeout;
    })
}

/// More than the operating system takes off the server's hands.
fn with_a_large_page(server: &TestServer) -> Ask {
    let events: Vec<String> = (0..16).map(|_| format!("{{\"description\":\"{}\"}}", "x".repeat(MIB - 1000))).collect();
    server.append_all(&events);
    Ask::get(EVENTS).key(&server.admin)
}

/// Descriptors of this process for the server's ends of its connections: two for each that is open.
#[cfg(target_os = "linux")]
fn descriptors(server: &TestServer) -> usize {
    let port = format!(":{:04X}", server.address.port());
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    // 0A is the listening socket.
    let ours = rows.filter(|row| row[1].ends_with(&port) && row[3] != "0A");
    let links: Vec<String> = ours.map(|row| format!("socket:[{}]", row[9])).collect();
    let open = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    open.filter(|link| links.iter().any(|known| link.as_os_str() == known.as_str())).count()
}

#[cfg(target_os = "linux")]
fn wait_for_no_descriptors(server: &TestServer, patience: Duration) {
    let start = Instant::now();
    while descriptors(server) > 0 {
        assert!(start.elapsed() < patience, "{} descriptors are left", descriptors(server));
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(not(target_os = "linux"))]
fn wait_for_no_descriptors(_: &TestServer, _: Duration) {}

#[test]
fn half_a_request_after_a_whole_one_is_ended() {
    let server = impatient(QUIET);
    let begun = "GET /healthz HTTP/1.1\r\nHost: a";
    let unread = Ask::get("/healthz").body("{}".repeat(10)).chunked().bytes();
    for (begun, answers) in [
        (begun.as_bytes(), 0),
        // A chunked body that nobody reads, and that does not end.
        (&unread[..unread.len() - 5], 1),
    ] {
        let mut client = server.connect();
        assert_eq!(client.ask(&Ask::get("/healthz")).status, 200);
        #[cfg(target_os = "linux")]
        assert_eq!(descriptors(&server), 2);
        let start = Instant::now();
        client.send(begun);
        for _ in 0..answers {
            assert_eq!(client.answer("GET").unwrap().status, 200);
        }
        // A byte now and then does not buy more time.
        for _ in 0..3 {
            std::thread::sleep(QUIET / 5);
            client.send(b"a");
        }
        assert!(client.ends_within(QUIET + SLACK), "the connection is held");
        assert!(start.elapsed() > QUIET * 9 / 10, "{:?}", start.elapsed());
        wait_for_no_descriptors(&server, SLACK);
    }
    server.stop();
}

#[test]
fn a_connection_in_use_is_kept() {
    let server = impatient(QUIET);
    let mut client = server.connect();
    let start = Instant::now();
    while start.elapsed() < QUIET * 3 {
        assert_eq!(client.ask(&Ask::get("/healthz")).status, 200);
        std::thread::sleep(IDLE / 5);
    }
    // The head in two halves, within the time for heads.
    let head = Ask::get("/healthz").bytes();
    client.send(&head[..10]);
    std::thread::sleep(IDLE / 5);
    client.send(&head[10..]);
    assert_eq!(client.answer("GET").unwrap().status, 200);
    server.stop();
}

#[test]
fn a_body_that_takes_its_time_is_waited_for() {
    let server = impatient(Duration::from_secs(30));
    let mut client = server.connect();
    assert_eq!(client.ask(&Ask::get("/healthz")).status, 200);
    let bytes = Ask::post(EVENTS, "{\"url\":\"/slow\"}").key(&server.admin).bytes();
    let (first, rest) = bytes.split_at(bytes.len() - 10);
    client.send(first);
    // Twice as long as a silence may be, and not so long that it is too slow.
    for part in rest.chunks(2) {
        std::thread::sleep(QUIET / 2);
        client.send(part);
    }
    assert_eq!(client.answer("POST").unwrap().status, 201);
    assert_eq!(client.ask(&Ask::get("/healthz")).status, 200, "the connection is kept");
    server.stop();
}

#[test]
fn an_early_answer_waits_for_the_end_of_a_slow_body() {
    // The server lets a client send on for no longer than half the time of its own end.
    let server = impatient(QUIET * 5);
    let ask = Ask::post(EVENTS, "{}".repeat(50)).key("wrong");
    let mut sending = [ask.clone(), ask.chunked()].map(|ask| {
        let (mut client, bytes) = (server.connect(), ask.bytes());
        let (first, rest) = bytes.split_at(bytes.len() - 96);
        client.send(first);
        (client, rest.to_vec())
    });
    // Three times as long as a silence may be, since the server looks once a second, and the first write after the end still works.
    for part in 0..12 {
        std::thread::sleep(QUIET / 4);
        for (client, rest) in &mut sending {
            assert!(client.try_send(&rest[part * 8..(part + 1) * 8]), "the connection ended before its body");
        }
    }
    for (client, _) in &mut sending {
        assert_eq!(client.answer("POST").unwrap().status, 401);
    }
    server.stop();
}

/// Longer than the pauses of a reader that is slow and alive, and shorter than everything else that ends a connection.
const STALL: Duration = Duration::from_secs(6);

fn with_little_patience_for_readers() -> TestServer {
    TestServer::with(|config| {
        config.stall_timeout = STALL;
        config.idle_timeout = Duration::from_secs(60);
    })
}

#[test]
fn a_slow_reader_gets_the_whole_page() {
    let server = with_little_patience_for_readers();
    let ask = with_a_large_page(&server);
    let mut client = server.connect();
    let start = Instant::now();
    client.send(&ask.bytes());
    // Four times what the operating system tells about at a time in each such time, for longer than one; then the rest. A third of
    // a large send buffer takes longer.
    let mut taken = 0;
    while taken < MIB {
        std::thread::sleep(STALL / 9);
        taken += client.take_raw(MIB / 16);
    }
    assert!(start.elapsed() > STALL * 3 / 2, "{:?}: too fast to tell", start.elapsed());
    let page = client.answer("GET").unwrap().expect(200);
    assert_eq!(page["results"].as_array().map(Vec::len), Some(16));
    assert_eq!(client.ask(&Ask::get("/healthz")).status, 200, "the connection is kept");
    server.stop();
}

#[test]
fn a_reader_that_takes_nothing_does_not_hold_the_connection() {
    let server = with_little_patience_for_readers();
    let ask = with_a_large_page(&server);
    // The idle connections of before are closed by their client.
    wait_for_no_descriptors(&server, SLACK);
    for taken in [0, MIB] {
        let mut client = server.connect();
        client.send(&ask.bytes());
        while client.buffered() < taken {
            client.take_raw(MIB / 16);
        }
        std::thread::sleep(STALL * 3 / 4);
        #[cfg(target_os = "linux")]
        assert_eq!(descriptors(&server), 2, "cut before its time");
        wait_for_no_descriptors(&server, STALL + SLACK);
        drop(client);
    }
    server.stop();
}
