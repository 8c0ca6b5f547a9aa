//! What a proxy says about a request counts from trusted proxies only, for links and for the access log.

use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::common::{eventually, program};

const SPOOFED: [&str; 2] = [
    "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: audit.example",
    "Forwarded: for=203.0.113.9;proto=https;host=audit.example",
];

fn server(directory: &std::path::Path, proxies: &str) -> Server {
    let mut command = program(directory);
    command.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0").env("AUDIT_TRUSTED_PROXIES", proxies);
    let server = Server::run(&mut command);
    let mut client = Client::connect(server.address, KEY).unwrap();
    for _ in 0..2 {
        assert_eq!(client.post("/api/v1/events", "application/json", r#"{"action":"A"}"#).unwrap().status, 201);
    }
    server
}

/// The link to the next page, and the client of the access log.
fn next(server: &Server, headers: &str) -> (String, String) {
    let mut client = Client::connect(server.address, KEY).unwrap();
    let seen = server.log().len();
    let path = "/api/v1/oms/settings/audit_events/?limit=1";
    let head = format!("GET {path} HTTP/1.1\r\nHost: own.example\r\nAuthorization: Token {KEY}\r\n{headers}\r\n\r\n");
    client.send(head.as_bytes()).unwrap();
    let answer = client.answer().unwrap();
    assert_eq!(answer.status, 200, "{headers}: {answer:?}");
    let line = || {
        let log = server.log();
        let line = log[seen..].lines().find(|line| line.contains("\"path\":\"/api/v1/oms"))?;
        Some(serde_json::from_str::<serde_json::Value>(line).unwrap()["client"].as_str().unwrap_or("none").to_owned())
    };
    let link = answer.json()["next"].as_str().unwrap().to_owned();
    (link.split("/api").next().unwrap().to_owned(), eventually(line).unwrap_or_else(|| panic!("no line of the access log")))
}

#[test]
fn a_header_from_a_peer_that_is_not_trusted_is_ignored() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path(), "10.0.0.0/8,192.0.2.1,::1");
    for headers in SPOOFED {
        assert_eq!(next(&server, headers), ("http://own.example".to_owned(), "127.0.0.1".to_owned()));
    }
    server.stop();
}

#[test]
fn trusted_proxies_are_believed_and_bad_headers_ignored() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path(), "127.0.0.0/8, 10.0.0.0/8");
    for headers in SPOOFED {
        assert_eq!(next(&server, headers), ("https://audit.example".to_owned(), "203.0.113.9".to_owned()));
    }
    let own = ("http://own.example".to_owned(), "127.0.0.1".to_owned());
    for nonsense in [
        "X-Forwarded-For: é, ü",
        "X-Forwarded-For: a.b.c.d",
        "X-Forwarded-For:",
        "X-Forwarded-Proto: javascript",
        "X-Forwarded-Host: a b/c",
        "X-Forwarded-Host: evil.example/?x=\"",
        "Forwarded: for=\"",
        "Forwarded: ;;;===",
        "Forwarded: for=_x;host=\"a/b\";proto=ftp",
    ] {
        assert_eq!(next(&server, nonsense), own, "{nonsense}");
    }
    assert_eq!(next(&server, "X-Forwarded-For: 6.6.6.6, 198.51.100.7, 10.1.1.1").1, "198.51.100.7");
    // A client behind a proxy that writes one kind of header puts the other one in.
    assert_eq!(next(&server, "Forwarded: for=6.6.6.6;host=evil.example\r\nX-Forwarded-For: 198.51.100.7"), own);
    server.stop();
}
