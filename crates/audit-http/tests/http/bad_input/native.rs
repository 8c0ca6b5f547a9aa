//! Queries, paths and methods of the native API.

use super::{Bench, KNOWN, Row, about, row};
use crate::common::Ask;

const EVENTS: &str = "/api/v1/events";

#[test]
fn a_query_that_cannot_be_used_gets_400_and_names_the_parameter() {
    let bench = Bench::start();
    let mut rows: Vec<Row> = Vec::new();
    let integer = "must be an integer from -9223372036854775808 to 9223372036854775807";
    let channel = "channel_id must be a channel, comma-separated channels, or `all`";
    let limit = "limit must be an integer from 1 to 1000";
    for (query, parameter, detail) in [
        ("contenttype=5", "contenttype", "contenttype is not known here; did you mean content_type?"),
        ("timestamp__gtt=x", "timestamp__gtt", "timestamp__gtt is not known here; did you mean timestamp__gt?"),
        ("pge=2", "pge", "pge is not known here; did you mean"),
        ("Limit=5", "Limit", "Limit is not known here; did you mean limit?"),
        ("%00=1", "\\u0000", "\\u0000 is not known here"),
        ("=1", "", " is not known here"),
        ("uuid=x", "uuid", "uuid must be a UUID"),
        ("uuid=", "uuid", "uuid must be a UUID"),
        (&format!("uuid={KNOWN}&uuid={KNOWN}"), "uuid", "uuid is given more than once; several values go into uuid__in=A,B\"}"),
        ("action=A&action=B", "action", "action is given more than once; several values go into action__in=A,B\"}"),
        ("remote_addr=10.0.0.0/33", "remote_addr", "remote_addr must be an IP address, a network such as 10.0.0.0/8"),
        ("remote_addr=10.0.0.0/", "remote_addr", "remote_addr must be an IP address"),
        ("remote_addr=::1/129", "remote_addr", "remote_addr must be an IP address"),
        ("remote_addr__in=LOCAL,10.0.0.0/255.0.0.0", "remote_addr__in", "remote_addr__in must be an IP address"),
        ("remote_addr__not=10.0.0.0/x", "remote_addr__not", "remote_addr__not must be an IP address"),
        ("content_type=x", "content_type", &format!("content_type {integer}")),
        ("content_type=", "content_type", "content_type must be"),
        ("content_type=5.0", "content_type", "content_type must be"),
        ("content_type=05", "content_type", "content_type must be"),
        ("content_type=9223372036854775808", "content_type", "content_type must be"),
        ("position=1e2", "position", "position must be"),
        ("position__gt=-9223372036854775809", "position__gt", "position__gt must be"),
        ("timestamp=2023-02-30", "timestamp", "timestamp must be a date-time"),
        ("timestamp__gt=2023-10-16T09:00:00+03:00", "timestamp__gt", "timestamp__gt must be"),
        ("timestamp__lte=5", "timestamp__lte", "timestamp__lte is a number without a clear unit"),
        ("recorded_at=", "recorded_at", "recorded_at must be"),
        ("recorded_at__gte=now", "recorded_at__gte", "recorded_at__gte must be"),
        ("action__in=", "action__in", "action__in must have a value before and after each comma; an empty text is written"),
        ("url__not=a,,b", "url__not", "url__not must have a value before and after each comma"),
        ("url__in=%22a", "url__in", "url__in has a value that begins with a double quote and does not end with one"),
        ("content_type__in=1,x", "content_type__in", &format!("content_type__in {integer}")),
        ("uuid__not=x", "uuid__not", "uuid__not must be a UUID"),
        ("user__in=1&user__in=2", "user__in", "user__in is given more than once\"}"),
        (&format!("user__not={}", ["7"; 101].join(",")), "user__not", "user__not must name at most 100 values (got 101)"),
        ("position__in=1", "position__in", "position__in is not known here"),
        ("channel_id=x", "channel_id", channel),
        ("channel_id=", "channel_id", channel),
        ("channel_id=-1", "channel_id", channel),
        ("channel_id=1,,2", "channel_id", channel),
        ("channel_id=1.0", "channel_id", channel),
        ("channel_id=*", "channel_id", channel),
        ("channel_id=1,all", "channel_id", channel),
        ("channel_id=+1", "channel_id", channel),
        ("channel_id=9223372036854775808", "channel_id", channel),
        ("channel_id=%EF%BC%91", "channel_id", channel),
        ("limit=0", "limit", limit),
        ("limit=-1", "limit", limit),
        ("limit=1001", "limit", limit),
        ("limit=", "limit", limit),
        ("limit=ten", "limit", limit),
        ("limit=1e2", "limit", limit),
        ("limit=99999999999999999999", "limit", limit),
        ("count=yes", "count", "count must be true or false"),
        ("sort=uuid", "sort", "sort must be timestamp, -timestamp, position or -position"),
        ("sort=", "sort", "sort must be"),
        ("sort=timestamp,position", "sort", "sort must be"),
        ("sort=--timestamp", "sort", "sort must be"),
        ("sort=position&channel_id=1,2", "sort", "sort by position needs exactly one channel_id"),
        ("sort=-position&channel_id=all", "sort", "sort by position needs exactly one channel_id"),
        ("cursor=", "cursor", "cursor is not a cursor for this query"),
        ("cursor=x", "cursor", "cursor is not a cursor"),
        ("cursor=%25%25", "cursor", "cursor is not a cursor"),
        ("cursor=AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "cursor", "cursor is not a cursor"),
    ] {
        let ask = Ask::get(&format!("{EVENTS}?{query}")).key(&bench.admin);
        rows.push(row(ask.clone(), 400, about(parameter, detail)));
        if !["limit", "count", "sort", "cursor", "Limit", "pge"].contains(&parameter) {
            let by = Ask::get(&format!("{EVENTS}/summary?group_by=user&{query}")).key(&bench.admin);
            rows.push(row(by, 400, about(parameter, detail)));
        }
    }
    let both =
        "\"errors\":[{\"parameter\":\"limit\",\"detail\":\"limit must be an integer from 1 to 1000\"},{\"parameter\":\"uuid\"";
    rows.push(row(Ask::get(&format!("{EVENTS}?uuid=x&limit=0")).key(&bench.admin), 400, both));
    rows.push(row(Ask::get(&format!("{EVENTS}?{}", "x&".repeat(30_000))).key(&bench.admin), 400, "x is not known here"));
    for (query, parameter, detail) in [
        (
            "",
            "group_by",
            "group_by is required: one of table_name, content_type, user, action, url, remote_addr, outcome, correlation_id",
        ),
        ("?group_by=", "group_by", "group_by must be one of"),
        ("?group_by=uuid", "group_by", "group_by must be one of"),
        ("?group_by=User", "group_by", "group_by must be one of"),
        ("?group_by=user&limit=5", "limit", "limit is not known here"),
        ("?groupby=user", "groupby", "groupby is not known here; did you mean group_by?"),
    ] {
        let ask = Ask::get(&format!("{EVENTS}/summary{query}")).key(&bench.admin);
        rows.push(row(ask, 400, about(parameter, detail)));
    }
    for (query, parameter, detail) in [
        ("", "span", "span is required: one of hour, day, week, month"),
        ("?span=", "span", "span must be one of hour, day, week, month"),
        ("?span=year", "span", "span must be one of"),
        ("?span=day&split_by=url", "split_by", "split_by must be one of action, table_name"),
        ("?span=day&group_by=action", "group_by", "group_by is not known here"),
        ("?span=day&limit=5", "limit", "limit is not known here"),
    ] {
        rows.push(row(Ask::get(&format!("{EVENTS}/histogram{query}")).key(&bench.admin), 400, about(parameter, detail)));
    }
    for (path, detail) in [
        (format!("{EVENTS}/{KNOWN}?limit=1"), "limit is not known here; did you mean channel_id?"),
        (format!("{EVENTS}/{KNOWN}?channel_id=x"), channel),
        ("/api/v1/channels?x=1".to_owned(), "x is not known here; there are no parameters"),
    ] {
        rows.push(row(Ask::get(&path).key(&bench.admin), 400, detail));
    }
    rows.push(row(Ask::post(&format!("{EVENTS}?limit=1"), "{}").key(&bench.admin), 400, "limit is not known here"));
    bench.run(rows);
}

#[test]
fn a_hundred_unknown_parameters_are_enough_to_name() {
    let bench = Bench::start();
    let answer = bench.server.get(&bench.admin, &format!("{EVENTS}?{}", "x&".repeat(30_000)));
    assert_eq!(answer.expect(400)["errors"].as_array().unwrap().len(), 100);
    bench.run(Vec::new());
}

#[test]
fn a_cursor_of_another_question_is_refused() {
    let bench = Bench::start();
    let page = bench.server.get(&bench.admin, &format!("{EVENTS}?channel_id=1&sort=position&limit=1")).expect(200);
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    let no_cursor = about("cursor", "cursor is not a cursor for this query");
    let mut rows: Vec<Row> = Vec::new();
    for other in [
        "channel_id=1&sort=-position",
        "channel_id=1&sort=timestamp",
        "channel_id=2&sort=position",
        "channel_id=1&sort=position&content_type=4",
        "channel_id=1&sort=position&url=",
        "channel_id=1&sort=position&timestamp__gt=2023-01-01",
        "channel_id=1,2",
    ] {
        rows.push(row(Ask::get(&format!("{EVENTS}?{other}&cursor={cursor}")).key(&bench.admin), 400, no_cursor.clone()));
    }
    let mine = format!("{EVENTS}?channel_id=1&sort=position");
    for forged in [&cursor[1..], &cursor[..cursor.len() - 1], &format!("{cursor}A"), &format!("{cursor}="), &cursor.to_uppercase()]
    {
        rows.push(row(Ask::get(&format!("{mine}&cursor={forged}")).key(&bench.admin), 400, no_cursor.clone()));
    }
    // The page size is not part of the question; the channels are, but not the key that asks for them.
    rows.push(row(Ask::get(&format!("{mine}&limit=5&cursor={cursor}")).key(&bench.reader), 200, "\"position\":1"));
    bench.run(rows);
}

#[test]
fn odd_but_harmless_queries_are_answered() {
    let bench = Bench::start();
    let empty = r#"{"results":[],"next_cursor":null}"#;
    let mut rows: Vec<Row> = Vec::new();
    for query in [
        "url=%00",
        "url=%zz",
        "url=%",
        "url=%ff",
        "url=",
        "user=%ED%A0%80",
        "table_name=%27+OR+1%3D1+--",
        "action=%25",
        "object_id=",
        "remote_addr=a%00b",
        "position__gt=9223372036854775807",
        "position__lt=-9223372036854775808",
        "timestamp__gt=9999-12-31T23:59:59.999999Z",
        "timestamp__lt=0001-01-01",
        "channel_id=9223372036854775807",
        "channel_id=0",
        "channel_id=3,4",
        "timestamp__gt=2023-10-16T09:00:00%2B03:00&timestamp__lt=2023-10-16T09:00:00%2B03:00",
    ] {
        rows.push(row(Ask::get(&format!("{EVENTS}?{query}")).key(&bench.admin), 200, empty));
    }
    rows.push(row(Ask::get(&format!("{EVENTS}?&&url=%2Fa&")).key(&bench.admin), 200, KNOWN));
    bench.run(rows);
}

#[test]
fn unknown_paths_and_events_get_404_and_wrong_methods_405() {
    let bench = Bench::start();
    let mut rows: Vec<Row> = Vec::new();
    for id in [
        "x",
        "00000000-0000-0000-0000-000000000000",
        &KNOWN[1..],
        "%00",
        "%ff",
        "%zz",
        "%7B11111111-0000-4000-8000-000000000001%7D",
    ] {
        rows.push(row(Ask::get(&format!("{EVENTS}/{id}")).key(&bench.admin), 404, "There is no event "));
    }
    for path in [
        "/",
        "/api",
        "/api/v1",
        "/api/v1/nothing",
        "/api/v1/events/",
        "/api/v1/events/a/b",
        "//api/v1/events",
        "/API/v1/events",
        "/api/v1/tokens/",
        "/api/v1/channels/",
        "/healthz/",
        "/api/v1/../v1/events",
        "/api/v1/events%2fsummary",
        "/%zz",
        "/%ff",
    ] {
        rows.push(row(Ask::get(path).key(&bench.admin), 404, "\"code\":\"not_found\""));
    }
    let list = "is not allowed here; allowed: GET, POST, HEAD, OPTIONS.";
    for method in ["PUT", "PATCH", "DELETE", "TRACE", "FOO", "get", "PROPFIND"] {
        rows.push(row(Ask::new(method, EVENTS).key(&bench.admin), 405, list));
        rows.push(row(Ask::new(method, "/api/v1/tokens").key(&bench.admin), 405, list));
        for path in [&format!("{EVENTS}/{KNOWN}"), &format!("{EVENTS}/summary"), "/api/v1/channels"] {
            let wanted = format!("{method} is not allowed here; allowed: GET, HEAD, OPTIONS.");
            rows.push(row(Ask::new(method, path).key(&bench.admin), 405, wanted));
        }
    }
    rows.push(row(Ask::post(&format!("{EVENTS}/{KNOWN}"), "{}").key(&bench.admin), 405, "allowed: GET, HEAD, OPTIONS"));
    rows.push(row(Ask::new("CONNECT", "audit.example.com:80").key(&bench.admin), 404, "not_found"));
    rows.push(row(Ask::new("OPTIONS", "*").key(&bench.admin), 404, "not_found"));
    let answer = bench.server.ask(&Ask::new("PUT", EVENTS).key(&bench.admin));
    assert_eq!(answer.header("Allow"), Some("GET, POST, HEAD, OPTIONS"));
    bench.run(rows);
}
