//! Keys, roles, and the order in which a request is checked.

use std::time::{Duration, Instant, SystemTime};

use audit_http::store::Store;
use audit_http::store::domain::{Clock, Role, Timestamp};
use base64::Engine;

use crate::common::{Answer, Ask, TestDatabase, TestServer};

const OMS: &str = "/api/v1/oms/settings/audit_events/";
const WAREHOUSE: &str = "/api/v1/remote/1/data-warehouse/audit-events/";
const EVENTS: &str = "/api/v1/events";
const KNOWN: &str = "11111111-0000-4000-8000-000000000001";

fn basic(text: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
}

fn with_header(server: &TestServer, path: &str, value: impl Into<Vec<u8>>) -> Answer {
    server.ask(&Ask::get(path).header("Authorization", value))
}

#[test]
fn every_api_accepts_every_form_of_authorization() {
    let server = TestServer::start();
    let key = server.token(Role::Reader, "1");
    for form in [
        format!("Token {key}"),
        format!("token {key}"),
        format!("TOKEN   {key}  "),
        format!("Bearer {key}"),
        format!("bEARER {key}"),
        key.clone(),
        basic(&format!("anybody:{key}")),
        basic(&format!(":{key}")),
        basic(&format!("me:{key}")).replace("Basic", "basic"),
    ] {
        for path in [OMS, WAREHOUSE, EVENTS, "/api/v1/channels"] {
            assert_eq!(with_header(&server, path, form.as_str()).status, 200, "{form} {path}");
        }
    }
    server.stop();
}

#[test]
fn invalid_credentials_get_401_with_the_message_of_drf() {
    let server = TestServer::start();
    let key = &server.admin;
    let not_provided = "Authentication credentials were not provided.";
    let forms: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), not_provided),
        (b"Digest x".to_vec(), not_provided),
        (format!("Key {key}").into_bytes(), not_provided),
        (b"Token".to_vec(), "Invalid token header. No credentials provided."),
        (b"Bearer ".to_vec(), "Invalid token header. No credentials provided."),
        (format!("Token {key} x").into_bytes(), "Invalid token header. Token string should not contain spaces."),
        (format!("Bearer a {key}").into_bytes(), "Invalid token header. Token string should not contain spaces."),
        (b"Token \xff".to_vec(), "Invalid token header. Token string should not contain invalid characters."),
        (b"Token x".to_vec(), "Invalid token."),
        (b"x".to_vec(), "Invalid token."),
        (format!("Token {}", key.to_uppercase()).into_bytes(), "Invalid token."),
        (format!("Token {}", &key[..63]).into_bytes(), "Invalid token."),
        (format!("Token {key}\u{a0}").into_bytes(), "Invalid token."),
        (b"Basic".to_vec(), "Invalid basic header. No credentials provided."),
        (b"Basic a b".to_vec(), "Invalid basic header. Credentials string should not contain spaces."),
        (b"Basic !".to_vec(), "Invalid basic header. Credentials not correctly base64 encoded."),
        (basic(key).into_bytes(), "Invalid basic header. Credentials not correctly base64 encoded."),
        (basic(&format!("{key}:x")).into_bytes(), "Invalid token."),
        (basic(":").into_bytes(), "Invalid token."),
    ];
    for (form, text) in forms {
        let shown = String::from_utf8_lossy(&form).into_owned();
        for path in [OMS, WAREHOUSE, &format!("{WAREHOUSE}{KNOWN}/")] {
            let answer = with_header(&server, path, form.clone());
            assert_eq!((answer.status, answer.text()), (401, format!(r#"{{"detail":"{text}"}}"#)), "{shown}");
            assert_eq!(answer.header("WWW-Authenticate"), Some("Token"));
        }
        for path in [EVENTS, "/api/v1/tokens", "/api/v1/channels", &format!("{EVENTS}/{KNOWN}"), &format!("{EVENTS}/summary")] {
            let answer = with_header(&server, path, form.clone());
            assert_eq!(answer.header("WWW-Authenticate"), Some("Token"));
            assert_eq!(answer.header("Content-Type"), Some("application/problem+json"));
            let problem = answer.expect(401);
            assert_eq!((&problem["code"], &problem["detail"]), (&"unauthorized".into(), &text.into()), "{shown}");
            assert_eq!(problem["type"], "/docs/errors#unauthorized");
        }
    }
    for path in [OMS, WAREHOUSE, EVENTS] {
        assert!(server.ask(&Ask::get(path)).text().contains(not_provided));
    }
    server.stop();
}

#[test]
fn a_revoked_key_opens_nothing_from_that_moment() {
    let server = TestServer::start();
    let made = server.post(&server.admin, "/api/v1/tokens", r#"{"name":"n","role":"admin","channels":"*"}"#).expect(201);
    let key = made["key"].as_str().unwrap();
    let mut open = server.connect();
    for path in [OMS, WAREHOUSE, EVENTS] {
        assert_eq!(open.ask(&Ask::get(path).key(key)).status, 200);
    }
    let target = format!("/api/v1/tokens/{}", made["id"]);
    let answer = server.ask(&Ask::new("DELETE", &target).key(&server.admin));
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    for path in [OMS, WAREHOUSE, EVENTS] {
        let answer = open.ask(&Ask::get(path).key(key));
        assert!(answer.status == 401 && answer.text().contains("Invalid token."), "{}", answer.text());
        assert_eq!(server.post(key, path, "{}").status, 401);
    }
    assert_eq!(server.ask(&Ask::new("DELETE", &target).key(&server.admin)).status, 404, "it is revoked already");
    server.stop();
}

#[test]
fn a_key_opens_nothing_from_the_moment_it_expires() {
    let server = TestServer::start();
    let in_a_second = Timestamp::from_micros(Timestamp::now().unwrap().micros() + 1_200_000).unwrap();
    let key = |expires_at: &str| {
        let token = format!(r#"{{"name":"n","role":"reader","channels":[1],"expires_at":"{expires_at}"}}"#);
        let made = server.post(&server.admin, "/api/v1/tokens", token).expect(201);
        made["key"].as_str().unwrap().to_owned()
    };
    let (soon, later) = (key(&in_a_second.to_string()), key("2999-01-01T00:00:00+02:00"));
    assert_eq!(server.get(&soon, OMS).status, 200);
    let start = Instant::now();
    while server.get(&soon, OMS).status == 200 {
        assert!(start.elapsed() < Duration::from_secs(5), "it does not expire");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Timestamp::now().unwrap() >= in_a_second);
    for path in [OMS, WAREHOUSE, EVENTS] {
        assert!(server.get(&soon, path).text().contains("Invalid token."));
        assert_eq!(server.get(&later, path).status, 200);
    }
    server.stop();
}

#[test]
fn the_end_of_a_key_is_judged_by_the_clock_of_the_store() {
    let place = TestDatabase::new();
    let clock = Clock::from_fn(|| SystemTime::UNIX_EPOCH + Duration::from_secs(2_208_988_800));
    let store = Store::open(place.config().clock(clock)).unwrap();
    let server = TestServer::with_store(place, store, |_| {});
    let token = |end: &str| format!(r#"{{"name":"n","role":"reader","channels":[1],"expires_at":"{end}"}}"#);
    let made = server.post(&server.admin, "/api/v1/tokens", token("2040-01-02")).expect(201);
    assert_eq!(made["created_at"], "2040-01-01T00:00:00Z");
    assert_eq!(server.get(made["key"].as_str().unwrap(), OMS).status, 200);
    let refused = server.post(&server.admin, "/api/v1/tokens", token("2039-12-31"));
    assert!(refused.status == 400 && refused.text().contains("expires_at must be in the future"), "{}", refused.text());
    server.stop();
}

/// What each role gets for each request: admin, writer, reader.
const ROLES: &[(&str, &str, [u16; 3])] = &[
    ("GET", OMS, [200, 403, 200]),
    ("HEAD", OMS, [200, 403, 200]),
    ("POST", OMS, [201, 201, 403]),
    ("PUT", OMS, [405, 405, 403]),
    ("OPTIONS", OMS, [200, 200, 200]),
    ("GET", WAREHOUSE, [200, 403, 200]),
    ("POST", WAREHOUSE, [201, 201, 403]),
    ("DELETE", WAREHOUSE, [405, 405, 403]),
    ("GET", "/api/v1/data-warehouse/audit-events/", [200, 403, 200]),
    ("POST", "/api/v1/data-warehouse/audit-events/", [201, 201, 403]),
    ("GET", "/api/v1/remote/1/data-warehouse/audit-events/11111111-0000-4000-8000-000000000001/", [200, 403, 200]),
    ("POST", "/api/v1/remote/1/data-warehouse/audit-events/11111111-0000-4000-8000-000000000001/", [405, 405, 403]),
    ("GET", EVENTS, [200, 403, 200]),
    ("HEAD", EVENTS, [200, 403, 200]),
    ("POST", EVENTS, [201, 201, 403]),
    ("PUT", EVENTS, [405, 405, 405]),
    ("OPTIONS", EVENTS, [204, 204, 204]),
    ("GET", "/api/v1/events/11111111-0000-4000-8000-000000000001", [200, 403, 200]),
    ("GET", "/api/v1/events/summary?group_by=user", [200, 403, 200]),
    ("GET", "/api/v1/channels", [200, 403, 200]),
    ("GET", "/api/v1/tokens", [200, 403, 403]),
    ("POST", "/api/v1/tokens", [201, 403, 403]),
    ("DELETE", "/api/v1/tokens/999", [404, 403, 403]),
];

#[test]
fn each_role_has_only_its_own_rights() {
    let server = TestServer::start();
    server.append(&format!(r#"{{"uuid":"{KNOWN}"}}"#));
    for grant in ["*", "1", "1,2"] {
        let keys = [Role::Admin, Role::Writer, Role::Reader].map(|role| server.token(role, grant));
        for (method, path, statuses) in ROLES {
            for (key, wanted) in keys.iter().zip(statuses) {
                let mut ask = Ask::new(method, path).key(key).header("X-User-Role", "admin").header("X-Role", "admin");
                if *method == "POST" {
                    let token = r#"{"name":"n","role":"reader","channels":[1]}"#;
                    let body = if path.ends_with("tokens") { token } else { r#"{"action":"A"}"# };
                    ask = ask.header("Content-Type", "application/json").body(body);
                }
                let answer = server.ask(&ask);
                assert_eq!(answer.status, *wanted, "{method} {path} {grant} {}", answer.text());
                if answer.status == 403 && *method != "HEAD" {
                    assert!(answer.text().contains(r#""detail":"You do not have permission to perform this action.""#));
                }
            }
        }
    }
    let nobody = server.ask(&Ask::post(OMS, "{}").header("X-User-Role", "admin").header("X-User-Id", "1"));
    assert_eq!(nobody.status, 401);
    server.stop();
}

#[test]
fn the_published_apis_check_slash_key_role_method_filters_page() {
    let server = TestServer::start();
    let (admin, writer, reader) = (server.admin.clone(), server.token(Role::Writer, "1"), server.token(Role::Reader, "1"));
    let status = |method: &str, path: &str, key: Option<&str>, body: Option<&str>| {
        let mut ask = Ask::new(method, path);
        if let Some(key) = key {
            ask = ask.key(key);
        }
        if let Some(body) = body {
            ask = ask.header("Content-Type", "application/json").body(body);
        }
        server.ask(&ask).status
    };
    for path in [OMS, WAREHOUSE, "/api/v1/data-warehouse/audit-events/"] {
        let bare = path.trim_end_matches('/');
        assert_eq!(status("PUT", &format!("{bare}?user=x"), None, Some("{")), 301);
        assert_eq!(status("POST", &format!("{bare}?user=x"), None, Some("{")), 308);
        assert_eq!(status("PUT", &format!("{path}?user=x"), None, Some("{")), 401);
        assert_eq!(status("PUT", &format!("{path}?user=x"), Some(&reader), Some("{")), 403);
        assert_eq!(status("PUT", &format!("{path}?user=x"), Some(&admin), Some("{")), 405);
        assert_eq!(status("GET", &format!("{path}?user=x&page=999"), Some(&writer), None), 403);
        assert_eq!(status("GET", &format!("{path}?user=x&page=999"), Some(&reader), None), 400);
        assert_eq!(status("GET", &format!("{path}?user=1&page=999"), Some(&reader), None), 404);
        assert_eq!(status("POST", path, None, Some("{")), 401);
        assert_eq!(status("POST", path, Some("nobody"), Some("{")), 401);
        assert_eq!(status("POST", path, Some(&reader), Some("{")), 403);
        assert_eq!(status("POST", path, Some(&writer), Some("{")), 400);
    }
    for uuid in [KNOWN, "x"] {
        let path = format!("{WAREHOUSE}{uuid}/");
        assert_eq!(status("GET", path.trim_end_matches('/'), None, None), 301);
        assert_eq!(status("GET", &path, None, None), 401);
        assert_eq!(status("GET", &path, Some(&writer), None), 403);
        assert_eq!(status("POST", &path, Some(&reader), Some("{")), 403);
        assert_eq!(status("POST", &path, Some(&writer), Some("{")), 405);
        assert_eq!(status("GET", &path, Some(&reader), None), 404);
    }
    // A channel that the key may not write is found out last.
    assert_eq!(status("POST", "/api/v1/remote/2/data-warehouse/audit-events/", Some(&writer), Some("{")), 400);
    assert_eq!(status("POST", "/api/v1/remote/2/data-warehouse/audit-events/", Some(&writer), Some(r#"{"action":"A"}"#)), 404);
    server.stop();
}

#[test]
fn every_method_redirects_to_the_slash_with_the_query() {
    let server = TestServer::start();
    for path in [
        OMS,
        WAREHOUSE,
        "/api/v1/data-warehouse/audit-events/",
        &format!("{WAREHOUSE}{KNOWN}/"),
        "/api/v1/data-warehouse/audit-events/x/",
    ] {
        let bare = path.trim_end_matches('/');
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "FOO"] {
            for query in ["", "?", "?a=b&c=%20%zz+d&a=", "?next=//evil.example"] {
                let answer = server.ask(&Ask::new(method, &format!("{bare}{query}")));
                let kept = if query == "?" { "?" } else { query };
                // A client may follow a 301 with a GET, and drop the body.
                let wanted = if method == "POST" { 308 } else { 301 };
                assert_eq!(answer.status, wanted, "{method} {bare}{query}");
                assert_eq!(answer.header("Location"), Some(format!("{path}{kept}").as_str()));
            }
        }
    }
    server.stop();
}

#[test]
fn head_answers_like_get_without_a_body() {
    let server = TestServer::start();
    server.append(&format!(r#"{{"uuid":"{KNOWN}"}}"#));
    let mut client = server.connect();
    for path in [
        OMS,
        &format!("{OMS}?page=9"),
        &format!("{OMS}?user=x"),
        WAREHOUSE,
        &format!("{WAREHOUSE}{KNOWN}/"),
        &format!("{WAREHOUSE}x/"),
        EVENTS,
        &format!("{EVENTS}/{KNOWN}"),
        &format!("{EVENTS}/x"),
        &format!("{EVENTS}?x=1"),
        "/api/v1/channels",
        "/healthz",
        "/readyz",
    ] {
        for key in [server.admin.as_str(), "nobody"] {
            let get = client.ask(&Ask::get(path).key(key));
            let head = client.ask(&Ask::new("HEAD", path).key(key));
            assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
            for name in ["Content-Type", "Content-Length", "Allow", "WWW-Authenticate"] {
                assert_eq!(head.header(name), get.header(name), "{path} {name}");
            }
            let after = client.ask(&Ask::get("/healthz"));
            assert_eq!(after.expect(200)["status"], "ok", "{path}");
        }
    }
    server.stop();
}

#[test]
fn allow_is_on_every_answer_of_the_published_apis() {
    let server = TestServer::start();
    server.append(&format!(r#"{{"uuid":"{KNOWN}"}}"#));
    let (list, one) = ("GET, POST, HEAD, OPTIONS", "GET, HEAD, OPTIONS");
    let (admin, reader) = (server.admin.clone(), server.token(Role::Reader, "1"));
    for path in [OMS, WAREHOUSE] {
        let other = format!(r#"{{"uuid":"{KNOWN}","url":"x"}}"#);
        for (ask, status) in [
            (Ask::get(path).key(&admin), 200),
            (Ask::new("OPTIONS", path).key(&reader), 200),
            (Ask::post(path, r#"{"action":"A"}"#).key(&admin), 201),
            (Ask::get(&format!("{path}?user=x")).key(&admin), 400),
            (Ask::get(path), 401),
            (Ask::new("OPTIONS", path), 401),
            (Ask::post(path, "{}").key(&reader), 403),
            (Ask::get(&format!("{path}?page=99")).key(&admin), 404),
            (Ask::new("PUT", path).key(&admin), 405),
            (Ask::get(path).header("Accept", "text/html").key(&admin), 406),
            (Ask::post(path, other).key(&admin), 409),
            (Ask::post(path, "{}").announced(2_000_000).key(&admin), 413),
            (Ask::new("POST", path).body("x").key(&admin), 415),
        ] {
            let answer = server.ask(&ask);
            assert_eq!((answer.status, answer.header("Allow")), (status, Some(list)), "{} {path}", ask.method);
        }
    }
    let path = format!("{WAREHOUSE}{KNOWN}/");
    for (method, key, status) in
        [("GET", &admin, 200), ("GET", &"x".to_owned(), 401), ("POST", &reader, 403), ("POST", &admin, 405)]
    {
        let answer = server.ask(&Ask::new(method, &path).key(key));
        assert_eq!((answer.status, answer.header("Allow")), (status, Some(one)));
    }
    let missing = server.get(&admin, &format!("{WAREHOUSE}x/"));
    assert_eq!((missing.status, missing.header("Allow")), (404, Some(one)));
    for path in [EVENTS, "/api/v1/tokens"] {
        assert_eq!(server.ask(&Ask::new("OPTIONS", path).key(&admin)).header("Allow"), Some(list));
    }
    server.stop();
}
