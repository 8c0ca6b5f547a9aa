//! Appending: receipts, duplicates, all or nothing.

use audit_http::store::domain::Role;
use serde_json::Value;

use crate::common::{Ask, TestServer};

const EVENTS: &str = "/api/v1/events";
const UUID: &str = "44444444-0000-4000-8000-000000000001";

fn lines(server: &TestServer, body: &str) -> Value {
    server.ask(&Ask::post_lines(EVENTS, body).key(&server.admin)).expect(201)
}

#[test]
fn one_event_gets_its_receipt() {
    let server = TestServer::start();
    let answer = server.post(&server.admin, EVENTS, r#"{"uuid":"44444444000040008000000000000001","channel_id":3}"#);
    assert_eq!((answer.status, answer.header("Content-Type")), (201, Some("application/json")));
    let text = answer.text();
    assert!(text.starts_with(&format!(r#"{{"uuid":"{UUID}","channel_id":3,"position":0,"recorded_at":""#)), "{text}");
    assert!(text.ends_with(r#"","duplicate":false}"#), "{text}");
    let receipt = answer.json();
    let hash = receipt["leaf_hash"].as_str().unwrap();
    assert!(hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()));
    let event = server.get(&server.admin, &format!("{EVENTS}/{UUID}?channel_id=3")).expect(200);
    for member in ["uuid", "channel_id", "position", "recorded_at", "leaf_hash"] {
        assert_eq!(event[member], receipt[member], "{member}");
    }
    // Without a media type, JSON is what is meant; a parameter of the media type is not looked at.
    for ask in [
        Ask::new("POST", EVENTS).body(r#"{"action":"A"}"#),
        Ask::new("POST", EVENTS).header("Content-Type", "Application/JSON; charset=utf-8").body(" {\"action\":\"A\"} \n"),
    ] {
        assert_eq!(server.ask(&ask.key(&server.admin)).expect(201)["duplicate"], false);
    }
    server.stop();
}

#[test]
fn what_is_left_out_is_filled_in() {
    let server = TestServer::start();
    let made = server.append(r#"{"content":{"old_data":null,"new_data":{"a":1}}}"#);
    let uuid = made["uuid"].as_str().unwrap();
    assert_eq!(&uuid[14..15], "7", "a UUIDv7");
    let event = server.get(&server.admin, &format!("{EVENTS}/{uuid}")).expect(200);
    assert_eq!(event["action"], "CREATE");
    let (at, recorded_at) = (event["timestamp"].as_str().unwrap(), event["recorded_at"].as_str().unwrap());
    assert!(at <= recorded_at && at[..10] == recorded_at[..10]);
    for member in [
        "content_type",
        "table_name",
        "object_id",
        "user",
        "remote_addr",
        "url",
        "description",
        "query_params",
        "post_data",
        "headers",
        "extra",
    ] {
        assert_eq!(event[member], Value::Null, "{member}");
    }
    for (content, action) in [
        (r#"{"old_data":1,"new_data":2}"#, Value::from("UPDATE")),
        (r#"{"old_data":{}}"#, "DELETE".into()),
        (r#"{"old_data":null,"new_data":null}"#, Value::Null),
        ("[]", Value::Null),
        ("null", Value::Null),
    ] {
        let made = server.append(&format!("{{\"content\":{content}}}"));
        let event = server.get(&server.admin, &format!("{EVENTS}/{}", made["uuid"].as_str().unwrap())).expect(200);
        assert_eq!(event["action"], action, "{content}");
    }
    let named = server.append(r#"{"action":"LOGIN","content":{"new_data":1}}"#);
    assert_eq!(server.get(&server.admin, &format!("{EVENTS}/{}", named["uuid"].as_str().unwrap())).expect(200)["action"], "LOGIN");
    server.stop();
}

#[test]
fn many_events_get_a_count_and_their_receipts_in_order() {
    let server = TestServer::start();
    let three = r#"{"channel_id":1,"url":"/1"},{"channel_id":2,"url":"/2"},{"channel_id":1,"url":"/3"}"#;
    let array = server.post(&server.admin, EVENTS, format!(" [{three}] ")).expect(201);
    let ndjson = lines(&server, &format!("\r\n{}\r\n\n  \t", three.replace("},", "}\r\n")));
    for (answer, first) in [(&array, 0), (&ndjson, 1)] {
        assert_eq!((&answer["accepted"], &answer["duplicates"]), (&3.into(), &0.into()));
        let receipts = answer["receipts"].as_array().unwrap();
        let places: Vec<(i64, i64)> = receipts
            .iter()
            .map(|receipt| (receipt["channel_id"].as_i64().unwrap(), receipt["position"].as_i64().unwrap()))
            .collect();
        assert_eq!(places, [(1, 2 * first), (2, first), (1, 2 * first + 1)]);
    }
    for media in ["application/ndjson", "application/jsonl", "APPLICATION/X-NDJSON;x=y"] {
        let ask = Ask::new("POST", EVENTS).header("Content-Type", media).body(r#"{"action":"A"}"#).key(&server.admin);
        assert_eq!(server.ask(&ask).expect(201)["accepted"], 1, "{media}");
    }
    let nothing = r#"{"accepted":0,"duplicates":0,"receipts":[]}"#;
    assert_eq!(server.post(&server.admin, EVENTS, "[]").text(), nothing);
    assert_eq!(server.ask(&Ask::post_lines(EVENTS, "\n").key(&server.admin)).text(), nothing);
    assert_eq!(server.post(&server.admin, EVENTS, r#"[{"user":1}]"#).expect(201)["receipts"].as_array().unwrap().len(), 1);
    server.stop();
}

#[test]
fn the_same_event_again_gets_200_and_the_first_receipt() {
    let server = TestServer::start();
    let event = format!(
        r#"{{"uuid":"{UUID}","timestamp":"2023-10-16T09:00:00Z","content_type":4,"table_name":"a.b","object_id":1,"content":{{"new_data":{{"q":2.0}}}}}}"#
    );
    let mut first = server.append(&event);
    first["duplicate"] = true.into();
    // In other words, but the same event: another offset, an object id as text, the members in another order.
    let reordered = format!(
        r#"{{"content":{{"new_data":{{"q":2.0}}}},"object_id":"1","timestamp":"2023-10-16T12:00+03:00","uuid":"{}","table_name":"a.b","content_type":4,"action":"CREATE"}}"#,
        UUID.to_uppercase()
    );
    // What the client leaves out of what was filled in, or could have been, is no conflict.
    let shorter = format!(r#"{{"uuid":"{UUID}","object_id":1,"content":{{"new_data":{{"q":2.0}}}}}}"#);
    for again in [&event, &reordered, &shorter] {
        let answer = server.post(&server.admin, EVENTS, again.as_str());
        assert_eq!((answer.status, answer.json()), (200, first.clone()));
    }
    let many = lines(&server, &format!("{{\"user\":1}}\n{event}\n{{\"user\":1}}\n{event}"));
    assert_eq!((&many["accepted"], &many["duplicates"]), (&2.into(), &2.into()));
    assert_eq!((&many["receipts"][1], &many["receipts"][3]), (&first, &first));
    let twice =
        lines(&server, "{\"uuid\":\"44444444-0000-4000-8000-000000000002\"}\n{\"uuid\":\"44444444-0000-4000-8000-000000000002\"}");
    assert_eq!((&twice["accepted"], &twice["duplicates"]), (&1.into(), &1.into()));
    assert_eq!(twice["receipts"][0]["position"], twice["receipts"][1]["position"]);
    for other in [
        event.replace("09:00:00Z", "09:00:01Z"),
        event.replace("2.0", "2"),
        event.replace("\"content_type\":4", "\"content_type\":5"),
        event.replace("a.b", "a.c"),
        event.replace("\"object_id\":1", "\"object_id\":2"),
        event.replace("\"object_id\"", "\"url\":\"x\",\"object_id\""),
        format!(r#"{{"uuid":"{UUID}","object_id":1}}"#),
        format!(r#"{{"uuid":"{UUID}","object_id":1,"content":{{"new_data":{{"q":2.0}}}},"action":"UPDATE"}}"#),
    ] {
        let answer = server.post(&server.admin, EVENTS, other.as_str());
        assert_eq!(answer.status, 409, "{other}");
        assert_eq!(answer.json()["errors"][0]["pointer"], "/uuid");
    }
    let elsewhere = server.append(&format!(r#"{{"uuid":"{UUID}","channel_id":2}}"#));
    assert_eq!((&elsewhere["position"], &elsewhere["duplicate"]), (&0.into(), &false.into()));
    server.stop();
}

#[test]
fn positions_have_no_gaps_and_recorded_at_never_decreases() {
    let server = TestServer::start();
    let key = server.token(Role::Writer, "1");
    let mut position = 0;
    for round in 0..30 {
        match round % 3 {
            // Refused requests leave no gap.
            0 => assert_eq!(server.post(&key, EVENTS, r#"[{},{"url":1}]"#).status, 400),
            1 => {
                assert_eq!(server.post(&key, EVENTS, r#"{"action":"A"}"#).expect(201)["position"], position);
                position += 1;
            }
            _ => {
                let many = server.post(&key, EVENTS, r#"[{"action":"A"},{"action":"B"},{"action":"C"}]"#).expect(201);
                assert_eq!(many["receipts"][2]["position"], position + 2);
                position += 3;
            }
        }
    }
    let page = server.get(&server.admin, &format!("{EVENTS}?sort=position&limit=1000")).expect(200);
    let events = page["results"].as_array().unwrap();
    let stamps: Vec<i64> = events.iter().map(|event| micros(&event["recorded_at"])).collect();
    assert!(stamps.is_sorted());
    let positions: Vec<i64> = events.iter().map(|event| event["position"].as_i64().unwrap()).collect();
    assert_eq!(positions, (0..position).collect::<Vec<_>>());
    let producers: std::collections::BTreeSet<i64> = events.iter().map(|event| event["producer_id"].as_i64().unwrap()).collect();
    assert_eq!(producers.len(), 1, "the token that wrote them");
    server.stop();
}

fn micros(stamp: &Value) -> i64 {
    audit_http::store::domain::Timestamp::parse(stamp.as_str().unwrap()).unwrap().micros()
}
