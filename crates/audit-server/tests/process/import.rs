//! `import`: all of it, once, whatever happens on the way, and faults by file and line.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, OpenFlags};

use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::common::{eventually, program, run, run_with_input, wait};
use crate::data;

/// Without masking, so that values come back as they are in the file.
fn import(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = program(directory);
    command.env("AUDIT_MASKING", "none").arg("import").args(arguments);
    command
}

fn export(directory: &Path) -> String {
    run(program(directory).arg("export")).ok()
}

fn write(directory: &Path, name: &str, lines: &[&str]) {
    fs::write(directory.join(name), lines.join("\n")).unwrap();
}

/// How many events the log has while somebody else writes it; 0 before there is one.
fn committed(directory: &Path) -> i64 {
    let url = directory.join("audit-data/audit.db");
    Connection::open_with_flags(url, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|conn| conn.query_row("SELECT coalesce(sum(next_position), 0) FROM logs", [], |row| row.get(0)))
        .unwrap_or(0)
}

#[test]
fn every_value_of_the_source_comes_back_byte_for_byte() {
    let directory = tempfile::tempdir().unwrap();
    let file = data::file();
    let counts = run(import(directory.path(), &[]).arg(&file)).ok();
    assert_eq!(counts, "11256 imported, 0 duplicates, 0 skipped\n");

    let (source, export) = (data::unpack(&file), export(directory.path()));
    assert_eq!((source.lines().count(), export.lines().count()), (data::EVENTS, data::EVENTS));
    data::assert_gapless(&export);
    let stored = data::by_uuid(&export);
    let mut last = std::collections::BTreeMap::new();
    for line in source.lines() {
        let source = data::members(line);
        let event = &stored[&(source["channel_id"], source["uuid"])];
        data::assert_came_back(&source, event);
        assert_eq!(event["producer_id"], "0");
        let position: i64 = event["position"].parse().unwrap();
        assert!(last.insert(source["channel_id"], position).is_none_or(|last| last < position), "the order of the file is kept");
    }
}

#[test]
fn running_it_again_adds_nothing() {
    let directory = tempfile::tempdir().unwrap();
    run(import(directory.path(), &[]).arg(data::file())).ok();
    let first = export(directory.path());
    let counts = run(import(directory.path(), &[]).arg(data::file())).ok();
    assert_eq!(counts, "0 imported, 11256 duplicates, 0 skipped\n");
    assert_eq!(export(directory.path()), first);
}

#[test]
fn a_killed_import_loses_and_repeats_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut before = 0;
    for killed_behind in [0, 2_000, 5_000] {
        let mut command = import(directory.path(), &[]);
        let mut child = command.arg(data::file()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        eventually(|| (committed(directory.path()) > killed_behind).then_some(())).expect("nothing is imported");
        child.kill().unwrap();
        child.wait().unwrap();
        let after = committed(directory.path());
        assert!(after < data::EVENTS as i64, "it was over before it could be killed");
        assert!(after >= before, "what was committed is gone");
        before = after;
    }
    let counts = run(import(directory.path(), &[]).arg(data::file())).ok();
    assert_eq!(counts, format!("{} imported, {before} duplicates, 0 skipped\n", data::EVENTS as i64 - before));
    let (source, export) = (data::unpack(&data::file()), export(directory.path()));
    data::assert_gapless(&export);
    let stored = data::by_uuid(&export);
    assert_eq!((export.lines().count(), stored.len()), (data::EVENTS, data::EVENTS));
    for line in source.lines() {
        let source = data::members(line);
        data::assert_came_back(&source, &stored[&(source["channel_id"], source["uuid"])]);
    }
}

#[test]
fn an_import_beside_a_server_leaves_no_gaps() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let (address, over) = (server.address, AtomicBool::new(false));
    let posted = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut client = Client::connect(address, KEY).unwrap();
            let mut posted = 0;
            while !over.load(Ordering::SeqCst) {
                let answer = client.post("/api/v1/events", "application/json", r#"{"channel_id":6,"action":"BESIDE"}"#).unwrap();
                assert_eq!(answer.status, 201, "{answer:?}");
                posted += 1;
            }
            posted
        });
        run(import(directory.path(), &[]).arg(data::file())).ok();
        over.store(true, Ordering::SeqCst);
        writer.join().unwrap()
    });
    assert!(posted > 10, "{posted}");
    let answer = Client::connect(address, KEY).unwrap().get("/api/v1/events?channel_id=6&limit=1&count=true").unwrap();
    assert_eq!(answer.json()["count"], 515 + posted, "{answer:?}");
    server.stop();
    data::assert_gapless(&export(directory.path()));
}

const FAULTY: [&str; 7] = [
    r#"{"action":"FIRST"}"#,
    r#"{"action":5,"url":[],"uuid":"x"}"#,
    "",
    r#"{"action":"AFTER"}"#,
    r#"{"action":"#,
    r#"[1]"#,
    r#"{"timestamp":"2023-02-30"}"#,
];

const FAULTS: [&str; 4] = [
    "faulty.ndjson line 2: action must be a string, got a number; url must be a string, got an array; uuid must be a UUID such as \
     410237f7-2a6f-48de-9c41-b988326d7607",
    "faulty.ndjson line 5: is not JSON: EOF while parsing a value at column 10",
    "faulty.ndjson line 6: expected a JSON object, got an array",
    "faulty.ndjson line 7: timestamp must be a date-time such as 2023-10-16T09:00:00.929094Z, in the years 1 to 9999",
];

#[test]
fn faulty_lines_are_named_and_end_the_import() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "faulty.ndjson", &FAULTY);
    let ended = run(&mut import(directory.path(), &["faulty.ndjson"]));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), "1 imported, 0 duplicates, 0 skipped\n"), "{ended:?}");
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines[..4], FAULTS);
    assert_eq!(lines[4..], ["audit-server: stopped at a faulty line; the lines before it are in the log"]);
    let export = export(directory.path());
    assert!(export.contains("FIRST") && !export.contains("AFTER"), "{export}");
}

#[test]
fn skipped_faulty_lines_are_counted_and_make_the_exit_code_1() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "faulty.ndjson", &FAULTY);
    let ended = run(&mut import(directory.path(), &["--skip-invalid", "faulty.ndjson"]));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), "2 imported, 0 duplicates, 4 skipped\n"), "{ended:?}");
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines[..4], FAULTS);
    assert_eq!(lines[4..], ["audit-server: 4 faulty line(s) were skipped"]);
    assert!(export(directory.path()).contains("AFTER"));
}

#[test]
fn twenty_faulty_lines_are_shown_and_the_others_counted() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "faulty.ndjson", &["x"; 33]);
    let ended = run(&mut import(directory.path(), &["--skip-invalid", "faulty.ndjson"]));
    assert_eq!(ended.stdout, "0 imported, 0 duplicates, 33 skipped\n");
    assert_eq!(ended.stderr.lines().filter(|line| line.contains("is not JSON")).count(), 20);
    assert!(ended.stderr.contains("… and 13 more"), "{}", ended.stderr);
}

/// 2,500 events in three batches; the uuid of line 1,300 belongs to another event of the log.
fn conflicting(directory: &Path) -> Vec<String> {
    let uuid = |number: usize| format!("00000000-0000-4000-8000-{number:012}");
    write(directory, "first.ndjson", &[&format!(r#"{{"uuid":"{}","action":"TAKEN"}}"#, uuid(1300))]);
    run(&mut import(directory, &["first.ndjson"])).ok();
    let lines: Vec<String> = (1..=2500).map(|number| format!(r#"{{"uuid":"{}","action":"A{number}"}}"#, uuid(number))).collect();
    write(directory, "second.ndjson", &lines.iter().map(String::as_str).collect::<Vec<_>>());
    lines
}

const CONFLICT: &str = "second.ndjson line 1300: uuid 00000000-0000-4000-8000-000000001300 belongs to another record of channel 1";

#[test]
fn a_conflicting_uuid_is_named_by_line_and_ends_the_import() {
    let directory = tempfile::tempdir().unwrap();
    let lines = conflicting(directory.path());
    let ended = run(&mut import(directory.path(), &["second.ndjson"]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.stderr.lines().next(), Some(CONFLICT));
    let export = export(directory.path());
    for number in 1..1300 {
        assert!(export.contains(&format!("\"A{number}\"")), "{number}");
    }
    assert!(!export.contains("\"A1300\"") && export.contains("TAKEN"));
    data::assert_gapless(&export);
    // What comes behind it in its batch waits for the line to be put right.
    assert!(!export.contains("\"A1301\""));
    let mended: Vec<&str> = lines.iter().enumerate().filter(|(index, _)| *index != 1299).map(|(_, line)| line.as_str()).collect();
    write(directory.path(), "second.ndjson", &mended);
    run(&mut import(directory.path(), &["second.ndjson"])).ok();
    assert_eq!(self::export(directory.path()).lines().count(), 2500);
}

#[test]
fn a_skipped_conflict_leaves_its_neighbours_alone() {
    let directory = tempfile::tempdir().unwrap();
    conflicting(directory.path());
    let ended = run(&mut import(directory.path(), &["--skip-invalid", "second.ndjson"]));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), "2499 imported, 0 duplicates, 1 skipped\n"), "{ended:?}");
    assert_eq!(ended.stderr.lines().next(), Some(CONFLICT));
    assert_eq!(export(directory.path()).lines().count(), 2500);
}

#[test]
fn a_line_that_only_conflicts_with_a_wrong_neighbour_is_known() {
    let directory = tempfile::tempdir().unwrap();
    let uuid = "00000000-0000-4000-8000-000000000001";
    let (right, wrong) = (format!(r#"{{"uuid":"{uuid}","action":"R"}}"#), format!(r#"{{"uuid":"{uuid}","action":"W"}}"#));
    write(directory.path(), "first.ndjson", &[&right]);
    write(directory.path(), "second.ndjson", &[&wrong, &right]);
    run(&mut import(directory.path(), &["first.ndjson"])).ok();
    let ended = run(&mut import(directory.path(), &["--skip-invalid", "second.ndjson"]));
    assert_eq!(ended.stdout, "0 imported, 1 duplicates, 1 skipped\n");
}

#[test]
fn stdin_has_no_name_so_its_lines_are_new_events_each_time() {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let ended = run_with_input(&mut import(directory.path(), &["-"]), b"{\"action\":\"A\"}\n");
        assert_eq!(ended.ok(), "1 imported, 0 duplicates, 0 skipped\n");
    }
    let ended = run_with_input(&mut import(directory.path(), &["-"]), b"x\n");
    assert!(ended.stderr.starts_with("stdin line 1: is not JSON"), "{ended:?}");
}

#[test]
fn a_faulty_line_from_a_stdin_that_stays_open_ends_it_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut child =
        import(directory.path(), &["-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(b"{\"action\":\"A\"}\nx\n").unwrap();
    assert_eq!(wait(&mut child).expect("it waits for more").code(), Some(1));
    assert_eq!(export(directory.path()).lines().count(), 1);
}

#[test]
fn the_channel_comes_from_line_flag_or_setting() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "events.ndjson", &[r#"{"action":"OWN","channel_id":4}"#, r#"{"action":"OTHER"}"#]);
    run(&mut import(directory.path(), &["events.ndjson"])).ok();
    run(import(directory.path(), &["events.ndjson"]).env("AUDIT_DEFAULT_CHANNEL", "5")).ok();
    run(import(directory.path(), &["--channel", "6", "events.ndjson"]).env("AUDIT_DEFAULT_CHANNEL", "5")).ok();
    let export = export(directory.path());
    let events: Vec<_> =
        export.lines().map(data::members).map(|event| (event["channel_id"].to_owned(), event["action"].to_owned())).collect();
    let wanted = [("1", "\"OTHER\""), ("4", "\"OWN\""), ("5", "\"OTHER\""), ("6", "\"OTHER\"")];
    assert_eq!(events, wanted.map(|(channel, action)| (channel.to_owned(), action.to_owned())));
}

#[test]
fn a_file_that_is_not_there_is_named_before_anything_happens() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "events.ndjson", &[r#"{"action":"A"}"#]);
    let ended = run(&mut import(directory.path(), &["events.ndjson", "missing.ndjson"]));
    assert_eq!(ended.sentence(), "cannot read `missing.ndjson`: No such file or directory (os error 2)");
    assert!(!directory.path().join("audit-data").exists());
}

#[test]
fn a_truncated_gzip_file_is_imported_up_to_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let packed = fs::read(data::file()).unwrap();
    fs::write(directory.path().join("cut.ndjson.gz"), &packed[..packed.len() / 2]).unwrap();
    let ended = run(&mut import(directory.path(), &["cut.ndjson.gz"]));
    let imported: usize = ended.stdout.split(' ').next().unwrap().parse().unwrap();
    assert!((100..data::EVENTS).contains(&imported), "{ended:?}");
    let place = format!("cut.ndjson.gz line {} cannot be read: ", imported + 1);
    assert!(ended.sentence().starts_with(&place), "{ended:?}");
    assert_eq!(export(directory.path()).lines().count(), imported);
}

#[test]
fn lines_that_are_too_long_or_no_text_are_faults_like_any_other() {
    let directory = tempfile::tempdir().unwrap();
    let mut bytes = b"{\"action\":\"A\"}\n\xff\n{\"description\":\"".to_vec();
    bytes.extend(vec![b'x'; 3_000_000]);
    bytes.extend_from_slice(b"\"}\n{\"action\":\"B\"}");
    fs::write(directory.path().join("events.ndjson"), bytes).unwrap();
    let ended = run(&mut import(directory.path(), &["--skip-invalid", "events.ndjson"]));
    assert_eq!(ended.stdout, "2 imported, 0 duplicates, 2 skipped\n");
    let faults: Vec<&str> = ended.stderr.lines().take(2).collect();
    assert_eq!(faults, ["events.ndjson line 2: is not UTF-8", "events.ndjson line 3: has more than 1052672 bytes"]);
}

#[test]
fn records_of_other_systems_are_imported_once() {
    let directory = tempfile::tempdir().unwrap();
    let record = |id: u8, name: &str| {
        format!(
            r#"{{"eventVersion":"1.08","eventTime":"2026-11-01T10:00:00Z","eventID":"44444444-0000-4000-8000-00000000000{id}","eventName":{name},"eventSource":"s3.amazonaws.com"}}"#
        )
    };
    let one = format!("{{\"Records\":[\n{},\n{}\n]}}\n", record(1, "\"A\""), record(2, "\"B\""));
    write(directory.path(), "whole.json", &[&one]);
    write(directory.path(), "lines.ndjson", &[&record(2, "\"B\""), "", &record(3, "\"C\"")]);
    let counts = |files: &[&str]| run(&mut import(directory.path(), &[&["--format", "cloudtrail"], files].concat())).ok();
    assert_eq!(counts(&["whole.json", "lines.ndjson"]), "3 imported, 1 duplicates, 0 skipped\n");
    assert_eq!(counts(&["whole.json"]), "0 imported, 2 duplicates, 0 skipped\n");
    write(directory.path(), "faulty.ndjson", &[&record(4, "\"D\""), &record(5, "7")]);
    let ended = run(import(directory.path(), &["--format", "cloudtrail", "faulty.ndjson"]).stdin(Stdio::null()));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("faulty.ndjson line 2: record 0, `/eventName`: must be a string"), "{}", ended.stderr);
    let unknown = run(&mut import(directory.path(), &["--format", "syslog", "whole.json"]));
    assert!(unknown.stderr.contains("cloudevents, cloudtrail, k8s-audit, ocsf, otlp"), "{}", unknown.stderr);
    assert_eq!(export(directory.path()).lines().count(), 4);
}

#[test]
fn an_unrecognized_record_is_a_faulty_line_unless_lenient() {
    let directory = tempfile::tempdir().unwrap();
    let trail = r#"{"Records":[{"eventVersion":"1.08","eventID":"1"}]}"#;
    write(directory.path(), "a.ndjson", &[r#"{"action":"A"}"#, r#"{"objectId":5}"#, trail, r#"{"level":20,"message":"m"}"#]);
    let ended = run(&mut import(directory.path(), &["--skip-invalid", "a.ndjson"]));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), "1 imported, 0 duplicates, 3 skipped\n"), "{ended:?}");
    for message in [
        "a.ndjson line 2: has no known member: `objectId` (did you mean object_id?)",
        "a.ndjson line 3: is not a native event: it looks like CloudTrail records: give --format cloudtrail; --lenient takes it",
        "; --lenient takes it as it is",
        "a.ndjson line 4: is not an event: give --kind action-logs",
    ] {
        assert!(ended.stderr.contains(message), "{ended:?}");
    }
    write(directory.path(), "b.ndjson", &[r#"{"objectId":5}"#, trail]);
    assert_eq!(run(&mut import(directory.path(), &["--lenient", "b.ndjson"])).ok(), "2 imported, 0 duplicates, 0 skipped\n");
}
