//! Objects that are no records: names in another spelling, and a list inside an object.

use serde_json::json;

use super::{ACTION_LOGS, EVENTS, INVENTORY, INVENTORY_LOG, OMS, OMS_LOGS, WAREHOUSE};
use crate::common::{Ask, TestServer};

#[test]
fn events_without_known_members_are_refused_with_a_hint() {
    let server = TestServer::start();
    let nothing = server.everything();
    for (body, pointer, hints) in [
        (
            r#"{"objectId":5,"contentType":3,"aciton":"LOGIN"}"#,
            "",
            &[
                "`objectId` (did you mean object_id?)",
                "`contentType` (did you mean content_type?)",
                "`aciton` (did you mean action?)",
                "an event needs at least one known member",
            ][..],
        ),
        (
            r#"{"events":[{"action":"LOGIN","user":7},{"action":"LOGOUT","user":7}]}"#,
            "",
            &["`events` holds a list: send the list itself"],
        ),
        (r#"[{"action":"LOGIN"},{"what":"LOGOUT"}]"#, "/1", &["`what`", "an event needs"]),
    ] {
        let refused = server.post(&server.admin, EVENTS, body);
        let problem = refused.expect(400);
        assert_eq!((&problem["code"], &problem["errors"][0]["pointer"]), (&"invalid_body".into(), &pointer.into()));
        for hint in hints {
            assert!(problem["errors"][0]["detail"].as_str().unwrap().contains(hint), "{hint}: {problem}");
        }
    }
    let lines = Ask::post_lines(EVENTS, "{\"action\":\"A\"}\n{\"aciton\":\"B\"}\n").key(&server.admin);
    assert_eq!(server.ask(&lines).expect(400)["errors"][0]["pointer"], "/1");
    let logs = server.post(&server.admin, ACTION_LOGS, r#"{"logs":[{"level":20,"message":"m"}]}"#).expect(400);
    let detail = logs["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("`logs` holds a list") && detail.ends_with("an action log needs level and message"), "{detail}");
    assert_eq!(server.everything(), nothing);
    server.stop();
}

#[test]
fn a_body_without_anything_is_refused_by_the_published_apis() {
    let server = TestServer::start();
    let nothing = server.everything();
    let event = json!({"non_field_errors": ["No data provided"]});
    let log = json!({"level": ["This field is required."], "message": ["This field is required."]});
    for (path, wanted) in [(OMS, &event), (WAREHOUSE, &event), (OMS_LOGS, &log)] {
        for body in ["", "{}", " {\n} "] {
            assert_eq!(server.post(&server.admin, path, body).expect(400), *wanted, "{path} {body:?}");
        }
    }
    let form = Ask::new("POST", OMS_LOGS).header("Content-Type", "application/x-www-form-urlencoded").body("");
    assert_eq!(server.ask(&form.key(&server.admin)).expect(400), log);
    assert_eq!(server.post(&server.admin, INVENTORY, "{}").expect(400)["error"], "Missing required fields");
    assert_eq!(server.post(&server.admin, INVENTORY, "").expect(400)["error"], "Invalid JSON");
    assert_eq!(server.everything(), nothing);
    // One member is enough, known or not.
    server.post(&server.admin, OMS, r#"{"url":null}"#).expect(201);
    server.stop();
}

/// Snapshots of users that were made by other frameworks have an `id` and no `pk`.
#[test]
fn the_id_of_a_user_without_a_pk_is_the_users_id() {
    let server = TestServer::start();
    let warehouse = |user: &str| server.post(&server.admin, WAREHOUSE, format!(r#"{{"user":{user}}}"#)).expect(201);
    let shown = warehouse(r#"{"id":5,"username":"zoe"}"#);
    assert_eq!((&shown["user"]["id"], &shown["user"]["pk"]), (&json!(5), &json!(null)), "the object stays as it was sent");
    for user in [r#"{"id":"5"}"#, r#"{"pk":null,"id":5}"#, r#"{"pk":5,"id":6}"#, "5"] {
        server.append(&format!(r#"{{"user":{user},"impersonator":{user}}}"#));
    }
    for user in [r#"{"pk":6,"id":5}"#, r#"{"pk":[5],"id":5}"#, r#"{"id":[5]}"#] {
        server.append(&format!(r#"{{"user":{user},"impersonator":{user}}}"#));
    }
    let count = |target: &str| server.get(&server.admin, target).expect(200)["count"].clone();
    for (target, found) in [
        (format!("{EVENTS}?count=true&user=5"), 5),
        (format!("{EVENTS}?count=true&user__in=5"), 5),
        (format!("{EVENTS}?count=true&impersonator=5"), 4),
        (format!("{OMS}?user=5"), 5),
        (format!("{WAREHOUSE}?user=5"), 5),
        (format!("{INVENTORY}?user_id=5"), 5),
        (format!("{EVENTS}?count=true&user=6"), 1),
    ] {
        assert_eq!(count(&target), found, "{target}");
    }
    let oms = server.get(&server.admin, &format!("{OMS}?sort=timestamp")).expect(200);
    let users: Vec<_> = oms["results"].as_array().unwrap().iter().map(|event| event["user"].clone()).collect();
    assert_eq!(users, [json!(5), json!(5), json!(5), json!(5), json!(5), json!(6), json!(null), json!(null)]);
    let logs = server.get(&server.admin, &format!("{INVENTORY}?user_id=zoe")).expect(200);
    assert_eq!((&logs["logs"][0]["user_id"], &logs["logs"][0]["user_name"]), (&json!("5"), &json!("zoe")));
    let groups = server.get(&server.admin, &format!("{EVENTS}/summary?group_by=user")).expect(200);
    assert_eq!(groups["groups"][0], json!({"key": "5", "count": 5}), "{groups}");
    server.stop();
}

/// NDJSON whose `Content-Type` says JSON, which is what `curl --json` and most clients send.
#[test]
fn lines_that_are_announced_as_json_are_refused_with_a_hint() {
    let server = TestServer::start();
    let nothing = server.everything();
    let hint = "send one JSON value on each line as NDJSON, with Content-Type: application/x-ndjson";
    let logs = "{\"level\":20,\"message\":\"a\"}\r\n{\"level\":20,\"message\":\"b\"}\r\n";
    let cloud = "{\"specversion\":\"1.0\"}\n{\"specversion\":\"1.0\"}\n";
    for (path, body, place) in [
        (EVENTS, "{\"action\":\"A\"}\n{\"action\":\"B\"}\n", "line 2 column 1 (char 15)"),
        (EVENTS, "\u{feff}{\"action\":\"A\"}\n\n  {\"action\":\"B\"}", "line 3 column 3 (char 18)"),
        (EVENTS, "[{\"action\":\"A\"}]\n[{\"action\":\"B\"}]\n", "line 2 column 1 (char 17)"),
        (ACTION_LOGS, logs, "line 2 column 1 (char 28)"),
        ("/api/v1/events?format=cloudevents", cloud, "line 2 column 1 (char 22)"),
    ] {
        let problem = server.post(&server.admin, path, body).expect(400);
        assert_eq!((&problem["code"], &problem["errors"][0]["pointer"]), (&"invalid_body".into(), &"".into()));
        assert_eq!(problem["errors"][0]["detail"], format!("a second JSON value follows: {place}; {hint}"), "{path} {body}");
    }
    // Any other text after the first value keeps its own message.
    for body in ["{\"action\":\"A\"}\n}", "{\"action\":\"A\"} {\"action\":\"B\"}"] {
        let refused = server.post(&server.admin, EVENTS, body);
        assert!(refused.status == 400 && !refused.text().contains("ndjson"), "{}", refused.text());
    }
    // These APIs take no NDJSON, so they must not ask for it.
    for path in [OMS, WAREHOUSE, INVENTORY] {
        let refused = server.post(&server.admin, path, "{\"action\":\"A\"}\n{\"action\":\"B\"}\n");
        assert!(refused.status == 400 && refused.text().contains("line 2 column 1 (char 15)"), "{}", refused.text());
        assert!(!refused.text().contains("ndjson"), "{}", refused.text());
    }
    assert_eq!(server.everything(), nothing);
    server.stop();
}

#[test]
fn unknown_members_beside_known_ones_are_kept() {
    let server = TestServer::start();
    server.append(r#"{"action":"A","objectId":5}"#);
    server.append(r#"{"action":"A"}"#);
    for path in [OMS, WAREHOUSE] {
        server.post(&server.admin, path, r#"{"objectId":5}"#).expect(201);
    }
    server.post(&server.admin, INVENTORY, format!("{{{INVENTORY_LOG},\"objectId\":5}}")).expect(201);
    let page = server.get(&server.admin, &format!("{EVENTS}?sort=position")).expect(200);
    let extras: Vec<String> = page["results"].as_array().unwrap().iter().map(|event| event["extra"].to_string()).collect();
    let kept = r#"{"objectId":5}"#;
    assert_eq!(extras, [kept, "null", kept, kept, kept]);
    server.stop();
}
