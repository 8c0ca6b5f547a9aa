//! The small commands: `migrate`, `healthcheck`, `completions` and `man`.

use std::fs;

use rusqlite::Connection;

use crate::common::server::{KEY, Server};
use crate::common::tls::Certificate;
use crate::common::{program, run};

const SUBCOMMANDS: [&str; 23] = [
    "serve",
    "import",
    "export",
    "verify",
    "witness",
    "token",
    "content-types",
    "erase",
    "key",
    "log",
    "copy",
    "backup",
    "restore",
    "rebuild",
    "demo",
    "mask",
    "config",
    "migrate",
    "doctor",
    "healthcheck",
    "completions",
    "man",
    "openapi",
];

#[test]
fn migrate_makes_the_database_and_says_what_it_did() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let first = run(program(path).arg("migrate")).ok();
    let migrations = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/sqlite")).unwrap();
    let mut names: Vec<String> = migrations.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let list: String = names.iter().map(|name| format!("  {name}\n")).collect();
    assert_eq!(first, format!("created the database `audit-data/audit.db`; migrations applied:\n{list}"));
    let again = "the database `audit-data/audit.db` is up to date: nothing was changed\n";
    assert_eq!(run(program(path).arg("migrate")).ok(), again);
    let conn = Connection::open(path.join("audit-data/audit.db")).unwrap();
    conn.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231235959')", []).unwrap();
    let ended = run(program(path).arg("migrate"));
    assert!(ended.sentence().contains("has the schema of a newer version (migration 29991231235959"), "{ended:?}");
}

#[test]
fn migrate_applies_what_an_older_version_lacks() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fs::create_dir(path.join("audit-data")).unwrap();
    let conn = Connection::open(path.join("audit-data/audit.db")).unwrap();
    let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/sqlite");
    let done = ["2026-11-30-000000_create_logs", "2026-11-30-000001_create_events"];
    let tables: String = done.iter().map(|name| fs::read_to_string(format!("{migrations}/{name}/up.sql")).unwrap()).collect();
    let table = "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
                 INSERT INTO __diesel_schema_migrations (version) VALUES ('20261130000000'), ('20261130000001');";
    conn.execute_batch(&format!("{tables}{table}")).unwrap();
    let ended = run(program(path).arg("doctor"));
    assert!(
        ended.code == Some(1) && ended.stdout.contains("the schema lacks 2026-11-30-000002_index_events_by_timestamp"),
        "{ended:?}"
    );
    assert!(ended.stdout.contains("fix: audit-server migrate\n"), "{ended:?}");
    let done = run(program(path).arg("migrate")).ok();
    assert!(
        done.starts_with("the database `audit-data/audit.db` is up to date now; migrations applied:\n  2026-11-30-000002_"),
        "{done}"
    );
    assert!(!done.contains("create_logs"), "{done}");
}

#[test]
fn a_health_check_says_whether_the_server_is_ready() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let certificate = Certificate::make(path, "a");
    for secure in [false, true] {
        let variables = if secure { certificate.settings().to_vec() } else { Vec::new() };
        let mut command = program(path);
        let server =
            Server::run(command.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "0.0.0.0:0").envs(variables.iter().copied()));
        let listen = server.address.to_string();
        let check = || run(program(path).arg("healthcheck").env("AUDIT_LISTEN", &listen).envs(variables.iter().copied()));
        assert_eq!(check().ok(), "ready\n");
        let ended = run(program(path).args(["healthcheck", "--listen", &listen]));
        assert_eq!(ended.code, Some(if secure { 1 } else { 0 }), "the scheme counts: {ended:?}");
        server.stop();
        assert!(check().sentence().starts_with(&format!("no server answers at {listen}: ")));
    }
    // What a server says whose database is gone.
    let unready = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = unready.local_addr().unwrap().to_string();
    let answers = std::thread::spawn(move || {
        let (mut stream, _) = unready.accept().unwrap();
        let head =
            std::io::BufRead::lines(std::io::BufReader::new(&stream)).map_while(Result::ok).take_while(|line| !line.is_empty());
        assert_eq!(head.collect::<Vec<_>>()[0], "GET /readyz HTTP/1.1");
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\ngone").unwrap();
    });
    let ended = run(program(path).args(["healthcheck", "--listen", &listen]));
    assert_eq!(ended.sentence(), format!("the server at {listen} is not ready: it answers 503 gone"));
    answers.join().unwrap();
    let ended = run(program(path).args(["healthcheck", "--listen", "127.0.0.1:0"]));
    assert!(ended.sentence().contains("give it a fixed port"), "{ended:?}");
}

#[test]
fn completions_and_the_manual_name_every_subcommand() {
    let directory = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(program(directory.path()).args(["completions", shell])).ok();
        for name in SUBCOMMANDS {
            assert!(script.contains(name), "{shell} does not complete {name}");
        }
    }
    assert_eq!(run(program(directory.path()).args(["completions", "tcsh"])).code, Some(2));
    let page = run(program(directory.path()).arg("man")).ok();
    for name in SUBCOMMANDS {
        assert!(page.contains(&format!("audit\\-server\\-{}(1)", name.replace('-', "\\-"))), "the manual does not name {name}");
    }
    assert_eq!(run(program(directory.path()).args(["man", "pages/man1"])).ok(), "");
    for name in SUBCOMMANDS {
        let page = fs::read_to_string(directory.path().join(format!("pages/man1/audit-server-{name}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
    assert!(directory.path().join("pages/man1/audit-server-token-create.1").exists());
    let help = run(program(directory.path()).arg("--help")).ok();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let listed: Vec<&str> = listed
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(listed, [&SUBCOMMANDS[..], &["help"]].concat(), "a subcommand that this table does not know");
}
