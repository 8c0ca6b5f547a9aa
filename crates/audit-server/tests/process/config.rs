//! `config`: the file it writes, what it shows, and the mistakes it finds.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::common::server::KEY;
use crate::common::{program, run};

#[test]
fn init_writes_every_setting_as_a_comment_and_never_over_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    run(program(path).args(["config", "init"])).ok();
    let text = fs::read_to_string(path.join("audit.toml")).unwrap();
    assert_eq!(fs::metadata(path.join("audit.toml")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(text.lines().all(|line| line.is_empty() || line.starts_with("# ")), "{text}");
    assert_eq!(run(program(path).args(["config", "check"])).ok(), "the settings can be used\n");
    assert_eq!(run(program(path).args(["config", "init", "--stdout"])).ok(), text);

    // With its comment signs taken away, each line with a default says just that default.
    let settings = text.lines().filter_map(|line| line.strip_prefix("# ")?.split_once(" = "));
    let settings: Vec<(&str, &str)> =
        settings.filter(|(key, _)| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')).collect();
    let shown = run(program(path).args(["config", "show"])).ok();
    for (key, value) in &settings {
        let row = shown.lines().find(|row| row.split_whitespace().next() == Some(key)).unwrap_or_else(|| panic!("{key}: {shown}"));
        let value = if *value == "\"\"" { "(not set)" } else { value.trim_matches('"') };
        assert!(row[key.len()..].trim_start().starts_with(&format!("{value} ")), "{row}");
    }
    assert_eq!(settings.len(), shown.lines().count() - 2, "{shown}");
    let defaults: String =
        settings.iter().filter(|(_, value)| *value != "\"\"").map(|(key, value)| format!("{key} = {value}\n")).collect();
    fs::write(path.join("audit.toml"), &defaults).unwrap();
    run(program(path).args(["config", "check"])).ok();

    let ended = run(program(path).args(["config", "init"]));
    assert!(ended.sentence().starts_with("`audit.toml` already exists and was not changed"), "{ended:?}");
    assert_eq!(fs::read_to_string(path.join("audit.toml")).unwrap(), defaults);
    run(program(path).args(["config", "init", "--config", "other.toml"])).ok();
    assert_eq!(fs::read_to_string(path.join("other.toml")).unwrap(), text);
}

#[test]
fn show_names_where_each_value_comes_from_and_masks_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fs::write(path.join("audit.toml"), format!("admin_token = \"{KEY}\"\nworkers = 3\npage_size_max = 50\nlisten = \"x\"\n"))
        .unwrap();
    let mut command = program(path);
    command.args(["config", "show", "--page-size-max", "70", "--production"]).env("AUDIT_PAGE_SIZE_MAX", "60");
    command.env("AUDIT_LOG", "debug").env("AUDIT_DATABASE_URL", "postgres://me:hidden@db/audit");
    let shown = run(&mut command).ok();
    assert!(shown.starts_with("settings file: audit.toml\n\n"), "{shown}");
    let row = |key: &str| -> String {
        let row = shown.lines().find(|row| row.split_whitespace().next() == Some(key)).unwrap_or_else(|| panic!("{key}: {shown}"));
        row.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for (key, said) in [
        ("admin_token", "******** file audit.toml"),
        ("workers", "3 file audit.toml"),
        ("listen", "x file audit.toml"),
        ("page_size_max", "70 flag --page-size-max"),
        ("production", "true flag --production"),
        ("log", "debug variable AUDIT_LOG"),
        ("database_url", "postgres://me:…@db/audit variable AUDIT_DATABASE_URL"),
        ("data_dir", "(not set) default: the directory of an SQLite database whose URL is given, otherwise audit-data"),
        ("public_url", "(not set) default: the address of the request"),
    ] {
        assert_eq!(row(key), format!("{key} {said}"));
    }
    assert!(!shown.contains(KEY) && !shown.contains("hidden"), "{shown}");
    assert!(run(program(tempfile::tempdir().unwrap().path()).args(["config", "show"])).ok().starts_with("settings file: none\n"));
}

#[test]
fn check_finds_all_faults_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let text = "lisen = \"x\"\nworkers = 0\npage_size_default = 2000\ntls_key = \"k.pem\"\n[nonsense]\n";
    fs::write(path.join("audit.toml"), text).unwrap();
    let mut command = program(path);
    command.args(["config", "check", "--production", "--listen", "0.0.0.0:1", "--log-format", "xml"]);
    command.env("AUDIT_TRUSTED_PROXIES", "x").env("AUDIT_DATABASE_URL", "mysql://x").env("AUDIT_ADMIN_TOKEN", "short");
    let ended = run(command.env("AUDIT_LISTN", "y"));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    for said in [
        "warning: the variable AUDIT_LISTN is not a setting: did you mean AUDIT_LISTEN?",
        "has a key `lisen`, which is not a setting: did you mean `listen`?",
        "has a key `nonsense`, which is not a setting; the settings are ",
        "--workers (AUDIT_WORKERS, key `workers`) is `0`",
        "--page-size-default (AUDIT_PAGE_SIZE_DEFAULT, key `page_size_default`) is `2000`: it must be at most 1000",
        "--tls-key (AUDIT_TLS_KEY, key `tls_key`) is `k.pem`: it needs --tls-cert",
        "--log-format (AUDIT_LOG_FORMAT, key `log_format`) is `xml`",
        "--trusted-proxies (AUDIT_TRUSTED_PROXIES, key `trusted_proxies`) is `x`",
        "--database-url (AUDIT_DATABASE_URL, key `database_url`) is `mysql://x`",
        "--admin-token (AUDIT_ADMIN_TOKEN, key `admin_token`) has 5 characters (not shown here)",
        "--listen (AUDIT_LISTEN, key `listen`) is `0.0.0.0:1`: other machines could reach it",
        "audit-server: 10 fault(s) in the settings\n",
    ] {
        assert!(ended.stderr.contains(said), "{said}: {ended:?}");
    }
    assert_eq!(fs::read_dir(path).unwrap().count(), 1, "something was made");
    for text in ["listen = ", "missing"] {
        let file = if text == "missing" { "missing.toml" } else { "audit.toml" };
        fs::write(path.join("audit.toml"), text).unwrap();
        let ended = run(program(path).args(["config", "check", "--config", file, "--workers", "0"]));
        assert!(ended.code == Some(1) && ended.stderr.contains("2 fault(s)"), "{ended:?}");
    }
}

#[test]
fn a_list_may_be_an_array_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("audit.toml"), "trusted_proxies = [\"10.0.0.1\", \"172.16.0.0/12\"]").unwrap();
    run(program(directory.path()).args(["config", "check"])).ok();
    let shown = run(program(directory.path()).args(["config", "show"])).ok();
    assert!(shown.contains("10.0.0.1,172.16.0.0/12"), "{shown}");
}

#[test]
fn the_page_of_settings_is_what_the_program_says() {
    let directory = tempfile::tempdir().unwrap();
    let table = run(program(directory.path()).args(["config", "reference"])).ok();
    let page = include_str!("../../../../docs/settings.md");
    assert!(page.contains(&table), "docs/settings.md lacks this table, of `audit-server config reference`:\n{table}");
    assert_eq!(page.matches("\n| `").count(), table.matches("\n| `").count(), "another table of settings is left in the page");
}
