//! Secrets are masked before they are stored, at every API, if the server is set to do so.

use audit_http::store::Store;
use audit_http::store::domain::MaskingPolicy;
use serde_json::json;

use crate::common::{TestDatabase, TestServer, results_of};

const EVENTS: &str = "/api/v1/events";

fn masking() -> TestServer {
    let place = TestDatabase::new();
    let store = Store::open(place.config().masking(MaskingPolicy::standard())).unwrap();
    TestServer::with_store(place, store, |_| {})
}

#[test]
fn secrets_are_masked_at_every_api_and_the_log_says_where() {
    let server = masking();
    let secret = "hunter2-planted";
    let native = format!(
        r#"{{"action":"LOGIN","user":{{"pk":7,"password":"{secret}"}},"post_data":{{"pass\u0077ord" : "{secret}","name":"zoe"}},"url":"/a?token={secret}&page=2"}}"#
    );
    server.post(&server.admin, EVENTS, native).expect(201);
    let oms = format!(r#"{{"content_type":1,"object_id":2,"headers":{{"Authorization":"Bearer {secret}"}}}}"#);
    let shown = server.post(&server.admin, "/api/v1/oms/settings/audit_events/", oms);
    assert!(!shown.text().contains(secret), "{}", shown.text());
    let inventory = format!(
        r#"{{"user_id":"7","action":"UPDATE","table_name":"users","record_id":"1","old_values":{{"api_key":"{secret}"}},"new_values":{{"api_key":"{secret}2"}}}}"#
    );
    server.post(&server.admin, "/api/v1/audit/logs", inventory).expect(201);
    let log = format!(r#"{{"level":40,"message":"login failed: password={secret} for zoe","logger_name":"auth"}}"#);
    server.post(&server.admin, "/api/v1/action-logs", log).expect(201);
    let events = server.get(&server.admin, &format!("{EVENTS}?sort=position"));
    let logs = server.get(&server.admin, "/api/v1/action-logs");
    assert!(!events.text().contains(secret) && !logs.text().contains(secret), "{} {}", events.text(), logs.text());
    let masked: Vec<_> = results_of(&events.json()).iter().map(|event| event["masked"].clone()).collect();
    let pointers = |pointers: &[&str]| json!({"policy":"standard/1","pointers":pointers});
    assert_eq!(masked[0], pointers(&["/user/password", "/url", "/post_data/password"]));
    assert_eq!(masked[1], pointers(&["/headers/Authorization"]));
    assert_eq!(masked[2], pointers(&["/content/old_data/api_key", "/content/new_data/api_key"]));
    assert!(events.text().contains(r#"{"pass\u0077ord" : "[masked]","name":"zoe"}"#), "{}", events.text());
    assert_eq!(results_of(&logs.json())[0]["masked"], pointers(&["/message"]));
    assert_eq!(results_of(&logs.json())[0]["message"], "login failed: password=[masked] for zoe");
    server.stop();
}

#[test]
fn a_masked_event_that_is_sent_again_is_a_duplicate() {
    let server = masking();
    let sent = r#"{"uuid":"44444444-0000-4000-8000-000000000001","post_data":{"password":"hunter2"}}"#;
    assert_eq!(server.post(&server.admin, EVENTS, sent).expect(201)["duplicate"], false);
    assert_eq!(server.post(&server.admin, EVENTS, sent).expect(200)["duplicate"], true);
    server.stop();
}
