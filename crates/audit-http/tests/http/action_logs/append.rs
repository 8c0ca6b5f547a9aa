//! Appending at the native API, and reading by uuid: receipts, duplicates, all or nothing, every byte.

use audit_http::store::domain::Role;
use serde_json::{Value, json};

use super::model::{Line, NATIVE, OMS};
use crate::common::{Ask, Json, TestServer};

const UUID: &str = "44444444-0000-4000-8000-000000000001";

#[test]
fn one_action_log_gets_its_receipt_and_is_found_by_its_uuid() {
    let server = TestServer::start();
    let sent = format!(r#"{{"uuid":"{}","channel_id":3,"level":25,"message":"m","more":[1.0]}}"#, UUID.replace('-', ""));
    let answer = server.post(&server.admin, NATIVE, sent);
    assert_eq!((answer.status, answer.header("Content-Type")), (201, Some("application/json")));
    let text = answer.text();
    assert!(text.starts_with(&format!(r#"{{"uuid":"{UUID}","channel_id":3,"position":0,"recorded_at":""#)), "{text}");
    assert!(text.ends_with(r#"","duplicate":false}"#), "{text}");
    let receipt = answer.json();
    let log = server.get(&server.admin, &format!("{NATIVE}/{}?channel_id=3", UUID.to_uppercase()));
    assert!(log.text().contains(r#""extra":{"more":[1.0]}"#), "{}", log.text());
    let log = log.expect(200);
    for member in ["uuid", "channel_id", "position", "recorded_at", "leaf_hash"] {
        assert_eq!(log[member], receipt[member], "{member}");
    }
    assert_eq!((&log["id"], &log["level"], &log["logger_name"]), (&1.into(), &25.into(), &Value::Null));
    assert!(log["created_at"].as_str() <= log["recorded_at"].as_str(), "now, where it is not said");
    assert_eq!(server.get(&server.admin, &format!("{NATIVE}/{UUID}")).status, 404, "the default channel has none");
    assert_eq!(server.get(&server.admin, &format!("/api/v1/events/{UUID}?channel_id=3")).status, 404, "it is no event");
    server.stop();
}

#[test]
fn many_action_logs_are_taken_whole_or_not_at_all() {
    let server = TestServer::start();
    let log = |n: u64, more: &str| format!(r#"{{"uuid":"44444444-0000-4000-8000-{n:012}","level":{n},"message":"m{n}"{more}}}"#);
    let three = [log(1, ""), log(2, r#","channel_id":2"#), log(3, "")];
    let many = server.post(&server.admin, NATIVE, format!("[{}]", three.join(","))).expect(201);
    assert_eq!((&many["accepted"], &many["duplicates"]), (&3.into(), &0.into()));
    let receipts = many["receipts"].as_array().unwrap();
    let places: Vec<_> = receipts.iter().map(|receipt| (receipt["channel_id"].clone(), receipt["position"].clone())).collect();
    assert_eq!(places, [(json!(1), json!(0)), (json!(2), json!(0)), (json!(1), json!(1))]);
    let again =
        server.ask(&Ask::post_lines(NATIVE, format!("{}\n{}\r\n", three.join("\n"), log(4, ""))).key(&server.admin)).expect(201);
    assert_eq!((&again["accepted"], &again["duplicates"]), (&1.into(), &3.into()));
    let mut first = receipts[0].clone();
    first["duplicate"] = true.into();
    assert_eq!(again["receipts"][0], first);
    let single = server.post(&server.admin, NATIVE, three[0].as_str());
    assert_eq!((single.status, single.json()), (200, first));
    for other in [three[0].replace("m1", "m"), three[0].replace("\"level\":1", "\"level\":2"), log(1, r#","trace":"""#)] {
        let body = format!("[{},{other}]", log(9, ""));
        let refused = server.post(&server.admin, NATIVE, body).expect(409);
        assert_eq!(refused["errors"][0]["pointer"], "/1/uuid");
    }
    assert_eq!(server.post(&server.admin, NATIVE, format!("[{},{{}}]", log(9, ""))).status, 400);
    assert_eq!(server.get(&server.admin, &format!("{NATIVE}/44444444-0000-4000-8000-000000000009")).status, 404);
    // The same uuid may name an event: that is another log.
    let event = server.append(&format!(r#"{{"uuid":"44444444-0000-4000-8000-{:012}"}}"#, 1));
    assert_eq!((&event["position"], &event["duplicate"]), (&0.into(), &false.into()));
    server.stop();
}

/// Every member of each line, at both APIs, as the file has it.
#[test]
fn every_byte_of_the_real_logs_comes_back_at_both_apis() {
    let server = TestServer::start();
    let mut client = server.connect();
    for lines in Line::all().chunks(1000) {
        let body = lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n");
        assert_eq!(client.ask(&Ask::post_lines(NATIVE, body).key(&server.admin)).expect(201)["accepted"], lines.len());
    }
    for (index, line) in Line::all().iter().enumerate() {
        let sent = Json::parse(&line.text);
        if index % 1000 == 0 {
            let target = format!("{NATIVE}?sort=position&limit=1000&position__gte={index}");
            let page = Json::parse(&client.ask(&Ask::get(&target).key(&server.admin)).text());
            for (offset, shown) in page.member("results").unwrap().list().iter().enumerate() {
                assert_line(&Json::parse(&Line::all()[index + offset].text), shown);
            }
        }
        let one = Json::parse(&client.ask(&Ask::get(&format!("{OMS}{}/", index + 1)).key(&server.admin)).text());
        assert_eq!((one.member("id").and_then(Json::int), one.members().len()), (Some(index as i64 + 1), 7));
        assert_line(&sent, &one);
    }
    drop(client);
    server.stop();
}

fn assert_line(sent: &Json, shown: &Json) {
    for name in ["level", "logger_name", "message", "app_name", "trace"] {
        assert_eq!(shown.member(name), sent.member(name), "{name}");
    }
    let at =
        |json: &Json| audit_http::store::domain::Timestamp::parse(json.member("created_at").and_then(Json::str).unwrap()).unwrap();
    assert_eq!(at(shown), at(sent));
}

#[test]
fn who_may_append_and_read_is_as_for_events() {
    let server = TestServer::start();
    let log = r#"{"level":1,"message":"m","uuid":"44444444-0000-4000-8000-000000000001"}"#;
    let (writer, reader) = (server.token(Role::Writer, "5"), server.token(Role::Reader, "5"));
    assert_eq!(server.post(&reader, NATIVE, log).status, 403);
    assert_eq!(server.post(&writer, NATIVE, log).expect(201)["channel_id"], 5);
    assert_eq!(server.post(&writer, NATIVE, r#"{"level":1,"message":"m","channel_id":1}"#).status, 404);
    let two = server.token(Role::Writer, "5,6");
    let required = server.post(&two, NATIVE, log).expect(400);
    assert_eq!(required["errors"][0]["pointer"], "/channel_id");
    assert_eq!(server.get(&reader, &format!("{NATIVE}/{UUID}")).expect(200)["channel_id"], 5);
    assert_eq!(server.get(&writer, &format!("{NATIVE}/{UUID}")).status, 403);
    assert_eq!(server.get(&server.token(Role::Reader, "1,6"), &format!("{NATIVE}/{UUID}")).status, 404);
    assert_eq!(server.get(&server.token(Role::Reader, "1,5"), &format!("{NATIVE}/{UUID}")).status, 200);
    assert_eq!(server.ask(&Ask::get(NATIVE)).status, 401);
    server.stop();
}
