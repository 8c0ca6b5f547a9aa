//! Bad input: each row of the tables gets its status and its text; nothing is stored, and nothing ends in a 5xx.

mod action_logs;
mod bodies;
mod floods;
mod head;
mod idle;
mod inventory;
mod native;
mod published;
mod sizes;
mod slow;
mod tokens;

use audit_http::store::domain::Role;
use serde_json::Value;

use crate::common::{Ask, TestServer};

/// One request and the answer to it: a part of the body, or all of it where `wanted` is a JSON object.
struct Row {
    ask: Ask,
    status: u16,
    wanted: String,
}

fn row(ask: Ask, status: u16, wanted: impl Into<String>) -> Row {
    Row { ask, status, wanted: wanted.into() }
}

/// What the tables run against: a few events in two channels, an action log, and a key for each role.
struct Bench {
    server: TestServer,
    admin: String,
    /// Writes channels 1 and 2.
    writer: String,
    /// Reads channel 1.
    reader: String,
}

/// An event of channel 1 that is in the log before, and an action log.
const KNOWN: &str = "11111111-0000-4000-8000-000000000001";

impl Bench {
    fn start() -> Bench {
        let server = TestServer::start();
        for event in [
            format!(r#"{{"uuid":"{KNOWN}","timestamp":"2023-10-16T09:00:00Z","content_type":4,"object_id":1,"url":"/a"}}"#),
            r#"{"timestamp":"2023-10-16T10:00:00Z","content_type":4,"object_id":2,"user":7}"#.to_owned(),
            r#"{"channel_id":2,"timestamp":"2023-10-16T11:00:00Z","content_type":5,"object_id":3}"#.to_owned(),
        ] {
            server.append(&event);
        }
        let log = format!(r#"{{"uuid":"{KNOWN}","created_at":"2023-10-16T09:00:00Z","level":20,"message":"known"}}"#);
        server.post(&server.admin, "/api/v1/action-logs", log).expect(201);
        let (writer, reader) = (server.token(Role::Writer, "1,2"), server.token(Role::Reader, "1"));
        Bench { admin: server.admin.clone(), writer, reader, server }
    }

    /// Asks every row, and compares the database before and after.
    fn run(self, rows: Vec<Row>) {
        let before = (self.server.everything(), self.server.store.tokens().unwrap());
        let mut failures = Vec::new();
        for Row { ask, status, wanted } in rows {
            let answer = self.server.ask(&ask);
            let text = answer.text();
            let same = match serde_json::from_str::<Value>(&wanted) {
                Ok(json @ Value::Object(_)) => serde_json::from_str(&text).is_ok_and(|got: Value| got == json),
                _ => text.contains(&wanted),
            };
            let is_problem = answer.header("Content-Type") == Some("application/problem+json");
            let problem_is_whole = !is_problem || answer.json()["status"] == status;
            let has_id = answer.header("X-Request-Id").is_some();
            if answer.status != status || !same || !problem_is_whole || !has_id {
                let body = String::from_utf8_lossy(&ask.bytes()).into_owned();
                failures.push(format!("{body:.300}\n  want {status} {wanted}\n  got {} {text:.400}", answer.status));
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n\n"));
        let after = (self.server.everything(), self.server.store.tokens().unwrap());
        assert_eq!(before, after, "the database changed");
        self.server.stop();
    }
}

/// The problem+json of bodies: `invalid_body`, with a pointer.
fn at(pointer: &str, detail: &str) -> String {
    format!("\"errors\":[{{\"pointer\":\"{pointer}\",\"detail\":\"{detail}")
}

/// The problem+json of queries.
fn about(parameter: &str, detail: &str) -> String {
    format!(
        "\"code\":\"invalid_query\",\"detail\":\"The query cannot be used.\",\"errors\":[{{\"parameter\":\"{parameter}\",\"detail\":\"{detail}"
    )
}
