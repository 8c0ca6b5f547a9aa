//! `demo` and `rebuild`: a filled log to look at, and a search index that is what it was.

use std::process::Stdio;

use rusqlite::Connection;

use crate::common::{program, run, wait};

/// The three tables of the index.
fn index(conn: &Connection) -> Vec<String> {
    let sql = "SELECT 'segment ' || stream || ' ' || first || ' ' || size || ' ' || hex(fences) FROM segments
               UNION ALL SELECT 'times ' || stream || ' ' || first || ' ' || block || ' ' || hex(points) FROM segment_times
               UNION ALL SELECT 'postings ' || stream || ' ' || first || ' ' || hex(first_term) || ' ' || hex(terms) FROM postings
               ORDER BY 1";
    conn.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_demonstration_is_filled_once_and_its_index_is_rebuilt() {
    let directory = tempfile::tempdir().unwrap();
    let fill =
        |events: &str| run(program(directory.path()).args(["demo", "--fill-only", "--directory", "shop", "--events", events])).ok();
    let filled = "The log of a shop that does not exist: 1000 events, 100 action logs.\n";
    assert_eq!(fill("1000"), filled);
    assert_eq!(fill("7"), filled, "what is there stays");
    let own = |file: &str| directory.path().join(file).exists();
    assert!(own("shop/signing.key") && !own("audit-data"), "the demonstration has a key of its own");
    let conn = Connection::open(directory.path().join("shop/audit.db")).unwrap();
    let rebuild = || run(program(directory.path()).args(["rebuild", "--database-url", "sqlite://shop/audit.db"])).ok();
    let said =
        "the search index of all logs is rebuilt\nthe trees of all logs have the roots of their entries; repaired tiles: 0\n";
    assert_eq!(rebuild(), said);
    let before = index(&conn);
    let sizes = |stream: &str| before.iter().filter(|row| row.starts_with(&format!("segment {stream} "))).count();
    assert_eq!((sizes("1"), sizes("2")), (1 + 7, 1), "of 1,000 events 512 and seven times 64, of 100 action logs 64");
    conn.execute_batch("DELETE FROM segments WHERE stream = 1; DELETE FROM postings").unwrap();
    assert_eq!(rebuild(), said);
    assert_eq!(index(&conn), before);
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
