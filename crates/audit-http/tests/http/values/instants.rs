//! Date-times with an offset of whole hours, and days as bounds.

use audit_http::store::domain::Timestamp;
use serde_json::{Value, json};

use super::{ACTION_LOGS, CREATES, EVENTS, INVENTORY, INVENTORY_LOG, OMS, OMS_LOGS, WAREHOUSE};
use crate::common::TestServer;

#[test]
fn postgresqls_text_form_is_taken_by_every_api() {
    let server = TestServer::start();
    for (path, members, name) in CREATES {
        for text in ["2023-10-16 09:00:00.929094+00", "2023-10-16 12:00:00.929094+03", "2023-10-16T05:00:00.929094-04"] {
            let made = server.post(&server.admin, path, format!(r#"{{{members},"{name}":"{text}"}}"#));
            assert_eq!(made.status, 201, "{path} {text}: {}", made.text());
        }
    }
    let at = json!("2023-10-16T09:00:00.929094Z");
    for (path, name) in [(EVENTS, "timestamp"), (ACTION_LOGS, "created_at")] {
        let page = server.get(&server.admin, path).expect(200);
        let instants: Vec<_> = page["results"].as_array().unwrap().iter().map(|record| record[name].clone()).collect();
        assert_eq!(instants, vec![at.clone(); if path == EVENTS { 12 } else { 6 }]);
    }
    server.stop();
}

#[test]
fn an_offset_of_hours_bounds_every_list() {
    let server = TestServer::start();
    server.append(r#"{"timestamp":"2023-10-16T09:00:00Z","action":"READ"}"#);
    server.post(&server.admin, ACTION_LOGS, r#"{"created_at":"2023-10-16T09:00:00Z","level":20,"message":"m"}"#).expect(201);
    for (path, lower, upper) in [
        (EVENTS, "timestamp__gte", "timestamp__lte"),
        (ACTION_LOGS, "created_at__gte", "created_at__lte"),
        (OMS, "timestamp__gte", "timestamp__lte"),
        (OMS, "start_date", "end_date"),
        (WAREHOUSE, "timestamp__gte", "timestamp__lte"),
        (OMS_LOGS, "created_at__gte", "created_at__lte"),
        (INVENTORY, "start_date", "end_date"),
    ] {
        let found = |query: String| {
            let page = server.get(&server.admin, &format!("{path}?{query}")).expect(200);
            page.get("results").or(page.get("logs")).unwrap().as_array().unwrap().len()
        };
        assert_eq!(found(format!("{lower}=2023-10-16T12:00:00%2B03&{upper}=2023-10-16+05:00:00.0-04")), 1, "{path}");
        assert_eq!(found(format!("{lower}=2023-10-16T09:00:00-01")), 0, "{path} {lower}");
        assert_eq!(found(format!("{upper}=2023-10-16T09:00:00%2B01")), 0, "{path} {upper}");
    }
    server.stop();
}

/// Values, what the `DateTimeField` of Django REST framework makes of them, and where the APIs differ on purpose.
const FIELD: &str = include_str!("../../../../audit-domain/tests/vectors/date-times/date-time-field.json");

/// The rows of [`FIELD`], each with the answer that an API has to give.
fn rows(api: &str) -> Vec<(Value, Value)> {
    let rows: Vec<Value> = serde_json::from_str(FIELD).unwrap();
    rows.into_iter().map(|row| (row["value"].clone(), row.get(api).unwrap_or(&row["drf"]).clone())).collect()
}

fn shown(micros: &Value) -> Option<String> {
    Some(Timestamp::from_micros(micros.as_i64()?).unwrap().to_string())
}

#[test]
fn a_time_at_the_published_apis_is_read_as_drf_reads_it() {
    let server = TestServer::start();
    let format = "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].";
    for (value, wanted) in rows("published") {
        for (path, name, members) in [
            (OMS, "timestamp", r#""action":"A""#),
            (WAREHOUSE, "timestamp", r#""action":"A""#),
            (OMS_LOGS, "created_at", r#""level":20,"message":"m""#),
        ] {
            let answer = server.post(&server.admin, path, format!(r#"{{{members},"{name}":{value}}}"#));
            let text = match wanted.as_str() {
                None => {
                    assert_eq!(answer.expect(201)[name].as_str(), shown(&wanted).as_deref(), "{path} {value}");
                    continue;
                }
                Some("absent") => {
                    answer.expect(201);
                    continue;
                }
                Some("overflow") => "Datetime value out of range.",
                Some(_) => format,
            };
            assert_eq!(answer.expect(400), json!({name: [text]}), "{path} {value}");
        }
    }
    server.stop();
}

#[test]
fn a_time_at_the_native_apis_may_also_be_a_number() {
    let server = TestServer::start();
    for (value, wanted) in rows("native") {
        for (path, name, members) in
            [(EVENTS, "timestamp", r#""action":"A""#), (ACTION_LOGS, "created_at", r#""level":20,"message":"m""#)]
        {
            let answer = server.post(&server.admin, path, format!(r#"{{{members},"{name}":{value}}}"#));
            let text = match wanted.as_str() {
                None => {
                    let uuid = answer.expect(201)["uuid"].as_str().unwrap().to_owned();
                    let stored = server.get(&server.admin, &format!("{path}/{uuid}")).expect(200);
                    assert_eq!(stored[name].as_str(), shown(&wanted).as_deref(), "{path} {value}");
                    continue;
                }
                Some("absent") => {
                    answer.expect(201);
                    continue;
                }
                Some("overflow") => "must be in the years 1 to 9999, in UTC",
                Some("unclear") => "is a number without a clear unit: seconds since 1970 have 9 or 10 digits",
                Some(_) => "must be a date-time such as 2023-10-16T09:00:00.929094Z",
            };
            let problem = answer.expect(400);
            assert_eq!(problem["errors"][0]["pointer"], format!("/{name}"), "{path} {value}");
            assert!(problem["errors"][0]["detail"].as_str().unwrap().starts_with(&format!("{name} {text}")), "{value}: {problem}");
        }
    }
    server.stop();
}

/// A query has only texts, and forms of Django's filters are without the blanks around them.
#[test]
fn a_bound_has_the_forms_that_a_member_has() {
    let server = TestServer::start();
    let is_query = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty() && text.trim() == text);
    for (api, paths) in
        [("published", &[(OMS, "timestamp"), (OMS_LOGS, "created_at__gte")][..]), ("native", &[(EVENTS, "timestamp")])]
    {
        for (value, wanted) in rows(api).into_iter().filter(|(value, _)| is_query(value)) {
            let text = value.as_str().unwrap();
            let is_number = api == "native" && text.len() != 8 && text.bytes().all(|byte| byte.is_ascii_digit());
            let status = if wanted.is_i64() || is_number && text.len() >= 9 { 200 } else { 400 };
            let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            for (path, name) in paths {
                assert_eq!(server.get(&server.admin, &format!("{path}?{name}={escaped}")).status, status, "{path} {value}");
            }
        }
    }
    server.append(r#"{"timestamp":1697446800.929094,"action":"READ"}"#);
    for (query, found) in [
        ("timestamp=2023-10-16t09:00:00,929094z", 1),
        ("timestamp__gte=1697446800&timestamp__lt=1697446801", 1),
        ("timestamp__gte=1697446800929&timestamp__lt=1697446800930", 1),
        ("timestamp__gte=1697446801", 0),
        ("timestamp__gte=20231016&timestamp__lt=20231017", 1),
    ] {
        assert_eq!(server.get(&server.admin, &format!("{EVENTS}?count=true&{query}")).expect(200)["count"], found, "{query}");
    }
    let unclear = server.get(&server.admin, &format!("{EVENTS}?timestamp__gte=5")).expect(400);
    assert!(unclear["errors"][0]["detail"].as_str().unwrap().contains("without a clear unit"), "{unclear}");
    server.stop();
}

#[test]
fn the_inventory_takes_the_native_forms_and_knows_days() {
    let server = TestServer::start();
    for value in [r#""2023-10-16t09:00:00z""#, "1697446800", "1697446800000", r#""20231016T12+03""#] {
        let made = server.post(&server.admin, INVENTORY, format!("{{{INVENTORY_LOG},\"timestamp\":{value}}}")).expect(201);
        let log = server.get(&server.admin, &format!("{INVENTORY}/{}", made["id"].as_str().unwrap())).expect(200);
        assert_eq!(log["log"]["timestamp"], "2023-10-16T09:00:00Z", "{value}");
    }
    for (end, found) in
        [("2023-10-16", 4), ("20231016", 4), ("2023-W42-1", 4), ("2023W42T08", 0), ("20231016T08", 0), ("2023W42T09", 4)]
    {
        let page = server.get(&server.admin, &format!("{INVENTORY}?end_date={end}")).expect(200);
        assert_eq!(page["count"], found, "{end}");
    }
    let unclear = server.post(&server.admin, INVENTORY, format!("{{{INVENTORY_LOG},\"timestamp\":5}}")).expect(400);
    assert_eq!((&unclear["error"], &unclear["fields"]), (&json!("Invalid date format"), &json!(["timestamp"])));
    server.stop();
}

#[test]
fn a_key_may_expire_at_a_number_of_seconds() {
    let server = TestServer::start();
    let body = r#"{"name":"n","role":"reader","channels":"*","expires_at":4102444800}"#;
    assert_eq!(server.post(&server.admin, "/api/v1/tokens", body).expect(201)["expires_at"], "2100-01-01T00:00:00Z");
    server.stop();
}

/// Four events: at both ends of a day, in it, and at the start of the next.
const DAY: &str = r#"[
{"action":"DAY","timestamp":"2023-10-16T00:00:00Z","table_name":"days","url":"/day"},
{"action":"DAY","timestamp":"2023-10-16T09:00:00Z","table_name":"days","url":"/day"},
{"action":"DAY","timestamp":"2023-10-16T23:59:59.999999Z","table_name":"days","url":"/day"},
{"action":"DAY","timestamp":"2023-10-17T00:00:00Z","table_name":"days","url":"/day"}]"#;

#[test]
fn a_day_as_an_upper_bound_is_midnight_but_at_the_inventory() {
    let server = TestServer::start();
    server.post(&server.admin, EVENTS, DAY).expect(201);
    let logs = DAY.replace("timestamp", "created_at").replace(r#""action":"DAY""#, r#""level":20,"message":"m""#);
    server.post(&server.admin, ACTION_LOGS, logs).expect(201);
    let count = |target: &str| server.get(&server.admin, target).expect(200)["count"].clone();
    for (path, lower, upper) in [
        (OMS, "start_date", "end_date"),
        (OMS, "timestamp__gte", "timestamp__lte"),
        (WAREHOUSE, "timestamp__gte", "timestamp__lte"),
        (OMS_LOGS, "created_at__gte", "created_at__lte"),
        (EVENTS, "timestamp__gte", "timestamp__lte"),
        (ACTION_LOGS, "created_at__gte", "created_at__lte"),
    ] {
        let day = |upper: &str| count(&format!("{path}?count=true&{lower}=2023-10-16&{upper}"));
        assert_eq!(day(&format!("{upper}=2023-10-16")), 1, "{path}: midnight, as Django has it");
        // The forms that include the day, as they are documented.
        assert_eq!(day(&format!("{upper}=2023-10-16T23:59:59.999999Z")), 3, "{path}");
        if !upper.ends_with("date") {
            assert_eq!(day(&format!("{}=2023-10-17", upper.replace("lte", "lt"))), 3, "{path}");
        }
    }
    assert_eq!(count(&format!("{INVENTORY}?start_date=2023-10-16&end_date=2023-10-16")), 3);
    server.stop();
}

/// The difference stands where somebody looks for the parameter.
#[test]
fn the_document_says_at_each_upper_bound_what_a_day_means() {
    let document: serde_json::Value = serde_json::from_str(audit_http::openapi_json()).unwrap();
    let mut bounds = 0;
    let shared = document["components"]["parameters"].as_object().unwrap().values();
    let own = document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let own = own.flat_map(|operation| operation["parameters"].as_array().into_iter().flatten());
    for parameter in shared.chain(own) {
        let (name, text) = (parameter["name"].as_str().unwrap_or(""), parameter["description"].as_str().unwrap_or(""));
        let takes_days = ["timestamp__", "created_at__", "recorded_at__", "end_date"].iter().any(|start| name.starts_with(start));
        if takes_days && (name.ends_with("lte") || name.ends_with("gt") || name == "end_date") {
            bounds += 1;
            assert!(text.contains("midnight") || text.contains("whole day"), "{name}: {text}");
        }
    }
    assert!(bounds >= 12, "{bounds}");
}
