//! The list of the native API: every filter, every sort, the edges of a page; and one event by its uuid.

use audit_http::store::domain::{Role, Timestamp};

use super::model::{Line, escaped, newest_first};
use crate::common::{Fixture, TestServer, results_of, uuids_of};

const EVENTS: &str = "/api/v1/events";

/// Counts and lists with a query, and compares with the lines that a client would expect.
fn check(server: &TestServer, query: &str, wanted: impl Fn(&Line) -> bool) {
    let lines: Vec<&Line> = Line::all().iter().filter(|line| wanted(line)).collect();
    let page = server.get(&server.admin, &format!("{EVENTS}?channel_id=all&count=true&limit=100&{query}")).expect(200);
    assert_eq!(page["count"], lines.len(), "{query}");
    assert_eq!(uuids_of(&page), newest_first(lines)[..results_of(&page).len()], "{query}");
    let count = page["count"].as_i64().unwrap();
    assert_eq!(results_of(&page).len() as i64, count.min(100), "{query}");
    assert_eq!(page["next_cursor"].is_null(), count <= 100, "{query}");
}

#[test]
fn every_filter_gives_what_it_names_and_nothing_else() {
    let server = Fixture::get().serve(|_| {});
    for line in Line::all().iter().step_by(901) {
        check(&server, &format!("uuid={}", line.uuid.to_uppercase().replace('-', "")), |other| other.uuid == line.uuid);
        for name in ["content_type", "object_id", "remote_addr", "url"] {
            if let Some(text) = line.text(name) {
                check(&server, &format!("{name}={}", escaped(&text)), |other| other.text(name).as_deref() == Some(&text));
            }
        }
        if let Some(user) = line.user() {
            check(&server, &format!("user={}", escaped(&user)), |other| other.user().as_deref() == Some(&user));
        }
        let stamp = Timestamp::from_micros(line.micros).unwrap().to_string();
        check(&server, &format!("timestamp={stamp}"), |other| other.micros == line.micros);
        check(&server, &format!("timestamp__gt={stamp}"), |other| other.micros > line.micros);
        check(&server, &format!("timestamp__gte={stamp}"), |other| other.micros >= line.micros);
        check(&server, &format!("timestamp__lt={stamp}"), |other| other.micros < line.micros);
        check(&server, &format!("timestamp__lte={stamp}"), |other| other.micros <= line.micros);
        let at = line.position;
        check(&server, &format!("position={at}"), |other| other.position == at);
        check(&server, &format!("position__gt={at}&position__lte={}", at + 7), |other| (at + 1..at + 8).contains(&other.position));
        check(&server, &format!("position__gte={at}&position__lt={}", at + 7), |other| (at..at + 7).contains(&other.position));
        let of_user = line.user().map(|user| format!("user={}", escaped(&user))).unwrap_or_default();
        check(&server, &format!("timestamp__lte={stamp}&{of_user}&action=UPDATE"), |other| {
            other.micros <= line.micros
                && (line.user().is_none() || other.user() == line.user())
                && other.action() == Some("UPDATE")
        });
    }
    for action in ["CREATE", "UPDATE", "DELETE", "READ", "create"] {
        check(&server, &format!("action={action}"), |other| other.action() == Some(action));
    }
    check(&server, "table_name=x", |_| false);
    server.stop();
}

#[test]
fn recorded_at_and_table_name_filter_too() {
    let server = TestServer::start();
    let mut stamps = Vec::new();
    for n in 0..5 {
        let receipt = server.append(&format!(r#"{{"table_name":"t{}","timestamp":"2020-01-01","object_id":"{n}"}}"#, n % 2));
        stamps.push(receipt["recorded_at"].as_str().unwrap().to_owned());
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let shown = |query: String| -> Vec<i64> {
        let page = server.get(&server.admin, &format!("{EVENTS}?sort=position&{query}")).expect(200);
        results_of(&page).iter().map(|event| event["position"].as_i64().unwrap()).collect()
    };
    assert_eq!(shown(format!("recorded_at={}", stamps[2])), [2]);
    assert_eq!(shown(format!("recorded_at__gt={}", stamps[2])), [3, 4]);
    assert_eq!(shown(format!("recorded_at__gte={}", stamps[2])), [2, 3, 4]);
    assert_eq!(shown(format!("recorded_at__lt={}", stamps[2])), [0, 1]);
    assert_eq!(shown(format!("recorded_at__lte={}", stamps[2])), [0, 1, 2]);
    assert_eq!(shown("table_name=t1".to_owned()), [1, 3]);
    assert_eq!(shown("table_name=T1".to_owned()), [] as [i64; 0]);
    assert_eq!(shown("object_id=3".to_owned()), [3]);
    server.stop();
}

#[test]
fn long_and_unusual_texts_compare_by_characters() {
    let server = TestServer::start();
    let long = "é".repeat(300);
    for url in [
        format!("\"{long}a\""),
        format!("\"{long}b\""),
        r#""a\u0000b""#.to_owned(),
        r#""a\u0001b""#.to_owned(),
        r#""\u0061\/b""#.to_owned(),
        r#""""#.to_owned(),
    ] {
        server.append(&format!("{{\"url\":{url}}}"));
    }
    for (text, position) in [
        (format!("{long}a"), 0),
        (format!("{long}b"), 1),
        ("a\0b".into(), 2),
        ("a\u{1}b".into(), 3),
        ("a/b".into(), 4),
        (String::new(), 5),
    ] {
        let page = server.get(&server.admin, &format!("{EVENTS}?count=true&url={}", escaped(&text))).expect(200);
        assert_eq!((&page["count"], &page["results"][0]["position"]), (&1.into(), &position.into()), "{text:?}");
        // The published APIs take an empty value for no filter.
        let published =
            server.get(&server.admin, &format!("/api/v1/oms/settings/audit_events/?url={}", escaped(&text))).expect(200);
        assert_eq!(published["count"], if text.is_empty() { 6 } else { 1 });
    }
    server.stop();
}

#[test]
fn pages_have_100_events_by_default_and_1000_at_most() {
    let server = Fixture::get().serve(|_| {});
    for (query, size) in [("", 100), ("&limit=1", 1), ("&limit=100", 100), ("&limit=1000", 1000)] {
        let page = server.get(&server.admin, &format!("{EVENTS}?channel_id=1{query}")).expect(200);
        assert_eq!(results_of(&page).len(), size);
        assert!(page["next_cursor"].is_string());
        let keys: Vec<&String> = page.as_object().unwrap().keys().collect();
        assert!(keys.len() == 2, "{keys:?}");
    }
    let exact = server.get(&server.admin, &format!("{EVENTS}?channel_id=5&limit=14&count=true")).expect(200);
    assert_eq!((results_of(&exact).len(), &exact["count"], &exact["next_cursor"]), (14, &14.into(), &serde_json::Value::Null));
    let none = server.get(&server.admin, &format!("{EVENTS}?channel_id=5&count=false")).expect(200);
    assert!(none.get("count").is_none());
    server.stop();
}

#[test]
fn sorts_go_both_ways_and_newest_first_is_the_default() {
    let server = Fixture::get().serve(|_| {});
    let shown = |query: &str| uuids_of(&server.get(&server.admin, &format!("{EVENTS}?limit=1000&{query}")).expect(200));
    for channels in ["channel_id=4", "channel_id=2,4,5", "channel_id=5"] {
        let ids: Vec<i64> = channels.split(['=', ',']).filter_map(|id| id.parse().ok()).collect();
        let down = newest_first(Line::all().iter().filter(|line| ids.contains(&line.channel)).collect());
        let up: Vec<String> = down.iter().rev().cloned().collect();
        assert_eq!(shown(channels), down);
        assert_eq!(shown(&format!("{channels}&sort=-timestamp")), down);
        assert_eq!(shown(&format!("{channels}&sort=timestamp")), up);
    }
    let by_position: Vec<String> = Line::all().iter().filter(|line| line.channel == 4).map(|line| line.uuid.clone()).collect();
    assert_eq!(shown("channel_id=4&sort=position"), by_position);
    assert_eq!(shown("channel_id=4&sort=-position"), by_position.iter().rev().cloned().collect::<Vec<_>>());
    server.stop();
}

#[test]
fn one_event_is_found_by_its_uuid_in_either_form() {
    let server = Fixture::get().serve(|_| {});
    let key = server.token(Role::Reader, "1,2,3,4,5,6");
    for line in Line::all().iter().step_by(1999) {
        for spelled in [line.uuid.clone(), line.uuid.to_uppercase(), line.uuid.replace('-', "")] {
            let event = server.get(&key, &format!("{EVENTS}/{spelled}")).expect(200);
            assert_eq!((&event["uuid"], &event["position"]), (&line.uuid.as_str().into(), &line.position.into()));
            let published = server.get(&key, &format!("/api/v1/data-warehouse/audit-events/{spelled}/")).expect(200);
            assert_eq!(published["uuid"], line.uuid.as_str());
        }
        let other = line.channel % 6 + 1;
        assert_eq!(server.get(&key, &format!("{EVENTS}/{}?channel_id={other}", line.uuid)).status, 404);
    }
    server.stop();
}
