//! Keys, checkpoints and a database that went back, as an operator sees them.

use std::fs;
use std::path::Path;

use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::common::{program, run};

const EVENT: &str = r#"{"action":"UPDATE"}"#;

fn post(server: &Server, count: usize) -> u16 {
    let body = format!("{EVENT}\n").repeat(count);
    Client::connect(server.address, KEY).unwrap().post("/api/v1/events", "application/x-ndjson", &body).unwrap().status
}

/// The newest checkpoint, once it has so many entries.
fn checkpoint(server: &Server, size: usize) -> String {
    let mut client = Client::connect(server.address, KEY).unwrap();
    let mut newest = String::new();
    for _ in 0..3000 {
        newest = client.get("/log/1/events/checkpoint").unwrap().body;
        if newest.lines().nth(1) == Some(&size.to_string()) {
            return newest;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{size}: {newest}");
}

/// The same, once so many keys signed it.
fn signed_by(server: &Server, size: usize, keys: usize) -> String {
    loop {
        let newest = checkpoint(server, size);
        if newest.matches("\n— ").count() == keys {
            return newest;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

fn keys(server: &Server) -> Vec<String> {
    let body = Client::connect(server.address, KEY).unwrap().get("/log/vkey").unwrap().body;
    body.lines().map(str::to_owned).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
}

#[test]
fn keys_are_shown_rotated_and_retired_while_the_server_runs() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let mut command = program(path);
    command.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0").env("AUDIT_LOG_NAME", "audit.example.com");
    let server = Server::run(&mut command);
    assert_eq!(post(&server, 3), 201);
    let first = checkpoint(&server, 3);
    assert!(first.starts_with("audit.example.com/1/events\n3\n"), "{first}");
    let shown = run(program(path).args(["key", "show"])).ok();
    let [vkey, root] = keys(&server).try_into().unwrap();
    for said in [&*root, "log name  audit.example.com\n", "key file  audit-data/signing.key\n", ", signs, in the key file\n", &vkey]
    {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    assert!(!shown.contains("PRIVATE"), "{shown}");

    let ended = run(program(path).args(["key", "retire", "1"]));
    assert_eq!(ended.sentence(), "key 1 is the only one that signs: `audit-server key rotate` adds another");
    assert!(run(program(path).args(["key", "rotate"])).ok().starts_with("key 2 signs from now on"));
    let both = signed_by(&server, 3, 2);
    assert!(both.contains(first.lines().last().unwrap()), "the old key signs too: {both}");
    assert_eq!(keys(&server).len(), 4, "of the log and of the root log");
    assert_eq!(
        run(program(path).args(["key", "retire", "1"])).ok(),
        "key 1 is retired: running servers sign without it within seconds\n"
    );
    #[cfg(unix)]
    for file in ["signing.key", "checkpoints/1-events.checkpoint"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path.join("audit-data").join(file)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file}");
    }
    assert_eq!(post(&server, 1), 201);
    let newest = signed_by(&server, 4, 1);
    assert!(newest.contains(&both.lines().last().unwrap()[..36]), "the new key alone: {newest}");
    assert!(run(program(path).args(["key", "show"])).ok().contains(", retired "));
    // Another name is a mistake.
    let mut other = program(path);
    let ended = run(other.env("AUDIT_LOG_NAME", "other").env("AUDIT_LISTEN", "127.0.0.1:0"));
    assert!(ended.sentence().contains("the logs of the database have the name audit.example.com"), "{ended:?}");
    server.stop();
}

#[test]
fn a_server_without_the_key_appends_and_does_not_sign() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let server = Server::start(path);
    assert_eq!(post(&server, 3), 201);
    checkpoint(&server, 3);
    server.stop();
    let file = path.join("audit-data/signing.key");
    let key = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let server = Server::start(path);
    assert!(
        server.log().contains("this program does not sign checkpoints: `audit-data/signing.key` lacks a key"),
        "{}",
        server.log()
    );
    assert_eq!(post(&server, 1), 201);
    let mut client = Client::connect(server.address, KEY).unwrap();
    assert!(client.get("/metrics").unwrap().body.contains("\naudit_signs 0\n"));
    checkpoint(&server, 3);
    let ended = run(program(path).arg("doctor"));
    assert!(ended.stdout.contains("note  signing: `audit-data/signing.key` lacks key 1 of the logs audit.local/"), "{ended:?}");
    // The file of the other server, and no restart.
    fs::write(&file, key).unwrap();
    checkpoint(&server, 4);
    assert!(client.get("/metrics").unwrap().body.contains("\naudit_signs 1\n"));
    server.stop();
}

/// As `docs/operations.md` tells it: an older copy is put back, the server says so, and the operator begins a new origin.
#[test]
fn a_database_that_was_restored_from_an_older_copy_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let server = Server::start(path);
    assert_eq!(post(&server, 3), 201);
    checkpoint(&server, 3);
    server.stop();
    copy(&path.join("audit-data/audit.db"), &path.join("backup.db"));
    let server = Server::start(path);
    assert_eq!(post(&server, 4), 201);
    let lost = checkpoint(&server, 7);
    server.stop();
    copy(&path.join("backup.db"), &path.join("audit-data/audit.db"));

    let ended = run(program(path).arg("doctor"));
    let said =
        "FAIL  signing: the log 1/events has 3 entries, and its checkpoint in `audit-data/checkpoints/1-events.checkpoint` has 7";
    assert!(ended.code == Some(1) && ended.stdout.contains(said), "{ended:?}");
    let server = Server::start(path);
    assert_eq!(post(&server, 1), 503);
    // The root log went back with it.
    server.wait_for_line("the log 1/events has 3 entries");
    server.wait_for_line("the log root has 1 entries");
    let mut client = Client::connect(server.address, KEY).unwrap();
    let ready = client.get("/readyz").unwrap();
    assert!(ready.status == 200 && ready.body.contains("2 log(s) do not extend their newest checkpoint"), "{ready:?}");
    let answer = client.post("/api/v1/events", "application/json", EVENT).unwrap();
    assert!(answer.body.contains("The log went back") && answer.body.contains(r#""outcome":"not_stored""#), "{answer:?}");
    assert!(client.get("/metrics").unwrap().body.contains("\naudit_refused_logs 2\n"));
    assert_eq!(client.get("/api/v1/events?channel_id=1").unwrap().status, 200, "reads go on");
    // Another channel is as it was.
    assert_eq!(client.post("/api/v1/events", "application/json", r#"{"channel_id":2}"#).unwrap().status, 201);

    let elsewhere =
        run(program(path).args(["log", "new-origin", "--database-url", "sqlite://audit-data/audit.db", "--data-dir", "other"]));
    assert!(elsewhere.sentence().contains("no log is smaller than its checkpoint in `other/checkpoints`"), "{elsewhere:?}");
    let said = run(program(path).args(["log", "new-origin"])).ok();
    assert!(said.contains("/1/events ended with 7 entries and the root ") && said.contains("-2 from now on"), "{said}");
    // The running server notices; two events and the one that cites the old checkpoint.
    let mut status = 503;
    for _ in 0..3000 {
        status = post(&server, 1);
        if status == 201 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(status, 201);
    let newest = checkpoint(&server, 5);
    assert!(newest.lines().next().unwrap().ends_with("-2/1/events"), "{newest}");
    let cited = client.get("/api/v1/events?channel_id=1&action=AUDIT.ORIGIN").unwrap().json();
    assert_eq!(cited["results"][0]["content"]["previous"][0]["checkpoint"], lost);
    server.stop();
    let ended = run(program(path).arg("doctor"));
    assert!(
        ended.stdout.contains("ok    signing: `audit-data/signing.key` has the 1 key(s) of the logs audit.local/"),
        "{ended:?}"
    );
}
