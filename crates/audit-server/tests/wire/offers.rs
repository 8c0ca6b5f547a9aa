//! Clients that offer to speak another protocol: every answer arrives, and every event is stored.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::common::tls::Certificate;
use crate::common::{PATIENCE, eventually, program};
use crate::tools::{finish, tool};

/// How many events have an action.
fn stored(server: &Server, action: &str) -> i64 {
    let mut client = Client::connect(server.address, KEY).unwrap();
    let page = client.get(&format!("/api/v1/events?count=true&limit=1&action={action}")).unwrap();
    page.json()["count"].as_i64().unwrap()
}

#[test]
fn the_http_client_of_the_jdk_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/JdkClient.java");
    let mut java = tool("java");
    java.arg(source).arg(format!("http://{}/api/v1/events", server.address)).arg(KEY);
    let said = finish(&java).ok();
    assert_eq!(said, "sequential {201=400}\nchunked {201=50}\nparallel {201=40}\n");
    for (action, count) in [("ONE", 400), ("CHUNKED", 50), ("MANY", 2000)] {
        assert_eq!(stored(&server, action), count, "{action}");
    }
    server.stop();
}

/// nginx in the foreground; killed when it is dropped.
struct Nginx(Child, SocketAddr);

impl Nginx {
    /// With what people paste for websockets, and connections that are kept.
    fn with_the_websocket_snippet(directory: &Path, server: SocketAddr) -> Nginx {
        let snippet = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";";
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path temp_{kind};"));
        // Another program may take a port between its being found free and nginx.
        for _ in 0..5 {
            let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
            let text = format!(
                "daemon off; master_process off; error_log stderr; pid nginx.pid;\nevents {{}}\nhttp {{\naccess_log off; {}\n\
                 upstream audit {{ server {server}; keepalive 8; }}\n\
                 server {{ listen {address}; location / {{ proxy_pass http://audit; {snippet} proxy_set_header Host $host; }} }}\n}}\n",
                paths.concat()
            );
            fs::write(directory.join("nginx.conf"), text).unwrap();
            let mut nginx = Command::new("nginx");
            // Where Debian has it, and ordinary users do not look.
            nginx.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap()));
            nginx.arg("-p").arg(directory).arg("-c").arg(directory.join("nginx.conf")).args(["-e", "stderr"]);
            let mut process = nginx.stdin(Stdio::null()).spawn().unwrap();
            let answers = || TcpStream::connect(address).is_ok();
            let ended = eventually(|| process.try_wait().unwrap().map(Some).or_else(|| answers().then_some(None)));
            let nginx = Nginx(process, address);
            if ended == Some(None) {
                return nginx;
            }
        }
        panic!("nginx does not start");
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.0.kill().unwrap_or_default();
        self.0.wait().unwrap();
    }
}

#[test]
fn nginx_with_the_websocket_snippet_passes_every_event() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let nginx = Nginx::with_the_websocket_snippet(directory.path(), server.address);
    let mut client = Client::connect(nginx.1, KEY).unwrap();
    for n in 0..200 {
        let answer = client.post("/api/v1/events", "application/json", r#"{"action":"PROXIED"}"#).unwrap();
        assert_eq!(answer.status, 201, "request {n}: {}", answer.body);
    }
    // A browser's own offer goes on through the snippet.
    let mut browser = TcpStream::connect(nginx.1).unwrap();
    browser.set_read_timeout(Some(PATIENCE)).unwrap();
    browser.write_all(&offering("WEBSOCKET", "Connection: Upgrade, close")).unwrap();
    let mut answer = String::new();
    browser.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert_eq!((stored(&server, "PROXIED"), stored(&server, "WEBSOCKET")), (200, 1));
    drop(nginx);
    server.stop();
}

fn offering(action: &str, connection: &str) -> Vec<u8> {
    let body = format!(r#"{{"action":"{action}"}}"#);
    let length = body.len();
    format!(
        "POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Token {KEY}\r\nContent-Type: application/json\r\n\
         {connection}\r\nUpgrade: websocket\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// One answer of the connection, body and all, which ends in a brace.
fn answer(stream: &mut impl Read) -> String {
    let mut answer = Vec::new();
    while !(answer.ends_with(b"}") && answer.windows(4).any(|end| end == b"\r\n\r\n")) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap().to_ascii_lowercase()
}

#[test]
fn an_offer_under_tls_is_declined_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let certificate = Certificate::make(directory.path(), "a");
    let mut command = program(directory.path());
    command.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0").envs(certificate.settings());
    let server = Server::run(&mut command);
    let mut stream = certificate.connect(server.address).unwrap();
    let start = Instant::now();
    for _ in 0..5 {
        stream.write_all(&offering("TLS", "Connection: upgrade")).unwrap();
        let answer = answer(&mut stream);
        assert!(answer.starts_with("http/1.1 201 ") && !answer.contains("connection:") && !answer.contains("upgrade"), "{answer}");
    }
    // It was 30 s for one: the time for bodies.
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
    let health = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close, upgrade\r\nUpgrade: websocket\r\n\r\n";
    stream.write_all(health).unwrap();
    assert!(answer(&mut stream).contains("connection: close\r\n"));
    server.stop();
}

#[test]
fn a_client_under_tls_that_takes_nothing_is_let_go() {
    let directory = tempfile::tempdir().unwrap();
    let certificate = Certificate::make(directory.path(), "a");
    let mut command = program(directory.path());
    command.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0").envs(certificate.settings());
    command.env("AUDIT_STALL_TIMEOUT_SECONDS", "2").env("AUDIT_LOG", "info,audit_http=debug");
    let server = Server::run(&mut command);
    let event = format!("{{\"description\":\"{}\"}}", "x".repeat(1_000_000));
    let events = vec![event; 24].join("\n");
    let mut writer = certificate.connect(server.address).unwrap();
    let head = format!(
        "POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Token {KEY}\r\nContent-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n",
        events.len()
    );
    writer.write_all(&[head.as_bytes(), events.as_bytes()].concat()).unwrap();
    assert!(answer(&mut writer).starts_with("http/1.1 201 "));
    let mut reader = certificate.connect(server.address).unwrap();
    let ask = format!("GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Token {KEY}\r\n\r\n");
    reader.write_all(ask.as_bytes()).unwrap();
    let ended = eventually(|| server.log().contains("ended a connection").then_some(()));
    assert!(ended.is_some(), "the connection is held: {}", server.log());
    drop(reader);
    server.stop();
}
