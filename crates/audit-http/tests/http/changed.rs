//! Entries that somebody changed in the database: each API says so, and none answers with what was forged.

use serde_json::{Value, json};

use crate::common::{Answer, TestServer, on_postgres};

const DETAIL: &str = "The entry was changed in the database after it was appended; the server's log says where.";
const UUID: &str = "00000000-0000-4000-8000-000000000005";

/// A server whose entry at position 5 of a table was changed, with the database's guards out of the way.
fn forged(table: &str, path: &str, members: &str, set: &str) -> TestServer {
    let server = TestServer::start();
    for number in 0..7 {
        let entry = format!(r#"{{"uuid":"00000000-0000-4000-8000-00000000000{number}",{members}}}"#);
        server.post(&server.admin, path, entry).expect(201);
    }
    let unguard = if on_postgres() { String::new() } else { format!("DROP TRIGGER {table}_only_erase;") };
    server.sql(&format!("{unguard} UPDATE {table} SET {set} WHERE position = 5"));
    server
}

fn forged_event(set: &str) -> TestServer {
    forged("events", "/api/v1/events", r#""object_id":859,"content":{"quantity":1},"user":{"pk":7}"#, set)
}

fn forged_action_log(set: &str) -> TestServer {
    forged("action_logs", "/api/v1/action-logs", r#""level":20,"message":"m""#, set)
}

#[track_caller]
fn assert_native(answer: Answer) {
    assert_eq!(answer.header("Content-Type"), Some("application/problem+json"));
    let problem = json!({"type": "/docs/errors#entry_was_changed", "title": "Internal Server Error", "status": 500,
        "code": "entry_was_changed", "detail": DETAIL});
    assert_eq!(answer.expect(500), problem);
}

fn drf() -> Value {
    json!({ "detail": DETAIL })
}

/// The operator's case: the content and the user of an event, changed at a SQL prompt.
#[test]
fn a_forged_event_is_a_named_error_at_every_api() {
    let server = forged_event(r#"content = '{"quantity":1000}', user_json = '{"pk":1}', user_id = '1', user_num = 1"#);
    let get = |path: &str| {
        let answer = server.get(&server.admin, path);
        assert!(!answer.text().contains("1000"), "{path}: {}", answer.text());
        answer
    };
    for query in ["", "?channel_id=1", "?channel_id=all"] {
        assert_native(get(&format!("/api/v1/events/{UUID}{query}")));
    }
    for path in ["/api/v1/data-warehouse/audit-events", "/api/v1/remote/1/data-warehouse/audit-events"] {
        assert_eq!(get(&format!("{path}/{UUID}/")).expect(500), drf());
    }
    let inventory = json!({"status": "error", "code": 500, "error": "Internal Server Error", "message": DETAIL});
    assert_eq!(get(&format!("/api/v1/audit/logs/{UUID}")).expect(500), inventory);
    // The others are what they were.
    let other = UUID.replace("0005", "0006");
    assert_eq!(get(&format!("/api/v1/events/{other}")).expect(200)["content"], json!({"quantity": 1}));
    server.stop();
}

/// A retry is answered with the stored record at the published APIs; it is compared by slots before.
#[test]
fn a_retry_of_a_forged_event_does_not_show_it() {
    let body = format!(r#"{{"uuid":"{UUID}","object_id":859,"content":{{"quantity":1}}}}"#);
    for (set, native, published) in [("recorded_at = recorded_at + 1", 200, 500), (r#"content = '{"quantity":1000}'"#, 409, 409)] {
        let server = forged("events", "/api/v1/events", r#""object_id":859,"content":{"quantity":1}"#, set);
        let post = |path: &str| server.post(&server.admin, path, body.clone());
        assert_eq!(post("/api/v1/events").status, native, "{set}");
        for path in ["/api/v1/oms/settings/audit_events/", "/api/v1/data-warehouse/audit-events/"] {
            let answer = post(path);
            assert_eq!(answer.status, published, "{path} {set}: {}", answer.text());
            assert!(published == 409 || answer.json() == drf(), "{}", answer.text());
        }
        server.stop();
    }
}

#[test]
fn a_forged_action_log_is_a_named_error_at_every_api() {
    for set in ["level = 50", r#"message = '"forged"'"#, "created_at = 0"] {
        let server = forged_action_log(set);
        assert_native(server.get(&server.admin, &format!("/api/v1/action-logs/{UUID}")));
        assert_eq!(server.get(&server.admin, "/api/v1/oms/logs/action_log/6/").expect(500), drf(), "{set}");
        assert_eq!(server.get(&server.admin, "/api/v1/oms/logs/action_log/7/").expect(200)["level"], 20);
        server.stop();
    }
}

/// A list does not hash what it shows. What it cannot put together is the same error there.
#[test]
fn a_list_with_a_row_that_cannot_be_read_is_the_same_error() {
    let server = forged_event("content = NULL");
    assert_native(server.get(&server.admin, "/api/v1/events"));
    for path in ["/api/v1/oms/settings/audit_events/", "/api/v1/data-warehouse/audit-events/"] {
        assert_eq!(server.get(&server.admin, path).expect(500), drf(), "{path}");
    }
    assert_eq!(server.get(&server.admin, "/api/v1/audit/logs").expect(500)["message"], DETAIL);
    server.stop();
}
