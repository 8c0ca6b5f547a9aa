//! Masking, from the outside: planted secrets are nowhere on the disk, a file of rules changes what
//! is masked, and `mask --check` shows it beforehand.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::common::{program, run};
use crate::data;

const RECORDS: usize = 10_000;
const SECRETS: usize = 1_000;

/// A secret that nothing else contains.
fn secret(number: usize) -> String {
    format!("zq{number:04}{}xw", (number * 7_919 + 104_729) % 1_000_003)
}

/// Ten thousand records, of which every tenth has a secret, in each place where secrets are found.
fn planted(number: usize) -> String {
    if !number.is_multiple_of(RECORDS / SECRETS) {
        return format!(
            r#"{{"action":"UPDATE","user":{number},"content":{{"old_data":{{"price":{number}}},"new_data":{{"price":1}}}}}}"#
        );
    }
    let number = number / (RECORDS / SECRETS);
    let secret = secret(number);
    match number % 12 {
        0 => format!(r#"{{"post_data":{{"password":"{secret}"}}}}"#),
        1 => format!(r#"{{"headers":{{"Authorization":"Bearer {secret}"}}}}"#),
        2 => format!(r#"{{"url":"https://example.com/reset?token={secret}&page=2"}}"#),
        3 => format!(r#"{{"content":{{"old_data":{{"apiKey":"{secret}"}},"new_data":{{"apiKey":"{secret}9"}}}}}}"#),
        4 => format!(r#"{{"description":"connect postgres://app:{secret}@db.example.com/shop"}}"#),
        5 => format!(r#"{{"post_data":"user=zoe&client_secret={secret}"}}"#),
        6 => format!(r#"{{"extra":{{"raw":"{{\"refresh_token\":\"{secret}\"}}"}}}}"#),
        7 => format!(r#"{{"headers":[["Cookie","sessionid={secret}"]]}}"#),
        8 => format!(r#"{{"user":{{"pk":7,"pass\u0077ord":"{secret}"}}}}"#),
        9 => format!(r#"{{"table_name":"authtoken.token","object_id":"{secret}","content":{{"new_data":{{"key":"{secret}"}}}}}}"#),
        10 => format!(r#"{{"query_params":{{"a":[{{"otp":"{secret}"}}]}}}}"#),
        _ => format!(r#"{{"impersonator":{{"id":1,"session_key":"{secret}"}}}}"#),
    }
}

/// The files in a directory that contain any of the secrets.
fn files_with_secrets(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with_secrets(&path));
        } else if has_secret(&fs::read(&path).unwrap()) {
            found.push(path);
        }
    }
    found
}

/// Whether bytes contain a planted secret: `zq`, digits, `xw`.
fn has_secret(bytes: &[u8]) -> bool {
    let starts = bytes.windows(2).enumerate().filter(|(_, two)| two == b"zq").map(|(at, _)| at);
    starts.into_iter().any(|at| {
        let rest = &bytes[at + 2..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        digits >= 5 && rest[digits..].starts_with(b"xw")
    })
}

#[test]
fn no_planted_secret_is_in_database_wal_exports_or_logs() {
    assert!(has_secret(secret(0).as_bytes()) && (1..SECRETS).all(|number| has_secret(secret(number).as_bytes())));
    let directory = tempfile::tempdir().unwrap();
    let events: Vec<String> = (0..RECORDS).map(planted).collect();
    assert_eq!(events.iter().filter(|event| has_secret(event.as_bytes())).count(), SECRETS);
    let server = Server::start(directory.path());
    let mut client = Client::connect(server.address, KEY).unwrap();
    let mut post = |path: &str, lines: &str| client.post(path, "application/x-ndjson", lines).unwrap();
    // Half over HTTP with the server running, half as a file, and the lines of a log besides.
    let (posted, imported) = events.split_at(RECORDS / 2);
    for lines in posted.chunks(1_000) {
        let answer = post("/api/v1/events", &lines.join("\n"));
        assert!(answer.status == 201 && !has_secret(answer.body.as_bytes()), "{}", answer.body);
    }
    let logs: Vec<String> =
        (0..100).map(|number| format!(r#"{{"level":40,"message":"login failed, password={}"}}"#, secret(number))).collect();
    assert_eq!(post("/api/v1/action-logs", &logs.join("\n")).status, 201);
    // A refused body and a search must not leave one either.
    let refused = format!(r#"{{"position":1,"post_data":{{"password":"{}"}}}}"#, secret(1));
    let refused = post("/api/v1/events", &refused);
    assert!(refused.status == 400 && !has_secret(refused.body.as_bytes()), "{}", refused.body);
    let other = tempfile::tempdir().unwrap();
    let file = other.path().join("events.ndjson");
    fs::write(&file, imported.join("\n")).unwrap();
    let counts = run(program(directory.path()).arg("import").arg(&file)).ok();
    assert_eq!(counts, "5000 imported, 0 duplicates, 0 skipped\n");
    let list = client.get("/api/v1/events?limit=1000").unwrap();
    assert!(list.status == 200 && list.body.contains("[masked]") && !has_secret(list.body.as_bytes()));
    // While it runs the WAL is there.
    assert_eq!(files_with_secrets(directory.path()), [] as [PathBuf; 0]);
    let exports = [
        run(program(directory.path()).arg("export")).ok(),
        run(program(directory.path()).args(["export", "--kind", "action-logs"])).ok(),
    ];
    assert_eq!(exports.iter().map(|export| export.lines().count()).sum::<usize>(), RECORDS + 100);
    assert!(exports.iter().all(|export| !has_secret(export.as_bytes())));
    assert_eq!(exports[0].matches("\"policy\":\"standard/1\"").count(), SECRETS);
    server.signal("TERM");
    let (_, stdout, log) = server.wait();
    assert!(!has_secret(stdout.as_bytes()) && !has_secret(log.as_bytes()), "{stdout} {log}");
    assert_eq!(files_with_secrets(directory.path()), [] as [PathBuf; 0]);
    // The test itself can find one.
    fs::write(directory.path().join("leak"), format!("…{}…", secret(17))).unwrap();
    assert_eq!(files_with_secrets(directory.path()).len(), 1);
}

const RULES: &str = r#"
name = "shop"
version = 3

[tables."*"]
mask = ["loyalty number"]

[tables."shop.order"]
keep = ["token"]
"#;

#[test]
fn a_file_of_rules_changes_what_is_masked() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("rules.toml"), RULES).unwrap();
    let events = [
        r#"{"table_name":"shop.order","post_data":{"token":"t-1","password":"p-1","loyaltyNumber":"l-1"}}"#,
        r#"{"table_name":"shop.cart","post_data":{"token":"t-2"}}"#,
    ];
    fs::write(directory.path().join("events.ndjson"), events.join("\n")).unwrap();
    let with = |policy: &str| {
        let mut command = program(directory.path());
        command.env("AUDIT_MASKING", policy);
        command
    };
    let checked = run(with("rules.toml").args(["mask", "--check", "events.ndjson"])).ok();
    let lines: Vec<&str> = checked.lines().collect();
    assert_eq!(
        lines[..6],
        [
            "events.ndjson line 1: /post_data/password (name `password`), /post_data/loyaltyNumber (name `loyalty number`)",
            "events.ndjson line 2: /post_data/token (name `token`)",
            "shop.cart   /post_data/token          name `token`           1",
            "shop.order  /post_data/loyaltyNumber  name `loyalty number`  1",
            "shop.order  /post_data/password       name `password`        1",
            "2 records, 2 of them with 3 value(s) that the policy shop/3 masks",
        ]
    );
    assert!(lines.len() == 7 && lines[6].starts_with("masking took "), "{checked}");
    assert!(!directory.path().join("audit-data").exists(), "the check makes no database");
    run(with("rules.toml").args(["import", "events.ndjson"])).ok();
    let export = run(with("none").arg("export")).ok();
    assert!(export.contains(r#"{"token":"t-1","password":"[masked]","loyaltyNumber":"[masked]"}"#), "{export}");
    assert!(export.contains(r#""policy":"shop/3""#) && !export.contains("t-2"), "{export}");

    // The other policies, and rules that cannot be used.
    let none = run(with("none").args(["mask", "--check", "events.ndjson", "--summary"])).ok();
    assert!(none.starts_with("2 records, 0 of them with 0 value(s) that the policy none masks\n"), "{none}");
    for (rules, wanted) in [
        ("nmae = \"shop\"", "the file is not a masking policy: at line 1, column 1"),
        ("name = \"standard\"", "and is not `standard` or `none` (got \"standard\")"),
        ("name = \"shop\"\nversion = 0", "the version of a masking policy is at least 1 (got 0)"),
        ("name = \"shop\"\n[tables.\"*\"]\nmask = [\"key\"]\nkeep = [\"key\"]", "\"key\" is in `mask` and in `keep`"),
        ("name = \"shop\"\nmask = \"all\"", "unknown variant `all`, expected `deny` or `allow`"),
    ] {
        fs::write(directory.path().join("rules.toml"), rules).unwrap();
        let ended = run(with("rules.toml").args(["config", "check"]));
        assert!(
            ended.code == Some(1) && ended.stderr.contains("AUDIT_MASKING") && ended.stderr.contains(wanted),
            "{}",
            ended.stderr
        );
    }
    let missing = run(with("missing.toml").arg("export"));
    assert!(
        missing.code == Some(1) && missing.stderr.contains("is `missing.toml`: the file cannot be read: "),
        "{}",
        missing.stderr
    );
}

#[test]
fn a_check_of_the_real_data_lists_the_known_places() {
    let directory = tempfile::tempdir().unwrap();
    let checked = run(program(directory.path()).args(["mask", "--summary", "--check"]).arg(data::file())).ok();
    assert!(checked.contains("11256 records, 7 of them with 8 value(s) that the policy standard/1 masks\n"), "{checked}");
    assert!(checked.contains("/content/new_data/credentials/sessionToken"), "{checked}");
    let faulty = run(program(directory.path()).args(["mask", "--kind", "action-logs", "--summary", "--check"]).arg(data::file()));
    assert!(faulty.code == Some(1) && faulty.stderr.contains("faulty line(s) were not looked at"), "{}", faulty.stderr);
}

#[test]
fn a_check_converts_documents_of_another_system() {
    let directory = tempfile::tempdir().unwrap();
    let event = r#"{"specversion":"1.0","id":"1","source":"/shop","type":"order.paid","data":{"password":"hunter2","total":5}}"#;
    fs::write(directory.path().join("events.ndjson"), format!("{event}\n{event}\n{{\"id\":3}}\n")).unwrap();
    let check = |args: &[&str]| run(program(directory.path()).arg("mask").args(args).args(["--check", "events.ndjson"]));
    let checked = check(&["--format", "cloudevents"]);
    assert!(checked.stdout.contains("events.ndjson line 2: /content/password (name `password`)\n"), "{}", checked.stdout);
    assert!(checked.stdout.contains("2 records, 2 of them with 2 value(s) that the policy standard/1 masks"), "{}", checked.stdout);
    assert!(checked.code == Some(1) && checked.stderr.contains("line 3: "), "{}", checked.stderr);
    assert!(check(&["--format", "cloudevents", "--kind", "events"]).code == Some(2), "documents are always events");
    // Without the format they are records with other members.
    assert!(check(&[]).stdout.contains("/extra/data/password"));
}
