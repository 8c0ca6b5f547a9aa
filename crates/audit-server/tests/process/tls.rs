//! TLS of the server's own: what it speaks, what it refuses, and connections that never get anywhere.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::common::server::{KEY, Server};
use crate::common::tls::{Certificate, ask};
use crate::common::{PATIENCE, eventually, program, run};

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: localhost";

fn start(directory: &std::path::Path, certificate: &Certificate, arguments: &[&str]) -> Server {
    let mut command = program(directory);
    command.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0").envs(certificate.settings()).args(arguments);
    Server::run(&mut command)
}

#[test]
fn it_serves_https_with_http_1_1_only() {
    let directory = tempfile::tempdir().unwrap();
    let certificate = Certificate::make(directory.path(), "a");
    let server = start(directory.path(), &certificate, &[]);
    assert_eq!(server.launch["url"], format!("https://{}", server.address));
    let mut stream = certificate.connect(server.address).unwrap();
    assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]), "HTTP/2 was offered and must not be taken");
    let post = r#"{"action":"A"}"#;
    let head = format!(
        "POST /api/v1/events HTTP/1.1\r\nHost: audit.example\r\nAuthorization: Token {KEY}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{post}",
        post.len()
    );
    for _ in 0..2 {
        stream.write_all(head.as_bytes()).unwrap();
        let mut byte = [0; 12];
        stream.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"HTTP/1.1 201");
        let mut rest = Vec::new();
        while !rest.ends_with(b"}") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            rest.push(byte[0]);
        }
    }
    let list =
        format!("GET /api/v1/oms/settings/audit_events/?limit=1 HTTP/1.1\r\nHost: audit.example\r\nAuthorization: Token {KEY}");
    let page = ask(&mut stream, &list).unwrap();
    assert!(page.contains("\"next\":\"https://audit.example/api/v1/oms/settings/audit_events/?limit=1&page=2\""), "{page}");
    // Without TLS there is no answer, and no harm.
    let mut plain = TcpStream::connect(server.address).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    let answer = ask(&mut plain, HEALTH).unwrap_or_default();
    assert!(!answer.contains("HTTP/1.1"), "{answer}");
    server.stop();
}

#[test]
fn whoever_does_not_finish_the_handshake_or_a_head_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let certificate = Certificate::make(directory.path(), "a");
    let server = start(directory.path(), &certificate, &["--head-timeout-seconds", "1", "--idle-timeout-seconds", "1"]);
    let ends = |stream: &mut dyn Read| {
        let begin = Instant::now();
        let mut byte = [0; 1024];
        while matches!(stream.read(&mut byte), Ok(1..)) {}
        begin.elapsed() < PATIENCE - Duration::from_secs(1)
    };
    // A silent one, and one that stops in the middle of its first record.
    for begun in [&b""[..], &[22, 3, 1, 2, 0, 1, 0, 1]] {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(begun).unwrap();
        assert!(ends(&mut stream), "a handshake that stops after {} bytes holds the connection", begun.len());
    }
    // Half of the first head, and half of the second one.
    for whole in [0, 1] {
        let mut stream = certificate.connect(server.address).unwrap();
        for _ in 0..whole {
            stream.write_all(format!("{HEALTH}\r\n\r\n").as_bytes()).unwrap();
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"HTTP/1.1 200");
        }
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a").unwrap();
        assert!(ends(&mut stream), "half a head after {whole} whole ones holds the connection");
    }
    server.stop();
}

#[test]
fn many_silent_handshakes_keep_nobody_out() {
    let directory = tempfile::tempdir().unwrap();
    let certificate = Certificate::make(directory.path(), "a");
    // So long that waiting for the silent ones to end would fail the test.
    let server = start(directory.path(), &certificate, &["--head-timeout-seconds", "3600", "--workers", "1"]);
    let silent: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    let answer = ask(&mut certificate.connect(server.address).unwrap(), HEALTH).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(silent);
    server.stop();
}

#[test]
fn unusable_tls_files_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (a, b) = (Certificate::make(path, "a"), Certificate::make(path, "b"));
    fs::write(path.join("text"), "no PEM at all").unwrap();
    fs::write(path.join("cut"), "-----BEGIN CERTIFICATE-----\nAAAA").unwrap();
    fs::write(path.join("odd.crt"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    drop((a, b));
    for (certificate, key, said) in [
        ("none", "a.key", "the TLS certificate `none` cannot be used: No such file or directory (os error 2)"),
        ("a.crt", "none", "the TLS key `none` cannot be used: No such file or directory (os error 2)"),
        ("text", "a.key", "the TLS certificate `text` cannot be used: it holds no certificate in PEM"),
        ("a.crt", "text", "the TLS key `text` cannot be used: it holds no private key in PEM"),
        ("a.key", "a.key", "the TLS certificate `a.key` cannot be used: it holds no certificate in PEM"),
        ("a.crt", "a.crt", "the TLS key `a.crt` cannot be used: it holds no private key in PEM"),
        ("cut", "a.key", "the TLS certificate `cut` cannot be used: it is no PEM: "),
        ("odd.crt", "a.key", "the TLS certificate `odd.crt` cannot be used: it is no X.509 certificate"),
        ("a.crt", "b.key", "the TLS key `b.key` does not belong to the certificate `a.crt`"),
    ] {
        let ended = run(program(path).args(["serve", "--tls-cert", certificate, "--tls-key", key]));
        assert!(ended.sentence().starts_with(said), "{certificate} {key}: {ended:?}");
    }
    assert!(!path.join("audit-data").exists(), "something was made before the files were read");
}

#[test]
fn sighup_has_the_files_read_again_and_bad_ones_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let old = Certificate::make(path, "used");
    let server = start(path, &old, &[]);
    let mut open = old.connect(server.address).unwrap();
    fs::write(&old.certificate, "nonsense").unwrap();
    server.signal("HUP");
    eventually(|| server.log().contains("the server keeps its old TLS certificate").then_some(())).expect("it says nothing");
    assert!(old.connect(server.address).is_ok());
    let new = Certificate::make(path, "used");
    server.signal("HUP");
    eventually(|| server.log().contains("the TLS certificate was read again").then_some(())).expect("it says nothing");
    assert!(new.connect(server.address).is_ok());
    assert!(old.connect(server.address).is_err(), "the old certificate is still shown");
    let answer = ask(&mut open, HEALTH).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "a connection that was open goes on: {answer}");
    server.stop();
}

const EXPIRES: &str = "audit_tls_certificate_expires_timestamp_seconds";

/// What `/metrics` has as the end of the certificate, if anything.
fn expires(server: &Server, certificate: &Certificate) -> Option<f64> {
    let head = format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token {KEY}");
    let answer = ask(&mut certificate.connect(server.address).unwrap(), &head).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.lines().find_map(|line| line.strip_prefix(EXPIRES)).map(|value| value.trim().parse().unwrap())
}

/// Has the files read again, and waits for what is said about them.
#[track_caller]
fn reload(server: &Server, said: &str) {
    server.signal("HUP");
    eventually(|| server.log().contains(said).then_some(())).unwrap_or_else(|| panic!("{said}: {}", server.log()));
}

#[test]
fn the_end_of_the_certificate_is_a_metric_that_follows_sighup() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let long = Certificate::make(path, "used");
    let server = start(path, &long, &[]);
    // 2099-12-31
    assert_eq!(expires(&server, &long), Some(4_102_358_400.0));
    assert!(!server.log().contains("WARN"), "{}", server.log());
    let soon = Certificate::for_days(path, "used", 13);
    reload(&server, "in less than 14 days: renew it, then send SIGHUP to the server");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let days = (expires(&server, &soon).unwrap() - now) / 86_400.0;
    assert!((12.9..=13.0).contains(&days), "{days}");
    // A renewal that is already over is taken, and said.
    Certificate::until(path, "used", 2021);
    reload(&server, "used.crt` expired at 2021-12-31T00:00:00Z: renew it");
    let renewed = Certificate::for_days(path, "used", 15);
    let warnings = |log: String| log.matches("WARN").count();
    let before = warnings(server.log());
    server.signal("HUP");
    eventually(|| (server.log().matches("the TLS certificate was read again").count() == 3).then_some(())).expect("not read");
    assert!(expires(&server, &renewed).is_some_and(|end| end > now + 14.0 * 86_400.0));
    assert_eq!(warnings(server.log()), before, "{}", server.log());
    server.stop();
}

#[test]
fn without_tls_there_is_no_end_of_a_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let metrics = crate::common::http::Client::connect(server.address, KEY).unwrap().get("/metrics").unwrap();
    assert!(metrics.status == 200 && !metrics.body.contains(&format!("{EXPIRES} ")), "{metrics:?}");
    server.stop();
}

/// Clients refuse it. The start of the server says so, and so does a check before.
#[test]
fn certificate_dates_are_warned_about() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let chain = Certificate::make(path, "chain");
    let old = Certificate::until(path, "old", 2021);
    let both = [&chain.certificate, &old.certificate].map(|file| fs::read_to_string(file).unwrap()).concat();
    fs::write(&chain.certificate, both).unwrap();
    let early = Certificate::from(path, "early", 2090);
    let soon = Certificate::for_days(path, "soon", 1);
    for (certificate, fails_doctor, said) in [
        (&old, true, ["the TLS certificate `", "old.crt` expired at 2021-12-31T00:00:00Z", "send SIGHUP"]),
        (&chain, true, ["certificate 2 in the chain of `", "chain.crt` expired at 2021-12-31T00:00:00Z", "send SIGHUP"]),
        (&early, true, ["the TLS certificate `", "early.crt` is not valid before 2090-01-01T00:00:00Z", "correct the clock"]),
        (&soon, false, ["the TLS certificate `", "soon.crt` expires at 20", "in less than 14 days"]),
    ] {
        let checked = run(program(path).args(["config", "check"]).envs(certificate.settings()));
        let warning = checked.stderr.lines().find(|line| line.starts_with("warning: ")).unwrap_or_else(|| panic!("{checked:?}"));
        assert!(said.iter().all(|part| warning.contains(part)), "{said:?}: {warning}");
        assert_eq!(checked.ok(), "the settings can be used\n");
        let doctor = run(program(path).arg("doctor").env("AUDIT_LISTEN", "127.0.0.1:0").envs(certificate.settings())).stdout;
        let verdict = if fails_doctor { "FAIL  TLS: " } else { "note  TLS: " };
        let finding = doctor.lines().find(|line| line.starts_with(verdict)).unwrap_or_else(|| panic!("{doctor}"));
        assert!(said[..2].iter().all(|part| finding.contains(part)), "{said:?}: {finding}");
        let server = start(path, certificate, &[]);
        eventually(|| server.log().contains(said[1]).then_some(())).expect("no warning");
        let line = server.log().lines().find(|line| line.contains(said[1])).unwrap().to_owned();
        assert!(line.contains("\"WARN\"") && said.iter().all(|part| line.contains(part)), "{said:?}: {line}");
        server.stop();
    }
}
