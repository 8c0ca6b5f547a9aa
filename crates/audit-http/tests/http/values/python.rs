//! Python's own `HTTPHandler`: whatever an application puts into `extra=`, each record is stored once, as it is.

use std::process::Command;

use audit_http::store::domain::{Role, Timestamp};
use serde_json::{Value, json};

use super::OMS_LOGS;
use crate::common::TestServer;

/// Prints what each call added to the log, and what it should have.
const SCRIPT: &str = include_str!("http_handler_extras.py");

#[test]
fn whatever_is_logged_is_stored_once_in_the_keys_channel() {
    let server = TestServer::start();
    // Channel 99 is what an `extra=` names; the key may write it, and the default channel is the other one.
    let writer = server.token(Role::Writer, "1,99");
    let arguments = [&server.address.to_string(), OMS_LOGS, &writer, &server.admin];
    let run = Command::new("python3").args(["-c", SCRIPT]).args(arguments).output().unwrap();
    let (out, errors) = (String::from_utf8(run.stdout).unwrap(), String::from_utf8_lossy(&run.stderr).into_owned());
    assert!(run.status.success() && errors.is_empty(), "{errors}");
    let steps: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert!(steps.len() > 35, "{}", steps.len());
    for step in &steps {
        check(step);
    }
    server.stop();
}

fn check(step: &Value) {
    let name = step["name"].as_str().unwrap();
    let new = step["new"].as_array().unwrap();
    assert_eq!(new.len(), 1, "{name}: stored {}", new.len());
    let (record, wanted) = (&new[0], &step["wanted"]);
    assert_eq!((&record["channel_id"], &record["logger_name"]), (&json!(1), &json!("shop")), "{name}");
    assert_eq!(record["trace"], Value::Null, "{name}");
    assert_eq!(record["level"], *wanted.get("level").unwrap_or(&json!(20)), "{name}");
    let instant = |member: &str| Timestamp::parse(record[member].as_str().unwrap()).unwrap().micros();
    let minutes = (instant("recorded_at") - instant("created_at")) / 60_000_000;
    assert!((0..10).contains(&minutes), "{name}: logged {minutes} minutes ago");
    assert_eq!(record["uuid"].as_str().unwrap().chars().nth(14), Some('7'), "{name}: made here");
    for member in ["message", "app_name"] {
        if let Some(value) = wanted.get(member) {
            assert_eq!(record[member], *value, "{name}");
        }
    }
    for (member, value) in wanted["extra"].as_object().into_iter().flatten() {
        assert_eq!(record["extra"][member], *value, "{name}");
    }
    for (wanted, of) in [(&wanted["cut"], record), (&wanted["cut_extra"], &record["extra"])] {
        for (member, characters) in wanted.as_object().into_iter().flatten() {
            let text = of[member].as_str().unwrap_or_else(|| panic!("{name}: no {member}"));
            assert!(text.ends_with(&format!(" … [cut from {characters} characters]")), "{name}: {member} ends in {:?}", tail(text));
            assert!(text.len() > 100_000, "{name}: {}", text.len());
        }
    }
}

fn tail(text: &str) -> String {
    text.chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect()
}
