//! Counts by group, compared with sums over the fixture.

use std::collections::BTreeMap;

use audit_http::store::domain::{Role, Timestamp};
use serde_json::{Value, json};

use super::model::{Line, escaped};
use crate::common::{Fixture, TestServer};

const SUMMARY: &str = "/api/v1/events/summary";

/// Groups as JSON texts of their keys.
fn groups(answer: &Value) -> Vec<(String, i64)> {
    let groups = answer["groups"].as_array().unwrap();
    groups.iter().map(|group| (group["key"].to_string(), group["count"].as_i64().unwrap())).collect()
}

fn key(line: &Line, by: &str) -> Value {
    let start = |span: i64| Timestamp::from_micros(line.micros - line.micros.rem_euclid(span)).unwrap().to_string();
    match by {
        "table_name" => Value::Null,
        "content_type" => line.text("content_type").map_or(Value::Null, |digits| digits.parse::<i64>().unwrap().into()),
        "user" => line.user().into(),
        "action" => line.action().into(),
        "url" | "remote_addr" => line.text(by).into(),
        "producer_id" => 0.into(),
        "weekday" => (line.micros.div_euclid(86_400_000_000) + 3).rem_euclid(7).checked_add(1).into(),
        "hour" => start(3_600_000_000).into(),
        _ => start(86_400_000_000).into(),
    }
}

fn check(server: &TestServer, query: &str, wanted: impl Fn(&Line) -> bool) {
    for by in ["table_name", "content_type", "user", "action", "url", "remote_addr", "producer_id", "weekday", "hour", "day"] {
        let answer = server.get(&server.admin, &format!("{SUMMARY}?group_by={by}&{query}")).expect(200);
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for line in Line::all().iter().filter(|line| wanted(line)) {
            *sums.entry(key(line, by).to_string()).or_default() += 1;
        }
        let shown = groups(&answer);
        assert_eq!(answer["group_by"], by);
        assert_eq!(answer["total"], sums.values().sum::<i64>(), "{by} {query}");
        let left_out = sums.len().saturating_sub(1_000);
        if by == "url" && left_out > 0 {
            // Which of the equally small ones are left out, only the order of their keys says.
            assert_eq!((shown.len(), &answer["other"]["groups"]), (1_000, &left_out.into()));
            assert!(shown.iter().all(|(key, count)| sums[key] == *count) && shown.is_sorted_by(|a, b| a.1 >= b.1));
            continue;
        }
        // There are more hours and days than are listed: the latest are.
        let rest: Vec<i64> = sums.values().copied().take(left_out).collect();
        let listed: BTreeMap<String, i64> = sums.clone().into_iter().skip(left_out).collect();
        assert!(left_out == 0 || matches!(by, "hour" | "day"), "{by} {query}");
        assert_eq!(answer["other"], json!({"groups": left_out, "count": rest.iter().sum::<i64>()}), "{by} {query}");
        assert_eq!(shown.iter().cloned().collect::<BTreeMap<_, _>>(), listed, "{by} {query}");
        assert_eq!(shown.len(), listed.len(), "no group twice");
        match by {
            "hour" | "day" | "weekday" => assert!(shown.is_sorted_by(|a, b| a.0 < b.0), "times in order"),
            _ => assert!(shown.is_sorted_by(|a, b| a.1 >= b.1), "largest first"),
        }
    }
}

#[test]
fn every_grouping_sums_up_to_what_a_count_by_hand_gives() {
    let server = Fixture::get().serve(|_| {});
    check(&server, "channel_id=all", |_| true);
    check(&server, "", |line| line.channel == 1);
    check(&server, "channel_id=2,5", |line| matches!(line.channel, 2 | 5));
    check(&server, "channel_id=all&action=DELETE", |line| line.action() == Some("DELETE"));
    check(&server, "channel_id=99", |_| false);
    let line = &Line::all()[5000];
    let stamp = Timestamp::from_micros(line.micros).unwrap().to_string();
    check(&server, &format!("channel_id=all&timestamp__lt={stamp}"), |other| other.micros < line.micros);
    check(&server, &format!("channel_id=all&position__gte=100&timestamp__gte={stamp}"), |other| {
        other.position >= 100 && other.micros >= line.micros
    });
    let user = line.user().unwrap();
    check(&server, &format!("channel_id=all&user={}", escaped(&user)), |other| other.user().as_ref() == Some(&user));
    server.stop();
}

#[test]
fn summary_keys_are_as_sent_and_hours_precede_1970() {
    let server = TestServer::start();
    let long = "x".repeat(300);
    for (table, at) in [
        ("\"b\"", "1969-12-31T23:59:59.999999Z"),
        ("\"\\u0000\"", "1970-01-01"),
        ("\"\\ud800\"", "0001-01-01"),
        ("\"b\"", "9999-12-31T23:59:59Z"),
        ("\"\\u0062\"", "1969-12-31T23:00:00Z"),
        (&format!("\"{long}\""), "1970-01-01T00:59:59Z"),
        ("null", "1970-01-01T01:00:00Z"),
    ] {
        server.append(&format!(r#"{{"table_name":{table},"timestamp":"{at}","user":{{"pk":"u-1"}}}}"#));
    }
    let text = server.get(&server.admin, &format!("{SUMMARY}?group_by=table_name")).text();
    assert!(text.contains(r#""groups":[{"key":"b","count":3},"#), "{text}");
    for wanted in [
        r#"{"key":"\u0000","count":1}"#,
        r#"{"key":"\ud800","count":1}"#,
        &format!(r#"{{"key":"{long}","count":1}}"#),
        r#"{"key":null,"count":1}"#,
    ] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    let hours = server.get(&server.admin, &format!("{SUMMARY}?group_by=hour")).expect(200);
    let wanted = [
        ("0001-01-01T00:00:00Z", 1),
        ("1969-12-31T23:00:00Z", 2),
        ("1970-01-01T00:00:00Z", 2),
        ("1970-01-01T01:00:00Z", 1),
        ("9999-12-31T23:00:00Z", 1),
    ];
    assert_eq!(groups(&hours), wanted.map(|(at, count)| (format!("\"{at}\""), count)));
    assert_eq!(groups(&server.get(&server.admin, &format!("{SUMMARY}?group_by=user")).expect(200)), [("\"u-1\"".to_owned(), 7)]);
    server.stop();
}

#[test]
fn a_summary_counts_only_what_the_key_may_read() {
    let server = Fixture::get().serve(|_| {});
    let total = |grant: &str, query: &str| {
        let key = server.token(Role::Reader, grant);
        server.get(&key, &format!("{SUMMARY}?group_by=action{query}")).expect(200)["total"].as_u64().unwrap() as usize
    };
    let count = |channels: &[i64]| Line::all().iter().filter(|line| channels.contains(&line.channel)).count();
    assert_eq!(total("2,4", ""), count(&[2, 4]));
    assert_eq!(total("2,4", "&channel_id=all"), count(&[2, 4]));
    assert_eq!(total("2,4", "&channel_id=1,2"), count(&[2]));
    assert_eq!(total("*", ""), count(&[1]));
    assert_eq!(total("*", "&channel_id=all"), Line::all().len());
    server.stop();
}
