//! `token`: made, listed and revoked beside a running server.

use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::common::{eventually, program, run};

#[test]
fn tokens_work_at_once_until_they_are_revoked() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let ended = run(program(directory.path()).args(["token", "create", "--name", "shop", "--role", "writer", "--channels", "1,2"]));
    assert_eq!(ended.stderr, "token 2 (shop): writer, channels 1,2, never expires\n");
    let key = ended.stdout.strip_suffix('\n').unwrap().to_owned();
    assert!(key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit()), "{key}");
    let post = |channel: i64| {
        let body = format!(r#"{{"channel_id":{channel}}}"#);
        Client::connect(server.address, &key).unwrap().post("/api/v1/events", "application/json", &body).unwrap().status
    };
    assert_eq!((post(2), post(3)), (201, 404));

    let ended = run(program(directory.path()).args(["token", "revoke", "2"]));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), "token 2 (shop) is revoked\n"));
    eventually(|| (post(2) == 401).then_some(())).expect("it still works");
    assert_eq!(Client::connect(server.address, KEY).unwrap().get("/api/v1/tokens").unwrap().status, 200);
    server.stop();
}

#[test]
fn the_list_shows_every_token_and_no_key() {
    let directory = tempfile::tempdir().unwrap();
    let token = |arguments: &[&str]| run(program(directory.path()).arg("token").args(arguments));
    let key = token(&["create", "--name", "zoë's", "--role", "reader", "--channels", "*"]).ok();
    token(&["create", "--name", "shop", "--role", "writer", "--channels", "2,1", "--expires-at", "2999-01-01"]).ok();
    token(&["revoke", "1"]).ok();
    let list = token(&["list"]).ok();
    let lines: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["ID", "NAME", "ROLE", "CHANNELS", "CREATED", "EXPIRES", "STATE"]);
    assert_eq!((lines[1][..4].join(" ").as_str(), lines[1][6]), ("1 zoë's reader *", "revoked"));
    assert_eq!(
        (lines[2][..4].join(" ").as_str(), lines[2][5], lines[2][6]),
        ("2 shop writer 1,2", "2999-01-01T00:00:00Z", "valid")
    );
    assert!(!list.contains(key.trim()));
    let json: serde_json::Value = serde_json::from_str(&token(&["list", "--json"]).ok()).unwrap();
    assert_eq!((&json[0]["channels"], &json[1]["channels"]), (&"*".into(), &serde_json::json!([1, 2])));
    assert_eq!((&json[1]["expires_at"], &json[1]["revoked_at"]), (&"2999-01-01T00:00:00Z".into(), &serde_json::Value::Null));
    assert!(json[0]["revoked_at"].is_string() && json[0].get("key").is_none());
}

#[test]
fn what_cannot_be_is_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let create = |name: &str, end: &str| {
        let arguments = ["token", "create", "--role", "reader", "--channels", "*", "--name", name, "--expires-at", end];
        run(program(directory.path()).args(arguments)).sentence().to_owned()
    };
    assert_eq!(create("", "2999-01-01"), "--name must have 1 to 100 characters");
    assert_eq!(create(&"x".repeat(101), "2999-01-01"), "--name must have 1 to 100 characters");
    assert_eq!(create("a\u{1b}[2Jb", "2999-01-01"), "--name must not have control characters");
    assert_eq!(create("x", "2001-01-01"), "--expires-at must be in the future (got 2001-01-01T00:00:00Z)");
    assert!(!directory.path().join("audit-data").exists());
    run(program(directory.path()).args(["token", "create", "--name", "x", "--role", "reader", "--channels", "*"])).ok();
    let revoke = |id: &str| run(program(directory.path()).args(["token", "revoke", id]));
    assert_eq!(revoke("7").sentence(), "there is no token 7");
    revoke("1").ok();
    assert!(revoke("1").sentence().starts_with("token 1 was revoked at "));
}
