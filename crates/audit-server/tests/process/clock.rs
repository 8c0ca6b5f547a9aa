//! The program under a clock that is wrong, made by faketime: what an operator sees, and the way out.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::http::{Answer, Client};
use crate::common::server::{KEY, Server};
use crate::common::{program, run};

const EVENTS: &str = "/api/v1/events";

/// Has a command see another time: `offset` is what faketime takes, such as `+3d`.
pub(crate) fn at<'a>(command: &'a mut Command, offset: &str) -> &'a mut Command {
    under_faketime(command).env("FAKETIME", offset)
}

fn under_faketime(command: &mut Command) -> &mut Command {
    let library = Command::new("faketime").args(["-f", "+0", "sh", "-c", "echo $LD_PRELOAD"]).output().unwrap();
    let library = String::from_utf8(library.stdout).unwrap();
    command.env("LD_PRELOAD", library.trim()).env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("NO_FAKE_STAT", "1")
}

/// A server whose clock is what a file says at the moment.
struct Watched {
    server: Server,
    client: Client,
    hands: std::path::PathBuf,
}

impl Watched {
    fn start(directory: &Path) -> Watched {
        let hands = directory.join("clock");
        fs::write(&hands, "+0").unwrap();
        let mut command = program(directory);
        under_faketime(&mut command).env("FAKETIME_TIMESTAMP_FILE", &hands).env("FAKETIME_NO_CACHE", "1");
        let server = Server::run(command.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0"));
        let client = Client::connect(server.address, KEY).unwrap();
        Watched { server, client, hands }
    }

    fn set(&self, offset: &str) {
        let next = self.hands.with_extension("next");
        fs::write(&next, offset).unwrap();
        fs::rename(&next, &self.hands).unwrap();
    }

    fn append(&mut self) -> Answer {
        self.client.post(EVENTS, "application/json", r#"{"action":"LOGIN"}"#).unwrap()
    }

    fn ready(&mut self) -> (u16, Value) {
        let answer = self.client.get("/readyz").unwrap();
        (answer.status, answer.json())
    }

    fn metric(&mut self, name: &str) -> f64 {
        let text = self.client.get("/metrics").unwrap().body;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name}: {text}")).parse().unwrap()
    }
}

#[test]
fn a_clock_before_1970_is_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let ended = run(at(&mut program(directory.path()), "-60y"));
    let sentence = ended.sentence();
    assert!(sentence.starts_with("the clock of this machine says 19"), "{sentence}");
    assert!(sentence.ends_with("; it must be between 2020-01-01 and 9999-12-31: set the clock"), "{sentence}");
    fs::write(directory.path().join("a.ndjson"), "{}\n").unwrap();
    for arguments in [&["import", "a.ndjson"][..], &["token", "create", "--name", "a", "--role", "reader", "--channels", "*"]] {
        let ended = run(at(program(directory.path()).args(arguments), "-60y"));
        assert!(ended.stderr.contains("the clock of this machine says 19"), "{arguments:?}: {ended:?}");
        assert!(ended.code == Some(1) && !ended.stderr.contains("panicked"), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn a_clock_that_jumps_is_seen_and_an_impossible_one_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut watched = Watched::start(directory.path());
    assert_eq!(watched.append().status, 201);
    assert_eq!(watched.ready(), (200, json!({"status": "ready"})));

    watched.set("+3d");
    let ahead = watched.append();
    assert_eq!(ahead.status, 201);
    let (status, ready) = watched.ready();
    let warning = ready["warnings"][0].as_str().unwrap();
    assert!(status == 200 && ready["status"] == "ready", "{ready}");
    assert!(warning.contains("jumped ahead by 259"), "{warning}");
    assert_eq!(watched.metric("audit_clock_jumps_total"), 1.0);

    watched.set("+9000y");
    // It lacks a time, and is refused before it gets to the log.
    assert_eq!(watched.append().status, 503);
    let whole = r#"{"uuid":"00000000-0000-7000-8000-000000000001","timestamp":"2023-10-16T09:00:00Z"}"#;
    let refused = watched.client.post(EVENTS, "application/json", whole).unwrap();
    assert_eq!((refused.status, refused.json()["outcome"].clone()), (503, json!("not_stored")), "{refused:?}");
    assert!(refused.json()["detail"].as_str().unwrap().contains("The clock of the server is wrong"), "{refused:?}");
    assert_eq!(watched.ready(), (503, json!({"status": "the clock is wrong"})));
    assert!(watched.metric("audit_clock_out_of_range_total") >= 1.0);
    let list = watched.client.get("/api/v1/remote/1/data-warehouse/audit-events/").unwrap();
    assert_eq!((list.status, list.json()["count"].clone()), (200, json!(2)), "reads go on");

    watched.set("+0");
    let again = watched.append();
    assert_eq!((again.status, again.json()["position"].clone()), (201, json!(2)), "{again:?}");
    assert_eq!(again.json()["recorded_at"], ahead.json()["recorded_at"], "the log stands still");
    let (_, ready) = watched.ready();
    assert!(ready["warnings"][0].as_str().unwrap().contains("1 log(s) is ahead of the clock"), "{ready}");
    let lead = watched.metric("audit_log_ahead_of_clock_seconds");
    assert!((250_000.0..=259_200.0).contains(&lead), "{lead}");
    let log = watched.server.log();
    for said in
        ["the clock jumped ahead", "the store appends nothing while the clock is wrong", "is ahead of the clock: recorded_at"]
    {
        assert_eq!(log.matches(said).count(), 1, "{said}: {log}");
    }
    assert!(!log.contains("panicked"), "{log}");
    watched.server.stop();
}

/// As docs/operations.md says: the log goes on by itself in three days, or at once in a new database.
#[test]
fn a_log_ahead_of_the_clock_goes_on_in_a_new_database() {
    let directory = tempfile::tempdir().unwrap();
    let events = [
        r#"{"uuid":"00000000-0000-7000-8000-000000000001","timestamp":"2023-10-16T09:00:00Z","action":"LOGIN"}"#,
        r#"{"action":"LOGOUT"}"#,
    ];
    fs::write(directory.path().join("events.ndjson"), events.join("\n")).unwrap();
    run(at(program(directory.path()).args(["import", "events.ndjson"]), "+5y")).ok();
    let run_in = |data: &str, arguments: &[&str]| run(program(directory.path()).args(["--data-dir", data]).args(arguments)).ok();

    run_in("audit-data", &["export", "--output", "all.ndjson.gz"]);
    run_in("new", &["import", "all.ndjson.gz"]);
    let records = |data: &str| -> Vec<Value> {
        let text = run_in(data, &["export", "--output", "-"]);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (old, new) = (records("audit-data"), records("new"));
    for member in ["uuid", "timestamp", "action", "position"] {
        let of = |records: &[Value]| records.iter().map(|record| record[member].clone()).collect::<Vec<_>>();
        assert_eq!(of(&old), of(&new), "{member}");
    }
    let server =
        Server::run(program(directory.path()).args(["--data-dir", "new", "--listen", "127.0.0.1:0"]).env("AUDIT_ADMIN_TOKEN", KEY));
    let mut client = Client::connect(server.address, KEY).unwrap();
    assert_eq!(client.get("/readyz").unwrap().json(), json!({"status": "ready"}));
    let receipt = client.post(EVENTS, "application/json", r#"{"action":"A"}"#).unwrap().json();
    let imported = new[1]["recorded_at"].as_str().unwrap();
    assert!(receipt["recorded_at"].as_str().unwrap() > imported && imported < old[1]["recorded_at"].as_str().unwrap());
    server.stop();
}

#[test]
fn an_event_far_in_the_future_is_warned_about() {
    let directory = tempfile::tempdir().unwrap();
    let far = r#"{"timestamp":"2999-01-01T00:00:00Z"}"#;
    fs::write(directory.path().join("a.ndjson"), [far, far, r#"{"url":""}"#].join("\n")).unwrap();
    let import = |settings: &[&str]| run(program(directory.path()).args(settings).args(["import", "a.ndjson"]));
    let ended = import(&[]);
    let warning = "warning: 2 record(s) have a time more than 86400 s ahead of this machine's clock\n";
    assert!(ended.stderr.ends_with(warning), "{ended:?}");
    assert_eq!(ended.ok(), "3 imported, 0 duplicates, 0 skipped\n");

    let server = Server::start(directory.path());
    let mut client = Client::connect(server.address, KEY).unwrap();
    let receipt = client.post(EVENTS, "application/json", far).unwrap();
    let warning = receipt.json()["warnings"][0].as_str().unwrap().to_owned();
    assert!(receipt.status == 201 && warning.contains("s ahead of the server's clock"), "{receipt:?}");
    let receipts = client.post(EVENTS, "application/json", &format!(r#"[{far},{{"url":""}}]"#)).unwrap().json();
    assert_eq!(receipts["receipts"][0]["warnings"].as_array().unwrap().len(), 1, "{receipts}");
    assert_eq!(receipts["receipts"][1].get("warnings"), None, "{receipts}");
    server.stop();
    let silent = import(&["--future-timestamp-warning-seconds", "315360000"]);
    assert!(silent.stderr.contains("2 record(s) have a time more than 315360000 s"), "a thousand years are too many: {silent:?}");
    let bad = import(&["--future-timestamp-warning-seconds", "0"]);
    assert!(bad.stderr.contains("a number of seconds from 1 to 315360000"), "{bad:?}");
}
