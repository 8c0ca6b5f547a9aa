//! Lists and summaries of the native API, compared with a count over the fixture.

use std::collections::BTreeMap;

use audit_http::store::domain::{Role, Timestamp};
use serde_json::Value;

use super::model::{Line, NATIVE, escaped, newest_first, places, serve};
use crate::common::TestServer;

/// A filter, and what it means.
type Case = (String, Box<dyn Fn(&Line) -> bool>);

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut case = |query: &str, means: Box<dyn Fn(&Line) -> bool>| cases.push((query.to_owned(), means));
    let line = &Line::all()[1777];
    let stamp = Timestamp::from_micros(line.micros).unwrap().to_string();
    case("", Box::new(|_| true));
    case("level=30", Box::new(|line| line.level() == 30));
    case("level__gte=30", Box::new(|line| line.level() >= 30));
    case("level__gt=10&level__lt=40", Box::new(|line| (11..40).contains(&line.level())));
    case("level__lte=10&level__gte=0", Box::new(|line| line.level() <= 10));
    case("level=31", Box::new(|_| false));
    case("level__gte=51", Box::new(|_| false));
    case("logger_name=django.template", Box::new(|line| line.str("logger_name") == "django.template"));
    case("logger_name=DJANGO.template", Box::new(|_| false));
    case("app_name=django&level__gte=20", Box::new(|line| line.str("app_name") == "django" && line.level() >= 20));
    case("app_name=django&level=10", Box::new(|line| line.str("app_name") == "django" && line.level() == 10));
    case("level__in=20,40", Box::new(|line| matches!(line.level(), 20 | 40)));
    case("level__not=10,20&level__gte=10", Box::new(|line| line.level() > 20));
    case("logger_name__in=django.template,absent", Box::new(|line| line.str("logger_name") == "django.template"));
    case("logger_name__not=django.template", Box::new(|line| line.str("logger_name") != "django.template"));
    case("app_name__not=django&search=e", Box::new(|line| line.str("app_name") != "django" && line.has("e")));
    for part in ["Registry", "SELECT", "traceback (most", "\\windows\\", "\r\nRuleName: -", "\"", "no such text anywhere", "%"] {
        let owned = part.to_owned();
        case(&format!("search={}", escaped(part)), Box::new(move |line| line.has(&owned)));
    }
    case(
        "search=select&logger_name=django.db.backends&level__lte=10",
        Box::new(|line| line.has("select") && line.str("logger_name") == "django.db.backends" && line.level() <= 10),
    );
    case(&format!("created_at={stamp}"), Box::new(move |other| other.micros == line.micros));
    case(&format!("created_at__gt={stamp}"), Box::new(move |other| other.micros > line.micros));
    case(&format!("created_at__lt={stamp}&search=a"), Box::new(move |other| other.micros < line.micros && other.has("a")));
    case(
        &format!("created_at__gte={stamp}&level__gte=20"),
        Box::new(move |other| other.micros >= line.micros && other.level() >= 20),
    );
    case(&format!("created_at__lte={stamp}&position__gte=700"), Box::new(move |o| o.micros <= line.micros && o.position >= 700));
    case("position=5", Box::new(|line| line.position == 5));
    case("position__gt=10&position__lt=20&level__gte=0", Box::new(|line| (11..20).contains(&line.position)));
    cases
}

const CHANNELS: [(&str, &[i64]); 2] = [("all", &[1, 2]), ("2,9", &[2])];

#[test]
fn every_filter_finds_and_counts_what_a_look_at_each_line_does() {
    let server = serve();
    for (query, means) in cases() {
        for (channels, ids) in CHANNELS {
            let wanted = newest_first(Line::all().iter().filter(|line| ids.contains(&line.channel) && means(line)).collect());
            let target = format!("{NATIVE}?channel_id={channels}&limit=1000&count=true&{query}");
            let page = server.get(&server.admin, &target).expect(200);
            assert_eq!(page["count"], wanted.len(), "{target}");
            assert_eq!(places(&page), wanted[..wanted.len().min(1000)], "{target}");
            assert_eq!(page["next_cursor"].is_null(), wanted.len() <= 1000);
        }
    }
    server.stop();
}

fn group_key(line: &Line, by: &str) -> Value {
    let start = |span: i64| Timestamp::from_micros(line.micros - line.micros.rem_euclid(span)).unwrap().to_string();
    match by {
        "level" => line.level().into(),
        "producer_id" => 0.into(),
        "weekday" => ((line.micros.div_euclid(86_400_000_000) + 3).rem_euclid(7) + 1).into(),
        "hour" => start(3_600_000_000).into(),
        "day" => start(86_400_000_000).into(),
        name => line.str(name).into(),
    }
}

fn check_summary(server: &TestServer, query: &str, ids: &[i64], means: &dyn Fn(&Line) -> bool) {
    let matching: Vec<&Line> = Line::all().iter().filter(|line| ids.contains(&line.channel) && means(line)).collect();
    for by in ["level", "logger_name", "app_name", "producer_id", "weekday", "hour", "day"] {
        let answer = server.get(&server.admin, &format!("{NATIVE}/summary?group_by={by}&{query}")).expect(200);
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for line in &matching {
            *sums.entry(group_key(line, by).to_string()).or_default() += 1;
        }
        let groups = answer["groups"].as_array().unwrap();
        let shown: Vec<(String, i64)> =
            groups.iter().map(|group| (group["key"].to_string(), group["count"].as_i64().unwrap())).collect();
        assert_eq!((&answer["group_by"], &answer["total"]), (&by.into(), &sums.values().sum::<i64>().into()), "{by} {query}");
        assert_eq!(shown.iter().cloned().collect::<BTreeMap<_, _>>(), sums, "{by} {query}");
        assert_eq!(shown.len(), sums.len(), "no group twice");
        let in_order = matches!(by, "hour" | "day" | "weekday");
        assert!(shown.is_sorted_by(|a, b| if in_order { a.0 < b.0 } else { a.1 >= b.1 }), "{by} {query}");
    }
}

#[test]
fn every_grouping_sums_up_to_what_a_count_by_hand_gives() {
    let server = serve();
    for (query, means) in cases() {
        check_summary(&server, &format!("channel_id=all&{query}"), &[1, 2], &means);
    }
    check_summary(&server, "channel_id=2", &[2], &|_| true);
    check_summary(&server, "channel_id=9", &[], &|_| true);
    server.stop();
}

#[test]
fn a_list_and_a_summary_show_only_what_the_key_may_read() {
    let server = serve();
    let seen = |grant: &str, query: &str| {
        let key = server.token(Role::Reader, grant);
        let list = server.get(&key, &format!("{NATIVE}?count=true&limit=1{query}")).expect(200)["count"].as_u64().unwrap();
        let summary = server.get(&key, &format!("{NATIVE}/summary?group_by=level{query}")).expect(200)["total"].as_u64().unwrap();
        assert_eq!(list, summary);
        list as usize
    };
    let count = |ids: &[i64]| Line::all().iter().filter(|line| ids.contains(&line.channel)).count();
    assert_eq!(seen("2,4", ""), count(&[2]));
    assert_eq!(
        seen("2,4", "&channel_id=all&search=e"),
        Line::all().iter().filter(|line| line.channel == 2 && line.has("e")).count()
    );
    assert_eq!(seen("2,4", "&channel_id=1"), 0);
    assert_eq!(seen("*", ""), count(&[1]));
    assert_eq!(seen("1,2", ""), Line::all().len());
    for path in
        [NATIVE.to_owned(), format!("{NATIVE}/summary?group_by=level"), format!("{NATIVE}/00000000-0000-4000-8000-000000000000")]
    {
        assert_eq!(server.get(&server.token(Role::Writer, "1"), &path).status, 403, "{path}");
    }
    server.stop();
}
