//! Heads of requests: hosts, targets and headers.

use std::time::Duration;

use super::{Bench, Row, row};
use crate::common::{Ask, TestServer, on_postgres};

const OMS: &str = "/api/v1/oms/settings/audit_events/";
const WAREHOUSE: &str = "/api/v1/remote/1/data-warehouse/audit-events/";

#[test]
fn a_host_that_cannot_stand_in_a_link_gets_400() {
    let bench = Bench::start();
    let invalid = r#"{"detail":"Invalid Host header: send a name or an address, and a port if it is not the default."}"#;
    let mut rows: Vec<Row> = Vec::new();
    for host in [
        "a/b",
        "a/../b",
        "user@a",
        "user:pw@a",
        "a b",
        "a:99999",
        "a:-1",
        "a:+80",
        "a:8o",
        "a:",
        "",
        "a?b",
        "a#b",
        "a\\b",
        "[::1",
        "[::g]",
        "[::1]x",
        "a\"b",
        "<a>",
        "a%20b",
        "a,b",
        "é",
        "::1",
        "http://a",
    ] {
        for path in [OMS, WAREHOUSE] {
            rows.push(row(Ask::get(path).host(Some(host)).key(&bench.reader), 400, invalid));
        }
    }
    bench.run(rows);
}

#[test]
fn links_use_the_host_header_and_ignore_proxy_headers() {
    let server = TestServer::start();
    server.append(r#"[{"action":"A"},{"action":"B"}]"#);
    let next = |ask: Ask| {
        let page = server.ask(&ask.key(&server.admin)).expect(200);
        page["next"].as_str().unwrap().to_owned()
    };
    let path = format!("{OMS}?limit=1");
    for host in ["audit.example.com", "localhost:8080", "127.0.0.1:1", "[::1]:80", "[::1]", "my_host", "A.B", "a:0", "a:65535"] {
        let wanted = format!("http://{host}{OMS}?limit=1&page=2");
        assert_eq!(next(Ask::get(&path).host(Some(host))), wanted);
    }
    let forged = Ask::get(&path).header("X-Forwarded-Host", "evil.example").header("X-Forwarded-Proto", "https");
    let forged = forged.header("Forwarded", "host=evil.example;proto=https").header("X-Host", "evil.example");
    assert_eq!(next(forged), format!("http://audit.example.com{OMS}?limit=1&page=2"));
    // The target goes before the header (RFC 9112, 3.2.2).
    let absolute = Ask::get(&format!("http://other.example:81{path}")).host(Some("audit.example.com"));
    assert_eq!(next(absolute), format!("http://other.example:81{OMS}?limit=1&page=2"));
    let old = Ask::get(&path).version("HTTP/1.0").host(None);
    assert_eq!(next(old), format!("http://{}{OMS}?limit=1&page=2", server.address));
    let user = Ask::get(&format!("http://user@other.example{path}")).key(&server.admin);
    assert_eq!(server.ask(&user).status, 400);
    server.stop();
}

#[test]
fn a_public_url_goes_before_every_host() {
    let server = TestServer::with(|config| config.api.public_url = Some("https://audit.example.org/log/".to_owned()));
    server.append(r#"[{"action":"A"},{"action":"B"}]"#);
    for host in [Some("evil.example"), Some("a b"), None] {
        let version = if host.is_some() { "HTTP/1.1" } else { "HTTP/1.0" };
        let page = server
            .ask(&Ask::get(&format!("{WAREHOUSE}?limit=1&page=2")).host(host).version(version).key(&server.admin))
            .expect(200);
        assert_eq!(page["previous"], format!("https://audit.example.org/log{WAREHOUSE}?limit=1"));
    }
    let bare = server.ask(&Ask::get(&format!("{}?a=b", WAREHOUSE.trim_end_matches('/'))));
    assert_eq!(bare.header("Location"), Some(format!("https://audit.example.org/log{WAREHOUSE}?a=b").as_str()));
    server.stop();
}

#[test]
fn two_keys_are_no_key() {
    let bench = Bench::start();
    let mut rows: Vec<Row> = Vec::new();
    for (first, second) in
        [(&bench.admin, "x".to_owned()), (&"x".to_owned(), bench.admin.clone()), (&bench.admin, bench.admin.clone())]
    {
        let twice = |path: &str| Ask::get(path).key(first).key(&second);
        rows.push(row(twice(OMS), 401, r#"{"detail":"Invalid token."}"#));
        rows.push(row(twice("/api/v1/events"), 401, "\"detail\":\"Invalid token.\""));
    }
    bench.run(rows);
}

/// What cannot be read as HTTP at all is refused, and the connection ended: what follows could be anything.
#[test]
fn a_head_that_is_no_http_ends_the_connection() {
    let server = TestServer::start();
    let before = server.everything();
    let key = format!("Host: a\r\nAuthorization: Token {}\r\n", server.admin);
    let get = |more: &str| format!("GET /api/v1/events HTTP/1.1\r\n{key}{more}\r\n").into_bytes();
    let post = |more: &str, body: &str| format!("POST /api/v1/events HTTP/1.1\r\n{key}{more}\r\n{body}").into_bytes();
    let chunk = "2\r\n{}\r\n0\r\n\r\n";
    for (bytes, status) in [
        (get("X: a\u{1}b\r\n"), 400),
        (get("X: a\0b\r\n"), 400),
        (get("X Y: 1\r\n"), 400),
        (get("X\r\n"), 400),
        (get(": 1\r\n"), 400),
        (get("Host: b\r\n"), 400),
        (get(&format!("X: {}\r\n", "a".repeat(200_000))), 431),
        (get(&"X: 1\r\n".repeat(200)), 431),
        (b"GET /api/v1/events HTTP/1.1\r\n\r\n".to_vec(), 400),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), 400),
        (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), 400),
        (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n".to_vec(), 400),
        (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(70_000)).into_bytes(), 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), 400),
        (post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", chunk), 400),
        (post("Content-Length: 2\r\nContent-Length: 3\r\n", "{} "), 400),
        (post("Content-Length: +2\r\n", "{}"), 400),
        (post("Content-Length: -1\r\n", "{}"), 400),
        (post("Content-Length: 0x2\r\n", "{}"), 400),
        (post("Content-Length: 99999999999999999999\r\n", "{}"), 400),
        (post("Transfer-Encoding: gzip, chunked\r\n", chunk), 400),
        (post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", chunk), 400),
        (post("Transfer-Encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n"), 400),
        (post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n{}"), 400),
    ] {
        let mut client = server.connect();
        client.send(&bytes);
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
        let answered = client.answer("GET").map(|answer| answer.status);
        // Where the key is looked up on another thread, a body that breaks meanwhile ends the connection before anybody answers.
        let may_be_silent = on_postgres() && head.contains("Transfer-Encoding: chunked\r\n\r\n");
        assert!(answered == Some(status) || (may_be_silent && answered.is_none()), "{answered:?}: {head}");
        assert!(client.ends_within(Duration::from_secs(10)), "{head}");
    }
    assert_eq!(server.everything(), before);
    server.stop();
}

/// What comes behind a refused body is part of it, not the next request.
#[test]
fn a_body_that_is_refused_unread_is_never_taken_for_a_request() {
    let server = TestServer::start();
    let before = server.everything();
    let inner = Ask::post("/api/v1/events", r#"{"action":"A"}"#).key(&server.admin).bytes();
    for outer in [
        Ask::post("/api/v1/events", inner.clone()),
        Ask::post("/api/v1/events", inner.clone()).announced(40_000_000).key(&server.admin),
        Ask::post(OMS, inner.clone()),
        Ask::new("PUT", OMS).body(inner.clone()).key(&server.admin),
        Ask::new("POST", "/nothing").body(inner.clone()),
        Ask::new("POST", OMS).header("Content-Type", "text/plain").body(inner.clone()).key(&server.admin),
        Ask::get("/api/v1/events").body(inner.clone()).key(&server.admin),
        Ask::get("/healthz").body(inner.clone()),
        Ask::post("/api/v1/events", inner.clone()).chunked(),
    ] {
        let mut client = server.connect();
        let answer = client.ask(&outer);
        assert!(answer.status != 201, "{} {}", answer.status, outer.target);
        // Either the connection goes on behind the body, or it ends.
        client.send(&Ask::get("/readyz").bytes());
        if let Some(next) = client.answer("GET") {
            assert_eq!(next.json()["status"], "ready", "{}", outer.target);
        }
    }
    assert_eq!(server.everything(), before);
    server.stop();
}
