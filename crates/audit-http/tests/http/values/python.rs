//! Python's own `HTTPHandler`: whatever an application puts into `extra=`, each record is stored once, as it is.

use std::process::Command;

use audit_http::store::domain::{Role, Timestamp};
use serde_json::{Value, json};

use super::{ACTION_LOGS, EVENTS, OMS_LOGS};
use crate::common::{Ask, TestServer, results_of};

/// Prints what each call added to the log, and what it should have.
const SCRIPT: &str = include_str!("http_handler_extras.py");

#[test]
fn whatever_is_logged_is_stored_once_in_the_keys_channel() {
    for path in [OMS_LOGS, ACTION_LOGS] {
        let server = TestServer::start();
        // Channel 99 is what an `extra=` names; the key may write it, and the default channel is the other one.
        let writer = server.token(Role::Writer, "1,99");
        let arguments = [&server.address.to_string(), path, &writer, &server.admin];
        let run = Command::new("python3").args(["-c", SCRIPT]).args(arguments).output().unwrap();
        let (out, errors) = (String::from_utf8(run.stdout).unwrap(), String::from_utf8_lossy(&run.stderr).into_owned());
        assert!(run.status.success() && errors.is_empty(), "{path}: {errors}");
        let steps: Vec<Value> = serde_json::from_str(&out).unwrap();
        assert!(steps.len() > 35, "{path}: {}", steps.len());
        for step in &steps {
            check(step);
        }
        server.stop();
    }
}

/// A `LogRecord` as JSON, as a handler that posts `vars(record)` sends it.
const RECORD: &str =
    r#""name":"shop","msg":"user %s of %d","args":["<User: bob>",5],"levelno":30,"exc_text":null,"created":1701419156.5"#;

#[test]
fn a_record_of_python_in_json_is_read_as_the_form_is() {
    let server = TestServer::start();
    let extras = r#""uuid":"ord-17","level":"INFO","created_at":"yesterday","channel_id":99,"trace":[1],"id":5"#;
    let record = format!("{{{RECORD},{extras}}}");
    assert_eq!(server.post(&server.admin, OMS_LOGS, record.as_str()).expect(201)["message"], "user <User: bob> of 5");
    assert_eq!(server.post(&server.admin, ACTION_LOGS, format!("[{record},{record}]")).expect(201)["accepted"], 2);
    let lines = format!("{record}\n{{\"level\":20,\"message\":\"m\"}}\n");
    assert_eq!(server.ask(&Ask::post_lines(ACTION_LOGS, lines).key(&server.admin)).expect(201)["accepted"], 2);
    let page = server.get(&server.admin, &format!("{ACTION_LOGS}?channel_id=all&level=30")).expect(200);
    let logs = results_of(&page);
    assert_eq!(logs.len(), 4);
    for log in logs {
        assert_eq!((&log["channel_id"], &log["logger_name"], &log["trace"]), (&json!(1), &json!("shop"), &Value::Null));
        assert_eq!((&log["message"], &log["created_at"]), (&json!("user <User: bob> of 5"), &json!("2023-12-01T08:25:56.500000Z")));
        let wanted = json!({
            "msg": "user %s of %d", "args": ["<User: bob>", 5], "uuid": "ord-17", "level": "INFO", "created_at": "yesterday",
            "channel_id": 99, "trace": [1], "id": 5
        });
        assert_eq!(log["extra"], wanted);
    }
    server.stop();
}

#[test]
fn the_native_api_takes_forms_of_python_only() {
    let server = TestServer::start();
    let post = |path: &str, body: &str| {
        let ask = Ask::new("POST", path).header("Content-Type", "application/x-www-form-urlencoded").body(body);
        server.ask(&ask.key(&server.admin))
    };
    for other in ["level=20&message=m", "levelno=20&msg=m", ""] {
        let refused = post(ACTION_LOGS, other);
        assert_eq!(refused.status, 400, "{other}");
        assert!(refused.text().contains("with levelno, name and msg; send other action logs as JSON"), "{}", refused.text());
    }
    let faulty = post(ACTION_LOGS, "levelno=LOUD&name=n&msg=m");
    assert!(faulty.status == 400 && faulty.text().contains("/level"), "{}", faulty.text());
    let refused = post(EVENTS, "levelno=20&name=n&msg=m");
    assert!(refused.status == 415 && !refused.text().contains("x-www-form-urlencoded,"), "{}", refused.text());
    assert_eq!(post(ACTION_LOGS, "levelno=20&name=n&msg=caf%C3%A9").expect(201)["position"], 0);
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
    for member in ["message", "app_name", "correlation_id"] {
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
