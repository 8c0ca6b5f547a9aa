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
fn a_custom_level_above_critical_is_stored_as_critical_and_kept() {
    let server = TestServer::start();
    let sent = r#"[{"level":55,"message":"audit"},{"level":60,"message":"m","extra":{"a":1}},{"level":100,"message":"m","b":2.0}]"#;
    assert_eq!(server.post(&server.admin, ACTION_LOGS, sent).expect(201)["accepted"], 3);
    assert_eq!(server.post(&server.admin, OMS_LOGS, r#"{"level":"55.0","message":"m"}"#).expect(201)["level"], 50);
    let form = Ask::new("POST", OMS_LOGS).header("Content-Type", "application/x-www-form-urlencoded").body("level=60&message=m");
    assert_eq!(server.ask(&form.key(&server.admin)).expect(201)["level"], 50);
    let extras: Vec<Value> = stored(&server).iter().map(|log| log["extra"].clone()).collect();
    let levels: Vec<&Value> = extras.iter().map(|extra| &extra["level"]).collect();
    assert_eq!(levels, [55, 60, 100, 55, 60]);
    assert_eq!((&extras[1]["a"], &extras[2]["b"]), (&json!(1), &json!(2.0)));
    let found = |query: &str| server.get(&server.admin, &format!("{ACTION_LOGS}?count=true&{query}")).expect(200)["count"].clone();
    assert_eq!((found("level=50"), found("level__gt=50")), (json!(5), json!(0)));
    let refused = server.post(&server.admin, ACTION_LOGS, r#"{"level":20000,"message":"logback's INFO"}"#).expect(400);
    let detail = "level must be a level: an integer from 0 to 100, or a name such as info";
    assert_eq!(refused["errors"], json!([{"pointer": "/level", "detail": detail}]));
    server.stop();
}

#[test]
fn seconds_of_pino_are_told_from_its_milliseconds() {
    let server = TestServer::start();
    let lines = "{\"level\":30,\"time\":1531171074,\"msg\":\"s\"}\n{\"level\":30,\"time\":1531171074000,\"msg\":\"ms\"}\n";
    server.ask(&Ask::post_lines(ACTION_LOGS, lines).key(&server.admin)).expect(201);
    for log in stored(&server) {
        assert_eq!(log["created_at"], "2018-07-09T21:17:54Z", "{log}");
    }
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
    for (body, status) in [(r#"{"level":"loud","message":"m"}"#, 400), (r#"{"level":30,"ms":"m"}"#, 400)] {
        for path in [ACTION_LOGS, OMS_LOGS] {
            assert_eq!(server.post(&server.admin, path, body).status, status, "{path} {body}");
        }
    }
    server.stop();
}

/// Go's slog, pino with times and levels as texts, zap, a `message` that is null, and a number.
const MSG: &str = r#"{"time":"2022-11-08T15:28:26-05:00","level":"INFO","msg":"slog"}
{"level":"info","time":"2018-07-09T21:17:54.000Z","msg":"pino"}
{"level":"info","ts":1531171074.63,"msg":"zap","n":1}
{"level":"info","message":null,"msg":"null"}
{"level":30,"msg":"number"}
{"level":"info","time":"noon","msg":"time"}
"#;

#[test]
fn msg_is_the_message_of_a_level_by_name() {
    let server = TestServer::start();
    assert_eq!(server.ask(&Ask::post_lines(ACTION_LOGS, MSG).key(&server.admin)).expect(201)["accepted"], 6);
    let logs = stored(&server);
    let said: Vec<_> = logs.iter().map(|log| (log["level"].clone(), log["message"].clone(), log["extra"].clone())).collect();
    let wanted = [
        (json!(20), json!("slog"), Value::Null),
        (json!(20), json!("pino"), Value::Null),
        (json!(20), json!("zap"), json!({"n": 1})),
        (json!(20), json!("null"), Value::Null),
        (json!(30), json!("number"), Value::Null),
        (json!(20), json!("time"), json!({"time": "noon"})),
    ];
    assert_eq!(said, wanted);
    let times: Vec<&Value> = logs.iter().take(3).map(|log| &log["created_at"]).collect();
    assert_eq!(times, ["2022-11-08T20:28:26Z", "2018-07-09T21:17:54Z", "2018-07-09T21:17:54.630000Z"]);
    for line in MSG.lines() {
        assert_ne!(server.post(&server.admin, OMS_LOGS, line).expect(201)["message"], "", "{line}");
    }
    server.stop();
}
