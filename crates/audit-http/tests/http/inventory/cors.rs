//! What a browser sends before and with the calls of a page of another origin, and what it needs to see in the answers.

use audit_http::ServerConfig;
use audit_http::store::domain::Role;

use super::{LOGS, SUMMARY};
use crate::common::{Answer, Ask, TestServer};

const PAGE: &str = "http://localhost:5173";
/// As a browser writes them: in lower case, sorted.
const ASKED: &str = "authorization,content-type,x-user-id,x-user-name,x-user-role";

fn allowing(origins: &str) -> impl FnOnce(&mut ServerConfig) {
    let origins = origins.parse().unwrap();
    move |config| config.cors_origins = origins
}

fn preflight(server: &TestServer, path: &str, origin: &str, method: &str) -> Answer {
    let ask = Ask::new("OPTIONS", path).header("Origin", origin).header("Access-Control-Request-Method", method);
    server.ask(&ask.header("Access-Control-Request-Headers", ASKED))
}

fn list(answer: &Answer, name: &str) -> Vec<String> {
    let mut items: Vec<String> = answer.header(name).unwrap_or("").split(',').map(|item| item.trim().to_lowercase()).collect();
    items.sort_unstable();
    items
}

#[test]
fn preflights_of_allowed_origins_need_no_key() {
    let server = TestServer::with(allowing("https://shop.example.com, http://LOCALHOST:5173"));
    for origin in [PAGE, "https://shop.example.com"] {
        for path in [LOGS, SUMMARY, "/api/v1/audit/logs/44444444-0000-4000-8000-000000000001", "/api/v1/events"] {
            for method in ["GET", "POST", "DELETE"] {
                let answer = preflight(&server, path, origin, method);
                assert_eq!((answer.status, answer.body.len()), (200, 0), "{method} {path}");
                assert_eq!(answer.header("Access-Control-Allow-Origin"), Some(origin));
                assert_eq!(list(&answer, "Access-Control-Allow-Headers"), ASKED.split(',').collect::<Vec<_>>());
                assert!(list(&answer, "Access-Control-Allow-Methods").contains(&method.to_lowercase()), "{method} {path}");
                assert_eq!(answer.header("Access-Control-Max-Age"), Some("3600"));
                assert_eq!(answer.header("Access-Control-Allow-Credentials"), None);
                assert!(answer.header("Vary").unwrap().contains("Origin"), "a cache must keep the answers to two origins apart");
                assert!(answer.header("X-Request-Id").is_some());
            }
        }
    }
    server.stop();
}

#[test]
fn answers_and_errors_can_be_read_by_an_allowed_page() {
    let server = TestServer::with(allowing(PAGE));
    let reader = server.token(Role::Reader, "*");
    let ask = |target: &str, key: Option<&str>| {
        let ask = Ask::get(target).header("Origin", PAGE).header("Content-Type", "application/json").header("X-User-Role", "admin");
        server.ask(&key.map_or(ask.clone(), |key| ask.key(key)))
    };
    let admin = Some(server.admin.as_str());
    for (target, key, status) in [
        (LOGS, admin, 200),
        (SUMMARY, admin, 200),
        (LOGS, None, 401),
        (LOGS, Some("wrong"), 401),
        (SUMMARY, Some(reader.as_str()), 403),
        ("/api/v1/audit/logs/x", admin, 404),
        ("/api/v1/audit/nothing", admin, 404),
        ("/api/v1/audit/logs?limit=x", admin, 400),
        ("/api/v1/events/x", admin, 404),
        ("/nowhere", admin, 404),
    ] {
        let answer = ask(target, key);
        assert_eq!((answer.status, answer.header("Access-Control-Allow-Origin")), (status, Some(PAGE)), "{target}");
        assert_eq!(answer.header("Access-Control-Allow-Credentials"), None);
        assert!(list(&answer, "Access-Control-Expose-Headers").contains(&"x-request-id".to_owned()), "{target}");
    }
    server.stop();
}

#[test]
fn other_origins_get_no_headers_and_clients_are_unaffected() {
    let server = TestServer::with(allowing(PAGE));
    for origin in ["http://localhost", "https://localhost:5173", "http://localhost:5173.evil.example", "null"] {
        let answer = preflight(&server, LOGS, origin, "GET");
        assert_eq!((answer.status, answer.header("Access-Control-Allow-Origin")), (400, None), "{origin}");
        let answer = server.ask(&Ask::get(LOGS).key(&server.admin).header("Origin", origin));
        assert_eq!((answer.status, answer.header("Access-Control-Allow-Origin")), (200, None), "{origin}");
    }
    let answer = server.get(&server.admin, LOGS);
    assert_eq!((answer.status, answer.header("Access-Control-Allow-Origin")), (200, None));
    // An OPTIONS that no browser has sent as a preflight is one of the API.
    assert_eq!(server.ask(&Ask::new("OPTIONS", LOGS).header("Origin", PAGE)).status, 401);
    server.stop();
}

#[test]
fn a_star_allows_every_page_and_nothing_allows_none() {
    let server = TestServer::with(allowing("*"));
    for origin in [PAGE, "https://other.example", "null"] {
        assert_eq!(preflight(&server, LOGS, origin, "GET").header("Access-Control-Allow-Origin"), Some("*"));
        let answer = server.ask(&Ask::get(LOGS).header("Origin", origin));
        assert_eq!((answer.status, answer.header("Access-Control-Allow-Origin")), (401, Some("*")));
        assert_eq!(answer.header("Access-Control-Allow-Credentials"), None);
    }
    server.stop();
    let server = TestServer::start();
    let answer = preflight(&server, LOGS, PAGE, "GET");
    assert_eq!((answer.status, answer.header("Access-Control-Allow-Origin")), (401, None));
    let answer = server.ask(&Ask::get(LOGS).key(&server.admin).header("Origin", PAGE));
    assert_eq!((answer.status, answer.header("Access-Control-Allow-Origin")), (200, None));
    server.stop();
}
