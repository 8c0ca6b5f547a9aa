//! Bodies of new events at all three APIs.

use super::{Bench, KNOWN, Row, at, row};
use crate::common::Ask;

const EVENTS: &str = "/api/v1/events";
const OMS: &str = "/api/v1/oms/settings/audit_events/";
const WAREHOUSE: &str = "/api/v1/data-warehouse/audit-events/";

/// What is no JSON, and where serde_json says it stops being it.
const NO_JSON: &[(&str, &str)] = &[
    ("{", "EOF while parsing an object: line 1 column 1 (char 0)"),
    (r#"{"a":1,}"#, "key must be a string: line 1 column 8 (char 7)"),
    ("{\"a\":1,\n x}", "key must be a string: line 2 column 2 (char 9)"),
    ("{'a':1}", "key must be a string"),
    (r#"{"a":NaN}"#, "expected value"),
    (r#"{"a":01}"#, "invalid number"),
    (r#"{"a":.5}"#, "expected value"),
    (r#"{"a":"#, "EOF while parsing"),
    ("{\"a\":\"\n\"}", "control character"),
    (r#"{"a":"\x"}"#, "invalid escape"),
    (r#"{"a":"\u12"}"#, "invalid escape"),
    (r#"{"a":1} x"#, "trailing characters"),
    (r#"{"a":1}{"a":2}"#, "trailing characters"),
    ("\u{feff}\u{feff}{}", "starts with a byte order mark (U+FEFF): send UTF-8 without it"),
    ("nul", "EOF while parsing a value"),
    ("\u{a0}{}", "expected value"),
];

/// Members of the wrong type, and what the native API says.
fn wrong_types() -> Vec<(&'static str, Vec<&'static str>, &'static str)> {
    vec![
        ("uuid", vec!["5", r#""x""#, r#""{11111111-0000-4000-8000-000000000001}""#, "{}"], "uuid must be a UUID such as"),
        ("uuid", vec![r#""urn:uuid:11111111-0000-4000-8000-000000000001""#], "uuid must be a UUID"),
        ("channel_id", vec![r#""1""#, "-1", "1.0", "1e0", "true", "9223372036854775808"], "channel_id must be a channel"),
        ("timestamp", vec!["{}", r#""""#, r#""yesterday""#, r#""2023-10-16T9""#], "timestamp must be a date-time such as"),
        ("timestamp", vec!["5", "-1697446800", "16974468001"], "timestamp is a number without a clear unit"),
        (
            "timestamp",
            vec![r#""2023-02-29""#, r#""2023-02-30T00:00:00Z""#, r#""2023-13-01""#, r#""2023-10-00""#],
            "timestamp must be",
        ),
        (
            "timestamp",
            vec![r#""0000-01-01""#, r#""10000-01-01""#, r#""2023-10-16T24:00:00Z""#, r#""2023-10-16T09:60""#],
            "timestamp must be",
        ),
        (
            "timestamp",
            vec![r#""2023-10-16T09:00:60Z""#, r#""2023-10-16T09:00Zz""#, r#""2023-10-16T09:00:00 03:00""#],
            "timestamp must be",
        ),
        ("action", vec!["5", "[]", "true"], "action must be a string, got "),
        ("content_type", vec![r#""5""#, "5.0", "5e0", "[]", "true"], "content_type must be an integer from -9223372036854775808"),
        ("content_type", vec!["9223372036854775808", "-9223372036854775809", "1e400"], "content_type must be an integer from"),
        ("table_name", vec!["5", "{}"], "table_name must be a string"),
        ("object_id", vec!["5.5", "5.0", "1e3", "true", "{}", "[1]"], "object_id must be an integer or a string"),
        ("user", vec!["1.5", "true", "[1]"], "user must be an object, an integer or a string"),
        ("remote_addr", vec!["5", "{}"], "remote_addr must be a string"),
        ("url", vec!["5", "[]"], "url must be a string"),
        ("description", vec!["5", "false"], "description must be a string"),
        ("extra", vec!["5", "[]", r#""x""#], "extra must be an object"),
        ("position", vec!["0"], "position is set by the server and cannot be given"),
        ("recorded_at", vec![r#""2023-10-16""#], "recorded_at is set by the server"),
        ("leaf_hash", vec![r#""00""#], "leaf_hash is set by the server"),
        ("producer_id", vec!["1"], "producer_id is set by the server"),
    ]
}

#[test]
fn a_faulty_body_of_the_native_api_gets_400_and_pointers() {
    let bench = Bench::start();
    let post = |body: &str| Ask::post(EVENTS, body).key(&bench.writer);
    let mut rows: Vec<Row> = Vec::new();
    for (text, why) in NO_JSON {
        rows.push(row(post(text), 400, at("", why)));
        if !text.contains('\n') {
            let lines = Ask::post_lines(EVENTS, format!("{{\"user\":1}}\n{text}\n{{\"user\":1}}")).key(&bench.writer);
            rows.push(row(lines, 400, at("/1", why)));
        }
    }
    for (member, values, why) in wrong_types() {
        for value in values {
            let event = format!(r#"{{"{member}":{value}}}"#);
            rows.push(row(post(&event), 400, at(&format!("/{member}"), why)));
            rows.push(row(post(&format!("[{{\"user\":1}},{event}]")), 400, at(&format!("/1/{member}"), why)));
            let lines = Ask::post_lines(EVENTS, format!("{{\"user\":1}}\r\n\r\n{event}\n{{\"user\":1}}\n")).key(&bench.writer);
            rows.push(row(lines, 400, at(&format!("/1/{member}"), why)));
        }
    }
    let long = "é".repeat(101);
    rows.push(row(
        post(&format!(r#"{{"action":"{long}"}}"#)),
        400,
        at("/action", "action must have at most 100 characters, has 101"),
    ));
    rows.push(row(post(r#"{"url":"a","url":"a"}"#), 400, at("/url", "url is given more than once")));
    rows.push(row(post(r#"{"url":"a","\u0075rl":"a"}"#), 400, at("/url", "url is given more than once")));
    rows.push(row(post(r#"{"extra":{},"a/b~c":1}"#), 400, at("/a~1b~0c", "a/b~c is not known, and `extra` is given as well")));
    rows.push(row(post(""), 400, at("", "EOF while parsing a value")));
    rows.push(row(post("5"), 400, at("", "expected a JSON object, got a number")));
    rows.push(row(post("null"), 400, at("", "expected a JSON object, got null")));
    rows.push(row(post("[{}"), 400, at("", "EOF while parsing a list")));
    rows.push(row(post("[{}] x"), 400, at("", "trailing characters")));
    rows.push(row(post("[[]]"), 400, at("/0", "expected a JSON object, got an array")));
    rows.push(row(Ask::post_lines(EVENTS, "{\"user\":1}\n\u{a0}\n").key(&bench.writer), 400, at("/1", "expected value")));
    rows.push(row(Ask::post_lines(EVENTS, "[{}]").key(&bench.writer), 400, at("/0", "expected a JSON object, got an array")));
    bench.run(rows);
}

#[test]
fn all_faults_are_named_at_once_up_to_a_hundred() {
    let bench = Bench::start();
    let answer = bench.server.post(&bench.writer, EVENTS, r#"[{"uuid":1,"url":2},{"user":1},{"position":3,"timestamp":"x"}]"#);
    let pointers = |answer: &serde_json::Value| -> Vec<String> {
        answer["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    };
    let problem = answer.expect(400);
    assert_eq!(pointers(&problem), ["/0/uuid", "/0/url", "/2/position", "/2/timestamp"]);
    assert_eq!((&problem["code"], &problem["title"]), (&"invalid_body".into(), &"Bad Request".into()));
    let many = vec![r#"{"url":1}"#; 1000].join("\n");
    let answer = bench.server.ask(&Ask::post_lines(EVENTS, many).key(&bench.writer));
    assert_eq!(pointers(&answer.expect(400)).len(), 100);
    bench.run(Vec::new());
}

#[test]
fn a_conflict_or_a_foreign_channel_stores_nothing_of_a_request() {
    let bench = Bench::start();
    let other = format!(r#"{{"uuid":"{KNOWN}","url":"/b"}}"#);
    let post = |body: String| Ask::post(EVENTS, body).key(&bench.writer);
    let taken = at("/1/uuid", &format!("{KNOWN} belongs to another event in the log"));
    let twice =
        r#"[{"uuid":"22222222-0000-4000-8000-000000000001","url":"a"},{"uuid":"22222222000040008000000000000001","url":"b"}]"#;
    let rows = vec![
        row(post(other.clone()), 409, "\"code\":\"conflict\""),
        row(post(format!(r#"[{{"user":1}},{other},{{"user":2}}]"#)), 409, taken.clone()),
        row(Ask::post_lines(EVENTS, format!("{{\"user\":1}}\n{other}")).key(&bench.writer), 409, taken),
        row(
            post(twice.to_owned()),
            409,
            at("/1/uuid", "22222222-0000-4000-8000-000000000001 belongs to another event earlier in this request"),
        ),
        row(post(r#"[{"action":"A"},{"channel_id":3}]"#.to_owned()), 404, at("/1/channel_id", "This token has no such channel.")),
        row(
            Ask::post(OMS, other.clone()).key(&bench.writer),
            409,
            r#"{"uuid":["A record with this uuid already exists, and it is another one."]}"#,
        ),
        row(Ask::post(WAREHOUSE, other).key(&bench.writer), 409, "already exists"),
        row(
            Ask::post("/api/v1/remote/3/data-warehouse/audit-events/", r#"{"action":"A"}"#).key(&bench.writer),
            404,
            r#"{"detail":"Not found."}"#,
        ),
        row(Ask::post(OMS, r#"{"channel_id":3}"#).key(&bench.writer), 404, r#"{"detail":"Not found."}"#),
    ];
    bench.run(rows);
}

#[test]
fn faulty_published_bodies_get_400_with_the_text_of_drf() {
    let bench = Bench::start();
    let mut rows: Vec<Row> = Vec::new();
    let integer = "A valid integer is required.";
    for path in [OMS, WAREHOUSE, "/api/v1/remote/2/data-warehouse/audit-events/"] {
        let post = |body: &str| Ask::post(path, body).key(&bench.writer);
        for (text, why) in NO_JSON {
            let why = format!("JSON parse error - {}", why.split(": line").next().unwrap());
            rows.push(row(post(text), 400, why));
        }
        // What a client sends when something went wrong in it. An event of nothing would hide that.
        for (blank, place) in
            [(" ", "line 1 column 2 (char 1)"), ("\n", "line 2 column 1 (char 1)"), (" \r\n\t ", "line 2 column 3 (char 5)")]
        {
            let text = format!(r#"{{"detail":"JSON parse error - Expecting value: {place}"}}"#);
            rows.push(row(post(blank), 400, text.clone()));
            rows.push(row(post(blank).chunked(), 400, text));
        }
        for nothing in ["", "{}", " { } ", "null"] {
            let text = r#"{"non_field_errors":["No data provided"]}"#;
            rows.push(row(post(nothing), 400, text));
            rows.push(row(post(nothing).chunked(), 400, text));
        }
        for (text, got) in [("[1]", "list"), (r#""x""#, "str"), ("true", "bool")] {
            let text_of = format!(r#"{{"non_field_errors":["Invalid data. Expected a dictionary, but got {got}."]}}"#);
            rows.push(row(post(text), 400, text_of));
        }
        for (member, value, why) in [
            ("content_type", r#""x""#, integer),
            ("content_type", "1.5", integer),
            ("content_type", "true", integer),
            ("content_type", "[]", integer),
            ("content_type", "9223372036854775808", integer),
            ("content_type", "1e400", integer),
            ("content_type", r#""1e2""#, integer),
            ("content_type", r#""""#, integer),
            ("object_id", r#""abc""#, integer),
            ("object_id", "{}", integer),
            ("object_id", "-9223372036854775809", integer),
            ("user", r#""abc""#, integer),
            ("user", "[1]", integer),
            ("user", "1.5", integer),
            ("channel_id", "-1", integer),
            ("channel_id", r#""x""#, integer),
            ("uuid", "5", "Must be a valid UUID."),
            ("uuid", r#""x""#, "Must be a valid UUID."),
            ("url", "{}", "Not a valid string."),
            ("url", "true", "Not a valid string."),
            ("remote_addr", "[]", "Not a valid string."),
            ("description", "{}", "Not a valid string."),
            ("table_name", "false", "Not a valid string."),
            ("action", "[]", "Not a valid string."),
        ] {
            rows.push(row(post(&format!(r#"{{"{member}":{value}}}"#)), 400, format!(r#"{{"{member}":["{why}"]}}"#)));
        }
        let format =
            "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].";
        for stamp in ["5", r#""2023-02-30""#, r#""x""#, "{}"] {
            rows.push(row(post(&format!(r#"{{"timestamp":{stamp}}}"#)), 400, format!(r#"{{"timestamp":["{format}"]}}"#)));
        }
        let long = format!(r#"{{"action":"{}"}}"#, "x".repeat(101));
        rows.push(row(post(&long), 400, r#"{"action":["Ensure this field has no more than 100 characters."]}"#));
        for member in ["position", "recorded_at", "leaf_hash", "producer_id"] {
            let why = format!(r#"{{"{member}":["This field is set by the server and cannot be given."]}}"#);
            rows.push(row(post(&format!(r#"{{"{member}":1}}"#)), 400, why));
        }
        let both = r#"{"uuid":["Must be a valid UUID."],"url":["Not a valid string."]}"#;
        rows.push(row(post(r#"{"uuid":"x","url":[]}"#), 400, both));
        let last = r#"{"content_type":1,"content_type":"x"}"#;
        rows.push(row(post(last), 400, format!(r#"{{"content_type":["{integer}"]}}"#)));
        rows.push(row(post("{\"a\":\"\u{0}\"}"), 400, "JSON parse error - "));
        rows.push(row(
            Ask::post(path, b"{\"a\":\"\xff\"}".to_vec()).key(&bench.writer),
            400,
            "JSON parse error - 'utf-8' codec can't decode byte 0xff in position 6",
        ));
    }
    rows.push(row(Ask::post(OMS, r#"{"user":{"pk":1}}"#).key(&bench.writer), 400, format!(r#"{{"user":["{integer}"]}}"#)));
    bench.run(rows);
}
