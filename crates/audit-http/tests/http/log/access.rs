//! Who may read the logs: readers of their channels, or everybody if the setting says so.

use audit_http::store::domain::Role;

use super::{Auditor, assert_problem};
use crate::common::{Answer, Ask, SigningServer, TestDatabase};

const PATHS: [&str; 6] = [
    "/log/vkey",
    "/log/1/events/checkpoint",
    "/log/1/events/consistency?from=1",
    "/log/1/events/tile/0/000.p/2",
    "/log/1/events/tile/entries/000.p/2",
    "/log/1/action-logs/checkpoint",
];

const UUID: &str = "00000000-0000-4000-8000-000000000001";

/// Two channels, each with two events and an action log.
fn server(is_public: bool) -> SigningServer {
    let server = SigningServer::over(TestDatabase::new(), |config| config.api.public_log = is_public);
    for channel in [1, 2] {
        server.append_all(&[format!(r#"{{"channel_id":{channel},"uuid":"{UUID}"}}"#), format!(r#"{{"channel_id":{channel}}}"#)]);
        let log = format!(r#"{{"channel_id":{channel},"uuid":"{UUID}","level":20,"message":"m"}}"#);
        server.post(&server.admin, "/api/v1/action-logs", log).expect(201);
    }
    server.sign();
    server
}

fn of_records() -> Vec<String> {
    let path = |stream: &str, what: &str| format!("/api/v1/{stream}/{UUID}/{what}");
    [("events", "proof"), ("events", "leaf"), ("action-logs", "proof"), ("action-logs", "leaf")].map(|(a, b)| path(a, b)).to_vec()
}

fn all_paths() -> Vec<String> {
    PATHS.map(str::to_owned).into_iter().chain(of_records()).collect()
}

fn logs(auditor: &Auditor) -> Vec<&str> {
    auditor.trusted.keys().map(String::as_str).collect()
}

#[test]
fn only_readers_of_the_channel_read_its_logs() {
    let server = server(false);
    let (writer, reader) = (server.token(Role::Writer, "*"), server.token(Role::Reader, "1"));
    for path in all_paths() {
        for key in [None, Some("nobody"), Some("")] {
            let ask = Ask::get(&path);
            let answer = server.ask(&key.map_or(ask.clone(), |key| ask.key(key)));
            assert_problem(&answer, 401, "unauthorized");
            assert_eq!(answer.header("WWW-Authenticate"), Some("Token"), "{path}");
        }
        assert_problem(&server.get(&writer, &path), 403, "forbidden");
        for key in [&reader, &server.admin] {
            assert_eq!(server.get(key, &path).status, 200, "{path}");
        }
    }
    server.stop();
}

#[test]
fn a_reader_sees_nothing_of_other_channels() {
    let server = server(false);
    assert_eq!(logs(&Auditor::new(&server)), ["1/action-logs", "1/events", "2/action-logs", "2/events"]);
    let reader = server.token(Role::Reader, "2");
    let mut auditor = Auditor::with_key(&server, &reader);
    assert_eq!(logs(&auditor), ["2/action-logs", "2/events"]);
    for path in PATHS.iter().skip(1) {
        let answer = auditor.get(path);
        assert_problem(&answer, 404, "not_found");
        // The same answer as for a channel that does not exist.
        let other = auditor.get(&path.replace("/1/", "/9/"));
        assert_eq!(answer.text().replace("log 1/", "log 9/"), other.text(), "{path}");
        assert_eq!(auditor.get(&path.replace("/1/", "/2/")).status, 200, "{path}");
    }
    assert_eq!(auditor.verify("2/events", &format!("/api/v1/events/{UUID}/proof")).1.leaf.channel_id.get(), 2);
    for path in of_records() {
        assert_problem(&auditor.get(&format!("{path}?channel_id=1")), 404, "not_found");
    }
    let none = server.token(Role::Reader, "3");
    assert_eq!(logs(&Auditor::with_key(&server, &none)), <[&str; 0]>::default());
    server.stop();
}

#[test]
fn a_public_log_is_read_by_everybody_with_any_key() {
    let server = server(true);
    let expected: Vec<Answer> = PATHS.iter().map(|path| server.get(&server.admin, path)).collect();
    assert_eq!(logs(&Auditor::with_key(&server, "")).len(), 4);
    let (writer, other) = (server.token(Role::Writer, "9"), server.token(Role::Reader, "9"));
    for (path, expected) in PATHS.iter().zip(expected) {
        assert_eq!(expected.status, 200, "{path}");
        for header in ["", "Token nobody", "Token", "Basic !", "Token a b", &format!("Token {writer}"), &format!("Token {other}")] {
            let answer = server.ask(&Ask::get(path).header("Authorization", header));
            assert_eq!((answer.status, answer.body), (200, expected.body.clone()), "{path} {header}");
        }
        assert_eq!(server.ask(&Ask::get(path)).body, expected.body, "{path}");
    }
    server.stop();
}

/// They have values, which the log does not.
#[test]
fn records_and_their_proofs_need_a_key_beside_a_public_log() {
    let server = server(true);
    let writer = server.token(Role::Writer, "1");
    for path in of_records().into_iter().chain(["/api/v1/events".to_owned(), format!("/api/v1/events/{UUID}")]) {
        assert_problem(&server.ask(&Ask::get(&path)), 401, "unauthorized");
        assert_problem(&server.get("nobody", &path), 401, "unauthorized");
        assert_problem(&server.get(&writer, &path), 403, "forbidden");
        assert_eq!(server.get(&server.admin, &path).status, 200, "{path}");
    }
    server.stop();
}

#[test]
fn head_and_options_are_answered_as_for_other_paths() {
    for is_public in [false, true] {
        let server = server(is_public);
        let writer = server.token(Role::Writer, "1");
        for path in all_paths() {
            let is_open = is_public && path.starts_with("/log/");
            let get = server.get(&server.admin, &path);
            let head = server.ask(&Ask::new("HEAD", &path).key(&server.admin));
            assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
            for name in ["Content-Type", "Content-Length", "Cache-Control", "Vary", "Content-Disposition"] {
                assert_eq!(head.header(name), get.header(name), "{path} {name}");
            }
            let options = server.ask(&Ask::new("OPTIONS", &path).key(&writer));
            assert_eq!((options.status, options.header("Allow")), (204, Some("GET, HEAD, OPTIONS")), "{path}");
            for method in ["POST", "PUT", "DELETE", "PATCH"] {
                let answer = server.ask(&Ask::new(method, &path).key(&server.admin));
                assert_problem(&answer, 405, "method_not_allowed");
                assert_eq!(answer.header("Allow"), Some("GET, HEAD, OPTIONS"), "{path}");
            }
            for (method, status) in [("HEAD", 200), ("OPTIONS", 204), ("POST", 405)] {
                let wanted = if is_open { status } else { 401 };
                assert_eq!(server.ask(&Ask::new(method, &path)).status, wanted, "{method} {path} {is_public}");
            }
        }
        server.stop();
    }
}
