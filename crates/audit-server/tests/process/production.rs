//! Production mode: what it refuses, what it says instead, and what the same set-up does in development.

use std::fs;

use crate::common::server::{KEY, Server};
use crate::common::tls::Certificate;
use crate::common::{program, run, set_mode};

const EVERYWHERE: &str = "0.0.0.0:0";

#[test]
fn an_address_beyond_this_machine_needs_tls_or_a_proxy() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let certificate = Certificate::make(path, "a");
    for listen in [EVERYWHERE, "[::]:0", "192.0.2.1:80", "no-such-host.invalid:80"] {
        for arguments in [["serve", "--production"], ["serve", "--production=true"], ["--production", "serve"]] {
            let ended = run(program(path).args(arguments).args(["--log-format", "json"]).env("AUDIT_LISTEN", listen));
            let sentence = ended.sentence();
            let begin = format!("--listen (AUDIT_LISTEN, key `listen`) is `{listen}`: other machines could reach it");
            assert!(sentence.starts_with(&begin), "{sentence}");
            for mend in ["--tls-cert", "--tls-key", "--trusted-proxies", "127.0.0.1", "AUDIT_PRODUCTION"] {
                assert!(sentence.contains(mend), "{sentence}");
            }
        }
    }
    assert!(!path.join("audit-data").exists());
    let start = |listen: &str, variables: &[(&str, &std::path::Path)]| {
        let mut command = program(path);
        command.env("AUDIT_PRODUCTION", "1").env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", listen);
        let server = Server::run(command.envs(variables.iter().copied()));
        assert_eq!(server.launch["mode"], "production");
        server.signal("TERM");
        let (status, _, log) = server.wait();
        assert!(status.success() && !log.contains("WARN"), "{log}");
    };
    start("127.0.0.1:0", &[]);
    start("localhost:0", &[]);
    start(EVERYWHERE, &certificate.settings());
    start(EVERYWHERE, &[("AUDIT_TRUSTED_PROXIES", "10.0.0.1".as_ref())]);
}

#[test]
fn a_local_proxy_needs_a_local_address() {
    let directory = tempfile::tempdir().unwrap();
    let serve = ["serve", "--production", "--listen", "0.0.0.0:0", "--trusted-proxies", "127.0.0.1,::1"];
    let ended = run(program(directory.path()).args(serve));
    assert!(ended.sentence().contains("other machines could reach it"), "{ended:?}");
}

#[test]
fn believing_everybody_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for everybody in ["0.0.0.0/0", "10.0.0.1,::/0", "0.0.0.0/1,128.0.0.0/1", "2000::/3", "::ffff:0.0.0.0/96"] {
        let ended = run(program(directory.path()).args(["serve", "--production", "--trusted-proxies", everybody]));
        assert!(ended.sentence().contains("trusts every address: name the addresses of the proxies"), "{ended:?}");
    }
}

#[test]
fn files_readable_by_others_are_refused_with_a_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let certificate = Certificate::make(path, "a");
    fs::write(path.join("none.ndjson"), "").unwrap();
    run(program(path).args(["import", "none.ndjson"])).ok();
    fs::write(path.join("audit.toml"), format!("admin_token = \"{KEY}\"\n")).unwrap();
    let serve = || run(program(path).args(["serve", "--production", "--listen", "192.0.2.1:80"]).envs(certificate.settings()));
    for file in ["audit-data/audit.db", "audit-data/signing.key", "a.key", "audit.toml"] {
        let file = if file == "a.key" { certificate.key.clone() } else { file.into() };
        let (name, full) = (file.display(), path.join(&file));
        set_mode(&path.join("audit.toml"), 0o600);
        set_mode(&full, 0o644);
        let ended = serve();
        let wanted = format!("`{name}` is open to every user of this machine (mode 644): run `chmod o-rwx '{name}'`");
        assert!(ended.sentence().contains(&wanted), "{ended:?}");
        set_mode(&full, 0o640);
    }
    // Nothing is left to refuse: it gets as far as the address, which is nobody's.
    assert!(serve().sentence().starts_with("cannot listen on 192.0.2.1:80: "));
}

#[test]
fn development_warns_where_production_refuses() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = program(directory.path());
    let server = Server::run(command.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", EVERYWHERE));
    assert_eq!(server.launch["mode"], "development");
    assert_eq!(server.launch["url"], format!("http://127.0.0.1:{}", server.address.port()));
    server.signal("TERM");
    let (_, _, log) = server.wait();
    assert!(log.contains("other machines could reach it"), "{log}");
    run(program(directory.path()).args(["token", "list"]).env("AUDIT_PRODUCTION", "true").env("AUDIT_LISTEN", EVERYWHERE)).ok();
}

#[test]
fn production_warns_of_a_key_as_a_flag_and_of_links_without_tls() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = program(directory.path());
    command.args(["serve", "--production", "--listen", "127.0.0.1:0", "--admin-token", KEY, "--public-url", "http://a.example"]);
    let server = Server::run(&mut command);
    server.signal("TERM");
    let (_, _, log) = server.wait();
    assert!(log.contains("give it as AUDIT_ADMIN_TOKEN") && log.contains("begins with http://") && !log.contains(KEY), "{log}");
}

#[test]
fn a_password_of_the_database_is_a_secret_like_the_admin_key() {
    let directory = tempfile::tempdir().unwrap();
    let (path, url) = (directory.path(), "postgres://me:hidden@127.0.0.1:1/audit");
    let file = path.join("audit.toml");
    fs::write(&file, format!("database_url = {url:?}\n")).unwrap();
    set_mode(&file, 0o644);
    let serve = || run(program(path).args(["serve", "--production", "--listen", "127.0.0.1:0"]));
    let wanted = "the settings file (it holds a key or a password) `audit.toml` is open to every user of this machine";
    assert!(serve().sentence().contains(wanted), "{:?}", serve());
    set_mode(&file, 0o600);
    assert!(serve().sentence().starts_with("the database `postgres://me:…@127.0.0.1:1/audit` cannot be opened"), "{:?}", serve());
    fs::remove_file(&file).unwrap();
    let checked = run(program(path).args(["config", "check", "--production", "--database-url", url]));
    assert!(
        checked.stderr.contains("the database's password is given as a flag") && !checked.stderr.contains("hidden"),
        "{checked:?}"
    );
    let quiet = run(program(path).args(["config", "check", "--production"]).env("AUDIT_DATABASE_URL", url));
    assert!(!quiet.stderr.contains("password"), "{quiet:?}");
}
