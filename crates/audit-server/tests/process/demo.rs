//! `demo` and `rebuild`: a filled log to look at, and counters that are what they were.

use std::process::Stdio;

use rusqlite::Connection;

use crate::common::{program, run, wait};

fn counters(conn: &Connection) -> Vec<(String, i64)> {
    let sql = "SELECT stream || ' ' || dimension || ' ' || key, count FROM counters ORDER BY 1";
    conn.prepare(sql).unwrap().query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_demonstration_is_filled_once_and_its_counters_can_be_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let fill =
        |events: &str| run(program(directory.path()).args(["demo", "--fill-only", "--directory", "shop", "--events", events])).ok();
    let filled = "The log of a shop that does not exist: 1000 events, 100 action logs.\n";
    assert_eq!(fill("1000"), filled);
    assert_eq!(fill("7"), filled, "what is there stays");
    let conn = Connection::open(directory.path().join("shop/audit.db")).unwrap();
    let before = counters(&conn);
    assert_eq!(before.iter().filter(|(key, _)| key == "1 0 ").map(|(_, count)| *count).collect::<Vec<_>>(), [1000]);
    conn.execute("DELETE FROM counters WHERE dimension > 1", []).unwrap();
    let rebuilt = run(program(directory.path()).args(["rebuild", "--database-url", "sqlite://shop/audit.db"])).ok();
    assert!(rebuilt.ends_with(" counters made from the log\n"), "{rebuilt}");
    assert_eq!(counters(&conn), before);
    let missing = run(program(directory.path()).args(["rebuild", "--database-url", "sqlite://nothing/audit.db"]));
    assert_eq!(missing.sentence(), "there is no database `nothing/audit.db`");
}

#[test]
fn nobody_who_reads_is_no_reason_to_panic() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("bad.ndjson"), "x\n".repeat(50)).unwrap();
    for arguments in
        [&["import", "bad.ndjson", "--skip-invalid"][..], &["doctor"], &["content-types", "list"], &["demo", "--fill-only"]]
    {
        let mut command = program(directory.path());
        let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        let code = wait(&mut child).unwrap().code();
        assert!(matches!(code, Some(0 | 1)), "{arguments:?}: {code:?}");
    }
}

#[test]
fn a_demonstration_that_cannot_listen_gives_no_key_away() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let ended = run(program(directory.path()).args(["demo", "--events", "10", "--listen", &listen]));
    assert_eq!(ended.sentence(), format!("cannot listen on {listen}: another program listens there already"));
    assert!(!ended.stdout.contains("Key"), "{ended:?}");
    let tokens = run(program(directory.path()).args(["token", "list", "--database-url", "sqlite://audit-demo/audit.db"])).ok();
    assert!(!tokens.contains("demo"), "{tokens}");
}
