//! Summaries with more groups than are listed.

use super::append_events;
use crate::common::{Ask, TestServer};

#[test]
fn a_summary_lists_the_largest_groups_and_sums_up_the_rest() {
    let server = TestServer::start();
    let event = |n: usize| format!(r#"{{"action":"a{n:04}","table_name":"t{n}","user":{n},"timestamp":"2023-10-16T09:00:00Z"}}"#);
    let events: Vec<String> = (0..1_200).map(event).collect();
    server.append_all(&events);
    // The last ones by key are the largest.
    server.append_all(&events[1_100..]);
    for by in ["action", "table_name", "user"] {
        for filter in ["", "&remote_addr=", "&timestamp__gte=2023-10-16T08:30:00Z"] {
            let summary = server.get(&server.admin, &format!("/api/v1/events/summary?group_by={by}{filter}")).expect(200);
            if filter == "&remote_addr=" {
                assert_eq!((&summary["total"], &summary["other"]["groups"]), (&0.into(), &0.into()));
                continue;
            }
            let groups = summary["groups"].as_array().unwrap();
            assert_eq!((&summary["total"], groups.len()), (&1_300.into(), 1_000), "{by} {filter}");
            assert_eq!(summary["other"], serde_json::json!({"groups": 200, "count": 200}), "{by} {filter}");
            assert!(groups[..100].iter().all(|group| group["count"] == 2), "{by} {filter}");
        }
    }
    let few = server.get(&server.admin, "/api/v1/events/summary?group_by=hour").expect(200);
    assert_eq!(few["other"], serde_json::json!({"groups": 0, "count": 0}));
    let inventory = server.get(&server.admin, "/api/v1/audit/summary").expect(200);
    assert_eq!(inventory["total_logs"], 1_300);
    for by in ["by_table", "by_user", "by_action"] {
        assert_eq!(inventory[by].as_object().unwrap().len(), 1_000, "{by}");
    }
    server.stop();
}

#[test]
fn of_spans_of_time_the_latest_are_listed() {
    let server = TestServer::start();
    append_events(&server.store, 1, r#"{"user":null}"#);
    let days: Vec<String> = (0..1_100)
        .map(|day| format!(r#"{{"timestamp":"{}-{:02}-{:02}T12:00:00Z"}}"#, 1990 + day / 336, day % 336 / 28 + 1, day % 28 + 1))
        .collect();
    assert_eq!(server.ask(&Ask::post_lines("/api/v1/events", days.join("\n")).key(&server.admin)).status, 201);
    let summary = server.get(&server.admin, "/api/v1/events/summary?group_by=day").expect(200);
    let groups = summary["groups"].as_array().unwrap();
    assert_eq!((groups.len(), &summary["other"]), (1_000, &serde_json::json!({"groups": 101, "count": 101})));
    assert!(groups.is_sorted_by_key(|group| group["key"].as_str().unwrap().to_owned()));
    assert!(!groups[999]["key"].as_str().unwrap().starts_with("199"), "today is the last");
    server.stop();
}
