//! Object types: listed at the published APIs, kept at the native one, and filled into what every API appends.

use audit_http::store::domain::Role;
use serde_json::{Value, json};

use crate::common::{Ask, TestServer};

fn put(server: &TestServer, key: &str, id: &str, body: &Value) -> crate::common::Answer {
    server.ask(
        &Ask::new("PUT", &format!("/api/v1/content-types/{id}"))
            .key(key)
            .header("Content-Type", "application/json")
            .body(body.to_string()),
    )
}

fn order() -> Value {
    json!({"app_label": "orders", "model": "order"})
}

const LISTS: [&str; 3] = [
    "/api/v1/oms/settings/content_types/",
    "/api/v1/data-warehouse/content-types/",
    "/api/v1/remote/1/data-warehouse/content-types/",
];

#[test]
fn content_types_are_created_renamed_and_listed() {
    let server = TestServer::start();
    assert_eq!(put(&server, &server.admin, "7", &order()).expect(201), json!({"id": 7, "app_label": "orders", "model": "order"}));
    put(&server, &server.admin, "7", &json!({"id": 7, "app_label": "orders", "model": "purchase"})).expect(200);
    put(&server, &server.admin, "-3", &json!({"app_label": "auth", "model": "user"})).expect(201);
    let reader = server.token(Role::Reader, "2");
    for path in LISTS {
        let list = |query: &str| server.ask(&Ask::get(&format!("{path}{query}")).key(&reader).host(Some("a.example")));
        let user = json!({"id": -3, "app_label": "auth", "model": "user"});
        let purchase = json!({"id": 7, "app_label": "orders", "model": "purchase"});
        let all = json!({"count": 2, "next": null, "previous": null, "results": [user, purchase]});
        assert_eq!(list("").expect(200), all, "{path}");
        let second =
            json!({"count": 2, "next": null, "previous": format!("http://a.example{path}?limit=1"), "results": [purchase]});
        assert_eq!(list("?limit=1&page=2").expect(200), second, "{path}");
        assert_eq!(list("?app_label=auth&model=").expect(200)["results"], json!([user]));
        assert_eq!(list("?page=2").expect(404), json!({"detail": "Invalid page."}));
        assert_eq!(list("?format=xml").expect(404), json!({"detail": "Not found."}));
        let bare = path.trim_end_matches('/');
        assert_eq!(server.ask(&Ask::get(&format!("{bare}?x=1"))).header("Location"), Some(format!("{path}?x=1").as_str()));
        let head = server.ask(&Ask::new("HEAD", path).key(&reader));
        assert_eq!((head.status, head.body.len(), head.header("Allow")), (200, 0, Some("GET, HEAD, OPTIONS")));
        let options = server.ask(&Ask::new("OPTIONS", path).key(&reader)).expect(200);
        assert_eq!(options["name"], "Content Type List");
        server.ask(&Ask::get(path)).expect(401);
        server.ask(&Ask::get(path).key(&server.token(Role::Writer, "*"))).expect(403);
        server.ask(&Ask::new("POST", path).key(&server.admin).body("{}")).expect(405);
    }
    server.stop();
}

#[test]
fn a_refused_content_type_changes_nothing() {
    let server = TestServer::start();
    put(&server, &server.admin, "7", &order()).expect(201);
    let name = "must be a name of 1 to 100 characters, without dots, control characters, and blanks around it";
    for (id, body, pointer, detail) in [
        ("8", json!({}), "/app_label", "app_label is required".to_owned()),
        ("8", json!({"app_label": "a.b", "model": "c"}), "/app_label", format!("app_label {name}")),
        ("8", json!({"app_label": "a", "model": ""}), "/model", format!("model {name}")),
        ("8", json!({"app_label": "a", "model": "x".repeat(101)}), "/model", format!("model {name}")),
        ("8", json!({"app_label": 5, "model": "c"}), "/app_label", "app_label must be a string, got a number".to_owned()),
        ("8", json!({"id": 9, "app_label": "a", "model": "c"}), "/id", "id must be the one of the path, or left out".to_owned()),
        ("8", json!({"app_label": "a", "model": "c", "x": 1}), "/x", "x is not known; known are id, app_label, model".to_owned()),
    ] {
        let problem = put(&server, &server.admin, id, &body).expect(400);
        assert_eq!(problem["errors"][0], json!({"pointer": pointer, "detail": detail}), "{body}");
    }
    let put_text = |media_type: &str, text: &str| {
        let ask = Ask::new("PUT", "/api/v1/content-types/8").key(&server.admin).header("Content-Type", media_type);
        server.ask(&ask.body(text))
    };
    for text in ["", "[]", "{", "null", "\u{feff}{}"] {
        assert_eq!(put_text("application/json", text).expect(400)["code"], "invalid_body", "{text}");
    }
    let repeated = put_text("application/json", r#"{"app_label":"a","app_label":"a","model":"c"}"#).expect(400);
    assert_eq!(repeated["errors"], json!([{"pointer": "/app_label", "detail": "app_label is given more than once"}]));
    let unknown: String = (0..1000).map(|n| format!("\"m{n}\":0,")).collect();
    let flood = put_text("application/json", &format!(r#"{{{unknown}"app_label":"a","model":"c"}}"#)).expect(400);
    assert_eq!(flood["errors"].as_array().unwrap().len(), 100);
    put_text("application/json", &format!(r#"{{"app_label":"{}","model":"c"}}"#, "x".repeat(16 * 1024))).expect(413);
    put_text("text/plain", r#"{"app_label":"a","model":"c"}"#).expect(415);
    let no_number = Ask::new("PUT", "/api/v1/content-types/x").key(&server.admin).header("Content-Type", "text/plain");
    server.ask(&no_number.body("{}")).expect(415);
    let taken = put(&server, &server.admin, "8", &order()).expect(409);
    assert_eq!(taken["detail"], "orders.order already belongs to content type 7; nothing was changed.");
    put(&server, &server.admin, "x", &order()).expect(404);
    put(&server, &server.admin, "9223372036854775808", &order()).expect(404);
    put(&server, &server.token(Role::Writer, "*"), "8", &order()).expect(403);
    put(&server, &server.token(Role::Admin, "1,2"), "8", &order()).expect(403);
    server.ask(&Ask::get("/api/v1/content-types/7").key(&server.admin)).expect(405);
    let types = server.store.content_types().unwrap();
    assert_eq!(types.iter().map(|kept| (kept.id, kept.table_name())).collect::<Vec<_>>(), [(7, "orders.order".to_owned())]);
    server.stop();
}

/// Path, body with an event of the type 7 by its number (where the API takes one), and by its name.
const APPENDS: [(&str, Option<&str>, &str); 6] = [
    ("/api/v1/events", Some(r#"{"content_type":7}"#), r#"{"table_name":"orders.order"}"#),
    ("/api/v1/events", Some(r#"[{"content_type":7}]"#), r#"[{"table_name":"orders.order"}]"#),
    ("/api/v1/oms/settings/audit_events/", Some(r#"{"content_type":7}"#), r#"{"table_name":"orders.order"}"#),
    ("/api/v1/data-warehouse/audit-events/", Some(r#"{"content_type":7}"#), r#"{"table_name":"orders.order"}"#),
    ("/api/v1/remote/1/data-warehouse/audit-events/", Some(r#"{"content_type":7}"#), r#"{"table_name":"orders.order"}"#),
    ("/api/v1/audit/logs", None, r#"{"user_id":"1","action":"READ","table_name":"orders.order","record_id":"1"}"#),
];

#[test]
fn number_and_name_fill_each_other_at_every_api_and_by_the_line() {
    let server = TestServer::start();
    put(&server, &server.admin, "7", &order()).expect(201);
    let mut expected = 0;
    for (path, by_number, by_name) in APPENDS {
        for body in by_number.into_iter().chain([by_name]) {
            let ask = Ask::new("POST", path).key(&server.admin).header("Content-Type", "application/json").body(body);
            server.ask(&ask).expect(201);
            expected += 1;
        }
    }
    server.append_all(&[r#"{"content_type":7}"#.to_owned(), r#"{"table_name":"orders.order"}"#.to_owned()]);
    expected += 2;
    let events = server.ask(&Ask::get("/api/v1/events?content_type=7&table_name=orders.order&count=true").key(&server.admin));
    assert_eq!(events.expect(200)["count"], expected);
    let unknown = r#"{"content_type":8,"uuid":"00000000-0000-4000-8000-000000000008"}"#.to_owned();
    server.append_all(std::slice::from_ref(&unknown));
    // Registered in between: the retry fills the name in, and is a retry all the same.
    put(&server, &server.admin, "8", &json!({"app_label": "orders", "model": "line"})).expect(201);
    let again = server.ask(&Ask::post_lines("/api/v1/events", unknown).key(&server.admin));
    assert_eq!(again.expect(201)["duplicates"], 1);
    server.stop();
}
