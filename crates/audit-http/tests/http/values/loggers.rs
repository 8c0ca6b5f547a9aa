//! Records as pino and winston write them, recorded from pino 9 and winston 3.

use serde_json::{Value, json};

use super::{ACTION_LOGS, OMS_LOGS};
use crate::common::{Ask, TestServer};

/// `pino()` with `info('hello')`, `fatal('fatal')` and `error(new Error('boom'), 'failed')`.
const PINO: &str = r#"{"level":30,"time":1531171074631,"pid":657,"hostname":"h","msg":"hello"}
{"level":60,"time":1531171074631,"msg":"fatal"}
{"level":50,"time":1531171074632,"pid":657,"hostname":"h","name":"shop","err":{"type":"Error","message":"boom","stack":"Error: boom"},"msg":"failed"}
"#;

/// What winston's Http transport posts: `info('hello')`, `error(new Error('boom'))`, and two of syslog's levels.
const WINSTON: &str = r#"[{"level":"info","message":"hello"},{"level":"error"},{"level":"warning","message":"w","shop":"x","i":1},{"level":"emerg","message":"e"}]"#;

fn stored(server: &TestServer) -> Vec<Value> {
    server.get(&server.admin, &format!("{ACTION_LOGS}?sort=position")).expect(200)["results"].as_array().unwrap().clone()
}

#[test]
fn lines_of_pino_are_stored_in_pythons_levels() {
    let server = TestServer::start();
    let answer = server.ask(&Ask::post_lines(ACTION_LOGS, PINO).key(&server.admin));
    assert_eq!(answer.expect(201)["accepted"], 3);
    let logs = stored(&server);
    let said: Vec<_> = logs.iter().map(|log| (log["level"].clone(), log["message"].clone())).collect();
    assert_eq!(said, [(json!(20), json!("hello")), (json!(50), json!("fatal")), (json!(40), json!("failed"))]);
    assert_eq!(logs[0]["created_at"], "2018-07-09T21:17:54.631000Z");
    assert_eq!(logs[0]["extra"], json!({"pid": 657, "hostname": "h"}));
    assert_eq!((&logs[2]["logger_name"], &logs[2]["extra"]["err"]["message"]), (&json!("shop"), &json!("boom")));
    server.stop();
}

#[test]
fn a_batch_of_winston_is_stored_whole_with_its_names_as_levels() {
    let server = TestServer::start();
    assert_eq!(server.post(&server.admin, ACTION_LOGS, WINSTON).expect(201)["accepted"], 4);
    let logs = stored(&server);
    let said: Vec<_> = logs.iter().map(|log| (log["level"].clone(), log["message"].clone(), log["extra"].clone())).collect();
    let wanted = [
        (json!(20), json!("hello"), Value::Null),
        (json!(40), json!(""), Value::Null),
        (json!(30), json!("w"), json!({"shop": "x", "i": 1})),
        (json!(50), json!("e"), json!({"level_name": "emerg"})),
    ];
    assert_eq!(said, wanted);
    server.stop();
}

#[test]
fn the_published_api_takes_both_and_numbers_stay_pythons() {
    let server = TestServer::start();
    for (body, level, message) in [
        (PINO.lines().next().unwrap(), 20, "hello"),
        (r#"{"level":"info","message":"hello"}"#, 20, "hello"),
        (r#"{"level":30,"message":"python's"}"#, 30, "python's"),
        (r#"{"level":"30","message":"python's","time":5,"pid":1}"#, 30, "python's"),
    ] {
        let made = server.post(&server.admin, OMS_LOGS, body).expect(201);
        assert_eq!((&made["level"], &made["message"]), (&json!(level), &json!(message)), "{body}");
    }
    for (body, status) in [(r#"{"level":"loud","message":"m"}"#, 400), (r#"{"level":30,"msg":"m"}"#, 400)] {
        for path in [ACTION_LOGS, OMS_LOGS] {
            assert_eq!(server.post(&server.admin, path, body).status, status, "{path} {body}");
        }
    }
    server.stop();
}
