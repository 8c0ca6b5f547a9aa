//! `Idempotency-Key`: a request whose records have no uuids is sent again.

use audit_http::store::domain::Role;
use serde_json::{Value, json};

use crate::common::{Ask, TestServer};

const EVENTS: &str = "/api/v1/events";
const LOGS: &str = "/api/v1/action-logs";

/// A single record at each path, and another one.
const SINGLE: [(&str, &str, &str); 5] = [
    (EVENTS, r#"{"action":"LOGIN","user":7}"#, r#"{"action":"LOGIN","user":8}"#),
    (LOGS, r#"{"level":20,"message":"a"}"#, r#"{"level":20,"message":"b"}"#),
    ("/api/v1/oms/settings/audit_events/", r#"{"content_type":1,"object_id":2}"#, r#"{"content_type":1,"object_id":3}"#),
    ("/api/v1/oms/logs/action_log/", r#"{"level":"20","message":"c"}"#, r#"{"level":"20","message":"d"}"#),
    (
        "/api/v1/audit/logs",
        r#"{"user_id":"7","action":"UPDATE","table_name":"users","record_id":"1"}"#,
        r#"{"user_id":"7","action":"UPDATE","table_name":"users","record_id":"2"}"#,
    ),
];

fn without_duplicate(mut receipt: Value) -> Value {
    receipt.as_object_mut().unwrap().remove("duplicate");
    receipt
}

#[test]
fn a_single_record_is_stored_once_at_every_path() {
    let server = TestServer::start();
    for (number, (path, body, other)) in SINGLE.into_iter().enumerate() {
        let key = format!("request-{number}");
        let ask = |body: &str, key: &str| server.ask(&Ask::post(path, body).header("Idempotency-Key", key).key(&server.admin));
        let before = server.everything().1.len();
        let first = ask(body, &key).expect(201);
        // Both forms of the header name the same key.
        for key in [&key, &format!("\"{key}\"")] {
            assert_eq!(without_duplicate_of(ask(body, key).expect(200)), without_duplicate_of(first.clone()), "{path}");
        }
        let refused = ask(other, &key);
        assert_eq!(refused.status, 409, "{path}: {}", refused.text());
        let sentence = "This Idempotency-Key was sent with other content before; nothing was stored.";
        assert!(refused.text().contains(sentence), "{}", refused.text());
        assert_eq!(server.everything().1.len(), before + 1, "{path}");
    }
    server.stop();
}

fn without_duplicate_of(answer: Value) -> Value {
    if answer.get("duplicate").is_some() { without_duplicate(answer) } else { answer }
}

#[test]
fn each_record_of_a_batch_has_its_place() {
    let server = TestServer::start();
    let uuid = "44444444-0000-4000-8000-000000000001";
    let body = format!("{{\"user\":1}}\n\n{{\"user\":1}}\n{{\"uuid\":\"{uuid}\",\"user\":2}}");
    let ask = |body: &str| server.ask(&Ask::post_lines(EVENTS, body).header("Idempotency-Key", "k").key(&server.admin));
    let first = ask(&body).expect(201);
    assert_eq!((&first["accepted"], &first["receipts"][2]["uuid"]), (&3.into(), &uuid.into()));
    let again = ask(&body).expect(201);
    assert_eq!((&again["accepted"], &again["duplicates"]), (&0.into(), &3.into()));
    let receipts =
        |answer: &Value| answer["receipts"].as_array().unwrap().iter().cloned().map(without_duplicate).collect::<Vec<_>>();
    assert_eq!(receipts(&again), receipts(&first));
    // Records at the end come in, and the rest stays.
    let longer = ask(&format!("{body}\n{{\"user\":3}}")).expect(201);
    assert_eq!((&longer["accepted"], &longer["duplicates"]), (&1.into(), &3.into()));
    let refused = ask("{\"user\":1}\n\n{\"user\":9}\n").expect(409);
    let detail = "differs from the record that was sent here with this Idempotency-Key before";
    assert_eq!(refused["errors"], json!([{"pointer":"/1","detail":detail,"line":3}]));
    assert_eq!(refused["detail"], "This Idempotency-Key was sent with other content before; nothing was stored.");
    // A uuid of the client's own is named as such.
    let both = ask(&format!("{{\"user\":9}}\n{{\"uuid\":\"{uuid}\",\"user\":9}}\n")).expect(409);
    assert_eq!(both["detail"], "A uuid belongs to another event; nothing was stored.");
    let places: Vec<_> = both["errors"].as_array().unwrap().iter().map(|error| (&error["pointer"], &error["line"])).collect();
    assert_eq!(places, [(&"/0".into(), &1.into()), (&"/1/uuid".into(), &2.into())]);
    // A record with a uuid of its own does not need the key.
    let other = Ask::post(EVENTS, format!(r#"[{{"uuid":"{uuid}","user":2}}]"#)).header("Idempotency-Key", "other");
    assert_eq!(server.ask(&other.key(&server.admin)).expect(201)["duplicates"], 1);
    server.stop();
}

#[test]
fn keys_of_tokens_and_channels_do_not_meet() {
    let server = TestServer::start();
    let tokens = [server.token(Role::Writer, "1"), server.token(Role::Writer, "1")];
    for (token, other) in [(&tokens[0], &tokens[1]), (&tokens[1], &tokens[0])] {
        assert_ne!(token, other);
        let ask = Ask::post(EVENTS, r#"{"user":7}"#).header("Idempotency-Key", "same").key(token);
        assert_eq!(server.ask(&ask).expect(201)["duplicate"], false);
        assert_eq!(server.ask(&ask).expect(200)["duplicate"], true);
    }
    for channel in [2, 3] {
        let body = format!(r#"{{"channel_id":{channel},"user":7}}"#);
        let ask = Ask::post(EVENTS, body).header("Idempotency-Key", "same").key(&server.admin);
        assert_eq!(server.ask(&ask).expect(201)["channel_id"], channel);
    }
    server.stop();
}

#[test]
fn a_key_that_cannot_be_used_is_refused() {
    let server = TestServer::start();
    let rule = "Idempotency-Key must be given once, and have 1 to 255 visible ASCII characters";
    for (path, body, _) in SINGLE {
        let ask = |key: &[u8]| Ask::post(path, body).header("Idempotency-Key", key).key(&server.admin);
        for ask in [
            ask(b""),
            ask(b"\"\""),
            ask(b"\""),
            ask(b"a b"),
            ask(b"a\tb"),
            ask(b"a\\\"b"),
            ask(b"\"k\";p=1"),
            ask(&[b'k'; 256]),
            ask("schlüssel".as_bytes()),
            ask(b"a").header("idempotency-key", "b"),
        ] {
            let answer = server.ask(&ask);
            assert!(answer.status == 400 && answer.text().contains(rule), "{path}: {} {}", answer.status, answer.text());
        }
        let longest = format!("{path:k<255}");
        assert_eq!(server.ask(&ask(longest.as_bytes())).status, 201);
    }
    assert_eq!(server.everything().1.len(), SINGLE.len());
    server.stop();
}
