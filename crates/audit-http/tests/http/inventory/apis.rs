//! All pairs of APIs: what is written at one is seen at each of the others, in the list, the detail and the sums.

use serde_json::{Value, json};

use super::{LOGS, SUMMARY, ids_of};
use crate::common::{TestServer, results_of};

const EVENTS: &str = "/api/v1/events";
const OMS: &str = "/api/v1/oms/settings/audit_events/";
const WAREHOUSE: &str = "/api/v1/data-warehouse/audit-events/";
const REMOTE: &str = "/api/v1/remote/1/data-warehouse/audit-events/";
const ALL: [&str; 5] = [EVENTS, OMS, WAREHOUSE, REMOTE, LOGS];

/// One event, said in the way of each API. The OMS API knows no users but numbers.
struct Said {
    uuid: String,
    object_id: i64,
    user: &'static str,
    user_name: Option<&'static str>,
}

impl Said {
    fn at(&self, api: &str) -> String {
        let Said { uuid, object_id, .. } = self;
        let common = format!(
            r#""uuid":"{uuid}","timestamp":"2023-10-16T12:00:00.5+03:00","table_name":"products","action":"UPDATE","description":"by hand""#
        );
        let (old, new) = (r#"{"quantity":1.50}"#, r#"{"quantity":2.50,"tags":[]}"#);
        if api == LOGS {
            let name = self.user_name.map_or_else(String::new, |name| format!(r#","user_name":"{name}""#));
            return format!(
                r#"{{{common},"record_id":"{object_id}","user_id":7{name},"old_values":{old},"new_values":{new},"ip_address":"192.0.2.1"}}"#
            );
        }
        format!(
            r#"{{{common},"object_id":{object_id},"user":{},"content":{{"old_data":{old},"new_data":{new}}},"remote_addr":"192.0.2.1"}}"#,
            self.user
        )
    }
}

#[test]
fn an_event_written_at_any_api_is_seen_at_each_of_the_others() {
    let server = TestServer::start();
    for (index, writer) in ALL.into_iter().enumerate() {
        let bare = Said { uuid: uuid(index), object_id: 8590 + index as i64, user: "7", user_name: None };
        assert_eq!(server.post(&server.admin, writer, bare.at(writer)).status, 201, "{writer}");
        seen_everywhere(&server, &bare, writer);
        for again in ALL {
            assert_eq!(server.post(&server.admin, again, bare.at(again)).status, 200, "written at {writer}, again at {again}");
            let other = bare.at(again).replace("192.0.2.1", "192.0.2.2");
            assert_eq!(server.post(&server.admin, again, other).status, 409, "written at {writer}, another one at {again}");
        }
    }
    for (index, writer) in [EVENTS, WAREHOUSE, REMOTE, LOGS].into_iter().enumerate() {
        let user = r#"{"pk":7,"username":"zoe"}"#;
        let named = Said { uuid: uuid(10 + index), object_id: 8600 + index as i64, user, user_name: Some("zoe") };
        assert_eq!(server.post(&server.admin, writer, named.at(writer)).status, 201, "{writer}");
        seen_everywhere(&server, &named, writer);
        for again in [EVENTS, WAREHOUSE, REMOTE, LOGS] {
            assert_eq!(server.post(&server.admin, again, named.at(again)).status, 200, "written at {writer}, again at {again}");
        }
    }
    let summary = server.get(&server.admin, SUMMARY).expect(200);
    let wanted = json!({"status": "success", "total_logs": 9, "by_table": {"products": 9}, "by_user": {"7": 5, "zoe": 4},
        "by_action": {"UPDATE": 9}});
    assert_eq!(summary, wanted);
    server.stop();
}

fn uuid(index: usize) -> String {
    format!("55555555-0000-4000-8000-{index:012}")
}

fn seen_everywhere(server: &TestServer, said: &Said, writer: &str) {
    let get = |target: &str| server.get(&server.admin, target).expect(200);
    let (uuid, object_id) = (&said.uuid, said.object_id);
    let content = json!({"old_data": {"quantity": 1.5}, "new_data": {"quantity": 2.5, "tags": []}});
    let of_event = json!({"uuid": uuid, "timestamp": "2023-10-16T09:00:00.500000Z", "remote_addr": "192.0.2.1", "object_id": object_id,
        "content": content});
    let native = get(&format!("{EVENTS}/{uuid}"));
    for (target, user) in [(EVENTS, &native["user"]), (OMS, &json!(7)), (WAREHOUSE, &Value::Null), (REMOTE, &Value::Null)] {
        let list = get(&format!("{target}?object_id={object_id}"));
        let [event] = results_of(&list).as_slice() else { panic!("{target} after {writer}: {list}") };
        includes(event, &of_event, target, writer);
        match target {
            WAREHOUSE | REMOTE => {
                assert_eq!(get(&format!("{target}{uuid}/")), *event, "the detail at {target}, written at {writer}");
                assert_eq!((&event["user"]["pk"], &event["user"]["username"]), (&json!(7), &json!(said.user_name)));
            }
            _ => assert_eq!(event["user"], *user, "{target} after {writer}"),
        }
    }
    let of_native = json!({"action": "UPDATE", "table_name": "products", "description": "by hand",
        "user": serde_json::from_str::<Value>(said.user).unwrap()});
    includes(&native, &of_native, EVENTS, writer);
    let groups = get(&format!("{EVENTS}/summary?group_by=table_name&object_id={object_id}"));
    assert_eq!(groups["groups"], json!([{"key": "products", "count": 1}]), "written at {writer}");

    let log = json!({"id": uuid, "user_id": "7", "user_name": said.user_name, "action": "UPDATE", "table_name": "products",
        "record_id": object_id.to_string(), "old_values": content["old_data"], "new_values": content["new_data"],
        "description": "by hand", "timestamp": "2023-10-16T09:00:00.500000Z"});
    let list = get(&format!("{LOGS}?record_id={object_id}&user_id={}", said.user_name.unwrap_or("7")));
    assert_eq!((ids_of(&list), &list["logs"][0]), (vec![uuid.clone()], &log), "written at {writer}");
    let mut detail = get(&format!("{LOGS}/{uuid}"))["log"].clone();
    let address = detail.as_object_mut().unwrap().remove("ip_address");
    assert_eq!((detail, address), (log, Some(json!("192.0.2.1"))), "written at {writer}");
    let summary = get(&format!("{SUMMARY}?record_id={object_id}"));
    let wanted = json!({"status": "success", "total_logs": 1, "by_table": {"products": 1},
        "by_user": {said.user_name.unwrap_or("7"): 1}, "by_action": {"UPDATE": 1}});
    assert_eq!(summary, wanted, "written at {writer}");
}

fn includes(shown: &Value, wanted: &Value, target: &str, writer: &str) {
    for (name, value) in wanted.as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name} at {target}, written at {writer}");
    }
}
