//! `copy`: the real events to a server and back.

use std::path::Path;

use super::program_on;
use crate::common::server::KEY;
use crate::common::{program, run};
use crate::data;
use crate::postgres_server::Database;

fn file(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name).display().to_string()
}

#[test]
fn the_real_data_there_and_back_gives_identical_exports() {
    let (directory, server) = (tempfile::tempdir().unwrap(), Database::empty());
    let path = directory.path();
    let ask = |arguments: &[&str]| run(program(path).args(arguments)).ok();
    ask(&["content-types", "import", &file("content_types.json")]);
    ask(&["import", data::file().to_str().unwrap()]);
    ask(&["import", "--kind", "inventory", &file("inventory-dev.ndjson.gz")]);
    ask(&["import", "--kind", "action-logs", &file("action-log-dev.ndjson.gz")]);
    ask(&["token", "create", "--name", "a", "--role", "admin", "--channels", "*"]);
    let (here, there, back) = ("sqlite://audit-data/audit.db", server.url(), "sqlite://back/audit.db");
    let types: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file("content_types.json")).unwrap()).unwrap();
    let types = types.as_object().unwrap().len();
    let copied = format!("21220 entries, 21220 of them new, 1 token(s) and {types} content type(s): the same on both sides\n");
    let said = ask(&["copy", "--from", here, "--to", &there]);
    assert_eq!(said, copied);
    assert!(ask(&["copy", "--from", here, "--to", &there]).starts_with("21220 entries, 0 of them new, "));
    assert_eq!(ask(&["copy", "--from", &there, "--to", back]), said);
    for kind in ["events", "action-logs"] {
        let export = |url: &str| run(program_on(path, url).args(["export", "--kind", kind])).ok();
        let first = export(here);
        assert!(first.lines().count() > 3_000);
        assert!(first == export(&there), "{kind} of the server");
        assert!(first == export(back), "{kind} of the file it came back to");
    }
    let tokens = |url: &str| run(program_on(path, url).args(["token", "list", "--json"])).ok();
    assert_eq!(tokens(here), tokens(&there));
    assert_eq!(tokens(here), tokens(back));
}

#[test]
fn what_cannot_be_copied_is_one_sentence() {
    let (directory, server) = (tempfile::tempdir().unwrap(), Database::empty());
    let copy = |from: &str, to: &str| run(program(directory.path()).args(["copy", "--from", from, "--to", to]));
    let ended = copy("sqlite://missing.db", &server.url());
    assert_eq!(ended.sentence(), "there is no database `missing.db`");
    run(program(directory.path()).args(["token", "create", "--name", "a", "--role", "admin", "--channels", "*"])).ok();
    run(program_on(directory.path(), &server.url()).args(["token", "create", "--name", "b", "--role", "admin", "--channels", "*"]))
        .ok();
    let ended = copy("sqlite://audit-data/audit.db", &server.url());
    assert!(ended.sentence().starts_with("the source lacks token 1 of the destination"), "{ended:?}");
    let ended = copy("postgres://me:s3cret@127.0.0.1:1/audit", "sqlite://x.db");
    assert!(ended.sentence().starts_with("the database `postgres://me:…@127.0.0.1:1/audit` cannot be opened"), "{ended:?}");
    assert!(!ended.stderr.contains("s3cret") && !ended.stderr.contains(KEY));
}
