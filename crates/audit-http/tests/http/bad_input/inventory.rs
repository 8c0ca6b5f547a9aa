//! Bad input at the inventory API: its own shape of an error for everything below its path, with exact texts.

use std::time::Duration;

use audit_http::store::domain::limits;
use serde_json::{Value, json};

use super::{Bench, KNOWN, Row, row};
use crate::common::{Ask, TestServer};
use crate::inventory::{LOGS, SUMMARY};

const GOOD: &str = r#"{"user_id":"7","action":"READ","table_name":"products","record_id":"1"}"#;

fn error(json: Value) -> String {
    let mut whole = json!({"status": "error"});
    whole.as_object_mut().unwrap().extend(json.as_object().unwrap().clone());
    whole.to_string()
}

/// An error whose text is that of its status.
fn coded(status: u16, text: &str, message: &str) -> String {
    error(json!({"code": status, "error": text, "message": message}))
}

fn about(text: &str, fields: &[&str], message: &str) -> String {
    error(json!({"error": text, "fields": fields, "message": message}))
}

const DAY: &str =
    "must be a day such as 2023-10-16, or it must be a date-time such as 2023-10-16T09:00:00.929094Z, in the years 1 to 9999";
const DATE_TIME: &str = "must be a date-time such as 2023-10-16T09:00:00.929094Z, in the years 1 to 9999";

#[test]
fn parameters_of_lists_and_sums() {
    let bench = Bench::start();
    let mut rows = Vec::new();
    for path in [LOGS, SUMMARY] {
        let mut ask =
            |query: &str, wanted: String| rows.push(row(Ask::get(&format!("{path}?{query}")).key(&bench.admin), 400, wanted));
        for date in ["2023-02-30", "16.10.2023", "2023-10", "yesterday", "1697446800", "2023-10-16T09:00:00+03:00", "%00", "%FF"] {
            ask(&format!("start_date={date}"), about("Invalid date format", &["start_date"], &format!("start_date {DAY}")));
            ask(&format!("end_date={date}&user_id=7"), about("Invalid date format", &["end_date"], &format!("end_date {DAY}")));
        }
        let both = format!("start_date {DAY}; end_date {DAY}");
        ask("start_date=x&end_date=y", about("Invalid date format", &["start_date", "end_date"], &both));
    }
    let mut ask = |query: &str, wanted: String| rows.push(row(Ask::get(&format!("{LOGS}?{query}")).key(&bench.admin), 400, wanted));
    for number in ["x", "-1", "1.5", "1e3", "0x10", "%2B1", "%EF%BC%91", "1_000", "%00", "None"] {
        ask(&format!("skip={number}"), about("Invalid value", &["skip"], "skip must be an integer from 0"));
        ask(&format!("limit={number}"), about("Invalid value", &["limit"], "limit must be an integer from 1"));
    }
    ask("limit=0", about("Invalid value", &["limit"], "limit must be an integer from 1"));
    let all = format!("start_date {DAY}; skip must be an integer from 0; limit must be an integer from 1");
    ask("start_date=x&limit=x&skip=-1", about("Invalid value", &["start_date", "skip", "limit"], &all));
    bench.run(rows);
}

#[test]
fn logs_that_are_none() {
    let bench = Bench::start();
    let post = |body: &[u8]| Ask::post(LOGS, body).key(&bench.writer);
    let mut rows: Vec<Row> = Vec::new();
    let mut json_row =
        |body: &[u8], message: &str| rows.push(row(post(body), 400, error(json!({"error": "Invalid JSON", "message": message}))));
    json_row(b"", "EOF while parsing a value: line 1 column 1 (char 0)");
    json_row(b"{\"user_id\":", "EOF while parsing a value: line 1 column 11 (char 10)");
    json_row(b"{'user_id':1}", "key must be a string: line 1 column 2 (char 1)");
    json_row(b"[]", "expected a JSON object, got an array");
    json_row(b"null", "expected a JSON object, got null");
    json_row(b"\"x\"", "expected a JSON object, got a string");
    json_row(b"{\"user_id\":\"\xff\"}", "The body is not UTF-8: byte 12 cannot be read.");
    json_row(format!("{{\"old_values\":{}}}", "[".repeat(500)).as_bytes(), "nested more than 500 levels deep");

    let missing = |fields: &[&str]| error(json!({"error": "Missing required fields", "fields": fields}));
    let all = ["user_id", "action", "table_name", "record_id"];
    rows.push(row(post(b"{}"), 400, missing(&all)));
    rows.push(row(post(b"{\"id\":1,\"User_id\":1}"), 400, missing(&all)));
    rows.push(row(post(GOOD.replace("\"7\"", "null").as_bytes()), 400, missing(&["user_id"])));
    for name in all {
        let without: Value = serde_json::from_str(GOOD).unwrap();
        let mut without = without.as_object().unwrap().clone();
        without.remove(name);
        // What is missing is said before what is wrong with the rest.
        without.insert("timestamp".into(), json!("x"));
        rows.push(row(post(json!(without).to_string().as_bytes()), 400, missing(&[name])));
    }

    let with = |name: &str, value: &str| {
        let log: Value = serde_json::from_str(GOOD).unwrap();
        let mut log = log.as_object().unwrap().clone();
        log.insert(name.to_owned(), serde_json::from_str(value).unwrap());
        post(json!(log).to_string().as_bytes())
    };
    for (name, value, fault) in [
        ("user_id", "1.5", "must be an integer or a string, got a number"),
        ("user_id", "true", "must be an integer or a string, got a boolean"),
        ("user_id", "{\"pk\":1}", "must be an integer or a string, got an object"),
        ("record_id", "[1]", "must be an integer or a string, got an array"),
        ("record_id", "1e2", "must be an integer or a string, got a number"),
        ("user_name", "7", "must be a string, got a number"),
        ("action", "\"update\"", "must be CREATE, UPDATE, DELETE or READ"),
        ("action", "\"LOGIN\"", "must be CREATE, UPDATE, DELETE or READ"),
        ("action", "\"\"", "must be CREATE, UPDATE, DELETE or READ"),
        ("action", "1", "must be a string, got a number"),
        ("table_name", "{}", "must be a string, got an object"),
        ("description", "[]", "must be a string, got an array"),
        ("ip_address", "127", "must be a string, got a number"),
        ("uuid", "\"1\"", "must be a UUID such as 410237f7-2a6f-48de-9c41-b988326d7607"),
        ("channel_id", "-1", "must be a channel: an integer from 0 to 9223372036854775807"),
        ("extra", "1", "must be an object, got a number"),
    ] {
        rows.push(row(with(name, value), 400, about("Invalid value", &[name], &format!("{name} {fault}"))));
    }
    for value in ["\"2023-02-30\"", "true", "\"16/10/2023\"", "{}"] {
        rows.push(row(
            with("timestamp", value),
            400,
            about("Invalid date format", &["timestamp"], &format!("timestamp {DATE_TIME}")),
        ));
    }
    let two = GOOD.replace("\"7\"", "[]").replace("READ", "LOOK");
    let message = "user_id must be an integer or a string, got an array; action must be CREATE, UPDATE, DELETE or READ";
    rows.push(row(post(two.as_bytes()), 400, about("Invalid value", &["user_id", "action"], message)));
    let beside = GOOD.replace("{", "{\"extra\":{},\"session\":1,");
    let message = "session is not known, and `extra` is given as well: put it inside `extra`";
    rows.push(row(post(beside.as_bytes()), 400, about("Invalid value", &["session"], message)));
    let taken = GOOD.replace("{", &format!("{{\"uuid\":\"{KNOWN}\","));
    let conflict = json!({"code": 409, "error": "Conflict", "fields": ["uuid"],
        "message": "uuid belongs to another audit log already; nothing was stored."});
    rows.push(row(post(taken.as_bytes()), 409, error(conflict)));
    rows.push(row(post(GOOD.replace('{', "{\"channel_id\":9,").as_bytes()), 404, error(json!({"error": "Channel not found"}))));
    bench.run(rows);
}

#[test]
fn paths_methods_media_types_and_sizes() {
    let bench = Bench::start();
    let admin = &bench.admin;
    let mut rows = Vec::new();
    for id in
        ["x", "0", "%00", "%ff", "44444444-0000-4000-8000-000000000001", "{44444444-0000-4000-8000-000000000001}", "..%2flogs"]
    {
        let ask = Ask::get(&format!("{LOGS}/{id}")).key(admin);
        rows.push(row(ask, 404, error(json!({"error": "Audit log not found"}))));
    }
    for path in ["/api/v1/audit/", "/api/v1/audit/log", "/api/v1/audit/logs/1/2", "/api/v1/audit/summary/x", "/api/v1/audit//logs"]
    {
        for method in ["GET", "POST", "PATCH"] {
            rows.push(row(Ask::new(method, path), 404, error(json!({"error": "Not found"}))));
        }
    }
    for (path, allowed) in
        [(LOGS, "GET, POST, HEAD, OPTIONS"), (SUMMARY, "GET, HEAD, OPTIONS"), ("/api/v1/audit/logs/x", "GET, HEAD, OPTIONS")]
    {
        for method in ["PUT", "PATCH", "DELETE", "TRACE", "BREW", "get"] {
            let message = format!("{method} is not allowed here; allowed: {allowed}.");
            rows.push(row(Ask::new(method, path).key(admin), 405, coded(405, "Method Not Allowed", &message)));
            let message = "Authentication credentials were not provided.";
            rows.push(row(Ask::new(method, path), 401, coded(401, "Unauthorized", message)));
        }
    }
    rows.push(row(
        Ask::post(SUMMARY, GOOD).key(admin),
        405,
        coded(405, "Method Not Allowed", "POST is not allowed here; allowed: GET, HEAD, OPTIONS."),
    ));
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonl"] {
        let ask = Ask::new("POST", LOGS).key(admin).header("Content-Type", media_type).body(GOOD);
        let message = format!("A body of type \"{media_type}\" cannot be read here; accepted: application/json.");
        rows.push(row(ask, 415, coded(415, "Unsupported Media Type", &message)));
    }
    let message = "A body of type \"\" cannot be read here; accepted: application/json.";
    rows.push(row(Ask::new("POST", LOGS).key(admin).body(GOOD), 415, coded(415, "Unsupported Media Type", message)));
    let packed = Ask::post(LOGS, GOOD).key(admin).header("Content-Encoding", "br");
    rows.push(row(
        packed,
        415,
        coded(
            415,
            "Unsupported Media Type",
            "Unsupported content encoding \"br\" in request: send gzip, zstd, or the body as it is.",
        ),
    ));
    let large = vec![b' '; limits::EVENT_BYTES_MAX + 1];
    let message = format!("The request body has more than {} bytes.", limits::EVENT_BYTES_MAX);
    for ask in [Ask::post(LOGS, large.clone()), Ask::post(LOGS, large).chunked(), Ask::post(LOGS, "").announced(1 << 40)] {
        rows.push(row(ask.key(admin), 413, coded(413, "Payload Too Large", &message)));
    }
    bench.run(rows);
}

#[test]
fn allow_is_sent_and_options_answers_any_key() {
    let bench = Bench::start();
    for (path, allowed) in
        [(LOGS, "GET, POST, HEAD, OPTIONS"), (SUMMARY, "GET, HEAD, OPTIONS"), ("/api/v1/audit/logs/x", "GET, HEAD, OPTIONS")]
    {
        for method in ["OPTIONS", "GET", "PUT"] {
            let answer = bench.server.ask(&Ask::new(method, path).key(&bench.reader));
            assert_eq!(answer.header("Allow"), Some(allowed), "{method} {path}");
            assert_eq!(answer.status == 204, method == "OPTIONS", "{method} {path}");
        }
    }
    bench.run(Vec::new());
}

#[test]
fn a_server_without_room_or_patience_says_so_in_the_same_shape() {
    let server = TestServer::with(|config| config.api.body_timeout = Duration::from_secs(1));
    let all = server.store.budget().try_reserve(limits::BYTES_IN_FLIGHT_MAX).unwrap();
    let answer = server.post(&server.admin, LOGS, GOOD);
    assert_eq!(answer.header("Retry-After"), Some("1"));
    let busy = coded(503, "Service Unavailable", "The server is busy; retry in 1 s.");
    assert_eq!(answer.expect(503).to_string(), serde_json::from_str::<Value>(&busy).unwrap().to_string());
    drop(all);
    let answer = server.ask(&Ask::post(LOGS, "").announced(10).key(&server.admin));
    let timeout = coded(408, "Request Timeout", "The request body did not arrive within 1 s.");
    assert_eq!(answer.expect(408).to_string(), serde_json::from_str::<Value>(&timeout).unwrap().to_string());
    assert_eq!(server.post(&server.admin, LOGS, GOOD).status, 201);
    server.stop();
}
