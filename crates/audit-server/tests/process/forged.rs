//! An event that somebody changed with the shell of SQLite: the server says so to the operator, and shows it to nobody.

use std::path::Path;
use std::process::Command;

use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::common::{eventually, run};

/// Ten events with a content and a user; their uuids.
pub(crate) fn append_ten(client: &mut Client) -> Vec<String> {
    let event = r#"{"object_id":859,"user":{"pk":7,"username":"zoe"},"content":{"quantity":1}}"#;
    let body = format!("[{}]", [event; 10].join(","));
    let receipts = client.post("/api/v1/events", "application/json", &body).unwrap();
    assert_eq!(receipts.status, 201, "{receipts:?}");
    let receipts = receipts.json()["receipts"].as_array().unwrap().clone();
    receipts.iter().map(|receipt| receipt["uuid"].as_str().unwrap().to_owned()).collect()
}

/// What somebody runs who wants another quantity and another user in the log.
pub(crate) const FORGE: &str =
    r#"UPDATE events SET content='{"quantity":1000}', user_json='{"pk":8,"username":"eve"}' WHERE position=5"#;

/// The forged event is a named error, and a line of the log says where it is. The events beside it are as they were.
#[track_caller]
pub(crate) fn assert_noticed(server: &Server, client: &mut Client, uuids: &[String]) {
    let answer = client.get(&format!("/api/v1/events/{}", uuids[5])).unwrap();
    assert_eq!((answer.status, answer.json()["code"].as_str()), (500, Some("entry_was_changed")), "{answer:?}");
    assert!(!answer.body.contains("1000") && !answer.body.contains("eve"), "{answer:?}");
    let said = "the entry at position 5 of channel 1 (events) was changed in the database after it was appended";
    let line = eventually(|| server.log().lines().find(|line| line.contains(said)).map(str::to_owned));
    let line = line.unwrap_or_else(|| panic!("nothing is logged: {}", server.log()));
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["level"], &line["channel_id"], &line["position"]), (&"ERROR".into(), &1.into(), &5.into()), "{line}");
    assert!(!line.to_string().contains("1000"), "the log has no event: {line}");
    for beside in [4, 6] {
        let event = client.get(&format!("/api/v1/events/{}", uuids[beside])).unwrap();
        assert!(event.status == 200 && event.body.contains(r#""content":{"quantity":1}"#), "{event:?}");
    }
}

#[test]
fn an_edit_with_the_shell_of_sqlite_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let mut client = Client::connect(server.address, KEY).unwrap();
    let uuids = append_ten(&mut client);
    let shell = |sql: &str| {
        let mut command = Command::new("sqlite3");
        run(command.arg(directory.path().join(Path::new("audit-data/audit.db"))).args([".timeout 10000", sql]))
    };
    let guarded = shell(FORGE);
    assert!(guarded.stderr.contains("events: the log is append-only"), "{guarded:?}");
    assert_eq!(client.get(&format!("/api/v1/events/{}", uuids[5])).unwrap().status, 200);
    assert_eq!(shell(&format!("DROP TRIGGER events_only_erase; {FORGE}")).code, Some(0));
    assert_noticed(&server, &mut client, &uuids);
    server.stop();
}
