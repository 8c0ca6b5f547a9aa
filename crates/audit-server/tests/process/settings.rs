//! Settings: three names each, one order of precedence, and one sentence for a value that cannot be used.

use std::fs;
use std::path::Path;

use crate::common::server::{KEY, Server};
use crate::common::{program, run};

/// Every setting, a value it does not take, and what is said about that. An empty text is the only thing some refuse.
const SETTINGS: [(&str, &str, &str); 33] = [
    (
        "database_url",
        "mysql://me:hidden@db",
        "is `mysql://me:…@db`: its scheme is not known; use sqlite://path/to/audit.db or postgres://user@host/database",
    ),
    ("transaction_pooler", "on", "is `on`: it must be true or false"),
    ("writers", "65", "is `65`: it must be a number from 1 to 64"),
    ("data_dir", "", "is empty: it must be a directory"),
    ("signing_key_file", "", "is empty: it must be a file"),
    ("log_name", "audit+shop", "is `audit+shop`: it must be a name without blanks and `+`, such as audit.example.com"),
    ("public_log", "all", "is `all`: it must be true or false"),
    ("scrub_interval_hours", "daily", "is `daily`: it must be a number of hours from 0 to 8760"),
    ("witness_policy", "missing", "is `missing`: the file cannot be read: No such file or directory (os error 2)"),
    ("listen", "8080", "is `8080`: it must be a host and a port such as 127.0.0.1:8080"),
    ("production", "yes", "is `yes`: it must be true or false"),
    ("tls_cert", "", "is empty: it must be a file"),
    ("tls_key", "key.pem", "is `key.pem`: it needs --tls-cert (AUDIT_TLS_CERT, key `tls_cert`) too"),
    (
        "trusted_proxies",
        "10.0.0.0/8,proxy",
        "is `10.0.0.0/8,proxy`: it must be comma-separated addresses and networks such as 10.0.0.1,172.16.0.0/12",
    ),
    (
        "public_url",
        "https://a.example/?x",
        "is `https://a.example/?x`: it must be an http:// or https:// address without query and fragment",
    ),
    (
        "cors_origins",
        "https://a.example/",
        "is `https://a.example/`: it must be *, or comma-separated origins such as https://shop.example.com,http://localhost:5173 (no path, no slash at the end)",
    ),
    (
        "admin_token",
        "fifteen-letters",
        "has 15 characters (not shown here): it must be a key of at least 16 visible ASCII characters, without blanks",
    ),
    ("default_channel", "-1", "is `-1`: it must be a channel: an integer from 0 to 9223372036854775807"),
    ("channels_without_words", "3,x", "is `3,x`: it must be all, or channels separated by commas such as 3,5"),
    ("masking", "all", "is `all`: it must be standard, none, or a file of rules whose name ends in .toml"),
    ("workers", "0", "is `0`: it must be a number from 1 to 512"),
    (
        "page_size_default",
        "1001",
        "is `1001`: it must be at most 1000, which is the largest page (--page-size-max (AUDIT_PAGE_SIZE_MAX, key `page_size_max`))",
    ),
    ("page_size_max", "10001", "is `10001`: it must be a number from 1 to 10000"),
    ("head_timeout_seconds", "0", "is `0`: it must be a number of seconds from 1 to 3600"),
    ("body_timeout_seconds", "1.5", "is `1.5`: it must be a number of seconds from 1 to 3600"),
    ("append_timeout_seconds", "0", "is `0`: it must be a number of seconds from 1 to 3600"),
    ("query_timeout_seconds", "0", "is `0`: it must be a number of seconds from 1 to 3600"),
    ("future_timestamp_warning_seconds", "0", "is `0`: it must be a number of seconds from 1 to 315360000"),
    ("idle_timeout_seconds", "3601", "is `3601`: it must be a number of seconds from 1 to 3600"),
    ("stall_timeout_seconds", "0", "is `0`: it must be a number of seconds from 1 to 3600"),
    ("shutdown_timeout_seconds", "5s", "is `5s`: it must be a number of seconds from 1 to 3600"),
    ("log", "audit_http=loud", "is `audit_http=loud`: it must be a log filter such as info or warn,audit_http=debug"),
    ("log_format", "xml", "is `xml`: it must be text or json"),
];

fn names(key: &str) -> (String, String) {
    (format!("--{}", key.replace('_', "-")), format!("AUDIT_{}", key.to_uppercase()))
}

#[test]
fn each_setting_is_a_flag_a_variable_and_a_key() {
    for (key, bad, said) in SETTINGS {
        let directory = tempfile::tempdir().unwrap();
        let (flag, variable) = names(key);
        let sentence = format!("{flag} ({variable}, key `{key}`) {said}");
        assert_eq!(run(program(directory.path()).arg(format!("{flag}={bad}"))).sentence(), sentence);
        assert_eq!(run(program(directory.path()).args(["serve", &format!("{flag}={bad}")])).sentence(), sentence);
        assert_eq!(run(program(directory.path()).env(&variable, bad)).sentence(), sentence);
        fs::write(directory.path().join("audit.toml"), format!("{key} = {bad:?}")).unwrap();
        assert_eq!(run(&mut program(directory.path())).sentence(), sentence);
        fs::remove_file(directory.path().join("audit.toml")).unwrap();
        assert_eq!(
            fs::read_dir(directory.path()).unwrap().count(),
            0,
            "{key}: something was made before the settings were checked"
        );
    }
}

#[test]
fn there_is_no_setting_that_this_table_does_not_know() {
    let directory = tempfile::tempdir().unwrap();
    let help = run(program(directory.path()).args(["serve", "--help"])).ok();
    let flags: Vec<&str> = help.lines().filter_map(|line| line.trim().strip_prefix("--")?.split([' ', '[']).next()).collect();
    let mut wanted: Vec<String> = SETTINGS.iter().map(|(key, ..)| key.replace('_', "-")).collect();
    wanted.push("config".to_owned());
    wanted.sort();
    let mut actual: Vec<String> = flags.into_iter().map(str::to_owned).collect();
    actual.sort();
    assert_eq!(actual, wanted);
}

#[test]
fn the_help_shows_names_and_defaults_and_no_value_of_a_variable() {
    let directory = tempfile::tempdir().unwrap();
    let help = run(program(directory.path()).arg("--help").env("AUDIT_ADMIN_TOKEN", KEY)).ok();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for (key, ..) in SETTINGS {
        let (flag, variable) = names(key);
        let start = help
            .find(&format!("{flag} <"))
            .or_else(|| help.find(&format!("{flag}[=<")))
            .unwrap_or_else(|| panic!("{flag} is missing: {help}"));
        let end =
            help[start..].find(&format!("[env: {variable}]")).unwrap_or_else(|| panic!("{flag} does not say its variable: {help}"));
        let text = &help[start..start + end];
        assert!(text.contains("[default: ") && !text.contains("[env: "), "{flag} does not say its default: {text}");
    }
    for default in ["127.0.0.1:8080", "sqlite://audit-data/audit.db", "info"] {
        assert!(help.contains(&format!("[default: {default}")), "{default}");
    }
    assert!(!help.contains(KEY));
}

/// Where the database would be, told by a command that makes none.
fn database(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let ended = run(program(directory).args(arguments).args(["token", "list"]).envs(variables.iter().copied()));
    let path = ended.sentence().strip_prefix("there is no database `").and_then(|rest| rest.strip_suffix('`'));
    path.unwrap_or_else(|| panic!("{ended:?}")).to_owned()
}

#[test]
fn flags_override_variables_files_and_defaults() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let variable = [("AUDIT_DATA_DIR", "variable")];
    assert_eq!(database(path, &[], &[]), "audit-data/audit.db");
    fs::write(path.join("audit.toml"), "data_dir = \"file\"").unwrap();
    assert_eq!(database(path, &[], &[]), "file/audit.db");
    assert_eq!(database(path, &[], &variable), "variable/audit.db");
    assert_eq!(database(path, &["--data-dir", "flag"], &variable), "flag/audit.db");
}

#[test]
fn a_value_that_does_not_count_is_not_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("audit.toml"), "workers = 0\nlisten = \"x\"").unwrap();
    let mut command = program(directory.path());
    command.env("AUDIT_WORKERS", "0").env("AUDIT_IDLE_TIMEOUT_SECONDS", "0").env("AUDIT_LISTEN", "z");
    command.args(["--workers", "x", "--idle-timeout-seconds", "5", "serve", "--workers", "1", "--listen", "127.0.0.1:0"]);
    // The only bad value that counts, and the last one that is read.
    command.args(["--body-timeout-seconds", "y"]);
    assert!(run(&mut command).sentence().starts_with("--body-timeout-seconds (AUDIT_BODY_TIMEOUT_SECONDS, "));
}

#[test]
fn settings_may_come_before_or_after_the_subcommand() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [
        ["--data-dir", "there", "token", "list"],
        ["token", "--data-dir", "there", "list"],
        ["token", "list", "--data-dir", "there"],
    ] {
        let ended = run(program(directory.path()).args(arguments).env("AUDIT_DATA_DIR", "elsewhere"));
        assert_eq!(ended.sentence(), "there is no database `there/audit.db`", "{arguments:?}");
    }
    let ended = run(program(directory.path()).args(["token", "list", "--listen", "127.0.0.1:1"]));
    assert_eq!(ended.code, Some(2), "only a server listens: {ended:?}");
}

#[test]
fn the_database_is_in_the_data_directory_unless_a_url_is_given() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let url = [("AUDIT_DATABASE_URL", "sqlite://elsewhere/log.db")];
    assert_eq!(database(path, &["--data-dir", "/srv/audit/"], &[]), "/srv/audit/audit.db");
    assert_eq!(database(path, &[], &url), "elsewhere/log.db");
    assert_eq!(database(path, &["--data-dir", "here"], &url), "elsewhere/log.db", "even from a weaker source");
}

#[test]
fn the_settings_file_is_the_named_one_else_audit_toml() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    for name in ["audit", "variable", "flag"] {
        fs::write(path.join(format!("{name}.toml")), format!("data_dir = \"{name}\"")).unwrap();
    }
    let variable = [("AUDIT_CONFIG", "variable.toml")];
    assert_eq!(database(path, &[], &[]), "audit/audit.db");
    assert_eq!(database(path, &[], &variable), "variable/audit.db");
    assert_eq!(database(path, &["--config", "flag.toml"], &variable), "flag/audit.db");
    let ended = run(program(path).args(["--config", "missing.toml"]));
    assert_eq!(ended.sentence(), "the settings file `missing.toml` cannot be read: No such file or directory (os error 2)");
}

#[test]
fn a_key_that_is_no_setting_is_refused_with_the_nearest_one() {
    let directory = tempfile::tempdir().unwrap();
    let said = |text: &str| {
        fs::write(directory.path().join("audit.toml"), text).unwrap();
        run(&mut program(directory.path())).sentence().to_owned()
    };
    let unknown = |key: &str, rest: &str| format!("the settings file `audit.toml` has a key `{key}`, which is not a setting{rest}");
    assert_eq!(said("lisen = \"127.0.0.1:0\""), unknown("lisen", ": did you mean `listen`?"));
    assert_eq!(said("page-size-max = 5"), unknown("page-size-max", ": did you mean `page_size_max`?"));
    assert_eq!(said("DATABASE_URL = \"x\""), unknown("DATABASE_URL", ": did you mean `database_url`?"));
    let all = SETTINGS.map(|(key, ..)| key).join(", ");
    let far = said("[tls]\nkey = 1");
    assert!(far.starts_with(&unknown("tls", "; the settings are ")), "{far}");
    assert_eq!(far.matches(", ").count(), all.matches(", ").count() + 1, "{far}");
    assert!(said("listen = [1]").contains("is `an array`"));
}

#[test]
fn invalid_toml_is_refused_with_its_line_but_no_text() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("audit.toml"), format!("listen = \"127.0.0.1:0\"\nadmin_token = \"{KEY}")).unwrap();
    let ended = run(&mut program(directory.path()));
    assert!(ended.sentence().starts_with("the settings file `audit.toml` is not TOML: at line 2, column "), "{ended:?}");
    assert!(!ended.stderr.contains(KEY));
}

#[test]
fn the_admin_key_is_nowhere_in_the_log_or_the_output() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("audit.toml"), format!("admin_token = \"{KEY}\"\nlog = \"trace\"\nlisten = \"127.0.0.1:0\""))
        .unwrap();
    let server = Server::run(&mut program(directory.path()));
    let mut client = crate::common::http::Client::connect(server.address, KEY).unwrap();
    assert_eq!(client.get("/api/v1/tokens").unwrap().status, 200);
    drop(client);
    server.signal("TERM");
    let (_, stdout, log) = server.wait();
    assert!(log.contains("\"level\":\"TRACE\""), "the test sees no trace");
    assert!(!log.contains(KEY) && !stdout.contains(KEY));
}

#[test]
fn settings_reach_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = program(directory.path());
    command.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LOG_FORMAT", "json").args([
        "--listen",
        "127.0.0.1:0",
        "--default-channel",
        "7",
    ]);
    command.args(["--public-url", "https://audit.example/x/", "--page-size-default", "1", "--page-size-max", "2"]);
    command.env("AUDIT_CORS_ORIGINS", "https://a.example,http://localhost:5173");
    let server = Server::run(&mut command);
    let mut client = crate::common::http::Client::connect(server.address, KEY).unwrap();
    for _ in 0..3 {
        let receipt = client.post("/api/v1/events", "application/json", r#"{"action":"A"}"#).unwrap().json();
        assert_eq!(receipt["channel_id"], 7);
    }
    let page = |client: &mut crate::common::http::Client, query: &str| {
        client.get(&format!("/api/v1/oms/settings/audit_events/{query}")).unwrap().json()
    };
    let first = page(&mut client, "");
    assert_eq!(first["results"].as_array().unwrap().len(), 1);
    assert_eq!(first["next"], "https://audit.example/x/api/v1/oms/settings/audit_events/?page=2");
    assert_eq!(page(&mut client, "?limit=3")["results"].as_array().unwrap().len(), 2);
    for (origin, status) in [("https://a.example", 200), ("http://localhost:5173", 200), ("http://a.example", 400)] {
        let head = "OPTIONS /api/v1/audit/logs HTTP/1.1\r\nHost: x\r\nAccess-Control-Request-Method: GET";
        client.send(format!("{head}\r\nOrigin: {origin}\r\n\r\n").as_bytes()).unwrap();
        assert_eq!(client.answer().unwrap().status, status, "a preflight of {origin}");
    }
    drop(client);
    server.stop();
}
