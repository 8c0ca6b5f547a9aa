//! `verify --deep`: everything in a database, beside a running server and in a copy.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{FIXTURE, ending, signed};
use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::common::{Ended, program, run};
use crate::forged::{FORGE, append_ten};

fn deep(directory: &Path, arguments: &[&str]) -> Ended {
    run(program(directory).args(["verify", "--deep"]).args(arguments))
}

/// Changes a database with the shell of SQLite.
fn shell(directory: &Path, sql: &str) {
    let mut command = Command::new("sqlite3");
    let ended = run(command.arg(directory.join("audit-data/audit.db")).args([".timeout 10000", sql]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_database_is_checked_beside_its_server() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let server = Server::start(path);
    let mut client = Client::connect(server.address, KEY).unwrap();
    let uuids = append_ten(&mut client);
    let kept = signed(&mut client, "/log/1/events", 10);
    fs::write(path.join("kept"), kept).unwrap();
    // The root log may have an entry by now, or not yet.
    let ended = deep(path, &["--checkpoint", "kept", "--channel", "1"]);
    assert_eq!(ending(&ended), (Some(0), "ok: 1 log(s): 10 ok, 0 erased, 0 tampered, 0 missing, 0 findings"), "{ended:?}");
    assert!(ended.stdout.contains("verified with the server's own key, in `audit-data/signing.key`"), "{ended:?}");
    assert!(ended.stdout.contains("not covered: the tokens and the content types"), "{ended:?}");

    // With the key of the log, with that of another one, and for another channel.
    let keys = client.get("/log/vkey").unwrap().body;
    let key = keys.lines().find(|key| key.contains("/1/events+")).unwrap();
    let ended = deep(path, &["--vkey", key, "--channel", "1"]);
    assert!(ended.code == Some(0) && ended.stdout.contains("verified with the keys that you gave"), "{ended:?}");
    let ended = deep(path, &["--vkey", &FIXTURE.key()]);
    assert!(
        ended.code == Some(2) && ended.stdout.contains("not checked: 1/events checkpoint under name 1: no key was"),
        "{ended:?}"
    );
    let ended = deep(path, &["--channel", "9"]);
    assert_eq!(ending(&ended).1, "ok: 0 log(s): 0 ok, 0 erased, 0 tampered, 0 missing, 0 findings", "{ended:?}");

    shell(path, &format!("DROP TRIGGER events_only_erase; {FORGE}"));
    let ended = deep(path, &["--channel", "1"]);
    assert_eq!(ending(&ended), (Some(1), "wrong: 1 log(s): 9 ok, 0 erased, 1 tampered, 0 missing, 2 findings"), "{ended:?}");
    let said = format!("wrong: 1/events position 5 {}: its slots, salts or columns do not match its leaf hash", uuids[5]);
    assert!(ended.stdout.lines().next() == Some(&said) && !ended.stdout.contains("eve\""), "{ended:?}");
    server.stop();

    let ended = deep(path, &["--json", "--verbose", "--channel", "1"]);
    let lines: Vec<serde_json::Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
    let states: Vec<&str> = of("entry").iter().map(|line| line["status"].as_str().unwrap()).collect();
    assert_eq!(states, [["ok"; 5].as_slice(), &["tampered"], &["ok"; 4]].concat(), "{ended:?}");
    let finding = of("finding")[0];
    assert_eq!((&finding["position"], &finding["fault"]), (&5.into(), &"contents".into()), "{finding}");
    assert_eq!((&finding["channel_id"], &finding["stream"], &finding["part"]), (&1.into(), &"events".into(), &"entry".into()));
    let summary = of("summary")[0];
    assert_eq!((&summary["result"], &summary["key"], &summary["tampered"]), (&"wrong".into(), &"own".into(), &1.into()));
    assert_eq!((ended.code, of("not_covered").len() > 3), (Some(1), true));
}

/// A log of which most is gone: the output stays short, unless all of it is asked for.
#[test]
fn a_hundred_findings_are_shown() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let events: String = (0..150).map(|_| "{\"action\":\"A\"}\n").collect();
    fs::write(path.join("events.ndjson"), events).unwrap();
    run(program(path).args(["import", "events.ndjson"])).ok();
    let ended = deep(path, &[]);
    assert!(ended.code == Some(0) && ended.stdout.contains(", 0 findings"), "{ended:?}");
    shell(path, "DROP TRIGGER events_keep_rows; DELETE FROM events WHERE position > 2");
    let ended = deep(path, &[]);
    let missing = |ended: &Ended| ended.stdout.lines().filter(|line| line.ends_with("no row has this position")).count();
    assert_eq!((ended.code, missing(&ended)), (Some(1), 100), "{ended:?}");
    assert!(ended.stdout.contains("more finding(s): --verbose shows all of them\n"), "{ended:?}");
    assert!(ending(&ended).1.contains(" 0 erased, 0 tampered, 147 missing, "), "{ended:?}");
    assert_eq!(missing(&deep(path, &["--verbose"])), 147);
}

#[test]
fn what_cannot_be_checked_has_exit_code_2() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    for (arguments, said) in [
        (&[][..], "there is no database `audit-data/audit.db`"),
        (&["file"][..], "the argument '--deep' cannot be used with"),
        (&["--checkpoint", "nothing"], "cannot read `nothing`"),
        (&["--vkey", "nothing"], "--vkey nothing is not a file"),
    ] {
        let ended = deep(path, arguments);
        assert!(ended.code == Some(2) && ended.stderr.contains(said), "{arguments:?}: {ended:?}");
    }
    assert!(fs::read_dir(path).unwrap().next().is_none(), "a check makes no database");
}
