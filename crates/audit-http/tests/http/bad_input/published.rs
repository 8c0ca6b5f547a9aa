//! Queries, paths and methods of the two published APIs.

use super::{Bench, KNOWN, Row, row};
use crate::common::{Ask, TestServer, uuids_of};

const OMS: &str = "/api/v1/oms/settings/audit_events/";
const WAREHOUSE: &str = "/api/v1/remote/1/data-warehouse/audit-events/";
const OTHER_WAREHOUSE: &str = "/api/v1/data-warehouse/audit-events/";
const INVALID_PAGE: &str = r#"{"detail":"Invalid page."}"#;
const NOT_FOUND: &str = r#"{"detail":"Not found."}"#;

#[test]
fn bad_filters_get_400_and_all_of_them_are_named() {
    let bench = Bench::start();
    let (number, instant) = ("Enter a number.", "Enter a valid date/time.");
    let mut rows: Vec<Row> = Vec::new();
    for path in [OMS, WAREHOUSE, OTHER_WAREHOUSE] {
        let mut bad = |name: &str, value: &str, text: &str| {
            let ask = Ask::get(&format!("{path}?{name}={value}")).key(&bench.reader);
            rows.push(row(ask, 400, format!(r#"{{"{name}":["{text}"]}}"#)));
        };
        for name in ["content_type", "object_id", "user"] {
            for value in ["x", "1a", "1,5", "0x10", "NaN", "Infinity", "1+2", "%00", "%ff", "--1", "1e", "%EF%BC%91x"] {
                bad(name, value, number);
            }
        }
        for name in ["timestamp", "timestamp__gt", "timestamp__gte", "timestamp__lt", "timestamp__lte"] {
            for value in [
                "x",
                "2023-02-30",
                "2023-02-29",
                "2023-13-01",
                "2023-10-16T24:00",
                "2023-10-16T09:00:60Z",
                "0000-01-01",
                "10000-01-01",
                "2023-10-16T09:00:00+03:00",
                "2023-10-16T09:00z",
                "1697446800",
                "%00",
            ] {
                bad(name, value, instant);
            }
        }
        for value in
            ["x", &KNOWN[1..], "%7B11111111-0000-4000-8000-000000000001%7D", "urn:uuid:11111111-0000-4000-8000-000000000001", "%00"]
        {
            bad("uuid", value, "Enter a valid UUID.");
        }
        let all =
            r#"{"content_type":["Enter a number."],"uuid":["Enter a valid UUID."],"timestamp__gt":["Enter a valid date/time."]}"#;
        let query = "uuid=x&timestamp__gt=y&content_type=z&page=999";
        rows.push(row(Ask::get(&format!("{path}?{query}")).key(&bench.reader), 400, all));
    }
    for name in ["start_date", "end_date"] {
        let ask = Ask::get(&format!("{OMS}?{name}=2023-02-30")).key(&bench.reader);
        rows.push(row(ask, 400, format!(r#"{{"{name}":["{instant}"]}}"#)));
    }
    bench.run(rows);
}

#[test]
fn numbers_that_nobody_uses_give_an_empty_list() {
    let bench = Bench::start();
    let empty = r#"{"count":0,"next":null,"previous":null,"results":[]}"#;
    let mut rows: Vec<Row> = Vec::new();
    for path in [OMS, WAREHOUSE, OTHER_WAREHOUSE] {
        for query in [
            "content_type=99999",
            "object_id=9223372036854775808",
            "object_id=-99999999999999999999",
            "user=1e400",
            "content_type=4.5",
            "object_id=1e-1",
            "url=%00",
            "url=%ff",
            "url=%ED%A0%80",
            "uuid=00000000-0000-0000-0000-000000000000",
            "timestamp=9999-12-31",
            "timestamp__gt=2024-01-01&timestamp__lt=2023-01-01",
            "content_type=00000000000000000000000000000000000006",
        ] {
            rows.push(row(Ask::get(&format!("{path}?{query}")).key(&bench.reader), 200, empty));
        }
    }
    for channel in ["3", "0", "9223372036854775807", "9223372036854775808", "99999999999999999999999999"] {
        let path = format!("/api/v1/remote/{channel}/data-warehouse/audit-events/");
        rows.push(row(Ask::get(&path).key(&bench.admin), 200, empty));
        rows.push(row(Ask::get(&format!("{path}?page=2")).key(&bench.admin), 404, INVALID_PAGE));
        rows.push(row(Ask::get(&format!("{path}?user=x")).key(&bench.admin), 400, r#"{"user":["Enter a number."]}"#));
        rows.push(row(Ask::get(&format!("{path}{KNOWN}/")).key(&bench.admin), 404, NOT_FOUND));
        rows.push(row(Ask::post(&path, "{").key(&bench.writer), 400, "JSON parse error"));
        rows.push(row(Ask::post(&path, r#"{"action":"A"}"#).key(&bench.writer), 404, NOT_FOUND));
    }
    rows.push(row(
        Ask::post("/api/v1/remote/9223372036854775808/data-warehouse/audit-events/", r#"{"action":"A"}"#).key(&bench.admin),
        404,
        NOT_FOUND,
    ));
    bench.run(rows);
}

#[test]
fn pages_and_limits_have_edges() {
    let server = TestServer::with(|config| {
        config.api.page_size_default = 3;
        config.api.page_size_max = 5;
    });
    let events: Vec<String> = (0..7).map(|n| format!(r#"{{"timestamp":"2023-10-16T09:00:0{n}Z","object_id":{n}}}"#)).collect();
    server.append_all(&events);
    for path in [OMS, WAREHOUSE] {
        let shown = |query: &str| -> Vec<i64> {
            let page = server.get(&server.admin, &format!("{path}?{query}")).expect(200);
            assert_eq!(page["count"], 7);
            page["results"].as_array().unwrap().iter().map(|event| event["object_id"].as_i64().unwrap()).collect()
        };
        for (query, wanted) in [
            ("", &[6, 5, 4][..]),
            ("limit=2", &[6, 5]),
            ("limit=5", &[6, 5, 4, 3, 2]),
            ("limit=6", &[6, 5, 4, 3, 2]),
            ("limit=99999999999999999999", &[6, 5, 4, 3, 2]),
            ("limit=0", &[6, 5, 4]),
            ("limit=-1", &[6, 5, 4]),
            ("limit=x", &[6, 5, 4]),
            ("limit=2.0", &[6, 5, 4]),
            ("limit=", &[6, 5, 4]),
            ("limit=+2", &[6, 5]),
            ("limit=2&limit=1", &[6]),
            ("page=3", &[0]),
            ("page=last", &[0]),
            ("page=", &[6, 5, 4]),
            ("page=03", &[0]),
            ("limit=4&page=2", &[2, 1, 0]),
            ("limit=4&page=last", &[2, 1, 0]),
        ] {
            assert_eq!(shown(query), wanted, "{path}?{query}");
        }
        for page in [
            "0",
            "-1",
            "4",
            "x",
            "1.0",
            "1e0",
            "Last",
            "99999999999999999999",
            "9223372036854775807",
            "-9223372036854775808",
            "%00",
        ] {
            let answer = server.get(&server.admin, &format!("{path}?page={page}"));
            assert_eq!((answer.status, answer.text().as_str()), (404, INVALID_PAGE), "{page}");
        }
    }
    let empty = server.get(&server.admin, "/api/v1/remote/9/data-warehouse/audit-events/?page=last").expect(200);
    assert!(uuids_of(&empty).is_empty());
    server.stop();
}

#[test]
fn unknown_paths_formats_and_methods_are_refused_as_django_does() {
    let bench = Bench::start();
    let mut rows: Vec<Row> = Vec::new();
    for path in [
        "/api/v1/oms/",
        "/api/v1/oms/settings/audit_events/x/",
        "/api/v1/oms/nothing/",
        "/api/v1/remote/x/data-warehouse/audit-events/",
        "/api/v1/remote/-1/data-warehouse/audit-events/",
        "/api/v1/remote//data-warehouse/audit-events/",
        "/api/v1/data-warehouse/",
        "/api/v1/remote/1/data-warehouse/audit-events/a/b/",
        "/api/v1/remote/%EF%BC%91/data-warehouse/audit-events/",
        "/api/v1/remote/1%2f2/data-warehouse/audit-events/",
        "/api/v1/data-warehouse/audit-events//",
    ] {
        rows.push(row(Ask::get(path).key(&bench.admin), 404, NOT_FOUND));
    }
    for path in [WAREHOUSE, OTHER_WAREHOUSE] {
        for id in ["x", "00000000-0000-0000-0000-000000000000", &KNOWN[1..], "%00", "%ff", "%zz", "%20", "..%2f"] {
            rows.push(row(Ask::get(&format!("{path}{id}/")).key(&bench.reader), 404, NOT_FOUND));
        }
    }
    for path in [OMS.to_owned(), WAREHOUSE.to_owned(), format!("{WAREHOUSE}{KNOWN}/")] {
        for method in ["PUT", "PATCH", "DELETE", "TRACE", "FOO", "get"] {
            let wanted = format!(r#"{{"detail":"Method \"{method}\" not allowed."}}"#);
            rows.push(row(Ask::new(method, &path).key(&bench.admin), 405, wanted));
        }
        for format in ["xml", "JSON", "api", "json%00", "json,xml"] {
            rows.push(row(Ask::get(&format!("{path}?format={format}")).key(&bench.reader), 404, NOT_FOUND));
        }
        for accept in ["text/html", "application/xml, text/plain", "application/jsonx"] {
            let wanted = r#"{"detail":"Could not satisfy the request Accept header."}"#;
            rows.push(row(Ask::get(&path).header("Accept", accept).key(&bench.reader), 406, wanted));
        }
    }
    bench.run(rows);
}

#[test]
fn a_faulty_body_of_a_get_is_named_where_the_body_is_read() {
    let bench = Bench::start();
    let send = |media: &str, body: &str| Ask::get(OMS).header("Content-Type", media).body(body).key(&bench.reader);
    let (json, form) = ("application/json", "application/x-www-form-urlencoded");
    let instant = r#"{"end_date":["Enter a valid date/time."]}"#;
    let mut rows = vec![
        row(send(json, "{"), 400, "JSON parse error - "),
        row(send(json, r#"{"end_date":5}"#), 400, instant),
        row(send(json, r#"{"end_date":"2023-02-30"}"#), 400, instant),
        row(send(json, r#"{"end_date":"\ud800"}"#), 400, instant),
        row(send(json, r#"{"end_date":{}}"#), 400, instant),
        row(send(json, "[]"), 400, "Expected a dictionary, but got list."),
        row(send(form, "end_date=2023-02-30"), 400, instant),
        row(send(form, "end_date=%00"), 400, instant),
    ];
    for (media, body) in [
        (json, ""),
        (json, " \n"),
        (json, "{}"),
        (json, r#"{"end_date":null}"#),
        (json, r#"{"end_date":""}"#),
        (form, ""),
        (form, "end_date="),
        (form, "end_date=2024-01-01"),
        ("text/plain", "end_date=x"),
        ("application/xml", "<a/>"),
        (form, "%zz=%ff&&="),
    ] {
        rows.push(row(send(media, body), 200, "\"count\":2"));
    }
    bench.run(rows);
}
