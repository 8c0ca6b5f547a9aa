//! `--kind`: what is no event is imported and exported too.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{program, run};
use crate::data;

fn action_logs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/action-log-dev.ndjson.gz")
}

/// What the log adds to an action log.
const ADDED: [&str; 7] = ["id", "uuid", "channel_id", "position", "recorded_at", "producer_id", "leaf_hash"];

/// A program that leaves every value as it is in the file.
fn unmasked(directory: &Path) -> Command {
    let mut command = program(directory);
    command.env("AUDIT_MASKING", "none");
    command
}

#[test]
fn action_logs_are_exported_and_imported_byte_for_byte() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let counts = run(unmasked(first.path()).args(["import", "--kind", "action-logs"]).arg(action_logs())).ok();
    assert_eq!(counts, "3964 imported, 0 duplicates, 0 skipped\n");
    let again = run(unmasked(first.path()).args(["import", "--kind", "action-logs"]).arg(action_logs())).ok();
    assert_eq!(again, "0 imported, 3964 duplicates, 0 skipped\n");
    run(program(first.path()).args(["export", "--kind", "action-logs", "-o", "logs.ndjson"])).ok();
    let exported = std::fs::read_to_string(first.path().join("logs.ndjson")).unwrap();
    let source = data::unpack(&action_logs());
    assert_eq!(exported.lines().count(), source.lines().count());
    for (index, (sent, stored)) in source.lines().zip(exported.lines()).enumerate() {
        let (sent, mut stored) = (data::members(sent), data::members(stored));
        assert_eq!((stored["id"], stored["position"]), ((index + 1).to_string().as_str(), index.to_string().as_str()));
        for added in ADDED {
            assert!(stored.remove(added).is_some(), "{added}");
        }
        assert_eq!(stored.remove("created_at").map(data::instant), sent.get("created_at").copied().map(data::instant));
        assert_eq!(stored, sent.into_iter().filter(|(name, _)| *name != "created_at").collect());
    }
    run(unmasked(second.path()).args(["import", "--kind", "action-logs"]).arg(first.path().join("logs.ndjson"))).ok();
    let twice = run(program(second.path()).args(["export", "--kind", "action-logs"])).ok();
    for (one, two) in exported.lines().zip(twice.lines()) {
        let (mut one, mut two) = (data::members(one), data::members(two));
        for new in ["recorded_at", "leaf_hash"] {
            assert!(one.remove(new).is_some() && two.remove(new).is_some(), "{new}");
        }
        assert_eq!(one, two);
    }
    assert_eq!(run(program(second.path()).arg("export")).ok(), "", "the other stream has nothing");
}

#[test]
fn a_record_of_another_kind_is_refused_by_its_line() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("x.ndjson"), "{\"level\":20,\"message\":\"m\"}\n{\"action\":\"LOGIN\"}\n").unwrap();
    let ended = run(program(directory.path()).args(["import", "--kind", "action-logs", "x.ndjson"]));
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.starts_with("x.ndjson line 2: has no known member: `action`; an action log needs level and message\n"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.stdout, "1 imported, 0 duplicates, 0 skipped\n");
}

#[test]
fn logs_of_the_inventory_api_become_events() {
    let directory = tempfile::tempdir().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/inventory-dev.ndjson.gz");
    let import = || run(unmasked(directory.path()).args(["import", "--kind", "inventory"]).arg(&file)).ok();
    assert_eq!(import(), "6000 imported, 0 duplicates, 0 skipped\n");
    assert_eq!(import(), "0 imported, 6000 duplicates, 0 skipped\n");
    let exported = run(program(directory.path()).arg("export")).ok();
    for (row, event) in data::unpack(&file).lines().zip(exported.lines()) {
        let (row, event) = (data::members(row), data::members(event));
        assert_eq!((row["table_name"], row["action"]), (event["table_name"], event["action"]));
        assert_eq!(row["record_id"].trim_matches('"'), event["object_id"].trim_matches('"'));
        assert_eq!(data::instant(row["timestamp"]), data::instant(event["timestamp"]));
        let content = event.get("content").map(|content| data::members(content)).unwrap_or_default();
        assert_eq!((row.get("old_values"), row.get("new_values")), (content.get("old_data"), content.get("new_data")));
        let user = data::members(event["user"]);
        assert_eq!((row["user_id"], row.get("user_name")), (user["pk"], user.get("username")));
    }
}

#[test]
fn lines_of_another_kind_need_another_import() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, line: &str| std::fs::write(directory.path().join(name), format!("{line}\n")).unwrap();
    write("inventory.ndjson", r#"{"user_id":"7","action":"READ","table_name":"t","record_id":"1"}"#);
    write("logs.ndjson", r#"{"level":20,"message":"m"}"#);
    for (file, kind) in [("inventory.ndjson", "inventory"), ("logs.ndjson", "action-logs")] {
        let wrong = run(program(directory.path()).args(["import", file]));
        assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(1), "0 imported, 0 duplicates, 0 skipped\n"));
        assert!(wrong.stderr.starts_with(&format!("{file} line 1: is not an event: give --kind {kind}\n")), "{}", wrong.stderr);
        let right = run(program(directory.path()).args(["import", "--kind", kind, file]));
        assert_eq!(right.ok(), "1 imported, 0 duplicates, 0 skipped\n");
    }
    // What such members mean in an event is its own affair once they are in `extra`, as an export has them.
    write("event.ndjson", r#"{"level":20,"message":"m","extra":null}"#);
    assert_eq!(run(program(directory.path()).args(["import", "event.ndjson"])).ok(), "1 imported, 0 duplicates, 0 skipped\n");
}
