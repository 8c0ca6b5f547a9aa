//! Records of other systems, and the native events that they become.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use audit_domain::limits::{EVENT_BYTES_MAX, EVENTS_PER_REQUEST_MAX, MEMBERS_MAX, NESTING_MAX};
use audit_domain::{ConvertError, Format, JsonText, Members, NewEvent, ParseMode, convert};
use proptest::prelude::*;

fn file(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/convert").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn events(format: Format, text: &str) -> Vec<String> {
    let events = convert(format, text).unwrap_or_else(|error| panic!("{format}: {error}: {text}"));
    events.iter().map(JsonText::to_string).collect()
}

fn refused(format: Format, text: &str) -> ConvertError {
    convert(format, text).err().unwrap_or_else(|| panic!("{format} takes {text}"))
}

fn said(format: Format, text: &str) -> String {
    refused(format, text).to_string()
}

/// One member of an event, as JSON.
fn member(event: &str, name: &str) -> Option<String> {
    Members::parse(event).unwrap().last(name).map(JsonText::to_string)
}

/// Parses an event as the log does.
fn parsed(event: &str) -> NewEvent {
    NewEvent::parse(event, ParseMode::IMPORT).unwrap_or_else(|error| panic!("{error}: {event}"))
}

fn assert_converted(format: Format, name: &str) {
    let events = events(format, &file(&format!("{name}.json")));
    let wanted = file(&format!("{name}.ndjson"));
    let wanted: Vec<&str> = wanted.lines().collect();
    for (index, event) in events.iter().enumerate() {
        assert_eq!(Some(event.as_str()), wanted.get(index).copied(), "{name}: event {index}");
        assert!(parsed(event).uuid.is_some());
    }
    assert_eq!(events.len(), wanted.len(), "{name}");
}

#[test]
fn cloud_events_become_these_events() {
    assert_converted(Format::CloudEvents, "cloudevents");
}

#[test]
fn records_of_cloudtrail_become_these_events() {
    assert_converted(Format::CloudTrail, "cloudtrail");
}

#[test]
fn audit_events_of_kubernetes_become_these_events() {
    assert_converted(Format::K8sAudit, "k8s-audit");
    assert_converted(Format::K8sAudit, "k8s-audit-line");
}

#[test]
fn log_records_of_otlp_become_these_events() {
    assert_converted(Format::Otlp, "otlp");
}

#[test]
fn events_of_ocsf_become_these_events() {
    assert_converted(Format::Ocsf, "ocsf");
}

#[test]
fn one_record_and_a_list_become_the_same_event() {
    let record = r#"{"eventVersion":"1","eventTime":"2026-03-01","eventID":"e-1","eventName":"X"}"#;
    let alone = events(Format::CloudTrail, record);
    assert_eq!(alone, events(Format::CloudTrail, &format!(r#" {{ "Records" : [ {record} ] }} "#)));
    assert_eq!(alone, events(Format::CloudTrail, &format!("[{record}]")));
    assert_eq!(events(Format::CloudTrail, &format!(r#"[{record},{{"Records":[{record},{record}]}}]"#)).len(), 3);
    let event = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","stage":"Panic"}"#;
    assert_eq!(
        events(Format::K8sAudit, event),
        events(Format::K8sAudit, &format!(r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{event}]}}"#))
    );
}

#[test]
fn an_empty_list_has_no_events() {
    for (format, text) in [
        (Format::CloudEvents, "[]"),
        (Format::CloudTrail, r#"{"Records":[]}"#),
        (Format::K8sAudit, r#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":null}"#),
        (Format::Otlp, r#"{"resourceLogs":[{"scopeLogs":[]},{}]}"#),
    ] {
        assert_eq!(convert(format, text), Ok(Vec::new()), "{text}");
    }
}

#[test]
fn the_same_document_has_the_same_uuids() {
    let text = file("otlp.json");
    let uuids = |text: &str| events(Format::Otlp, text).iter().map(|event| parsed(event).uuid.unwrap()).collect::<Vec<_>>();
    let first = uuids(&text);
    assert_eq!(first, uuids(&text));
    let distinct: std::collections::BTreeSet<_> = first.iter().collect();
    assert_eq!(distinct.len(), first.len(), "equal records of one document are several events");
}

#[test]
fn an_id_that_is_not_a_uuid_is_of_its_source() {
    let event = |source: &str, id: &str| format!(r#"{{"specversion":"1.0","type":"t","source":"{source}","id":"{id}","n":1}}"#);
    let uuid = |source: &str, id: &str| parsed(&events(Format::CloudEvents, &event(source, id))[0]).uuid.unwrap();
    assert_ne!(uuid("/a", "1"), uuid("/b", "1"));
    assert_ne!(uuid("/a", "1"), uuid("/a1", ""));
    assert_eq!(uuid("/a", "1"), uuid("/a", "1"));
    let own = "3f8e1c52-9f0b-4c6e-8a57-0d6a2f1b7c11";
    assert_eq!(uuid("/a", own).to_string(), own);
    assert_eq!(uuid("/a", &own.to_uppercase()).to_string(), own);
    let nil = "00000000-0000-0000-0000-000000000000";
    assert!(!uuid("/a", nil).is_nil(), "a nil UUID would be the id of all events");
    let extra = |id: &str| member(&events(Format::CloudEvents, &event("/a", id))[0], "extra").unwrap();
    assert!(!extra(own).contains("\"id\""), "the uuid says it");
    assert!(extra(&own.to_uppercase()).contains("\"id\":\"3F8E1C52"), "its spelling is kept");
}

#[test]
fn of_repeated_members_the_last_counts_and_all_are_kept() {
    let text =
        r#"{"eventVersion":"1","eventTime":"2026-03-01","eventID":"1","eventName":"A","eventName":"B","\u0065ventName":"C"}"#;
    let event = &events(Format::CloudTrail, text)[0];
    assert_eq!(member(event, "action").unwrap(), "\"C\"");
    assert_eq!(member(event, "extra").unwrap(), r#"{"eventVersion":"1","eventID":"1","eventName":"A","eventName":"B"}"#);
}

#[test]
fn values_keep_their_spacing_and_their_line_ends() {
    let text =
        "{\"Records\":[{\"eventVersion\":\"1\",\"eventTime\":\"2026-03-01\",\"eventID\":\"1\",\n\"x\" : [ 1,\n 2 ]}],\"y\": 1e400}";
    let extra = member(&events(Format::CloudTrail, text)[0], "extra").unwrap();
    assert_eq!(extra, "{\"eventVersion\":\"1\",\"eventID\":\"1\",\"x\":[ 1,\n 2 ],\"document\":{\"y\":1e400}}");
}

#[test]
fn a_member_that_is_spelled_like_a_path_is_kept() {
    let text = r#"{"eventVersion":"1","eventTime":"2026-03-01","eventID":"1","resources":[{"ARN":"a"}],"resources/0/ARN":5}"#;
    let event = &events(Format::CloudTrail, text)[0];
    assert_eq!(member(event, "object_id").unwrap(), "\"a\"");
    assert!(member(event, "extra").unwrap().ends_with(r#""resources/0/ARN":5}"#), "{event}");
}

#[test]
fn a_fault_has_the_number_and_the_place_of_its_record() {
    let record = |name: &str| format!(r#"{{"eventVersion":"1","eventTime":"2026-03-01","eventID":"1","eventName":{name}}}"#);
    let text = format!(r#"{{"Records":[{},{},{}]}}"#, record("\"A\""), record("null"), record("5"));
    let error = refused(Format::CloudTrail, &text);
    assert_eq!((error.index, error.pointer.as_str()), (Some(2), "/Records/2/eventName"));
    assert_eq!(error.to_string(), "record 2, `/Records/2/eventName`: must be a string, got a number, as it becomes `action`");
    let long = record(&format!("\"{}\"", "x".repeat(101)));
    assert_eq!(
        said(Format::CloudTrail, &long),
        "record 0, `/eventName`: must have at most 100 characters, has 101, as it becomes `action`"
    );
    let resource = |value: &str| {
        let attributes = format!(r#"[{{"key":"a"}},{{"key":"service.name","value":{{"boolValue":{value}}}}}]"#);
        let records = r#""scopeLogs":[{"logRecords":[{"body":{}}]}]"#;
        format!(r#"{{"resourceLogs":[{{"scopeLogs":[]}},{{"resource":{{"attributes":{attributes}}},{records}}}]}}"#)
    };
    let error = refused(Format::Otlp, &resource("true"));
    assert_eq!((error.index, error.pointer.as_str()), (Some(0), "/resourceLogs/1/resource/attributes/1/value/boolValue"));
    let record = r#"{"body":{},"attributes":[{"key":"url.path","value":{"intValue":5}}]}"#;
    let logs = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{{}}}}]}},{{"logRecords":[{record}]}}]}}]}}"#);
    let error = refused(Format::Otlp, &format!("[{logs}]"));
    let pointer = "/0/resourceLogs/0/scopeLogs/1/logRecords/0/attributes/0/value/intValue";
    assert_eq!((error.index, error.pointer.as_str()), (Some(1), pointer));
}

#[test]
fn what_is_not_a_record_is_refused_with_what_is_accepted() {
    for (format, text, message) in [
        (Format::CloudTrail, "5", "must be an object with Records, a CloudTrail record, or an array of them, got a number"),
        (Format::CloudTrail, r#"{"a":1}"#, "record 0: is not a CloudTrail record: it lacks eventVersion"),
        (Format::CloudTrail, r#"{"Records":[5]}"#, "record 0, `/Records/0`: must be a CloudTrail record, got a number"),
        (Format::CloudTrail, r#"{"Records":{}}"#, "`/Records`: must be an array, got an object"),
        (Format::Otlp, r#"{"resourceLogs":[{},5]}"#, "`/resourceLogs/1`: expected a JSON object, got a number"),
        (Format::Otlp, r#"{"body":{}}"#, "must be an object with resourceLogs, or an array of them, got an object"),
        (
            Format::Otlp,
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}"#,
            "record 0, `/resourceLogs/0/scopeLogs/0/logRecords/0`: is not an OTLP log record: it lacks body, attributes, eventName",
        ),
        (Format::K8sAudit, r#"{"kind":"Event","apiVersion":"v1"}"#, "record 0, `/apiVersion`: must be audit.k8s.io/v1, got v1"),
        (
            Format::Ocsf,
            r#"[{"class_uid":3002,"time":1}]"#,
            "record 0, `/0/class_uid`: must be 3004 (Entity Management) or 6003 (API Activity), got 3002",
        ),
        (Format::CloudEvents, r#"{"specversion":"0.3"}"#, "record 0, `/specversion`: must be 1.0, got 0.3"),
        (Format::CloudEvents, "{", "EOF while parsing an object: line 1 column 1 (char 0)"),
    ] {
        assert_eq!(said(format, text), message, "{text}");
    }
}

/// A text that no converter takes for long: deep, large, with too many members or records.
#[test]
fn hostile_documents_are_refused_within_the_limits() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let event = |value: &str| format!(r#"{{"specversion":"1.0","type":"t","source":"/","id":"1","x":{value}}}"#);
    assert!(said(Format::CloudEvents, &deep(100_000)).contains("levels deep"));
    assert_eq!(events(Format::CloudEvents, &event(&deep(NESTING_MAX - 2))).len(), 1);
    assert!(said(Format::CloudEvents, &event(&deep(NESTING_MAX - 1))).contains("levels deep"), "extra adds a level");
    let long = format!("\"{}\"", "x".repeat(EVENT_BYTES_MAX));
    assert!(
        said(Format::CloudEvents, &event(&long)).contains("becomes an event of 10"),
        "{}",
        said(Format::CloudEvents, &event(&long))
    );
    let members = format!("{{{}}}", vec!["\"\":1"; MEMBERS_MAX + 1].join(","));
    assert!(said(Format::CloudEvents, &members).contains("members"));
    let many = format!("[{}]", vec!["1"; EVENTS_PER_REQUEST_MAX + 1].join(","));
    assert!(said(Format::CloudEvents, &many).contains("has more than 10000 records"));
    let list = format!("[{}]", vec![event("1"); EVENTS_PER_REQUEST_MAX / 2 + 1].join(","))
        .replace("\"x\":1", "\"eventVersion\":\"1\",\"eventTime\":\"2026-03-01\",\"eventID\":\"1\"");
    assert_eq!(events(Format::CloudTrail, &format!(r#"{{"Records":{list}}}"#)).len(), EVENTS_PER_REQUEST_MAX / 2 + 1);
    assert!(
        said(Format::CloudTrail, &format!(r#"[{{"Records":{list}}},{{"Records":{list}}}]"#)).contains("more than 10000 records")
    );
    for text in [r#""\ud800""#, r#"{"specversion":"\ud800"}"#, r#"{"Records":[{"eventID":"\ud800"}]}"#] {
        for format in Format::ALL {
            assert!(convert(format, text).is_err(), "{format}: {text}");
        }
    }
}

#[test]
fn what_stands_around_records_cannot_multiply_them() {
    let resource = format!(r#"{{"x":"{}"}}"#, "x".repeat(500_000));
    let records = vec![r#"{"body":{"stringValue":"a"}}"#; 1_000].join(",");
    let text = format!(r#"{{"resourceLogs":[{{"resource":{resource},"scopeLogs":[{{"logRecords":[{records}]}}]}}]}}"#);
    assert!(said(Format::Otlp, &text).contains("becomes events of more than"));
}

/// Documents that are nearly those of a format: its names, with any values.
fn nearly_a_document() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "[\\[\\]{}:,\"\\\\ 0-9a-z]{0,4}",
        Just("null".to_owned()),
        Just("\"\"".to_owned()),
        Just("\"\\ud800\"".to_owned()),
        Just("\"1.0\"".to_owned()),
        Just("\"2026-03-01T10:00:00.1234567Z\"".to_owned()),
        Just("\"00000000-0000-0000-0000-000000000000\"".to_owned()),
        Just("3004".to_owned()),
        Just("-1e400".to_owned()),
        Just("99999999999999999999".to_owned()),
        Just(r#"{"uid":"7","username":"z","pk":[],"arn":5,"name":"n","resource":"r"}"#.to_owned()),
        Just(r#"[{"key":"user.id","value":{"intValue":"7"}},{"key":"service.name","value":{"stringValue":"s"}}]"#.to_owned()),
        Just(r#"[{"type":"t","ARN":"a","uid":"u"},5]"#.to_owned()),
        Just(r#"{"attributes":[{"key":"service.name","value":{"stringValue":"s"}}]}"#.to_owned()),
    ];
    let name = prop::sample::select(vec![
        "specversion",
        "type",
        "source",
        "id",
        "time",
        "data",
        "traceparent",
        "authid",
        "eventVersion",
        "eventTime",
        "eventID",
        "eventName",
        "userIdentity",
        "resources",
        "errorCode",
        "responseElements",
        "auditID",
        "stage",
        "verb",
        "user",
        "impersonatedUser",
        "objectRef",
        "sourceIPs",
        "responseStatus",
        "apiVersion",
        "class_uid",
        "activity_id",
        "actor",
        "metadata",
        "time_dt",
        "status_id",
        "entity",
        "timeUnixNano",
        "body",
        "attributes",
        "traceId",
        "resource",
        "extra",
        "uuid",
    ]);
    let object = prop::collection::vec((name, value), 0..9).prop_map(|members| {
        let members: Vec<String> = members.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    });
    let required = r#""specversion":"1.0","id":"1","source":"/","type":"t","eventVersion":"1","eventTime":"2026-03-01","eventID":"1",
        "auditID":"a","stage":"s","class_uid":6003,"time":1,"body":1,"#;
    object.prop_flat_map(move |object| {
        let full = object.replacen('{', &format!("{{{required}"), 1).replace(",}", "}");
        prop_oneof![
            Just(object.clone()),
            Just(full.clone()),
            Just(format!("[{full},{object}]")),
            Just(format!(r#"{{"Records":[{full}],"x":{object}}}"#)),
            Just(format!(r#"{{"items":[{full}]}}"#)),
            Just(format!(
                r#"{{"resourceLogs":[{{"resource":{object},"scopeLogs":[{{"scope":{object},"logRecords":[{full}]}}]}}]}}"#
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_converted_is_an_event(text in nearly_a_document()) {
        for format in Format::ALL {
            if let Ok(events) = convert(format, &text) {
                for event in events {
                    prop_assert!(parsed(event.as_str()).uuid.is_some_and(|uuid| !uuid.is_nil()));
                    prop_assert!(JsonText::parse(event.as_str()).is_ok());
                }
            }
        }
    }
}
