//! A database that cannot be written: a file that is read-only, a disk that is full.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::common::http::{Answer, Client};
use crate::common::server::{KEY, Server};
use crate::common::{eventually, program, program_with_mounts, run};

/// The file cannot be written, not even by root; its directory can.
const READ_ONLY: &str = "mount --bind audit-data/audit.db audit-data/audit.db
                         mount -o remount,ro,bind audit-data/audit.db";

/// A disk of 3 MiB, a third of which is taken by a file that can be removed.
const SMALL: &str = "mkdir audit-data
                     mount -t tmpfs -o size=3m,mode=700 tmpfs audit-data
                     head -c 1048576 /dev/zero > audit-data/fill";

fn serve(command: &mut Command) -> &mut Command {
    command.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0")
}

fn with_database() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    run(program(directory.path()).args(["token", "create", "--name", "a", "--role", "admin", "--channels", "*"])).ok();
    directory
}

#[test]
fn a_read_only_file_stops_the_start_and_is_found_by_doctor() {
    let directory = with_database();
    let ended = run(serve(&mut program_with_mounts(directory.path(), READ_ONLY)));
    let wanted = "the database `audit-data/audit.db` cannot be written: attempt to write a readonly database: look at the owner";
    assert!(ended.sentence().starts_with(wanted), "{ended:?}");

    let ended = run(serve(program_with_mounts(directory.path(), READ_ONLY).arg("doctor")));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let faults: Vec<&str> = ended.stdout.lines().filter(|line| line.starts_with("FAIL")).collect();
    let [fault] = faults.as_slice() else { panic!("{ended:?}") };
    assert!(fault.starts_with("FAIL  schema and writing: the database cannot be written: "), "{fault}");
    assert!(ended.stdout.contains("fix: ls -l 'audit-data/audit.db'"), "{ended:?}");

    // What only reads goes on.
    run(program_with_mounts(directory.path(), READ_ONLY).arg("export")).ok();
    run(serve(program(directory.path()).arg("doctor"))).ok();
}

/// Fills what is left of a disk.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    for size in [64 << 10, 4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

/// Each write finds the room that is left, until there is none.
#[track_caller]
fn until_refused(write: impl FnMut(u32) -> Answer) {
    let answer = (2..10_000).map(write).find(|answer| answer.status >= 300).unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
}

#[test]
fn a_full_disk_is_503_for_writes_and_readyz() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::run(serve(&mut program_with_mounts(directory.path(), SMALL)));
    let mut client = Client::connect(server.address, KEY).unwrap();
    let post = |client: &mut Client, path: &str, body: &str| client.post(path, "application/json", body).unwrap();
    let token = r#"{"name":"a","role":"reader","channels":[1]}"#;
    for id in 2..30 {
        assert_eq!(post(&mut client, "/api/v1/tokens", token).json()["id"], id);
    }
    assert_eq!(client.get("/readyz").unwrap().status, 200);

    let data = server.path(&directory.path().join("audit-data"));
    fill(&data.join("more"));
    until_refused(|_| post(&mut client, "/api/v1/tokens", token));
    until_refused(|id| client.delete(&format!("/api/v1/tokens/{id}")).unwrap());
    let model = |id| format!(r#"{{"app_label":"a","model":"m{id}"}}"#);
    until_refused(|id| client.put(&format!("/api/v1/content-types/{id}"), "application/json", &model(id)).unwrap());
    until_refused(|_| post(&mut client, "/api/v1/events", r#"{"action":"A"}"#));
    assert_eq!(client.get("/readyz").unwrap().status, 503);
    assert_eq!(client.get("/api/v1/events?limit=1").unwrap().status, 200, "reads go on");
    let line = server.wait_for_line("database or disk is full");
    assert!(line.contains("make room"), "{line}");

    fs::remove_file(data.join("fill")).unwrap();
    assert!(eventually(|| (client.get("/readyz").unwrap().status == 200).then_some(())).is_some(), "{}", server.log());
    assert_eq!(post(&mut client, "/api/v1/events", r#"{"action":"A"}"#).status, 201);
    server.stop();
}
