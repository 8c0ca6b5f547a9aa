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
