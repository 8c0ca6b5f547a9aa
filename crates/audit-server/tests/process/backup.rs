//! `backup` while the server runs, and `restore` on another machine and on the same one.

use std::fs;
use std::path::Path;

use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::common::{eventually, program, run};
use crate::data;

fn post(server: &Server, count: usize) {
    let body = "{\"action\":\"UPDATE\"}\n".repeat(count);
    let answer = Client::connect(server.address, KEY).unwrap().post("/api/v1/events", "application/x-ndjson", &body).unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// The newest checkpoint of the log of events, once it has so many entries.
fn checkpoint(server: &Server, size: usize) -> String {
    let mut client = Client::connect(server.address, KEY).unwrap();
    let newest = eventually(|| {
        let newest = client.get("/log/1/events/checkpoint").unwrap().body;
        (newest.lines().nth(1) == Some(&size.to_string())).then_some(newest)
    });
    newest.unwrap_or_else(|| panic!("no checkpoint of {size} entries: {}", server.log()))
}

fn exported(path: &Path) -> String {
    run(program(path).args(["export"])).ok()
}

#[test]
fn a_backup_of_a_running_server_is_restored_on_another_machine() {
    let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (path, other) = (here.path(), elsewhere.path());
    run(program(path).arg("import").arg(data::file())).ok();
    let size = run(program(path).args(["export", "--channel", "1"])).ok().lines().count();
    let server = Server::start(path);
    let first = checkpoint(&server, size);
    let backup = || run(program(path).args(["backup", "kept"])).ok();
    let said = backup();
    assert!(said.contains("with the key that signs") && said.contains(" log(s) extend their checkpoints"), "{said}");
    assert!(!said.contains("; 0 log(s)"), "{said}");
    // While somebody appends, it adds what is new.
    post(&server, 40);
    let newest = checkpoint(&server, size + 40);
    assert!(backup().contains(", 40 of them new, "), "an older backup is brought up to date");
    server.stop();
    let kept = path.join("kept");
    for file in ["audit.db", "signing.key", "checkpoints/1-events.checkpoint"] {
        assert!(kept.join(file).is_file(), "{file}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(kept.join(file)).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
        }
    }
    assert!(!kept.join("audit.db-wal").exists(), "one file is the whole database");
    assert_ne!(first, newest);

    let restore = |into: &Path| run(program(into).arg("restore").arg(&kept));
    assert!(restore(other).ok().contains("; the key that signs was restored too"));
    assert_eq!(exported(other), exported(path));
    let server = Server::start(other);
    assert_eq!(checkpoint(&server, size + 40), newest, "the same log goes on under the same key");
    post(&server, 1);
    checkpoint(&server, size + 41);
    server.stop();
    assert!(restore(other).sentence().contains("has entries that the source lacks"), "a log that grew is not overwritten");
}

#[test]
fn a_backup_older_than_the_checkpoints_is_said_to_be() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let server = Server::start(path);
    post(&server, 10);
    checkpoint(&server, 10);
    run(program(path).args(["backup", "kept"])).ok();
    post(&server, 5);
    checkpoint(&server, 15);
    server.stop();
    for file in ["audit.db", "audit.db-wal", "audit.db-shm"] {
        let _ = fs::remove_file(path.join("audit-data").join(file));
    }
    let ended = run(program(path).args(["restore", "kept"]));
    let said = ended.stderr.clone();
    assert!(said.contains("10 entries") && said.contains("15") && said.contains("the backup is older"), "{said}");
    assert!(ended.ok().contains("restored 10 entries"));
    let server = Server::start(path);
    let answer =
        Client::connect(server.address, KEY).unwrap().post("/api/v1/events", "application/json", "{\"action\":\"A\"}").unwrap();
    assert_eq!(answer.status, 503, "{answer:?}");
    server.stop();
    run(program(path).args(["log", "new-origin"])).ok();
    let server = Server::start(path);
    post(&server, 1);
    server.stop();
}

#[test]
fn what_is_no_backup_or_has_another_key_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fs::create_dir(path.join("empty")).unwrap();
    assert_eq!(run(program(path).args(["restore", "empty"])).sentence(), "`empty` is not a backup: it has no file audit.db");
    let server = Server::start(path);
    post(&server, 3);
    checkpoint(&server, 3);
    run(program(path).args(["backup", "kept"])).ok();
    server.stop();
    // Another database signs with another key.
    let other = tempfile::tempdir().unwrap();
    let server = Server::start(other.path());
    server.stop();
    fs::remove_file(other.path().join("audit-data/audit.db")).unwrap();
    let key = fs::read(other.path().join("audit-data/signing.key")).unwrap();
    let ended = run(program(other.path()).arg("restore").arg(path.join("kept")));
    assert!(ended.sentence().contains("has other keys than the backup"), "{}", ended.sentence());
    assert_eq!(fs::read(other.path().join("audit-data/signing.key")).unwrap(), key);
    // A copy in which an entry was changed is noticed when it is brought up to date.
    let raw = rusqlite::Connection::open(path.join("kept/audit.db")).unwrap();
    raw.execute_batch("DROP TRIGGER events_only_erase; UPDATE events SET action = 'FORGED' WHERE position = 1").unwrap();
    drop(raw);
    let ended = run(program(path).args(["backup", "kept"]));
    assert!(ended.code == Some(1) && ended.sentence().contains("the two sides differ"), "{}", ended.sentence());
}
