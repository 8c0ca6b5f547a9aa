//! What is not HTTP, and what is too long for a line: neither fills the log.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::common::server::{KEY, Server};
use crate::common::tls::Certificate;
use crate::common::{PATIENCE, program};

/// Sends bytes and waits for the end of the connection.
fn send(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // A server that closes with something unread resets the connection.
    stream.read_to_end(&mut answer).unwrap_or_default();
    String::from_utf8_lossy(&answer).into_owned()
}

const NO_HTTP: [&[u8]; 8] = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"SSH-2.0-OpenSSH_9.2p1\r\n",
    b"GET / HTTP/3.0\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    b"\0\0\0\0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
];

fn levels(log: &str) -> Vec<String> {
    log.lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .map(|line| line["level"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_cannot_be_read_as_http_is_not_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let certificate = Certificate::make(directory.path(), "a");
    for tls in [false, true] {
        let mut command = program(directory.path());
        command.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0").env("AUDIT_LOG", "debug");
        if tls {
            command.envs(certificate.settings());
        }
        let server = Server::run(&mut command);
        for bytes in NO_HTTP {
            send(server.address, bytes);
        }
        send(server.address, &[b"GET / HTTP/1.1\r\nHost: a\r\nA: ".to_vec(), vec![b'a'; 200_000]].concat());
        server.signal("TERM");
        let (status, _, log) = server.wait();
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(log.contains("a connection ended early"), "{log}");
        let loud: Vec<&str> = log.lines().filter(|line| line.contains("\"ERROR\"") || line.contains("\"WARN\"")).collect();
        // On a read-only disk and the like there are warnings at the start; none of them is about a connection.
        assert!(!loud.iter().any(|line| line.contains("actix") || line.contains("connection")), "{loud:?}");
        assert!(levels(&log).contains(&"DEBUG".to_owned()));
    }
}

#[test]
fn what_a_client_writes_is_cut_in_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let long = "x".repeat(20_000);
    let host =
        format!("Host: {}\r\nX-Forwarded-For: {long}\r\nX-Request-Id: {long}\r\nAuthorization: Token {long}", "h".repeat(20_000));
    for (method, target) in [
        ("GET", format!("/{long}")),
        ("GET", format!("/api/v1/events?q={long}")),
        ("GET", format!("/docs/{long}")),
        ("GET", format!("/api/v1/data-warehouse/audit-events/{long}/")),
        ("POST", format!("/api/v1/audit/{long}")),
        (long.as_str(), "/healthz".to_owned()),
    ] {
        let answer = send(server.address, format!("{method} {target} HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer:.200}");
    }
    server.signal("TERM");
    let (_, _, log) = server.wait();
    let longest = log.lines().map(str::len).max().unwrap();
    assert!(longest < 1000, "a line has {longest} bytes");
    assert_eq!(log.matches("… (20001 bytes)").count(), 1, "{log}");
    assert_eq!(log.matches("… (20000 bytes)").count(), 1, "the method: {log}");
}
