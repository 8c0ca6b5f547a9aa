//! Objects that are no records: names in another spelling, and a list inside an object.

use super::{ACTION_LOGS, EVENTS, INVENTORY, INVENTORY_LOG, OMS, WAREHOUSE};
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

/// NDJSON whose `Content-Type` says JSON, which is what `curl --json` and most clients send.
#[test]
fn lines_that_are_announced_as_json_are_refused_with_what_to_send() {
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
    // What is no second value keeps the message of what it is.
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
    server.append("{}");
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
