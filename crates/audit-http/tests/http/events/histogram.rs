//! Counts by span of time, compared with sums over the fixture.

use std::collections::BTreeMap;

use audit_http::store::domain::{Span, Timestamp};
use serde_json::{Value, json};

use super::model::Line;
use crate::common::{Fixture, TestServer};

const HISTOGRAM: &str = "/api/v1/events/histogram";

const SPANS: [(&str, Span); 4] = [("hour", Span::Hour), ("day", Span::Day), ("week", Span::Week), ("month", Span::Month)];

/// How many events of a span have each action.
type Counts = BTreeMap<Option<&'static str>, i64>;

fn check(server: &TestServer, query: &str, wanted: impl Fn(&Line) -> bool) {
    for (name, span) in SPANS {
        let mut sums: BTreeMap<String, Counts> = BTreeMap::new();
        for line in Line::all().iter().filter(|line| wanted(line)) {
            let start = Timestamp::from_micros(span.start(line.micros)).unwrap().to_string();
            *sums.entry(start).or_default().entry(line.action()).or_default() += 1;
        }
        let total: i64 = sums.values().flat_map(BTreeMap::values).sum();
        let left_out = sums.len().saturating_sub(1_000);
        let earlier: i64 = sums.values().take(left_out).flat_map(BTreeMap::values).sum();
        let plain = server.get(&server.admin, &format!("{HISTOGRAM}?span={name}&{query}")).expect(200);
        let spans = |count: &dyn Fn(&Counts) -> Value| -> Value {
            sums.iter()
                .skip(left_out)
                .map(|(start, counts)| {
                    count(counts).as_object().map(|more| {
                        let mut span = json!({"start": start, "count": counts.values().sum::<i64>()});
                        span.as_object_mut().unwrap().extend(more.clone());
                        span
                    })
                })
                .collect()
        };
        let earlier = json!({"spans": left_out, "count": earlier});
        let wanted = json!({"span": name, "total": total, "spans": spans(&|_| json!({})), "earlier": earlier});
        assert_eq!(plain, wanted, "{name} {query}");

        let split = server.get(&server.admin, &format!("{HISTOGRAM}?span={name}&split_by=action&{query}")).expect(200);
        let summary = server.get(&server.admin, &format!("/api/v1/events/summary?group_by=action&{query}")).expect(200);
        assert_eq!((&split["groups"], &split["other"]), (&summary["groups"], &summary["other"]), "{name} {query}");
        let keys: Vec<Option<&str>> = split["groups"].as_array().unwrap().iter().map(|group| group["key"].as_str()).collect();
        let counts = |counts: &Counts| -> Value {
            json!({"counts": keys.iter().map(|key| counts.get(key).copied().unwrap_or(0)).collect::<Vec<i64>>()})
        };
        assert_eq!((&split["spans"], &split["earlier"]), (&spans(&counts), &earlier), "{name} {query}");
    }
}

#[test]
fn every_span_has_the_count_that_a_sum_by_hand_gives() {
    let server = Fixture::get().serve(|_| {});
    check(&server, "channel_id=all", |_| true);
    check(&server, "channel_id=2,5", |line| matches!(line.channel, 2 | 5));
    check(&server, "channel_id=all&action__not=UPDATE", |line| line.action() != Some("UPDATE"));
    check(&server, "channel_id=99", |_| false);
    let stamp = Timestamp::from_micros(Line::all()[5000].micros).unwrap().to_string();
    check(&server, &format!("channel_id=all&timestamp__gte={stamp}"), |other| other.micros >= Line::all()[5000].micros);
    server.stop();
}

#[test]
fn weeks_start_on_monday_and_months_are_those_of_the_calendar() {
    let server = TestServer::start();
    for at in ["2023-10-15T23:59:59.999999Z", "2023-10-16", "2023-10-31T23:59:59Z", "2023-11-01", "1969-12-31T23:00:00Z"] {
        server.append(&format!(r#"{{"timestamp":"{at}"}}"#));
    }
    let starts = |span: &str| -> Vec<String> {
        let answer = server.get(&server.admin, &format!("{HISTOGRAM}?span={span}")).expect(200);
        answer["spans"].as_array().unwrap().iter().map(|span| span["start"].as_str().unwrap()[..10].to_owned()).collect()
    };
    assert_eq!(starts("week"), ["1969-12-29", "2023-10-09", "2023-10-16", "2023-10-30"]);
    assert_eq!(starts("month"), ["1969-12-01", "2023-10-01", "2023-11-01"]);
    let weekdays = server.get(&server.admin, "/api/v1/events/summary?group_by=weekday").expect(200);
    assert_eq!(
        weekdays["groups"],
        json!([{"key": 1, "count": 1}, {"key": 2, "count": 1}, {"key": 3, "count": 2}, {"key": 7, "count": 1}])
    );
    server.stop();
}

#[test]
fn histograms_report_smaller_groups_and_events_without_one() {
    let server = TestServer::start();
    let lines: Vec<String> =
        (0..30).flat_map(|n| vec![format!(r#"{{"table_name":"t{n:02}","timestamp":"2024-01-01"}}"#); 30 - n]).collect();
    server.append(&format!(r#"[{},{{"user":null}},{{"timestamp":"2024-01-01"}}]"#, lines.join(",")));
    for _ in 0..2 {
        let answer = server.get(&server.admin, &format!("{HISTOGRAM}?span=day&split_by=table_name")).expect(200);
        let keys: Vec<&str> = answer["groups"].as_array().unwrap().iter().map(|group| group["key"].as_str().unwrap()).collect();
        assert_eq!((keys.len(), keys[0], keys[19]), (20, "t00", "t19"));
        assert_eq!(answer["other"], json!({"groups": 11, "count": 55 + 2}));
        let counts: Vec<i64> = (11..=30).rev().collect();
        assert_eq!(answer["spans"][0], json!({"start": "2024-01-01T00:00:00Z", "count": 466, "counts": counts}));
        let null = server.get(&server.admin, &format!("{HISTOGRAM}?span=day&split_by=action&table_name__not=t00")).expect(200);
        assert_eq!(null["spans"][0], json!({"start": "2024-01-01T00:00:00Z", "count": 436, "counts": [436]}));
        server.store.index().unwrap();
    }
    server.stop();
}
