//! `/api/v1/erasures`: what administrators erase, and what all APIs show after that.

use audit_http::store::domain::Role;
use serde_json::{Value, json};

use crate::common::{TestServer, results_of};

const ERASURES: &str = "/api/v1/erasures";
const EVENTS: &str = "/api/v1/events";

fn uuid(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// An event with something in every slot.
fn event(number: usize, user: u32) -> String {
    json!({
        "uuid": uuid(number), "action": "UPDATE", "table_name": "shop.customer", "object_id": number,
        "user": {"pk": user, "username": "ermengarde"}, "remote_addr": "198.51.100.77", "url": "/ermengarde", "query_params": {"q": "ermengarde"},
        "post_data": {"n": "ermengarde"}, "headers": {"X-Name": "ermengarde"}, "description": "ermengarde moved",
        "content": {"old_data": {"city": "ermengarde"}, "new_data": {"city": "x"}}, "nickname": "ermengarde"
    })
    .to_string()
}

fn filled() -> TestServer {
    let server = TestServer::start();
    server.append_all(&(1..=20).map(|number| event(number, 4711 + u32::from(number % 2 == 0))).collect::<Vec<_>>());
    server
}

fn erase(server: &TestServer, body: &Value) -> Value {
    let answer = server.post(&server.admin, ERASURES, body.to_string());
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

#[test]
fn all_apis_show_null_for_what_was_erased() {
    let server = filled();
    let begun = erase(&server, &json!({"channel_id": 1, "user": 4711, "reason": "ticket 12"}));
    let wanted = json!({"channel_id": 1, "stream": "events", "entries": 10, "position": 20, "positions": [20], "done": true});
    assert_eq!(begun, wanted);
    for target in [
        format!("{EVENTS}/{}", uuid(3)),
        format!("/api/v1/data-warehouse/audit-events/{}/", uuid(3)),
        format!("{EVENTS}?object_id=3"),
        "/api/v1/oms/settings/audit_events/?object_id=3".to_owned(),
    ] {
        let answer = server.get(&server.admin, &target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        let text = answer.text();
        assert!(!text.contains("ermengarde") && !text.contains("4711") && text.contains("\"object_id\":"), "{target}: {text}");
    }
    let shown = server.get(&server.admin, &format!("{EVENTS}/{}", uuid(3))).expect(200);
    for member in ["user", "remote_addr", "url", "query_params", "post_data", "headers", "content", "description", "extra"] {
        assert_eq!(shown.get(member), Some(&Value::Null), "{member}");
    }
    assert_eq!((&shown["object_id"], &shown["action"]), (&json!(3), &json!("UPDATE")));
    let count = |query: &str| server.get(&server.admin, &format!("{EVENTS}?count=true&{query}")).expect(200)["count"].clone();
    assert_eq!((count("user=4711"), count("user=4712"), count("search=ermengarde")), (json!(0), json!(10), json!(10)));
    // The entry that says it.
    let says = server.get(&server.admin, &format!("{EVENTS}?action=AUDIT.ERASE")).expect(200);
    let says = &results_of(&says)[0];
    assert_eq!(
        says["content"]["slots"],
        json!([
            "user",
            "remote_addr",
            "url",
            "query_params",
            "post_data",
            "headers",
            "content",
            "description",
            "extra",
            "impersonator",
            "masked"
        ])
    );
    assert_eq!((&says["content"]["positions"][1], &says["content"]["reason"]), (&json!([2, 2]), &json!("ticket 12")));
    server.stop();
}

#[test]
fn a_replay_of_an_erased_event_is_answered_with_its_receipt() {
    let server = filled();
    erase(&server, &json!({"channel_id": 1, "uuids": [uuid(3)], "slots": ["content", "user"], "reason": "ticket 12"}));
    let again = server.post(&server.admin, EVENTS, event(3, 4711));
    assert_eq!(again.status, 200, "{}", again.text());
    assert_eq!(
        (&again.json()["erased"], &again.json()["duplicate"], &again.json()["position"]),
        (&json!(true), &json!(true), &json!(2))
    );
    let other = server.post(&server.admin, EVENTS, event(5, 4711)).expect(200);
    assert_eq!(other.get("erased"), None);
    // A published API answers a replay as it answers the first time.
    let small = r#"{"uuid":"00000000-0000-4000-8000-000000000050","content_type":3,"object_id":1,"content":{"a":1}}"#;
    let published = || server.post(&server.admin, "/api/v1/data-warehouse/audit-events/", small);
    published().expect(201);
    let of =
        json!({"channel_id": 1, "uuids": ["00000000-0000-4000-8000-000000000050"], "slots": ["content"], "reason": "ticket 12"});
    erase(&server, &of);
    assert_eq!(published().expect(200)["content"], Value::Null);
    server.stop();
}

#[test]
fn a_repeated_request_erases_once() {
    let server = filled();
    let body = json!({"channel_id": 1, "uuids": [uuid(3), uuid(4)], "reason": "ticket 12"}).to_string();
    let (first, again) = (server.post(&server.admin, ERASURES, body.clone()), server.post(&server.admin, ERASURES, body));
    assert_eq!((first.status, again.status), (201, 200), "{}", again.text());
    assert_eq!(
        (&again.json()["entries"], &again.json()["position"], &again.json()["done"]),
        (&json!(0), &Value::Null, &json!(true))
    );
    let list = server.get(&server.admin, &format!("{ERASURES}?channel_id=1")).expect(200);
    assert_eq!((results_of(&list).len(), &results_of(&list)[0]["entries"], &list["next_cursor"]), (1, &json!(2), &Value::Null));
    server.stop();
}

#[test]
fn erasures_are_listed_page_by_page() {
    let server = filled();
    server
        .post(
            &server.admin,
            "/api/v1/action-logs",
            r#"{"level":20,"message":"ermengarde","uuid":"00000000-0000-4000-8000-000000000099"}"#,
        )
        .expect(201);
    for number in 1..=5 {
        erase(&server, &json!({"channel_id": 1, "uuids": [uuid(number)], "slots": ["url"], "reason": format!("ticket {number}")}));
    }
    erase(&server, &json!({"channel_id": 1, "stream": "action-logs", "uuids": [uuid(99)], "reason": "ticket 99"}));
    let (mut reasons, mut target) = (Vec::new(), format!("{ERASURES}?channel_id=1&limit=2"));
    loop {
        let page = server.get(&server.admin, &target).expect(200);
        reasons.extend(results_of(&page).iter().map(|erasure| erasure["reason"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        target = format!("{ERASURES}?channel_id=1&limit=2&cursor={cursor}");
    }
    assert_eq!(reasons, ["ticket 5", "ticket 4", "ticket 3", "ticket 2", "ticket 1"]);
    let logs = server.get(&server.admin, &format!("{ERASURES}?channel_id=1&stream=action-logs")).expect(200);
    let erasure = &results_of(&logs)[0];
    assert_eq!((&erasure["slots"], erasure["finished_at"].is_string()), (&json!(["message", "trace", "extra", "masked"]), true));
    for (target, why) in [
        (ERASURES.to_owned(), "channel_id must be given"),
        (format!("{ERASURES}?channel_id=x"), "channel_id must be a channel"),
        (format!("{ERASURES}?channel_id=1&stream=x"), "stream must be one of events, action-logs"),
        (format!("{ERASURES}?channel_id=1&limit=0"), "limit must be an integer from 1 to 1000"),
        (format!("{ERASURES}?channel_id=1&cursor=x"), "cursor is not one of this list"),
    ] {
        let answer = server.get(&server.admin, &target);
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.text().contains(why), "{target}: {}", answer.text());
    }
    server.stop();
}

#[test]
fn a_faulty_request_erases_nothing_and_names_each_member() {
    let server = filled();
    let before = server.everything();
    let mut evidence = uuid(3);
    for (body, wanted) in [
        ("[]", vec![("", "expected a JSON object")]),
        ("{}", vec![("/channel_id", "must be given"), ("/user", "must be given"), ("/reason", "must say why")]),
        (
            r#"{"channel_id":-1,"stream":"x","user":[],"slots":"user","reason":" ","who":1}"#,
            vec![
                ("/who", "is not known"),
                ("/channel_id", ""),
                ("/stream", "events or action-logs"),
                ("/user", "must be the id"),
                ("/slots", "one or more of"),
                ("/reason", ""),
            ],
        ),
        (r#"{"channel_id":1,"user":"7","uuids":[],"reason":"x"}"#, vec![("/user", "and uuids are given")]),
        (r#"{"channel_id":1,"uuids":[],"reason":"x"}"#, vec![("/uuids", "must have 1 to 1000")]),
        (r#"{"channel_id":1,"uuids":["x"],"reason":"x"}"#, vec![("/uuids", "must be a list of UUIDs")]),
        (r#"{"channel_id":1,"user":"7","slots":["usr"],"reason":"x"}"#, vec![("/slots", "subject, user, remote_addr")]),
        (r#"{"channel_id":1,"user":"ermengarde","reason":"wish of ermengarde"}"#, vec![("/reason", "must not have the id")]),
        (r#"{"channel_id":1,"stream":"action-logs","user":"7","reason":"x"}"#, vec![("/user", "of events only")]),
        (
            r#"{"channel_id":1,"uuids":["00000000-0000-4000-8000-000000000001","00000000-0000-4000-8000-000000000077"],"reason":"x"}"#,
            vec![("/uuids/1", "is not in this log of channel 1")],
        ),
    ] {
        let answer = server.post(&server.admin, ERASURES, body);
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
        let found: Vec<(&str, &str)> =
            errors.iter().map(|error| (error["pointer"].as_str().unwrap(), error["detail"].as_str().unwrap())).collect();
        assert_eq!(found.len(), wanted.len(), "{body}: {found:?}");
        for ((pointer, detail), (place, part)) in found.iter().zip(&wanted) {
            assert!(pointer == place && detail.contains(part), "{body}: {found:?}");
        }
    }
    assert_eq!(server.everything(), before);
    erase(&server, &json!({"channel_id": 1, "uuids": [evidence], "slots": ["url"], "reason": "x"}));
    let says = server.get(&server.admin, &format!("{EVENTS}?action=AUDIT.ERASE")).expect(200);
    evidence = results_of(&says)[0]["uuid"].as_str().unwrap().to_owned();
    let refused = server.post(&server.admin, ERASURES, json!({"channel_id": 1, "uuids": [evidence], "reason": "x"}).to_string());
    assert!(refused.status == 400 && refused.text().contains("is never erased"), "{}", refused.text());
    // Nobody else says that something was erased.
    for target in [EVENTS, "/api/v1/oms/settings/audit_events/"] {
        let forged = server.post(&server.admin, target, r#"{"action":"AUDIT.ERASE"}"#);
        assert!(forged.status == 400 && forged.text().contains("only the log itself gives"), "{}", forged.text());
    }
    server.stop();
}

#[test]
fn only_administrators_of_the_channel_erase() {
    let server = filled();
    let body = json!({"channel_id": 1, "user": 4711, "reason": "ticket 12"}).to_string();
    for (role, channels, status) in
        [(Role::Reader, "*", 403), (Role::Writer, "*", 403), (Role::Admin, "2,3", 403), (Role::Admin, "1,3", 201)]
    {
        let key = server.token(role, channels);
        assert_eq!(server.post(&key, ERASURES, body.clone()).status, status, "{role:?} {channels}");
        assert_eq!(server.get(&key, &format!("{ERASURES}?channel_id=1")).status, if status == 201 { 200 } else { status });
    }
    server.stop();
}
