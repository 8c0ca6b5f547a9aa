//! `doctor` on a healthy set-up and on broken ones: each fault is found, and what mends it is named.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;

use crate::clock::at;
use crate::common::server::{KEY, Server};
use crate::common::tls::Certificate;
use crate::common::{Ended, program, run, set_mode};

/// On an address where nobody listens, unless a test says otherwise.
fn doctor(directory: &Path) -> Command {
    let mut command = program(directory);
    command.arg("doctor").env("AUDIT_LISTEN", "127.0.0.1:0");
    command
}

fn healthy() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    run(program(directory.path()).args(["token", "create", "--name", "a", "--role", "admin", "--channels", "*"])).ok();
    directory
}

/// One fault: in which check, what is said, and what is to be done.
#[track_caller]
fn assert_only_fault(ended: &Ended, check: &str, said: &str, mend: &str) {
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let bad: Vec<usize> = (0..lines.len()).filter(|index| lines[*index].starts_with("FAIL")).collect();
    let [index] = bad.as_slice() else { panic!("{ended:?}") };
    assert!(lines[*index].starts_with(&format!("FAIL  {check}: ")) && lines[*index].contains(said), "{ended:?}");
    assert!(lines[index + 1].starts_with("      fix: ") && lines[index + 1].contains(mend), "{ended:?}");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), "audit-server: 1 check(s) failed\n"), "{ended:?}");
}

#[test]
fn a_healthy_set_up_passes_and_is_left_as_it_was() {
    let directory = healthy();
    let certificate = Certificate::make(directory.path(), "a");
    let text = run(doctor(directory.path()).envs(certificate.settings())).ok();
    for check in [
        "settings",
        "data directory",
        "database",
        "schema and writing",
        "administrator",
        "clock",
        "search index",
        "open files",
        "TLS",
        "address",
    ] {
        assert!(text.contains(&format!("ok    {check}: ")), "{check}: {text}");
    }
    assert!(text.contains("note  contents: not checked: whether entries, heads of logs, the search index and tokens"), "{text}");
    assert!(text.contains("note  signing: the first start of a server gives the logs a name and a key"), "{text}");
    let mut names: Vec<_> = fs::read_dir(directory.path().join("audit-data")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["audit.db"]);
}

#[test]
fn doctor_creates_nothing_before_the_first_start() {
    let directory = tempfile::tempdir().unwrap();
    let text = run(&mut doctor(directory.path())).ok();
    assert!(text.contains("note  database: `audit-data/audit.db` does not exist yet"), "{text}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// To within what other tests write in the meantime.
#[test]
fn the_free_disk_space_is_that_of_df() {
    let directory = healthy();
    let text = run(&mut doctor(directory.path())).ok();
    let said = text.lines().find_map(|line| line.split_once("disk space: ")).unwrap().1.trim_start_matches("only ");
    let free: u64 = said.split(' ').next().unwrap().parse().unwrap();
    let free_mib = if said.contains(" GiB are free at ") { free * 1024 } else { free };
    let df = Command::new("df").arg("-Pk").arg(directory.path()).output().unwrap().stdout;
    let row = String::from_utf8(df).unwrap().lines().nth(1).unwrap().to_owned();
    let df_mib = row.split_whitespace().nth(3).unwrap().parse::<u64>().unwrap() / 1024;
    assert!(free_mib.abs_diff(df_mib) < 2048, "{said}: {row}");
}

#[test]
fn a_running_server_is_told_from_another_program() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let address = server.address.to_string();
    let text = run(doctor(directory.path()).env("AUDIT_LISTEN", &address)).ok();
    assert!(text.contains(&format!("ok    address: a server is running at {address} and ready")), "{text}");
    server.stop();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let answers = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = other.accept().unwrap();
            std::io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").unwrap();
        }
    });
    let ended = run(doctor(directory.path()).env("AUDIT_LISTEN", &address));
    assert_only_fault(&ended, "address", "another program listens on", "--listen");
    answers.join().unwrap();
    let ended = run(doctor(directory.path()).env("AUDIT_LISTEN", "192.0.2.1:80"));
    assert_only_fault(&ended, "address", "cannot listen on 192.0.2.1:80", "--listen");
}

#[test]
fn an_index_that_is_behind_is_a_note() {
    let directory = healthy();
    let stop = "CREATE TRIGGER stopped BEFORE INSERT ON segments BEGIN SELECT RAISE(ABORT, 'no segments today'); END";
    Connection::open(directory.path().join("audit-data/audit.db")).unwrap().execute_batch(stop).unwrap();
    fs::write(directory.path().join("a.ndjson"), "{\"url\":\"\"}\n".repeat(100)).unwrap();
    run(program(directory.path()).args(["import", "a.ndjson"])).ok();
    let text = run(&mut doctor(directory.path())).ok();
    assert!(text.contains("ok    search index: "), "a minute is nothing to speak of: {text}");
    let text = run(at(&mut doctor(directory.path()), "+1h")).ok();
    assert!(text.contains("note  search index: 64 entries of 1 log(s) are not indexed, the first of 20"), "{text}");
}

#[test]
fn doctor_checks_the_rest_despite_faulty_settings() {
    let directory = healthy();
    let ended = run(doctor(directory.path()).args(["--workers", "0"]).env("AUDIT_LISTN", "x"));
    assert_only_fault(&ended, "settings", "--workers", "audit-server config check");
    assert!(
        ended.stdout.contains("note  settings: the variable AUDIT_LISTN is not a setting")
            && ended.stdout.contains("ok    clock: "),
        "{ended:?}"
    );
    let ended = run(doctor(directory.path()).args(["--production"]).env("AUDIT_LISTEN", "0.0.0.0:0"));
    assert_only_fault(&ended, "settings", "other machines could reach it", "config check");
}

/// With the default in its place, the database beside it would be found well.
#[test]
fn a_database_that_no_setting_names_is_not_looked_at() {
    let directory = healthy();
    let not_looked = |ended: &Ended| {
        let about = ["data directory", "database", "schema and writing", "administrator", "contents", "disk space"];
        assert!(about.iter().all(|check| !ended.stdout.contains(&format!("ok    {check}: "))), "{ended:?}");
        assert!(ended.stdout.contains("note  database: not checked: the settings that select the database"), "{ended:?}");
    };
    let ended = run(doctor(directory.path()).args(["--database-url", "mysql://db/audit"]));
    assert_only_fault(&ended, "settings", "its scheme is not known", "config check");
    not_looked(&ended);
    assert!(ended.stdout.contains("ok    open files: "), "{ended:?}");
    for text in ["databse_url = 'sqlite://other.db'", "database_url = "] {
        fs::write(directory.path().join("audit.toml"), text).unwrap();
        not_looked(&run(&mut doctor(directory.path())));
    }
}

#[test]
fn a_file_that_holds_no_log_is_found() {
    let directory = healthy();
    let path = directory.path().join("audit-data/other.db");
    let other = || run(doctor(directory.path()).env("AUDIT_DATABASE_URL", "sqlite://audit-data/other.db"));
    fs::write(&path, "").unwrap();
    assert_only_fault(&other(), "database", "is empty, and this program did not leave it so", "When the file is gone");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE songs (a)").unwrap();
    assert_only_fault(&other(), "database", "is not an audit log (its tables are `songs`)", "--database-url");
    fs::remove_file(&path).unwrap();
    fs::write(directory.path().join("audit-data/other.db-wal"), "").unwrap();
    assert_only_fault(&other(), "database", "but `audit-data/other.db-wal`, which belongs to it", "When the file is gone");
}

#[test]
fn doctor_checks_the_mode_of_the_data_directory() {
    let directory = healthy();
    let data = directory.path().join("audit-data");
    set_mode(&data, 0o755);
    // Not a fault: the files are their owner's alone, and to close a directory such as /tmp would be one.
    let ended = run(&mut doctor(directory.path()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("every user can look into it (mode 755)") && !ended.stdout.contains("chmod"), "{ended:?}");
    // Nobody can make files in a file, not even root.
    fs::write(directory.path().join("file"), "").unwrap();
    let ended = run(doctor(directory.path()).env("AUDIT_DATA_DIR", "file/data"));
    assert_only_fault(&ended, "data directory", "cannot write to `", "--data-dir");
}

#[test]
fn a_file_that_is_no_database_is_found() {
    let directory = healthy();
    fs::write(directory.path().join("audit-data/notes.txt"), "somebody's file\n".repeat(100)).unwrap();
    let ended = run(doctor(directory.path()).env("AUDIT_DATABASE_URL", "sqlite://audit-data/notes.txt"));
    assert_only_fault(&ended, "database", "file is not a database", "ls -l 'audit-data/notes.txt'");
}

#[test]
fn doctor_finds_a_newer_database_a_lock_and_a_slow_clock() {
    let directory = healthy();
    let conn = Connection::open(directory.path().join("audit-data/audit.db")).unwrap();
    conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ended = run(&mut doctor(directory.path()));
    assert_only_fault(&ended, "schema and writing", "keeps the write lock of the database", "fuser -v 'audit-data/audit.db'");
    conn.execute_batch("ROLLBACK").unwrap();
    // A log of the year 2100, against its guards.
    conn.execute_batch(
        "DROP TRIGGER logs_only_advance;
         DROP TRIGGER logs_follow_events;
         INSERT INTO logs (channel_id, stream, next_position, recorded_at) VALUES (1, 1, 0, 0);
         UPDATE logs SET next_position = 1, recorded_at = 4102444800000000;",
    )
    .unwrap();
    let ended = run(&mut doctor(directory.path()));
    assert_only_fault(&ended, "clock", "but the log has an entry of 2100-01-01", "timedatectl set-ntp true");
    conn.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('20250101000000')", []).unwrap();
    let ended = run(&mut doctor(directory.path()));
    assert_only_fault(
        &ended,
        "schema and writing",
        "an older version created the database (this version does not know migration 20250101000000",
        "export it",
    );
    conn.execute("UPDATE __diesel_schema_migrations SET version = '29991231235959' WHERE version = '20250101000000'", []).unwrap();
    let ended = run(&mut doctor(directory.path()));
    assert_only_fault(&ended, "schema and writing", "a newer version wrote the database", "start that version");
}

#[test]
fn a_server_without_administrator_is_found() {
    let directory = healthy();
    run(program(directory.path()).args(["token", "revoke", "1"])).ok();
    let ended = run(&mut doctor(directory.path()));
    let mend = "audit-server token create --name admin --role admin --channels '*'";
    assert_only_fault(&ended, "administrator", "no valid admin key for all channels exists", mend);
    run(doctor(directory.path()).env("AUDIT_ADMIN_TOKEN", KEY)).ok();
}

#[test]
fn tls_files_that_do_not_do_are_found() {
    let directory = healthy();
    let path = directory.path();
    let (a, b, old) = (Certificate::make(path, "a"), Certificate::make(path, "b"), Certificate::until(path, "old", 2021));
    let check = |certificate: &Path, key: &Path| run(doctor(path).env("AUDIT_TLS_CERT", certificate).env("AUDIT_TLS_KEY", key));
    assert_only_fault(&check(&a.certificate, &b.key), "TLS", "does not belong to the certificate", "--tls-key");
    assert_only_fault(&check(&path.join("none"), &a.key), "TLS", "No such file", "--tls-cert");
    assert_only_fault(&check(&old.certificate, &old.key), "TLS", "old.crt` expired at 2021-12-31T00:00:00Z", "kill -HUP");
}

#[test]
fn too_few_open_files_are_found() {
    let directory = healthy();
    let mut command = Command::new("sh");
    let binary = env!("CARGO_BIN_EXE_audit-server");
    command.args(["-c", &format!("ulimit -n 200; exec '{binary}' doctor")]).current_dir(directory.path());
    let ended = run(command.env("AUDIT_LISTEN", "127.0.0.1:0"));
    assert_only_fault(&ended, "open files", "200 open files allow about 36 connections", "ulimit -n 65536");
}
