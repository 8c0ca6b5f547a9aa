//! What the program says about itself: `/metrics`, after appends that are known, and the OpenAPI document.

use std::collections::BTreeMap;

use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::common::{eventually, program, run};

/// Series by their name and labels, as they are written.
fn scrape(client: &mut Client) -> (BTreeMap<String, f64>, String) {
    let answer = client.get("/metrics").unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    let lines = answer.body.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let series = lines.map(|line| line.rsplit_once(' ').unwrap());
    (series.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect(), answer.body)
}

#[test]
fn the_openapi_document_is_printed_as_it_is_published() {
    let directory = tempfile::tempdir().unwrap();
    let printed = run(program(directory.path()).arg("openapi")).ok();
    assert_eq!(printed, include_str!("../../../../docs/openapi.json"));
}

#[test]
fn metrics_tell_what_was_done() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let mut client = Client::connect(server.address, KEY).unwrap();
    let events = "{\"channel_id\":1}\n{\"channel_id\":2}\n{\"channel_id\":1,\"uuid\":\"11111111-0000-4000-8000-000000000001\"}\n";
    for _ in 0..2 {
        assert_eq!(client.post("/api/v1/events", "application/x-ndjson", events).unwrap().status, 201);
    }
    let log = r#"{"level":20,"message":"started"}"#;
    assert_eq!(client.post("/api/v1/action-logs", "application/json", log).unwrap().status, 201);
    assert_eq!(client.post("/api/v1/events", "application/json", "{").unwrap().status, 400);
    for path in ["/nothing/1", "/nothing/2"] {
        assert_eq!(client.get(path).unwrap().status, 404);
    }
    assert_eq!(client.get("/api/v1/remote/7/data-warehouse/audit-events/").unwrap().status, 200);
    let (series, text) = scrape(&mut client);
    for (name, value) in [
        // The third event of the second request was there already.
        ("audit_appended_entries_total{stream=\"events\"}", 5.0),
        ("audit_appended_entries_total{stream=\"action-logs\"}", 1.0),
        ("audit_append_batch_entries_count", 3.0),
        ("audit_append_batch_entries_sum", 7.0),
        ("audit_append_batch_entries_bucket{le=\"2\"}", 1.0),
        ("audit_append_batch_seconds_count", 3.0),
        ("audit_append_queue_requests", 0.0),
        ("audit_log_entries{channel_id=\"1\",stream=\"events\"}", 3.0),
        ("audit_log_entries{channel_id=\"2\",stream=\"events\"}", 2.0),
        ("audit_log_entries{channel_id=\"1\",stream=\"action-logs\"}", 1.0),
        // So few are not indexed.
        ("audit_index_lag_entries{channel_id=\"1\",stream=\"events\"}", 0.0),
        ("audit_index_lag_seconds{channel_id=\"1\",stream=\"action-logs\"}", 0.0),
        ("audit_http_request_seconds_count{method=\"POST\",route=\"/api/v1/events\",status=\"201\"}", 2.0),
        ("audit_http_request_seconds_count{method=\"POST\",route=\"/api/v1/events\",status=\"400\"}", 1.0),
        ("audit_http_request_seconds_count{method=\"GET\",route=\"none\",status=\"404\"}", 2.0),
    ] {
        assert_eq!(series.get(name), Some(&value), "{name} in\n{text}");
    }
    let warehouse = "route=\"/api/v1/remote/{channel_id}/data-warehouse/audit-events/\",status=\"200\"";
    assert_eq!(series.get(&format!("audit_http_request_seconds_count{{method=\"GET\",{warehouse}}}")), Some(&1.0), "{text}");
    let file = std::fs::metadata(directory.path().join("audit-data/audit.db")).unwrap().len() as f64;
    assert!(series["audit_database_bytes"] >= file && file > 0.0, "{file} {text}");
    let wal = std::fs::metadata(directory.path().join("audit-data/audit.db-wal")).unwrap().len() as f64;
    assert!(series["audit_database_wal_bytes"] == wal && wal > 0.0, "{wal} {text}");
    // Everything that is measured is explained, here and in the documentation.
    let documented = include_str!("../../../../docs/metrics.md");
    for name in series.keys() {
        let name = name.split('{').next().unwrap();
        let name = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
        assert!(text.contains(&format!("# HELP {name} ")) && text.contains(&format!("# TYPE {name} ")), "{name}");
        assert!(documented.contains(&format!("`{name}`")), "{name} is not in docs/metrics.md");
    }
    // A later scrape has this one in it.
    let (series, _) = scrape(&mut client);
    assert_eq!(series["audit_http_request_seconds_count{method=\"GET\",route=\"/metrics\",status=\"200\"}"], 1.0);
    server.stop();
}

/// Has a program whose index is stopped show how far it is behind, until the index may go on.
pub(crate) fn assert_the_lag_is_shown(server: &Server, stop: impl FnOnce(), go_on: impl FnOnce()) {
    const ENTRIES: &str = "audit_index_lag_entries{channel_id=\"1\",stream=\"events\"}";
    const SECONDS: &str = "audit_index_lag_seconds{channel_id=\"1\",stream=\"events\"}";
    let mut client = Client::connect(server.address, KEY).unwrap();
    stop();
    let events = "{\"url\":\"\"}\n".repeat(100);
    assert_eq!(client.post("/api/v1/events", "application/x-ndjson", &events).unwrap().status, 201);
    let (series, text) = scrape(&mut client);
    let (entries, before) = (series[ENTRIES], series[SECONDS]);
    assert!(entries == 64.0 && before > 0.0, "{text}");
    // Longer than the pause after a step that failed.
    let (series, _) = eventually(|| Some(scrape(&mut client)).filter(|(series, _)| series[SECONDS] > before + 6.0)).unwrap();
    assert_eq!(series[ENTRIES], 64.0);
    go_on();
    let (series, _) = eventually(|| Some(scrape(&mut client)).filter(|(series, _)| series[ENTRIES] == 0.0)).unwrap();
    assert_eq!(series[SECONDS], 0.0);
    let log = server.log();
    assert_eq!(log.matches("a step of the search index of this log failed").count(), 1, "the same reason is said once: {log}");
    assert!(log.contains("no segments today"), "{log}");
}

#[test]
fn metrics_tell_how_far_an_index_is_behind() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let run = |sql| rusqlite::Connection::open(directory.path().join("audit-data/audit.db")).unwrap().execute_batch(sql).unwrap();
    let stop = "CREATE TRIGGER stopped BEFORE INSERT ON segments BEGIN SELECT RAISE(ABORT, 'no segments today'); END";
    assert_the_lag_is_shown(&server, || run(stop), || run("DROP TRIGGER stopped"));
    server.stop();
}

#[test]
fn metrics_tell_how_far_a_tree_is_behind() {
    const ENTRIES: &str = "audit_tree_lag_entries{channel_id=\"1\",stream=\"events\"}";
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let run = |sql| rusqlite::Connection::open(directory.path().join("audit-data/audit.db")).unwrap().execute_batch(sql).unwrap();
    run("CREATE TRIGGER stopped BEFORE INSERT ON tiles BEGIN SELECT RAISE(ABORT, 'no tiles today'); END");
    let mut client = Client::connect(server.address, KEY).unwrap();
    assert_eq!(client.post("/api/v1/events", "application/x-ndjson", &"{\"url\":\"\"}\n".repeat(100)).unwrap().status, 201);
    assert_eq!(scrape(&mut client).0[ENTRIES], 100.0);
    let line = server.wait_for_line("a step of the tree of this log failed");
    assert!(line.contains("no tiles today"), "{line}");
    run("DROP TRIGGER stopped");
    eventually(|| Some(()).filter(|()| scrape(&mut client).0[ENTRIES] == 0.0)).unwrap();
    server.stop();
}

#[test]
fn metrics_are_for_those_who_may_read_all_channels() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let mut admin = Client::connect(server.address, KEY).unwrap();
    for (role, channels, status) in
        [("reader", "\"*\"", 200), ("reader", "[1,2]", 403), ("admin", "[1]", 403), ("writer", "\"*\"", 403)]
    {
        let token = format!(r#"{{"name":"n","role":"{role}","channels":{channels}}}"#);
        let made = admin.post("/api/v1/tokens", "application/json", &token).unwrap().json();
        let mut client = Client::connect(server.address, made["key"].as_str().unwrap()).unwrap();
        assert_eq!(client.get("/metrics").unwrap().status, status, "{role} {channels}");
    }
    assert_eq!(Client::connect(server.address, "nobody").unwrap().get("/metrics").unwrap().status, 401);
    server.stop();
}
