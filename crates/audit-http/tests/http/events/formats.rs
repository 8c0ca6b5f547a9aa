//! Appending in the formats of other systems, and objects that are not events.

use audit_http::store::domain::Role;

use crate::common::{Ask, TestServer, results_of};

const EVENTS: &str = "/api/v1/events";

const CLOUDTRAIL: &str = r#"{"Records":[
  {"eventVersion":"1.08","eventTime":"2026-11-01T10:00:00Z","eventID":"44444444-0000-4000-8000-000000000001","eventName":"DeleteBucket",
   "eventSource":"s3.amazonaws.com","sourceIPAddress":"10.1.2.3","errorCode":"AccessDenied","userIdentity":{"type":"IAMUser","arn":"arn:x","userName":"zoe"}},
  {"eventVersion":"1.08","eventTime":"2026-11-01T10:00:01Z","eventID":"44444444-0000-4000-8000-000000000002","eventName":"ListBuckets",
   "eventSource":"s3.amazonaws.com","userIdentity":{"type":"IAMUser","arn":"arn:x","userName":"zoe"}}]}"#;

#[test]
fn a_document_of_another_system_becomes_events_once() {
    let server = TestServer::start();
    let target = format!("{EVENTS}?format=cloudtrail");
    let made = server.post(&server.admin, &target, CLOUDTRAIL).expect(201);
    assert_eq!((&made["accepted"], &made["duplicates"]), (&2.into(), &0.into()));
    let again = server.post(&server.admin, &target, CLOUDTRAIL).expect(201);
    assert_eq!((&again["accepted"], &again["duplicates"]), (&0.into(), &2.into()));
    let page = server.get(&server.admin, &format!("{EVENTS}?outcome=failure&user_name=zoe&remote_addr=10.0.0.0/8")).expect(200);
    assert_eq!(results_of(&page).len(), 1);
    assert_eq!(results_of(&page)[0]["action"], "DeleteBucket");
    let line = CLOUDTRAIL.replace('\n', " ");
    let lines = Ask::post_lines(&target, format!("{line}\n\n{line}\n")).key(&server.admin);
    assert_eq!(server.ask(&lines).expect(201)["duplicates"], 4);
    server.stop();
}

#[test]
fn a_fault_of_a_document_says_which_record_and_stores_nothing() {
    let server = TestServer::start();
    let faulty = CLOUDTRAIL.replace("\"ListBuckets\"", "7");
    let problem = server.post(&server.admin, &format!("{EVENTS}?format=cloudtrail"), faulty.as_str()).expect(400);
    assert_eq!(problem["errors"][0]["pointer"], "/Records/1/eventName");
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("record 1: must be a string"), "{detail}");
    let lines = format!("{}\n{}", CLOUDTRAIL.replace('\n', " "), faulty.replace('\n', " "));
    let problem = server.ask(&Ask::post_lines(&format!("{EVENTS}?format=cloudtrail"), lines).key(&server.admin)).expect(400);
    assert_eq!(problem["errors"][0]["pointer"], "/1/Records/1/eventName");
    assert!(results_of(&server.get(&server.admin, EVENTS).expect(200)).is_empty());
    let unknown = server.post(&server.admin, &format!("{EVENTS}?format=syslog"), "{}").expect(400);
    let detail = "format must be one of cloudevents, cloudtrail, k8s-audit, ocsf, otlp";
    assert_eq!(unknown["errors"][0]["detail"], detail);
    server.post(&server.admin, "/api/v1/action-logs?format=otlp", "{}").expect(400);
    server.stop();
}

#[test]
fn what_stands_around_records_is_not_multiplied_without_limit() {
    let server = TestServer::start();
    let record =
        |id: usize| format!(r#"{{"eventVersion":"1","eventTime":"2026-11-01T10:00:00Z","eventID":"{id}","eventName":"A"}}"#);
    let records: Vec<String> = (0..600).map(record).collect();
    let body = format!(r#"{{"x":"{}","Records":[{}]}}"#, "y".repeat(48_000), records.join(","));
    let problem = server.post(&server.admin, &format!("{EVENTS}?format=cloudtrail"), body).expect(413);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("becomes events of more than"), "{detail}");
    let large = format!(
        r#"{{"Records":[{}]}}"#,
        (0..200)
            .map(|id| record(id).replace("\"A\"", &format!("\"A\",\"z\":\"{}\"", "z".repeat(130_000))))
            .collect::<Vec<_>>()
            .join(",")
    );
    assert!(large.len() > 25_000_000);
    server.post(&server.admin, &format!("{EVENTS}?format=cloudtrail"), large).expect(201);
    server.stop();
}

#[test]
fn records_of_other_systems_are_refused_and_told_the_format() {
    let server = TestServer::start();
    for (body, advice) in [
        (CLOUDTRAIL, "it looks like CloudTrail records: send it with format=cloudtrail"),
        (r#"{"specversion":"1.0","id":"1","source":"/shop","type":"order.paid"}"#, "send it with format=cloudevents"),
        (r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","user":{"username":"a"}}"#, "send it with format=k8s-audit"),
        (r#"{"resourceLogs":[]}"#, "send it with format=otlp"),
        (r#"{"uuid":"x","published":"x","eventType":"user.session.start","actor":{},"outcome":{"result":"SUCCESS"}}"#, "Okta"),
        (r#"{"action":"a","occurred_at":"x","actor":{},"targets":[]}"#, "WorkOS"),
        (r#"{"quantity":1}"#, "has no known member: `quantity`"),
    ] {
        let problem = server.post(&server.admin, EVENTS, body).expect(400);
        let detail = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(advice), "{detail}");
    }
    assert!(results_of(&server.get(&server.admin, EVENTS).expect(200)).is_empty());
    // A native event may have members that GitLab has too.
    let native = r#"{"action":"UPDATE","table_name":"projects","author_id":7,"entity_id":6,"entity_type":"Project"}"#;
    server.post(&server.admin, EVENTS, native).expect(201);
    server.post(&server.admin, &format!("{EVENTS}?lenient=true"), r#"{"quantity":1}"#).expect(201);
    let page = server.get(&server.admin, EVENTS).expect(200);
    assert!(results_of(&page).iter().any(|event| event["extra"]["quantity"] == 1));
    server.stop();
}

#[test]
fn an_object_as_outcome_is_kept_in_extra_with_lenient() {
    let server = TestServer::start();
    let okta = r#"{"published":"x","eventType":"user.session.start","actor":{},"outcome":{"result":"SUCCESS"},"source":7,"correlation_id":null}"#;
    let target = format!("{EVENTS}?lenient=true");
    server.post(&server.admin, &target, okta).expect(201);
    let stored = results_of(&server.get(&server.admin, EVENTS).expect(200))[0].clone();
    assert_eq!((&stored["outcome"], &stored["extra"]["outcome"]["result"]), (&serde_json::Value::Null, &"SUCCESS".into()));
    assert_eq!(stored["extra"]["source"], 7);
    let twice = server.post(&server.admin, &target, r#"{"outcome":"a","outcome":"b"}"#).expect(400);
    assert_eq!(twice["errors"][0]["pointer"], "/outcome");
    server.post(&server.admin, EVENTS, r#"{"action":"A","outcome":{"result":"SUCCESS"}}"#).expect(400);
    server.stop();
}

/// A CloudEvent on one line.
fn cloud_event(id: usize, kind: &str) -> String {
    format!(r#"{{"specversion":"1.0","id":"{id}","source":"/shop","type":"{kind}"}}"#)
}

#[test]
fn faults_of_documents_name_the_line() {
    let server = TestServer::start();
    let target = format!("{EVENTS}?format=cloudevents");
    let send = |body: &str| server.ask(&Ask::post_lines(&target, body.to_owned()).key(&server.admin));
    let (a, b) = (cloud_event(1, "a"), cloud_event(2, "b"));
    for (last, pointer) in [
        (r#"{"specversion":"1.0","id":"3","source":"/shop"}"#.to_owned(), "/2"),
        ("{\"a\":".to_owned(), "/2"),
        (format!("{a} {a}"), "/2"),
    ] {
        let problem = send(&format!("{a}\n\n{b}\n{last}\n")).expect(400);
        let error = &problem["errors"][0];
        assert_eq!((&error["pointer"], &error["line"]), (&pointer.into(), &4.into()), "{problem}");
    }
    send(&a).expect(201);
    // The document before has two events: the pointer counts events, and the line is the document's.
    let problem = send(&format!("[{b},{}]\n\n{}\n", cloud_event(3, "c"), cloud_event(1, "other"))).expect(409);
    let error = &problem["errors"][0];
    assert_eq!((&error["pointer"], &error["line"]), (&"/2/uuid".into(), &3.into()), "{problem}");
    let several = server.token(Role::Writer, "4,5");
    let problem = server.ask(&Ask::post_lines(&target, format!("\n{a}\n")).key(&several)).expect(400);
    let error = &problem["errors"][0];
    assert_eq!((&error["pointer"], &error["line"]), (&"/0/channel_id".into(), &2.into()), "{problem}");
    server.stop();
}

#[test]
fn records_that_name_no_channel_go_to_that_of_the_query() {
    let server = TestServer::start();
    let several = server.token(Role::Writer, "4,5");
    let post = |query: &str, body: &str| server.post(&several, &format!("{EVENTS}?{query}"), body);
    let made = post("format=cloudevents&channel_id=5", &cloud_event(1, "a")).expect(201);
    assert_eq!(made["receipts"][0]["channel_id"], 5);
    let both = post("channel_id=5", r#"[{"action":"A"},{"action":"A","channel_id":4}]"#).expect(201);
    assert_eq!((&both["receipts"][0]["channel_id"], &both["receipts"][1]["channel_id"]), (&5.into(), &4.into()));
    let log = server.post(&several, "/api/v1/action-logs?channel_id=4", r#"{"level":20,"message":"m"}"#).expect(201);
    assert_eq!(log["channel_id"], 4);
    for partial in ["", "&partial=true"] {
        let missing = post(&format!("channel_id=1{partial}"), r#"[{"action":"A"}]"#).expect(404);
        assert_eq!(missing["code"], "not_found");
        assert!(missing["detail"].as_str().unwrap().contains("channel_id"), "{missing}");
    }
    for wrong in ["all", "4,5", "x", "-1", ""] {
        let problem = post(&format!("channel_id={wrong}"), r#"{"action":"A"}"#).expect(400);
        assert_eq!(problem["errors"][0]["parameter"], "channel_id", "{wrong}");
    }
    server.stop();
}
