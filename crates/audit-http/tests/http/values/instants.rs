//! Date-times with an offset of whole hours, and days as bounds.

use serde_json::json;

use super::{ACTION_LOGS, CREATES, EVENTS, INVENTORY, OMS, OMS_LOGS, WAREHOUSE};
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

/// What Django takes beyond the forms of the native API: `src/drf/date_time.rs` compares thousands of them.
#[test]
fn the_published_apis_read_date_times_as_django_does() {
    let server = TestServer::start();
    for text in ["20231016T090000Z", "2023-10-16 9:0", "2023-10-16 12:00:00 +03", "2023-10-16T09", "2023-10-16 09:00:00,0Z"] {
        let sent = text.replace('+', "%2B").replace(' ', "+");
        for (path, name, members) in [
            (OMS, "timestamp", r#""action":"A""#),
            (WAREHOUSE, "timestamp", r#""action":"A""#),
            (OMS_LOGS, "created_at", r#""level":20,"message":"m""#),
        ] {
            let made = server.post(&server.admin, path, format!(r#"{{{members},"{name}":"{text}"}}"#)).expect(201);
            assert_eq!(made[name], "2023-10-16T09:00:00Z", "{path} {text}");
            let page = server.get(&server.admin, &format!("{path}?{name}__gte={sent}&{name}__lte={sent}&limit=1")).expect(200);
            assert_ne!(page["count"], 0, "{path} {text}");
        }
        assert_eq!(server.get(&server.admin, &format!("{EVENTS}?timestamp={sent}")).status, 400, "{text}");
    }
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
