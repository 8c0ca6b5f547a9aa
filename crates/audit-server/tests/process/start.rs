//! The start: what it says when it works, and one sentence when it does not.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use rusqlite::Connection;

use crate::common::server::{KEY, Server};
use crate::common::{eventually, program, run, wait};

fn make_database(directory: &Path) -> Connection {
    run(program(directory).args(["token", "create", "--name", "a", "--role", "admin", "--channels", "*"])).ok();
    Connection::open(directory.join("audit-data/audit.db")).unwrap()
}

#[test]
fn a_port_in_use_is_one_sentence_and_uses_up_no_first_start() {
    let directory = tempfile::tempdir().unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let ended = run(program(directory.path()).args(["--listen", &address]));
    assert_eq!(ended.sentence(), format!("cannot listen on {address}: another program listens there already"));
    assert_eq!(ended.stdout, "");
    assert_eq!(run(program(directory.path()).args(["token", "list", "--json"])).ok(), "[]\n");
}

#[test]
fn an_address_that_is_not_ours_is_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let ended = run(program(directory.path()).args(["--listen", "192.0.2.1:80"]));
    assert!(ended.sentence().starts_with("cannot listen on 192.0.2.1:80: "), "{ended:?}");
}

#[test]
fn a_locked_database_is_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let conn = make_database(directory.path());
    conn.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let ended = run(&mut program(directory.path()));
    assert_eq!(ended.sentence(), "the database `audit-data/audit.db` is locked by another process");
    conn.execute_batch("ROLLBACK").unwrap();
}

#[test]
fn a_newer_database_is_refused_and_not_changed() {
    let directory = tempfile::tempdir().unwrap();
    let conn = make_database(directory.path());
    conn.execute_batch("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')").unwrap();
    let ended = run(&mut program(directory.path()));
    let wanted = "the database `audit-data/audit.db` has the schema of a newer version (migration 29990101000000 is not known here): \
                  use that version";
    assert_eq!(ended.sentence(), wanted);
}

#[test]
fn a_file_that_is_no_database_is_one_sentence_and_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let text = "not a database, but somebody's file\n".repeat(100);
    fs::write(directory.path().join("notes.txt"), &text).unwrap();
    let ended = run(program(directory.path()).args(["--database-url", "sqlite://notes.txt"]));
    assert_eq!(ended.sentence(), "the database `notes.txt` cannot be opened: file is not a database");
    assert_eq!(fs::read_to_string(directory.path().join("notes.txt")).unwrap(), text);
}

#[test]
fn a_directory_that_cannot_be_made_or_written_is_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), "").unwrap();
    let ended = run(program(directory.path()).args(["--data-dir", "file/data"]));
    assert!(ended.sentence().starts_with("the directory `file/data` for the database cannot be created: "), "{ended:?}");
    // Nobody can make files there, not even root.
    let ended = run(program(directory.path()).args(["--data-dir", "/proc"]));
    assert!(ended.sentence().starts_with("the database `/proc/audit.db` cannot be opened: "), "{ended:?}");
}

#[test]
fn bad_database_urls_are_refused_without_the_password() {
    let directory = tempfile::tempdir().unwrap();
    for (url, said) in [
        ("audit.db", "is `audit.db`: it has no scheme"),
        ("sqlite://", "is `sqlite://`: it names no file"),
        ("sqlite://:memory:", "is `sqlite://:memory:`: an audit log is not kept in memory"),
        ("postgres://me:secret@db", "is `postgres://me:…@db`: it names no database"),
        (
            "postgres://me:se/cret@db/audit",
            "is `postgres://…`: its user name or password has a character that must be percent-encoded",
        ),
    ] {
        let ended = run(program(directory.path()).env("AUDIT_DATABASE_URL", url));
        let wanted = format!("--database-url (AUDIT_DATABASE_URL, key `database_url`) {said}");
        assert!(ended.sentence().starts_with(&wanted), "{ended:?}");
        assert!(!ended.stderr.contains("secret") && !ended.stderr.contains("cret@"));
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_mistake_on_the_command_line_exits_with_2() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [&["--listn", "x"][..], &["import"], &["token"], &["token", "create", "--role", "king"], &["nonsense"]] {
        let ended = run(program(directory.path()).args(arguments));
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn it_says_version_database_and_address_and_nothing_on_stdout() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    assert_eq!(server.launch["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(server.launch["database"], "audit-data/audit.db");
    assert_eq!(server.launch["address"], server.address.to_string());
    assert_ne!(server.address.port(), 0);
    let url = format!("http://{}", server.address);
    assert_eq!(server.launch["url"], url);
    assert_eq!(server.launch["docs"], format!("{url}/docs"));
    assert_eq!((&server.launch["config"], &server.launch["mode"]), (&"none".into(), &"development".into()));
    assert_eq!(server.stop(), "");
    let version = run(program(directory.path()).arg("--version")).ok();
    assert_eq!(version, format!("audit-server {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_first_start_prints_the_admin_key_to_stdout_once() {
    let directory = tempfile::tempdir().unwrap();
    let start = || Server::run(program(directory.path()).args(["serve", "--listen", "127.0.0.1:0"]));
    let first = start();
    let address = first.address;
    first.signal("TERM");
    let (_, stdout, log) = first.wait();
    let keys: Vec<&str> = stdout.split_whitespace().filter(|word| word.len() == 64).collect();
    let [key] = keys.as_slice() else { panic!("{stdout}") };
    assert!(!log.contains(key) && log.contains(&address.to_string()));

    let second = start();
    let mut client = crate::common::http::Client::connect(second.address, key).unwrap();
    assert_eq!(client.get("/api/v1/tokens").unwrap().status, 200, "the key opens the server");
    drop(client);
    assert_eq!(second.stop(), "", "it is not shown again, and no other one is made");
    let tokens: serde_json::Value =
        serde_json::from_str(&run(program(directory.path()).args(["token", "list", "--json"])).ok()).unwrap();
    assert_eq!(tokens.as_array().unwrap().len(), 1);
    assert_eq!(
        (&tokens[0]["name"], &tokens[0]["role"], &tokens[0]["channels"]),
        (&"first start".into(), &"admin".into(), &"*".into())
    );
}

#[test]
fn a_start_without_a_valid_admin_prints_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let token = |arguments: &[&str]| run(program(directory.path()).arg("token").args(arguments)).ok();
    let printed = || {
        let stdout = Server::run(program(directory.path()).args(["--listen", "127.0.0.1:0"])).stop();
        stdout.split_whitespace().find(|word| word.len() == 64).map(str::to_owned)
    };
    token(&["create", "--name", "r", "--role", "reader", "--channels", "*"]);
    token(&["create", "--name", "a", "--role", "admin", "--channels", "1,2"]);
    assert!(printed().is_some(), "neither a reader nor an admin of some channels manages the server");
    assert_eq!(printed(), None, "token 3 does");
    token(&["revoke", "3"]);
    let key = printed().expect("it did");
    let server = Server::run(program(directory.path()).args(["--listen", "127.0.0.1:0"]));
    assert_eq!(crate::common::http::Client::connect(server.address, &key).unwrap().get("/api/v1/tokens").unwrap().status, 200);
    assert_eq!(server.stop(), "");
}

#[test]
fn a_key_from_outside_keeps_its_id_and_makes_no_other_one() {
    let directory = tempfile::tempdir().unwrap();
    let list = || run(program(directory.path()).args(["token", "list", "--json"])).ok();
    assert_eq!(Server::start(directory.path()).stop(), "");
    let first = list();
    assert_eq!(Server::start(directory.path()).stop(), "");
    assert_eq!(list(), first);
    let tokens: serde_json::Value = serde_json::from_str(&first).unwrap();
    assert_eq!((tokens.as_array().unwrap().len(), &tokens[0]["id"]), (1, &1.into()));
    // Without it the next start makes no key either: there is one.
    let without = Server::run(program(directory.path()).args(["--listen", "127.0.0.1:0"]));
    assert_eq!(without.stop(), "");
}

#[test]
fn a_key_from_outside_that_was_revoked_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    Server::start(directory.path()).stop();
    run(program(directory.path()).args(["token", "revoke", "1"])).ok();
    let ended = run(program(directory.path()).env("AUDIT_ADMIN_TOKEN", KEY).args(["--listen", "127.0.0.1:0"]));
    assert_eq!(ended.sentence(), "the key in AUDIT_ADMIN_TOKEN was revoked as token 1: give another one");
}

#[test]
fn the_text_log_shows_the_key_in_a_block_unless_quiet() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("audit.toml"), "log_format = \"text\"\npublic_url = \"https://audit.example\"").unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let stderr = |log: &str| {
        let mut command = program(directory.path());
        command.env("AUDIT_ADMIN_TOKEN", KEY).args(["serve", "--log", log, "--listen", &port.to_string()]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let answers = || crate::common::http::Client::connect(port, KEY).ok()?.get("/healthz").ok();
        eventually(answers).unwrap_or_else(|| panic!("it does not start"));
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status().unwrap();
        assert!(sent.success());
        wait(&mut child).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut text).unwrap();
        text
    };
    let version = env!("CARGO_PKG_VERSION");
    let block = format!(
        "\n  audit-server {version} is ready\n\n  address   https://audit.example, listening on {port}\n  docs      https://audit.example/docs\n  \
         database  audit-data/audit.db\n  settings  audit.toml\n  mode      development\n\n"
    );
    let text = stderr("info");
    assert!(text.starts_with(&block), "{text}");
    let quiet = stderr("error");
    assert!(!quiet.contains("audit"), "{quiet}");
}

/// Shells and service managers give programs a small soft limit, for `select`.
#[cfg(target_os = "linux")]
#[test]
fn the_limit_of_open_files_is_raised_to_the_hard_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    let script = format!("ulimit -S -n 300; ulimit -H -n 4000; exec '{}'", env!("CARGO_BIN_EXE_audit-server"));
    command.args(["-c", &script]).current_dir(directory.path()).env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0");
    let server = Server::run(&mut command);
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    let row = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(row.split_whitespace().skip(3).take(2).collect::<Vec<_>>(), ["4000", "4000"]);
    server.stop();
}
