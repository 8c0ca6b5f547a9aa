//! `export`: a whole file or none, and the same events when it is imported.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use rusqlite::Connection;

use crate::common::{eventually, program, run};
use crate::data;

fn export(directory: &Path, arguments: &[&str]) -> crate::common::Ended {
    run(program(directory).arg("export").args(arguments))
}

fn three_channels(directory: &Path) {
    let lines = [3, 1, 3, 2, 3].map(|channel| format!(r#"{{"channel_id":{channel},"action":"A"}}"#)).join("\n");
    fs::write(directory.join("events.ndjson"), lines).unwrap();
    run(program(directory).args(["import", "events.ndjson"])).ok();
}

#[test]
fn an_imported_export_has_the_same_uuids_times_and_bytes() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run(program(first.path()).arg("import").arg(data::file())).ok();
    export(first.path(), &["-o", "all.ndjson.gz"]).ok();
    let counts = run(program(second.path()).arg("import").arg(first.path().join("all.ndjson.gz"))).ok();
    assert_eq!(counts, "11256 imported, 0 duplicates, 0 skipped\n");

    let (one, two) = (data::unpack(&first.path().join("all.ndjson.gz")), export(second.path(), &[]).ok());
    assert_eq!((one.lines().count(), two.lines().count()), (data::EVENTS, data::EVENTS));
    for (one, two) in one.lines().zip(two.lines()) {
        let (mut one, mut two) = (data::members(one), data::members(two));
        for new in ["position", "recorded_at", "leaf_hash", "producer_id"] {
            assert!(one.remove(new).is_some() && two.remove(new).is_some(), "{new}");
        }
        assert_eq!(one, two);
    }
    assert_eq!(differing_rows(first.path(), second.path()), 0);
}

/// Rows whose uuid, timestamp or slots are in one of the databases only, seen without any code of ours.
fn differing_rows(first: &Path, second: &Path) -> i64 {
    let conn = Connection::open(first.join("audit-data/audit.db")).unwrap();
    conn.execute("ATTACH ? AS other", [second.join("audit-data/audit.db").to_str().unwrap()]).unwrap();
    let columns = "channel_id, uuid, timestamp, subject_json, user_json, remote_addr_json, url_json, query_params, post_data, headers, \
                   content, description_json, extra";
    let only = |one: &str, two: &str| format!("SELECT {columns} FROM {one}.events EXCEPT SELECT {columns} FROM {two}.events");
    let differing = format!("SELECT count(*) FROM ({} UNION ALL {})", only("main", "other"), only("other", "main"));
    let total: i64 = conn.query_row("SELECT count(*) FROM other.events", [], |row| row.get(0)).unwrap();
    assert_eq!(total, data::EVENTS as i64);
    // EXCEPT would not see two equal rows; uuids make them differ.
    conn.query_row(&differing, [], |row| row.get(0)).unwrap()
}

#[test]
fn it_goes_channel_by_channel_in_the_order_of_positions() {
    let directory = tempfile::tempdir().unwrap();
    three_channels(directory.path());
    let places = |export: &str| {
        let place = |line| {
            let event = data::members(line);
            (event["channel_id"].to_owned(), event["position"].to_owned())
        };
        export.lines().map(place).map(|(channel, position)| format!("{channel}/{position}")).collect::<Vec<_>>()
    };
    let all = export(directory.path(), &[]);
    assert!(all.stderr.contains("5 event(s) of 3 channel(s)"), "{all:?}");
    assert_eq!(places(&all.ok()), ["1/0", "2/0", "3/0", "3/1", "3/2"]);
    assert_eq!(places(&export(directory.path(), &["--channel", "3", "--channel", "2"]).ok()), ["2/0", "3/0", "3/1", "3/2"]);
    assert_eq!(export(directory.path(), &["--channel", "9"]).ok(), "");
}

/// Small events first: a page must not grow on them and then be full of large ones.
#[cfg(target_os = "linux")]
#[test]
fn events_of_a_mebibyte_do_not_fill_the_memory() {
    const LARGE: usize = 120;
    let directory = tempfile::tempdir().unwrap();
    let mut lines = "{\"url\":\"\"}\n".repeat(1_000);
    for _ in 0..LARGE {
        lines += &format!("{{\"description\":\"{}\"}}\n", "x".repeat((1 << 20) - 100));
    }
    fs::write(directory.path().join("events.ndjson"), lines).unwrap();
    run(program(directory.path()).args(["import", "events.ndjson"])).ok();
    let mut child = program(directory.path()).arg("export").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    // With the rest unread it cannot end, and every page was in memory.
    std::io::copy(&mut stdout.by_ref().take((LARGE as u64 - 4) << 20), &mut std::io::sink()).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
    assert!(child.wait().unwrap().success());
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let peak = peak.expect("the most memory it had") >> 10;
    assert!(peak < 90, "{peak} MiB");
}

#[test]
fn a_complete_export_replaces_the_file() {
    let directory = tempfile::tempdir().unwrap();
    three_channels(directory.path());
    fs::create_dir(directory.path().join("out")).unwrap();
    fs::write(directory.path().join("out/all.ndjson"), "old").unwrap();
    let failed = run(program(directory.path()).args(["export", "-o", "out/all.ndjson", "--data-dir", "missing"]));
    assert_eq!(failed.sentence(), "there is no database `missing/audit.db`");
    assert_eq!(fs::read_to_string(directory.path().join("out/all.ndjson")).unwrap(), "old");
    export(directory.path(), &["-o", "out/all.ndjson"]).ok();
    assert_eq!(fs::read_to_string(directory.path().join("out/all.ndjson")).unwrap(), export(directory.path(), &[]).ok());
    let names: Vec<_> = fs::read_dir(directory.path().join("out")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["all.ndjson"]);
}

#[test]
fn an_export_that_breaks_off_leaves_the_old_file_and_no_new_one() {
    let directory = tempfile::tempdir().unwrap();
    three_channels(directory.path());
    fs::create_dir(directory.path().join("out")).unwrap();
    fs::write(directory.path().join("out/all.ndjson"), "old").unwrap();
    // An event is lost behind the log's back: the guards do not stop somebody who drops them.
    let conn = Connection::open(directory.path().join("audit-data/audit.db")).unwrap();
    let triggers: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'events'")
        .and_then(|mut query| query.query_map([], |row| row.get(0))?.collect())
        .unwrap();
    for trigger in triggers {
        conn.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    conn.execute_batch("DELETE FROM events WHERE channel_id = 3 AND position = 1").unwrap();
    let failed = export(directory.path(), &["-o", "out/all.ndjson"]);
    assert_eq!(failed.sentence(), "channel 3 has no entry at position 1: the database was changed");
    assert_eq!(fs::read_to_string(directory.path().join("out/all.ndjson")).unwrap(), "old");
    assert_eq!(fs::read_dir(directory.path().join("out")).unwrap().count(), 1);
    conn.execute_batch("DELETE FROM events WHERE channel_id = 3").unwrap();
    assert!(export(directory.path(), &[]).sentence().starts_with("channel 3 ends before position 0"));
}

#[test]
fn a_place_that_cannot_be_written_is_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    three_channels(directory.path());
    let missing = export(directory.path(), &["-o", "missing/all.ndjson"]);
    assert_eq!(missing.sentence(), "cannot write `missing/all.ndjson`: No such file or directory (os error 2)");
    let inside = export(directory.path(), &["-o", "audit-data"]);
    assert_eq!(inside.sentence(), "`audit-data` is a directory: name a file in it");
    let full = export(directory.path(), &["-o", "/dev/full"]);
    assert!(full.sentence().starts_with("cannot write"), "{full:?}");
    assert!(Path::new("/dev/full").exists());
}

#[cfg(unix)]
#[test]
fn a_new_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    three_channels(directory.path());
    export(directory.path(), &["-o", "all.ndjson"]).ok();
    assert_eq!(fs::metadata(directory.path().join("all.ndjson")).unwrap().permissions().mode() & 0o777, 0o600);
}

/// What is written beside the place, by a name that another export would not take.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_a_killed_export_left_is_cleared_by_the_next() {
    let directory = tempfile::tempdir().unwrap();
    run(program(directory.path()).arg("import").arg(data::file())).ok();
    let out = directory.path().join("out");
    fs::create_dir(&out).unwrap();
    let mut child = program(directory.path()).args(["export", "-o", "out/all.ndjson"]).stderr(Stdio::null()).spawn().unwrap();
    eventually(|| (!names(&out).is_empty()).then_some(())).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let left = names(&out);
    assert!(left.len() == 1 && left[0].starts_with(".all.ndjson.") && left[0].ends_with(".tmp"), "{left:?}");
    export(directory.path(), &["-o", "out/all.ndjson"]).ok();
    assert_eq!(names(&out), ["all.ndjson"]);
}

#[test]
fn only_what_is_certainly_left_over_is_cleared() {
    let directory = tempfile::tempdir().unwrap();
    three_channels(directory.path());
    let out = directory.path().join("out");
    fs::create_dir(&out).unwrap();
    for name in
        [".all.ndjson.1.tmp", ".all.ndjson.2.tmp", ".all.ndjson.x.tmp", ".all.ndjson..tmp", ".other.ndjson.1.tmp", "precious"]
    {
        fs::write(out.join(name), "somebody's").unwrap();
    }
    std::os::unix::fs::symlink("precious", out.join(".all.ndjson.3.tmp")).unwrap();
    // As a living export does, in whatever container.
    let living = fs::File::open(out.join(".all.ndjson.1.tmp")).unwrap();
    living.lock().unwrap();
    export(directory.path(), &["-o", "out/all.ndjson"]).ok();
    let kept = [
        ".all.ndjson..tmp",
        ".all.ndjson.1.tmp",
        ".all.ndjson.3.tmp",
        ".all.ndjson.x.tmp",
        ".other.ndjson.1.tmp",
        "all.ndjson",
        "precious",
    ];
    assert_eq!(names(&out), kept);
    assert_eq!(fs::read_to_string(out.join("precious")).unwrap(), "somebody's");
}
