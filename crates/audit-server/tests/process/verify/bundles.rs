//! Bundles: a whole log, a range, and entries that match a filter.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::{CHANNEL, FIXTURE, ending, verify, verify_with};
use crate::common::{program, run};

#[test]
fn a_bundle_of_a_whole_log_is_proven_to_be_complete() {
    let (directory, fixture) = (tempfile::tempdir().unwrap(), &*FIXTURE);
    let size = fixture.size;
    fixture.bundle(directory.path(), "all.gz", &[]);
    let ended = verify(directory.path(), &["all.gz"]);
    let origin = fixture.key().split_once('+').unwrap().0.to_owned();
    let proven =
        format!("all.gz: proven: all entries from position 0 to before {size} of {origin}, checkpoint of {size} entries\n");
    assert_eq!(ended.stdout, format!("{proven}ok: 1 file(s): {size} ok, 0 erased, 0 tampered, 0 missing\n"), "{ended:?}");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn any_range_of_positions_is_proven() {
    let (directory, size) = (tempfile::tempdir().unwrap(), FIXTURE.size);
    assert!(size > 600);
    for (from, to) in [(0, 0), (0, 1), (255, 257), (256, 512), (300, 311), (size - 1, size), (size, size), (7, size - 3)] {
        let (from_text, to_text) = (from.to_string(), to.to_string());
        FIXTURE.bundle(directory.path(), "range", &["--from-position", &from_text, "--to-position", &to_text]);
        let ended = verify(directory.path(), &["range", "--json"]);
        let last: Vec<serde_json::Value> =
            ended.stdout.lines().rev().take(2).map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((ended.code, &last[0]["ok"]), (Some(0), &(to - from).into()), "{from} to {to}: {ended:?}");
        assert_eq!((&last[1]["from"], &last[1]["to"], &last[1]["complete"]), (&from.into(), &to.into(), &true.into()));
    }
}

#[test]
fn a_filtered_bundle_says_that_it_is_not_complete() {
    let (directory, fixture) = (tempfile::tempdir().unwrap(), &*FIXTURE);
    let mut command = program(fixture.path());
    command.args(["export", "--bundle", "--channel", CHANNEL, "--filter", "position__gte=3&position__lt=90"]);
    let exported = run(&mut command);
    assert!(exported.stderr.contains("each of them is authentic, and not that it has all that match"), "{:?}", exported.stderr);
    fs::write(directory.path().join("some"), exported.ok()).unwrap();
    let ended = verify(directory.path(), &["some"]);
    assert_eq!(ending(&ended), (Some(0), "ok: 1 file(s): 87 ok, 0 erased, 0 tampered, 0 missing"));
    assert!(ended.stdout.contains("; the bundle is filtered, so it does not prove that no others match\n"), "{ended:?}");
    fixture.bundle(directory.path(), "user", &["--filter", "user=7"]);
    assert_eq!(ending(&verify(directory.path(), &["user"])).0, Some(0));
    // Without the lines of some entries it is still authentic, if the last line agrees.
    let lines: Vec<String> = fs::read_to_string(directory.path().join("some")).unwrap().lines().map(str::to_owned).collect();
    let fewer = [&lines[..3], &[lines[88].replace("87", "2")]].concat().join("\n");
    fs::write(directory.path().join("fewer"), fewer).unwrap();
    assert_eq!(ending(&verify(directory.path(), &["fewer"])).1, "ok: 1 file(s): 2 ok, 0 erased, 0 tampered, 0 missing");
}

#[test]
fn only_entries_that_are_wrong_are_listed() {
    let directory = tempfile::tempdir().unwrap();
    let file = FIXTURE.bundle(directory.path(), "b", &["--from-position", "10", "--to-position", "20"]);
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let listed = |lines: &[&str], arguments: &[&str]| {
        fs::write(&file, lines.join("\n") + "\n").unwrap();
        verify(directory.path(), &[&["b"], arguments].concat())
    };
    let all = listed(&lines, &["--verbose"]);
    assert_eq!(all.stdout.lines().filter(|line| line.ends_with(" ok")).count(), 10, "{all:?}");
    let changed = lines[4].replacen("\"value\":\"", "\"value\":\" ", 1);
    let ended = listed(&[&lines[..4], &[&changed], &lines[5..]].concat(), &[]);
    let entry = "b: 13 ";
    assert!(ended.stdout.starts_with(entry) && ended.stdout.contains(" tampered: the salt and the value of slot "), "{ended:?}");
    assert_eq!(
        ended.stdout.lines().nth(1),
        Some("b: wrong: 0 entries are missing, 1 were changed or moved, and 0 lines cannot be read")
    );
    assert_eq!(ending(&ended), (Some(1), "wrong: 1 file(s): 9 ok, 0 erased, 1 tampered, 0 missing"));
    let ended = listed(&[&lines[..4], &lines[6..]].concat(), &[]);
    assert!(ended.stdout.starts_with("b: 13 to 14 missing\n"), "{ended:?}");
    assert_eq!(ending(&ended), (Some(1), "wrong: 1 file(s): 0 ok, 0 erased, 0 tampered, 2 missing, 8 unproven"));
    let ended = listed(&[&lines[..4], &["{}"], &lines[4..]].concat(), &[]);
    assert!(ended.stdout.starts_with("b: line 5 cannot be read: "), "{ended:?}");
    assert_eq!(ending(&ended), (Some(1), "wrong: 1 file(s): 10 ok, 0 erased, 0 tampered, 0 missing, 1 unreadable"));
    let ended = listed(&lines[..11], &[]);
    assert!(ended.stdout.contains("b: wrong: the bundle has no last line with `entries`, so it was cut\n"), "{ended:?}");
    // An entry together with the hash that its line states.
    let one = FIXTURE.bundle(directory.path(), "c", &["--from-position", "20", "--to-position", "21"]);
    let other = fs::read_to_string(one).unwrap().lines().nth(1).unwrap().replace("\"position\":20,", "\"position\":13,");
    let ended = listed(&[&lines[..4], &[&other], &lines[5..]].concat(), &["--verbose"]);
    assert!(ended.stdout.contains("b: wrong: the leaf hashes and the frontiers are not those of the checkpoint"), "{ended:?}");
    assert_eq!(ending(&ended), (Some(1), "wrong: 1 file(s): 0 ok, 0 erased, 0 tampered, 0 missing, 10 unproven"));
}

#[test]
fn machines_get_one_object_for_each_entry() {
    let (directory, size) = (tempfile::tempdir().unwrap(), FIXTURE.size);
    let file = FIXTURE.bundle(directory.path(), "b", &["--from-position", "10", "--to-position", "12"]);
    let objects = |ended: &crate::common::Ended| {
        let lines = ended.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.collect::<Vec<_>>()
    };
    let all = objects(&verify(directory.path(), &["b", "--json"]));
    assert_eq!(all.len(), 4, "{all:?}");
    assert_eq!((&all[1]["position"], &all[1]["status"], &all[1]["type"]), (&11.into(), &"ok".into(), &"entry".into()));
    assert_eq!(all[1]["uuid"].as_str().unwrap().len(), 36);
    let origin = FIXTURE.key().split_once('+').unwrap().0.to_owned();
    let of_file = serde_json::json!({"type":"file","file":"b","result":"ok","origin":origin,"size":size,"complete":true,"from":10,
                                     "to":12,"witnesses":[]});
    assert_eq!(all[2], of_file);
    let summary = serde_json::json!({"type":"summary","result":"ok","files":1,"ok":2,"erased":0,"tampered":0,"missing":0,
                                     "unreadable":0,"unproven":0});
    assert_eq!(all[3], summary);
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    fs::write(&file, [lines[0], lines[2], "?", lines[3]].join("\n")).unwrap();
    let all = objects(&verify(directory.path(), &["b", "--json"]));
    assert_eq!(all[0], serde_json::json!({"type":"missing","file":"b","from":10,"to":11}));
    assert_eq!((&all[2]["type"], &all[2]["line"]), (&"unreadable".into(), &3.into()));
    assert_eq!((&all[3]["result"], all[3]["detail"].is_string()), (&"wrong".into(), true));
    assert_eq!(all[4]["result"], "wrong");
}

#[test]
fn what_a_file_quotes_does_not_reach_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let file = FIXTURE.bundle(directory.path(), "b", &["--to-position", "1"]);
    let text = fs::read_to_string(&file).unwrap().replacen("\"origin\":\"", "\"origin\":\"\\u001b[2J", 1);
    fs::write(&file, text).unwrap();
    let ended = verify(directory.path(), &["b"]);
    assert!(ended.code == Some(1) && ended.stdout.contains("`origin` is \\u{1b}[2J"), "{ended:?}");
}

#[test]
fn a_bundle_is_read_from_a_pipe() {
    let directory = tempfile::tempdir().unwrap();
    let text = fs::read(FIXTURE.bundle(directory.path(), "b", &["--to-position", "3"])).unwrap();
    let mut command = program(directory.path());
    let ended = crate::common::run_with_input(command.args(["verify", "-", "--vkey", &FIXTURE.key()]), &text);
    assert!(ended.stdout.starts_with("stdin: proven: all entries from position 0 to before 3"), "{ended:?}");
    let all = FIXTURE.keys("");
    assert!(all.len() > 2 && verify_with(directory.path(), &["--vkey", &all[1]], &["b"]).code == Some(2));
}

fn export(directory: &Path, arguments: &[&str]) -> crate::common::Ended {
    run(program(directory).args(["export", "--bundle"]).args(arguments))
}

#[test]
fn each_bundle_that_cannot_be_made_says_why() {
    let (path, size) = (FIXTURE.path(), FIXTURE.size);
    let said = |arguments: &[&str]| export(path, arguments).sentence().to_owned();
    assert_eq!(said(&[]), "a bundle is of one log: give --channel once (got 0 channels)");
    assert_eq!(said(&["--channel", "1", "--channel", "2"]), "a bundle is of one log: give --channel once (got 2 channels)");
    assert_eq!(said(&["--channel", CHANNEL, "--filter", "acton=A"]), "--filter: acton is not known here; did you mean action?");
    let beyond =
        format!("--to-position must be at most {size}, the number of entries in the newest signed checkpoint (got 9999999)");
    assert_eq!(said(&["--channel", CHANNEL, "--to-position", "9999999"]), beyond);
    let turned = "--from-position must be at most 3, where the range ends (got 4)";
    assert_eq!(said(&["--channel", CHANNEL, "--to-position", "3", "--from-position", "4"]), turned);
    let unsigned = said(&["--channel", "99"]);
    assert!(unsigned.starts_with("channel 99 has no signed checkpoint of its events: "), "{unsigned}");
    for flags in [&["--from-position", "1", "--filter", "a=b"][..], &["--to-position", "1", "--filter", "a=b"]] {
        assert_eq!(export(path, &[&["--channel", "1"], flags].concat()).code, Some(2));
    }
    for flags in [["--from-position", "1"], ["--to-position", "1"], ["--filter", "a=b"]] {
        assert_eq!(run(program(path).arg("export").args(flags)).code, Some(2), "without --bundle");
    }
    let ended = export(path, &["--kind", "action-logs", "--channel", CHANNEL, "-o", "logs"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ending(&verify(path, &["logs"])), (Some(0), "ok: 1 file(s): 1 ok, 0 erased, 0 tampered, 0 missing"));
}

/// A copy of the database of the fixture, without the guards of a table.
fn unguarded_copy(directory: &Path, table: &str) -> Connection {
    let copy = directory.join("audit-data");
    fs::create_dir(&copy).unwrap();
    Connection::open(FIXTURE.path().join("audit-data/audit.db"))
        .unwrap()
        .execute("VACUUM INTO ?", [copy.join("audit.db").to_str().unwrap()])
        .unwrap();
    let conn = Connection::open(copy.join("audit.db")).unwrap();
    let triggers: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?")
        .and_then(|mut query| query.query_map([table], |row| row.get(0))?.collect())
        .unwrap();
    for trigger in triggers {
        conn.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    conn
}

#[test]
fn no_bundle_is_made_of_changed_entries() {
    let directory = tempfile::tempdir().unwrap();
    let conn = unguarded_copy(directory.path(), "events");
    conn.execute("UPDATE events SET timestamp = timestamp + 1 WHERE channel_id = ? AND position = 5", [CHANNEL]).unwrap();
    let whole = export(directory.path(), &["--channel", CHANNEL, "-o", "b"]);
    let said = "the entry at position 5 does not have its leaf hash: the database was changed";
    assert_eq!(whole.sentence(), said);
    let filtered = export(directory.path(), &["--channel", CHANNEL, "-o", "b", "--filter", "position__lt=9"]);
    assert!(filtered.sentence().contains("the entry at position 5 cannot be proven"), "{filtered:?}");
    assert!(!directory.path().join("b").exists());
}

#[test]
fn no_bundle_is_made_of_changed_tiles() {
    let directory = tempfile::tempdir().unwrap();
    let conn = unguarded_copy(directory.path(), "tiles");
    conn.execute("UPDATE tiles SET hashes = zeroblob(length(hashes)) WHERE channel_id = ? AND level = 1", [CHANNEL]).unwrap();
    let range = ["--channel", CHANNEL, "-o", "b", "--from-position", "256", "--to-position", "300"];
    let ended = export(directory.path(), &range);
    let said = "the entries are not those of the signed checkpoint: the database was changed: ";
    assert!(ended.sentence().starts_with(said), "{ended:?}");
    assert!(!directory.path().join("b").exists());
}

#[test]
fn what_is_appended_after_the_checkpoint_changes_nothing() {
    let (directory, size) = (tempfile::tempdir().unwrap(), FIXTURE.size);
    drop(unguarded_copy(directory.path(), "none"));
    let before = export(directory.path(), &["--channel", CHANNEL]).ok();
    fs::write(directory.path().join("more.ndjson"), "{\"channel_id\":1,\"action\":\"LATER\"}\n".repeat(300)).unwrap();
    assert_eq!(run(program(directory.path()).args(["import", "more.ndjson"])).ok(), "300 imported, 0 duplicates, 0 skipped\n");
    assert!(before == export(directory.path(), &["--channel", CHANNEL]).ok(), "the bundle of {size} entries is another one");
    let filter = format!("position__gte={}", size - 2);
    let filtered = export(directory.path(), &["--channel", CHANNEL, "--filter", &filter]);
    assert!(filtered.stderr.starts_with("2 event(s) of "), "{:?}", filtered.stderr);
    let later = export(directory.path(), &["--channel", CHANNEL, "--filter", "action=LATER"]);
    assert!(later.stderr.starts_with("0 event(s) of "), "{:?}", later.stderr);
}
