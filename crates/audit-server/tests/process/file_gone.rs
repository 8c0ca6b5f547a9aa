//! What an operator sees, and does, when the files of a running server's database are removed, moved or replaced: the steps of
//! `docs/operations.md`, "When the file is gone".

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;

use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::common::{program, run};

const EVENTS: &str = "/api/v1/events";

/// What the log says once, whatever happened.
const SAID: &str = "nothing is acknowledged any more";

/// What the log says when nothing is in the WAL alone any more.
const SAVED: &str = "everything that was acknowledged is in the database file that was opened";

struct Operator {
    directory: tempfile::TempDir,
    server: Server,
    client: Client,
}

impl Operator {
    /// With this many events, each acknowledged.
    fn with(events: usize) -> Operator {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::start(directory.path());
        let mut client = Client::connect(server.address, KEY).unwrap();
        for _ in 0..events {
            assert_eq!(post(&mut client).status, 201);
        }
        Operator { directory, server, client }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join("audit-data").join(name)
    }

    /// Appends are 503, the server is not ready, and the log says what happened, once. Returns that line.
    #[track_caller]
    fn assert_refused(&mut self, what: &str) -> String {
        for _ in 0..20 {
            let answer = post(&mut self.client);
            assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
            assert!(answer.body.contains("not known; send them again with the same uuids"), "{answer:?}");
            assert_eq!(self.client.get("/readyz").unwrap().status, 503);
        }
        let token = r#"{"name":"a","role":"reader","channels":[1]}"#;
        assert_eq!(self.client.post("/api/v1/tokens", "application/json", token).unwrap().status, 503);
        self.server.wait_for_line(SAVED);
        let log = self.server.log();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(SAID)).collect();
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        assert!(line.contains(what) && line.contains("When the file is gone"), "{line}");
        (*line).to_owned()
    }

    fn stop(self) -> tempfile::TempDir {
        self.server.stop();
        self.directory
    }
}

fn post(client: &mut Client) -> crate::common::http::Answer {
    client.post(EVENTS, "application/json", r#"{"action":"A"}"#).unwrap()
}

/// The server starts, has this many events, and takes another one.
#[track_caller]
fn assert_works_with(directory: &Path, events: u64) {
    let server = Server::start(directory);
    let mut client = Client::connect(server.address, KEY).unwrap();
    assert_eq!(client.get("/readyz").unwrap().status, 200);
    let answer = client.get("/api/v1/events?count=true").unwrap();
    assert_eq!(answer.json()["count"], events, "{answer:?}");
    assert_eq!(post(&mut client).status, 201);
    server.stop();
    let conn = Connection::open(directory.join("audit-data/audit.db")).unwrap();
    let sound: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}

#[track_caller]
fn assert_no_new_log_is_begun(directory: &Path) {
    let ended = run(program(directory).env("AUDIT_LISTEN", "127.0.0.1:0"));
    let wanted = "there is no database `audit-data/audit.db`, but `audit-data/audit.db-wal`, which belongs to it";
    assert!(ended.sentence().starts_with(wanted), "{ended:?}");
    assert!(!directory.join("audit-data/audit.db").exists());
}

#[test]
fn a_removed_database_is_saved_from_the_running_server() {
    let mut operator = Operator::with(50);
    fs::remove_file(operator.file("audit.db")).unwrap();
    let line = operator.assert_refused("audit.db` was removed or renamed while it was open");
    // Whatever reads meanwhile makes no file.
    for arguments in [&["token", "list"][..], &["export"], &["doctor"]] {
        let ended = run(program(operator.directory.path()).args(arguments).env("AUDIT_LISTEN", "127.0.0.1:0"));
        assert_eq!(ended.code, Some(1), "{ended:?}");
    }
    assert!(!operator.file("audit.db").exists());
    let command = line.split('`').find(|part| part.starts_with("cp /proc/")).unwrap_or_else(|| panic!("{line}")).to_owned();
    assert!(Command::new("sh").args(["-c", &command]).current_dir(operator.directory.path()).status().unwrap().success());
    let directory = operator.stop();
    assert_no_new_log_is_begun(directory.path());
    fs::rename(directory.path().join("rescued.db"), directory.path().join("audit-data/audit.db")).unwrap();
    assert_works_with(directory.path(), 50);
}

#[test]
fn a_moved_database_is_moved_back_with_all_its_events() {
    let mut operator = Operator::with(50);
    fs::rename(operator.file("audit.db"), operator.file("moved.db")).unwrap();
    operator.assert_refused("audit.db` was removed or renamed while it was open");
    let directory = operator.stop();
    assert_no_new_log_is_begun(directory.path());
    fs::rename(directory.path().join("audit-data/moved.db"), directory.path().join("audit-data/audit.db")).unwrap();
    assert_works_with(directory.path(), 50);
}

#[test]
fn a_moved_database_may_come_back_under_the_running_server() {
    let mut operator = Operator::with(3);
    fs::rename(operator.file("audit.db"), operator.file("moved.db")).unwrap();
    operator.assert_refused("audit.db` was removed or renamed while it was open");
    fs::rename(operator.file("moved.db"), operator.file("audit.db")).unwrap();
    operator.server.wait_for_line("in their place again");
    assert_eq!(operator.client.get("/readyz").unwrap().status, 200);
    assert_eq!(post(&mut operator.client).status, 201);
    let directory = operator.stop();
    assert_works_with(directory.path(), 4);
}

#[test]
fn an_older_backup_put_in_place_is_sound_after_a_restart() {
    let mut operator = Operator::with(5);
    let backup = operator.file("backup.db");
    let conn = Connection::open(operator.file("audit.db")).unwrap();
    conn.execute("VACUUM INTO ?", [backup.to_str().unwrap()]).unwrap();
    drop(conn);
    for _ in 0..50 {
        assert_eq!(post(&mut operator.client).status, 201);
    }
    fs::rename(backup, operator.file("audit.db")).unwrap();
    let line = operator.assert_refused("audit.db` was replaced by another one while it was open");
    assert!(line.contains("do not stop the server yet"), "{line}");
    let directory = operator.stop();
    assert_works_with(directory.path(), 5);
}

#[test]
fn an_unlinked_wal_costs_no_event_that_was_acknowledged() {
    for name in ["audit.db-wal", "audit.db-shm"] {
        let mut operator = Operator::with(50);
        fs::remove_file(operator.file(name)).unwrap();
        let line = operator.assert_refused(&format!("{name}` was removed or renamed while it was open"));
        assert!(line.contains("stop the server and start it again"), "{line}");
        let directory = operator.stop();
        assert_works_with(directory.path(), 50);
    }
}

/// Without a request that would show it.
#[test]
fn an_idle_server_says_that_its_file_is_gone() {
    let operator = Operator::with(0);
    fs::remove_file(operator.file("audit.db")).unwrap();
    operator.server.wait_for_line(SAID);
}

/// The pages that hold texts are overwritten, as by a failing disk: a list is not 500.
#[test]
fn a_damaged_file_is_503_and_the_log_says_what_to_do() {
    let operator = Operator::with(0);
    let mut client = operator.client;
    let large = format!(r#"{{"action":"A","description":"{}"}}"#, "x".repeat(200_000));
    for _ in 0..10 {
        assert_eq!(client.post(EVENTS, "application/json", &large).unwrap().status, 201);
    }
    operator.server.stop();
    let path = operator.directory.path().join("audit-data/audit.db");
    assert!(!path.with_extension("db-wal").exists(), "pages in the WAL would be read instead of the damaged ones");
    let mut bytes = fs::read(&path).unwrap();
    // Found by what they hold: where SQLite puts them depends on what else was written meanwhile, and a start reads other pages.
    let texts = bytes.chunks_exact_mut(4096).filter(|page| page[4..].iter().all(|byte| *byte == b'x'));
    let damaged = texts.map(|page| page.fill(0xff)).count();
    assert!(damaged > 100, "{damaged}");
    fs::write(&path, bytes).unwrap();
    let server = Server::start(operator.directory.path());
    let mut client = Client::connect(server.address, KEY).unwrap();
    for path in ["/api/v1/events?limit=100", "/api/v1/oms/settings/audit_events/", "/api/v1/audit/logs"] {
        let answer = client.get(path).unwrap();
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    }
    let line = server.wait_for_line("malformed");
    assert!(line.contains("restore a backup"), "{line}");
}
