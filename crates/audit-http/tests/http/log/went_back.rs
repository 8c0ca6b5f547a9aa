//! A database that was put back to an older copy: nothing is appended to its logs.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Auditor, EVENT, append_many, assert_problem};
use crate::common::{SigningServer, on_postgres, results_of, uuids_of};

const PATIENCE: Duration = Duration::from_secs(60);

const TABLES: [&str; 11] = [
    "logs",
    "events",
    "action_logs",
    "segments",
    "segment_times",
    "postings",
    "trees",
    "tiles",
    "log_names",
    "signing_keys",
    "checkpoints",
];

fn back_up(server: &SigningServer) {
    let copies: Vec<String> = TABLES.iter().map(|table| format!("CREATE TABLE old_{table} AS SELECT * FROM {table};")).collect();
    server.sql(&copies.concat());
}

/// Puts the copy back while the server runs.
fn put_back(server: &SigningServer) {
    if !on_postgres() {
        let file = server.file_session();
        let mut triggers = file.prepare("SELECT 'DROP TRIGGER ' || name || ';' FROM sqlite_master WHERE type = 'trigger'").unwrap();
        let drop: Vec<String> = triggers.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        server.sql(&drop.concat());
    }
    let puts = TABLES.map(|table| format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM old_{table};"));
    server.sql(&format!("BEGIN; {} COMMIT", puts.concat()));
}

#[test]
fn nothing_is_appended_to_a_log_that_went_back() {
    let server = SigningServer::start();
    append_many(&server, 3);
    server.sign();
    back_up(&server);
    append_many(&server, 4);
    server.sign();
    put_back(&server);

    const SAID: &str = "The log went back: the server's log says what its operator has to do; nothing was stored.";
    let answer = server.post(&server.admin, "/api/v1/events", EVENT);
    assert_problem(&answer, 503, "unavailable");
    let problem = answer.json();
    assert_eq!(problem["outcome"], "not_stored");
    assert!(problem["detail"].as_str().unwrap().starts_with(SAID), "{problem}");
    // Nothing of it names the operator's files.
    assert!(!answer.text().contains(".checkpoint") && !answer.text().contains("tmp"), "{}", answer.text());

    for path in ["/api/v1/oms/settings/audit_events/", "/api/v1/data-warehouse/audit-events/"] {
        let answer = server.post(&server.admin, path, r#"{"object_id":859,"content":{"old_data":{"a":1},"new_data":{"a":2}}}"#);
        assert_eq!((answer.status, answer.header("Retry-After")), (503, Some("1")), "{path} {}", answer.text());
        let body = answer.json();
        assert_eq!(body, json!({ "detail": format!("{SAID} Send the record again later.") }), "{path}");
    }
    // The other log of the channel, and other channels, are as they were.
    server.post(&server.admin, "/api/v1/action-logs", r#"{"level":20,"message":"m"}"#).expect(201);
    server.append(r#"{"channel_id":2}"#);
    // What is left is read.
    let left = server.get(&server.admin, "/api/v1/events").expect(200);
    assert_eq!(results_of(&left).len(), 3);
    // The newest checkpoint is stored again, so everybody sees that entries are missing. Nothing is proven by it.
    server.store.sign().unwrap_err();
    let (mut auditor, end) = (Auditor::new(&server), Instant::now() + PATIENCE);
    while auditor.checkpoint("1/events").size() != 7 {
        assert!(Instant::now() < end, "the newest checkpoint is not stored");
        std::thread::sleep(Duration::from_millis(10));
    }
    for uuid in uuids_of(&left) {
        assert_problem(&auditor.get(&format!("/api/v1/events/{uuid}/proof")), 503, "unavailable");
    }
    assert_problem(&auditor.get("/log/1/events/tile/entries/000.p/7"), 503, "unavailable");
    assert_problem(&auditor.get("/log/1/events/consistency?from=3"), 503, "unavailable");
    server.stop();
}
