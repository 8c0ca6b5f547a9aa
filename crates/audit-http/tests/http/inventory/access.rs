//! Who may do what at the inventory API, and which channels are read.

use audit_http::store::domain::Role;
use serde_json::{Value, json};

use super::{LOGS, SUMMARY, ids_of};
use crate::common::{Ask, TestServer};

const ID: &str = "44444444-0000-4000-8000-000000000001";
const LOG: &str = r#"{"user_id":"7","action":"READ","table_name":"products","record_id":"1"}"#;

fn refused(status: u16, error: &str, message: &str) -> Value {
    json!({"status": "error", "code": status, "error": error, "message": message})
}

#[test]
fn reading_is_for_admins_and_creating_for_writers_too() {
    let server = TestServer::start();
    let detail = format!("{LOGS}/{}", server.post(&server.admin, LOGS, LOG).expect(201)["id"].as_str().unwrap());
    let forbidden = refused(403, "Forbidden", "You do not have permission to perform this action.");
    let (writer, reader) = (server.token(Role::Writer, "*"), server.token(Role::Reader, "*"));
    for path in [LOGS, SUMMARY, &detail] {
        assert_eq!(server.get(&server.admin, path).status, 200, "{path}");
        for key in [&writer, &reader] {
            // The header says what its sender likes.
            let ask = Ask::get(path).key(key).header("X-User-Role", "admin");
            assert_eq!(server.ask(&ask).expect(403), forbidden, "{path}");
        }
    }
    assert_eq!(server.post(&writer, LOGS, LOG).status, 201);
    assert_eq!(server.post(&reader, LOGS, LOG).expect(403), forbidden);
    assert_eq!(server.get(&server.admin, SUMMARY).expect(200)["total_logs"], 2);
    server.stop();
}

#[test]
fn a_role_header_opens_nothing_and_takes_nothing_away() {
    let server = TestServer::start();
    for path in [LOGS, SUMMARY, "/api/v1/audit/logs/x"] {
        for role in ["admin", "ADMIN", "", "gestor"] {
            let answer =
                server.ask(&Ask::get(path).header("X-User-Role", role).header("X-User-ID", "1").header("X-User-Name", "a"));
            assert_eq!(answer.header("WWW-Authenticate"), Some("Token"));
            assert_eq!(answer.expect(401), refused(401, "Unauthorized", "Authentication credentials were not provided."));
        }
    }
    let ask = Ask::get(LOGS).key("not-a-key").header("X-User-Role", "admin");
    assert_eq!(server.ask(&ask).expect(401), refused(401, "Unauthorized", "Invalid token."));
    for header in [format!("Bearer {}", server.admin), server.admin.clone()] {
        let ask = Ask::get(LOGS).header("Authorization", header).header("X-User-Role", "consultor");
        assert_eq!(server.ask(&ask).status, 200);
    }
    server.stop();
}

#[test]
fn tokens_read_their_channels_or_the_default_one() {
    let server = TestServer::start();
    for (channel, hour) in [(1, 9), (2, 11), (3, 10), (2, 8)] {
        let log = format!(
            r#"{{"channel_id":{channel},"user_id":"{channel}","action":"READ","table_name":"t{channel}","record_id":"{hour}","timestamp":"2023-10-16T{hour:02}:00:00Z"}}"#
        );
        assert_eq!(server.post(&server.admin, LOGS, log).status, 201);
    }
    let hours = |key: &str, query: &str| -> Vec<String> {
        let list = server.get(key, &format!("{LOGS}{query}")).expect(200);
        list["logs"].as_array().unwrap().iter().map(|log| log["record_id"].as_str().unwrap().to_owned()).collect()
    };
    let sums = |key: &str| server.get(key, SUMMARY).expect(200)["by_table"].clone();
    let (two, both, all) = (server.token(Role::Admin, "2"), server.token(Role::Admin, "2,3"), server.admin.clone());
    assert_eq!((hours(&two, ""), sums(&two)), (vec!["11".into(), "8".into()], json!({"t2": 2})));
    assert_eq!((hours(&both, ""), sums(&both)), (vec!["11".into(), "10".into(), "8".into()], json!({"t2": 2, "t3": 1})));
    assert_eq!((hours(&all, ""), sums(&all)), (vec!["9".into()], json!({"t1": 1})));
    assert_eq!(hours(&both, "?skip=1&limit=1"), ["10"]);
    let ids = ids_of(&server.get(&both, LOGS).expect(200));
    for id in &ids {
        assert_eq!(server.get(&both, &format!("{LOGS}/{id}")).status, 200);
    }
    let missing = json!({"status": "error", "error": "Audit log not found"});
    assert_eq!(server.get(&two, &format!("{LOGS}/{}", ids[1])).expect(404), missing, "a log of channel 3");
    assert_eq!(server.get(&all, &format!("{LOGS}/{}", ids[0])).expect(404), missing, "a log that is not in the default channel");
    server.stop();
}

#[test]
fn an_id_is_looked_up_in_the_default_channel_first() {
    let server = TestServer::with(|config| config.api.default_channel = "2".parse().unwrap());
    for channel in [1, 2, 3] {
        let log = LOG.replace("\"7\"", &format!("\"{channel}\",\"uuid\":\"{ID}\",\"channel_id\":{channel}"));
        assert_eq!(server.post(&server.admin, LOGS, log).status, 201);
    }
    for (channels, found) in [("1,2,3", "2"), ("1,3", "1"), ("3", "3"), ("*", "2")] {
        let key = server.token(Role::Admin, channels);
        assert_eq!(server.get(&key, &format!("{LOGS}/{ID}")).expect(200)["log"]["user_id"], found, "{channels}");
    }
    server.stop();
}

#[test]
fn logs_go_to_their_channel_the_only_one_or_the_default() {
    let server = TestServer::start();
    let (three, both, others) =
        (server.token(Role::Writer, "3"), server.token(Role::Writer, "1,2"), server.token(Role::Writer, "2,3"));
    let place = |key: &str, log: &str| {
        let id = server.post(key, LOGS, log).expect(201)["id"].as_str().unwrap().to_owned();
        let event = server.get(&server.admin, &format!("/api/v1/events/{id}?channel_id=all")).expect(200);
        event["channel_id"].as_i64().unwrap()
    };
    let into = |channel: &str| LOG.replacen('{', &format!("{{\"channel_id\":{channel},"), 1);
    assert_eq!((place(&three, LOG), place(&both, LOG), place(&both, &into("2"))), (3, 1, 2));
    let before = server.everything();
    let missing = server.post(&others, LOGS, LOG).expect(400);
    let wanted = json!({"status": "error", "error": "Missing required fields", "fields": ["channel_id"],
        "message": "channel_id is required: this token may write several channels, and the default channel is none of them"});
    assert_eq!(missing, wanted);
    assert_eq!(server.post(&others, LOGS, into("1")).expect(404), json!({"status": "error", "error": "Channel not found"}));
    assert_eq!(server.everything(), before);
    server.stop();
}
