//! Queries, paths and bodies of both APIs of action logs.

use super::{Bench, KNOWN, Row, about, at, row};
use crate::common::Ask;

const NATIVE: &str = "/api/v1/action-logs";
const OMS: &str = "/api/v1/oms/logs/action_log/";
const MIB: usize = 1024 * 1024;

#[test]
fn native_query_faults_get_400_with_the_parameter() {
    let bench = Bench::start();
    let mut rows: Vec<Row> = Vec::new();
    for (query, parameter, detail) in [
        ("levels=5", "levels", "levels is not known here; did you mean level?"),
        ("timestamp__gt=2023-01-01", "timestamp__gt", "timestamp__gt is not known here; did you mean "),
        ("user=7", "user", "user is not known here"),
        ("uuid=x", "uuid", "uuid must be a UUID"),
        ("level=x", "level", "level must be an integer from -9223372036854775808 to 9223372036854775807"),
        ("level=", "level", "level must be"),
        ("level=20.0", "level", "level must be"),
        ("level__gte=020", "level__gte", "level__gte must be"),
        ("level__lt=9223372036854775808", "level__lt", "level__lt must be"),
        ("created_at=2023-02-30", "created_at", "created_at must be a date-time"),
        ("created_at__gt=5", "created_at__gt", "created_at__gt is a number without a clear unit"),
        ("created_at__lte=2023-10-16T09:00:00+03:00", "created_at__lte", "created_at__lte must be"),
        ("recorded_at__gte=now", "recorded_at__gte", "recorded_at__gte must be"),
        ("position__lt=x", "position__lt", "position__lt must be"),
        ("channel_id=1,all", "channel_id", "channel_id must be a channel, comma-separated channels, or `all`"),
        ("search=a&search=b", "search", "search is given more than once"),
        ("limit=1001", "limit", "limit must be an integer from 1 to 1000"),
        ("count=yes", "count", "count must be true or false"),
        ("sort=timestamp", "sort", "sort must be created_at, -created_at, position or -position"),
        ("sort=level", "sort", "sort must be"),
        ("sort=position&channel_id=1,2", "sort", "sort by position needs exactly one channel_id"),
        ("cursor=x", "cursor", "cursor is not a cursor for this query"),
    ] {
        rows.push(row(Ask::get(&format!("{NATIVE}?{query}")).key(&bench.admin), 400, about(parameter, detail)));
        if !["limit", "count", "sort", "cursor"].contains(&parameter) {
            let by = Ask::get(&format!("{NATIVE}/summary?group_by=level&{query}")).key(&bench.admin);
            rows.push(row(by, 400, about(parameter, detail)));
        }
    }
    for (query, detail) in [
        ("", "group_by is required: one of level, logger_name, app_name, correlation_id, producer_id, hour, day, week, month"),
        (
            "?group_by=user",
            "group_by must be one of level, logger_name, app_name, correlation_id, producer_id, hour, day, week, month",
        ),
        ("?group_by=", "group_by must be one of"),
    ] {
        rows.push(row(Ask::get(&format!("{NATIVE}/summary{query}")).key(&bench.admin), 400, about("group_by", detail)));
    }
    rows.push(row(Ask::get(&format!("{NATIVE}/{KNOWN}?x=1")).key(&bench.admin), 400, "x is not known here"));
    rows.push(row(Ask::post(&format!("{NATIVE}?limit=1"), "{}").key(&bench.admin), 400, "limit is not known here"));
    bench.run(rows);
}

#[test]
fn odd_but_harmless_queries_are_answered() {
    let bench = Bench::start();
    let empty = r#"{"results":[],"next_cursor":null}"#;
    let mut rows: Vec<Row> = Vec::new();
    for query in [
        "search=%00",
        "search=%ff",
        "search=%25",
        "search=knowns",
        "logger_name=%27+OR+1%3D1+--",
        "app_name=",
        "level=-9223372036854775808",
        "level__gt=9223372036854775807",
        "level__lt=0",
        "level__gte=51",
        "position__gt=9223372036854775807&search=k",
        "created_at__gt=9999-12-31T23:59:59.999999Z",
        "channel_id=9&search=",
    ] {
        rows.push(row(Ask::get(&format!("{NATIVE}?{query}")).key(&bench.admin), 200, empty));
    }
    for query in ["search=KNOWN", "search=", "level__gt=-9223372036854775808", "level__lt=9223372036854775807", "&&level=20&"] {
        rows.push(row(Ask::get(&format!("{NATIVE}?{query}")).key(&bench.admin), 200, KNOWN));
    }
    let none = r#"{"count":0,"next":null,"previous":null,"results":[]}"#;
    for query in ["level=20.5", "level=1e400", "level__gte=21", "level__lte=-1", "search=%00", "app_name=x"] {
        rows.push(row(Ask::get(&format!("{OMS}?{query}")).key(&bench.admin), 200, none));
    }
    for query in ["level=", "search=", "level__gte=-1e400", "nothing=5", "sort=nothing", "created_at=x", "user=x"] {
        rows.push(row(Ask::get(&format!("{OMS}?{query}")).key(&bench.admin), 200, "\"count\":1"));
    }
    bench.run(rows);
}

#[test]
fn published_filter_faults_get_400_with_all_names() {
    let bench = Bench::start();
    let mut rows: Vec<Row> = Vec::new();
    let mut bad = |name: &str, value: &str, text: &str| {
        let ask = Ask::get(&format!("{OMS}?{name}={value}")).key(&bench.reader);
        rows.push(row(ask, 400, format!(r#"{{"{name}":["{text}"]}}"#)));
    };
    for name in ["level", "level__gte", "level__lte"] {
        for value in ["x", "1,5", "0x10", "NaN", "Infinity", "%00", "--1", "1e", "ERROR"] {
            bad(name, value, "Enter a number.");
        }
    }
    for name in ["created_at__gt", "created_at__gte", "created_at__lt", "created_at__lte"] {
        for value in ["x", "2023-02-30", "1697446800", "2023-10-16T09:00:00+03:00", "%00"] {
            bad(name, value, "Enter a valid date/time.");
        }
    }
    let all = r#"{"level":["Enter a number."],"created_at__lt":["Enter a valid date/time."]}"#;
    rows.push(row(Ask::get(&format!("{OMS}?created_at__lt=y&level=z&page=99")).key(&bench.reader), 400, all));
    for page in ["0", "2", "x", "99999999999999999999"] {
        rows.push(row(Ask::get(&format!("{OMS}?page={page}")).key(&bench.reader), 404, r#"{"detail":"Invalid page."}"#));
    }
    bench.run(rows);
}

#[test]
fn native_action_logs_answer_404_and_405() {
    let bench = Bench::start();
    let mut rows: Vec<Row> = Vec::new();
    for id in ["x", "1", "00000000-0000-0000-0000-000000000000", &KNOWN[1..], "%00", "%ff"] {
        rows.push(row(Ask::get(&format!("{NATIVE}/{id}")).key(&bench.admin), 404, "There is no action log "));
    }
    for method in ["PUT", "PATCH", "DELETE", "TRACE"] {
        let list = "is not allowed here; allowed: GET, POST, HEAD, OPTIONS.";
        rows.push(row(Ask::new(method, NATIVE).key(&bench.admin), 405, list));
        for path in [format!("{NATIVE}/{KNOWN}"), format!("{NATIVE}/summary")] {
            rows.push(row(Ask::new(method, &path).key(&bench.admin), 405, "is not allowed here; allowed: GET, HEAD, OPTIONS."));
        }
    }
    bench.run(rows);
}

/// Members of the wrong type, what the native API says, and what the published one says, which takes some of them.
const WRONG: &[(&str, &str, &str, Option<&str>)] = &[
    (
        "level",
        "101",
        "level must be a level: an integer from 0 to 100",
        Some("A valid level is required: an integer from 0 to 100, or a name such as info."),
    ),
    ("level", "20000", "level must be a level", Some("A valid level is required: an integer from 0 to 100")),
    ("level", "-1", "level must be a level", Some("A valid level is required: an integer from 0 to 100")),
    ("level", "9223372036854775808", "level must be a level", Some("A valid integer is required.")),
    ("level", r#""20""#, "level must be a level", None),
    ("level", "20.0", "level must be a level", None),
    ("level", "20.5", "level must be a level", Some("A valid integer is required.")),
    ("level", "true", "level must be a level", Some("A valid integer is required.")),
    ("level", "[]", "level must be a level", Some("A valid integer is required.")),
    ("level", "null", "level is required", Some("This field is required.")),
    ("message", "5", "message must be a string, got a number", None),
    ("message", "{}", "message must be a string, got an object", Some("Not a valid string.")),
    ("message", "null", "message is required", Some("This field is required.")),
    ("logger_name", "[]", "logger_name must be a string", Some("Not a valid string.")),
    ("app_name", "true", "app_name must be a string", Some("Not a valid string.")),
    ("trace", "{}", "trace must be a string", Some("Not a valid string.")),
    ("created_at", "5", "created_at is a number without a clear unit", Some("Datetime has wrong format.")),
    ("created_at", r#""2023-02-30""#, "created_at must be a date-time", Some("Datetime has wrong format.")),
    ("uuid", r#""x""#, "uuid must be a UUID", Some("Must be a valid UUID.")),
    ("channel_id", "-1", "channel_id must be a channel", Some("A valid integer is required.")),
    ("extra", "5", "extra must be an object", Some("This field must be an object")),
    ("id", "1", "id is set by the server", Some("This field is set by the server")),
    ("position", "0", "position is set by the server", Some("This field is set by the server")),
    ("recorded_at", r#""2023-10-16""#, "recorded_at is set by the server", Some("This field is set by the server")),
    ("leaf_hash", r#""00""#, "leaf_hash is set by the server", Some("This field is set by the server")),
    ("producer_id", "1", "producer_id is set by the server", Some("This field is set by the server")),
];

#[test]
fn a_faulty_body_gets_400_at_both_apis_and_the_field_is_named() {
    let bench = Bench::start();
    let mut rows: Vec<Row> = Vec::new();
    let good = r#"{"level":1,"message":"m"}"#;
    let native = |body: &str| Ask::post(NATIVE, body).key(&bench.writer);
    let oms = |body: &str| Ask::post(OMS, body).key(&bench.writer);
    for (member, value, why, published) in WRONG {
        let required = [("level", "1"), ("message", "\"m\"")].into_iter().filter(|(name, _)| name != member);
        let members = required.chain([(*member, *value)]).map(|(name, value)| format!("\"{name}\":{value}"));
        let log = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        rows.push(row(native(&log), 400, at(&format!("/{member}"), why)));
        rows.push(row(native(&format!("[{good},{log}]")), 400, at(&format!("/1/{member}"), why)));
        let lines = Ask::post_lines(NATIVE, format!("{good}\n{log}\n")).key(&bench.writer);
        rows.push(row(lines, 400, at(&format!("/1/{member}"), why)));
        if let Some(text) = published {
            rows.push(row(oms(&log), 400, format!(r#"{{"{member}":["{text}"#)));
        }
    }
    let both = r#"{"level":["This field is required."],"message":["This field is required."]}"#;
    for body in ["{}", ""] {
        rows.push(row(oms(body), 400, both));
    }
    rows.push(row(oms(" "), 400, r#"{"detail":"JSON parse error - Expecting value: line 1 column 2 (char 1)"}"#));
    rows.push(row(native("{}"), 400, at("", "is an empty object; an action log needs level and message")));
    rows.push(row(native(r#"{"trace":"t"}"#), 400, at("/level", "level is required")));
    rows.push(row(native(r#"{"level":1,"level":2,"message":"m"}"#), 400, at("/level", "level is given more than once")));
    rows.push(row(native(r#"{"level":1,"message":"m","extra":{},"x":1}"#), 400, at("/x", "x is not known, and `extra`")));
    for (body, why) in [("{", "EOF while parsing"), ("[]", "Expected a dictionary, but got list."), ("5", "Expected a dictionary")]
    {
        rows.push(row(oms(body), 400, why));
    }
    let deep = format!(r#"{{"level":1,"message":"m","x":{}{}}}"#, "[".repeat(500), "]".repeat(500));
    rows.push(row(native(&deep), 400, "levels"));
    rows.push(row(oms(&deep), 400, "levels"));
    bench.run(rows);
}

#[test]
fn faulty_forms_are_refused_and_large_ones_get_413() {
    let bench = Bench::start();
    let form = |body: &str| {
        Ask::new("POST", OMS).header("Content-Type", "application/x-www-form-urlencoded").body(body).key(&bench.writer)
    };
    let mut rows: Vec<Row> = Vec::new();
    let level = r#"{"level":["A valid level is required: an integer from 0 to 100, or a name such as info."]}"#;
    for (body, wanted) in [
        ("", r#"{"level":["This field is required."],"message":["This field is required."]}"#),
        ("%zz=%25ff&&=", r#"{"level":["This field is required."],"message":["This field is required."]}"#),
        ("%zz=%ff&&=", r#"{"detail":"The request body is not UTF-8: it has bytes that are no character there."}"#),
        ("levelno=20", r#"{"message":["This field is required."]}"#),
        ("levelno=None&msg=m", r#"{"level":["This field is required."]}"#),
        ("levelno=101&msg=m", level),
        ("levelno=-5&msg=m", level),
        ("levelno=LOUD&msg=m", r#"{"level":["A valid integer is required."]}"#),
        ("levelno=&msg=m", r#"{"level":["A valid integer is required."]}"#),
        ("levelno=20&msg=m&uuid=x", r#"{"uuid":["Must be a valid UUID."]}"#),
        ("levelno=20&msg=m&channel_id=x", r#"{"channel_id":["A valid integer is required."]}"#),
    ] {
        rows.push(row(form(body), 400, wanted));
    }
    for created in ["x", "1e400", "-1", "inf", "nan", "99999999999999999999", "1.", "2023-02-30"] {
        rows.push(row(form(&format!("levelno=20&msg=m&created={created}")), 400, "{\"created_at\":[\"Datetime has wrong format."));
    }
    rows.push(row(form(&"a&".repeat(1_000)), 413, r#"{"detail":"The form has more than 1000 fields."}"#));
    rows.push(row(form(&"a&".repeat(MIB / 2 - 1)), 413, "more than 1000 fields"));
    rows.push(row(form(&format!("msg={}", "x".repeat(MIB))), 413, "more than 1048576 bytes"));
    // A record of Python's is cut, but not read at any size.
    rows.push(row(form(&format!("levelno=20&name=n&msg={}", "x".repeat(8 * MIB))), 413, "more than 8388608 bytes"));
    let names: String = (0..400).map(|n| format!("&{}{n}=1", "n".repeat(3_000))).collect();
    rows.push(row(form(&format!("levelno=20&name=n&msg=m{names}")), 413, "The record has 1"));
    // Six bytes in JSON for one in the form.
    rows.push(row(form(&format!("levelno=20&msg={}", "\u{1}".repeat(MIB / 4))), 413, "The record has 1572"));
    for media in ["multipart/form-data", "text/plain", "application/x-ndjson", ""] {
        let ask = Ask::new("POST", OMS).header("Content-Type", media).body("level=1&message=m").key(&bench.writer);
        rows.push(row(ask, 415, "Unsupported media type"));
    }
    rows.push(row(form("levelno=20&msg=\u{e9}").body(b"levelno=20&msg=\xff".to_vec()), 400, "not UTF-8"));
    bench.run(rows);
}

/// Templates that would take hours, or gigabytes, if they were followed: they stand for themselves, and nothing is lost.
#[test]
fn a_message_that_grows_too_much_is_stored_unformatted() {
    let bench = Bench::start();
    let long = "x".repeat(300_000);
    let keys: String = (0..30_000).map(|n| format!("'k{n}':1,")).collect();
    for (template, args) in [
        ("%25(a)s".repeat(60_000), format!("{{'a': '{long}'}}")),
        ("%25(a).1s".repeat(60_000), format!("{{'a': '{long}'}}")),
        ("%25(k29999)s".repeat(50_000), format!("{{{keys}}}")),
        ("%251000s".repeat(60_000), format!("({})", "1,".repeat(60_000))),
        ("%25s".to_owned(), "(".repeat(500_000)),
        ("%25s".to_owned(), "{1:".repeat(300_000)),
        ("%25999999999999999999999s".to_owned(), "(1,)".to_owned()),
        ("%25(".repeat(100_000), "{'a':1}".to_owned()),
        ("%25d".to_owned(), format!("({},)", "9".repeat(500_000))),
        ("%25f".to_owned(), format!("({}.5,)", "9".repeat(500_000))),
    ] {
        let body = format!("levelno=20&msg={template}&args={args}");
        let ask = Ask::new("POST", OMS).header("Content-Type", "application/x-www-form-urlencoded").body(body);
        let answer = bench.server.ask(&ask.key(&bench.writer));
        assert!(matches!(answer.status, 201 | 413), "{} {:.100}", answer.status, answer.text());
        if answer.status == 201 {
            let made = answer.json();
            let log =
                bench.server.get(&bench.admin, &format!("{NATIVE}?position={}", made["id"].as_i64().unwrap() - 1)).expect(200);
            assert_eq!(log["results"][0]["extra"]["args"].as_str(), Some(args.as_str()));
        }
    }
    bench.run(Vec::new());
}
