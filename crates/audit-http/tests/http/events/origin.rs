//! Outcome, correlation id, source and impersonator; and how events are found by users, urls and addresses.

use serde_json::{Value, json};

use crate::common::{TestServer, results_of};

const EVENTS: &str = "/api/v1/events";

/// The positions of the events that a query finds, which has to count them too.
fn found(server: &TestServer, query: &str) -> Vec<i64> {
    let page = server.get(&server.admin, &format!("{EVENTS}?sort=position&count=true&{query}")).expect(200);
    let positions: Vec<i64> = results_of(&page).iter().map(|event| event["position"].as_i64().unwrap()).collect();
    assert_eq!(page["count"], positions.len(), "{query}");
    let by_time = server.get(&server.admin, &format!("{EVENTS}?sort=timestamp&{query}")).expect(200);
    assert_eq!(results_of(&by_time).len(), positions.len(), "{query}");
    positions
}

#[test]
fn the_members_of_an_event_come_back_and_are_found_and_counted() {
    let server = TestServer::start();
    let sent = r#"{"action":"PAY","outcome":"failure","correlation_id":"caf\u00e9-1","source":"shop","impersonator":{"pk": 1,"username":"root"},"user":7}"#;
    let made = server.append(sent);
    server.append(r#"{"action":"PAY","outcome":"success","source":"shop","user":7}"#);
    server.append(r#"{"action":"PAY","impersonator":1}"#);
    let target = format!("{EVENTS}/{}", made["uuid"].as_str().unwrap());
    let event = server.get(&server.admin, &target);
    assert!(
        event
            .text()
            .contains(r#""correlation_id":"caf\u00e9-1","source":"shop","user":7,"impersonator":{"pk": 1,"username":"root"},"#)
    );
    assert_eq!((&event.json()["outcome"], &event.json()["masked"]), (&json!("failure"), &Value::Null));
    for (query, positions) in [
        ("outcome=failure", vec![0]),
        ("outcome__in=failure,success", vec![0, 1]),
        ("outcome__not=success", vec![0, 2]),
        ("correlation_id=caf%C3%A9-1", vec![0]),
        ("source=shop&outcome=success", vec![1]),
        ("impersonator=1", vec![0, 2]),
        ("impersonator__not=1", vec![1]),
    ] {
        assert_eq!(found(&server, query), positions, "{query}");
    }
    for (group_by, groups) in [
        ("outcome", json!([{"key":"failure","count":1},{"key":"success","count":1},{"key":null,"count":1}])),
        ("source", json!([{"key":"shop","count":2},{"key":null,"count":1}])),
        ("correlation_id", json!([{"key":null,"count":2},{"key":"caf\u{e9}-1","count":1}])),
        ("impersonator", json!([{"key":"1","count":2},{"key":null,"count":1}])),
    ] {
        let summary = server.get(&server.admin, &format!("{EVENTS}/summary?group_by={group_by}")).expect(200);
        let sorted = |groups: &Value| {
            let mut groups: Vec<String> = groups.as_array().unwrap().iter().map(Value::to_string).collect();
            groups.sort();
            groups
        };
        assert_eq!(sorted(&summary["groups"]), sorted(&groups), "{group_by}");
    }
    let histogram = server.get(&server.admin, &format!("{EVENTS}/histogram?span=month&split_by=outcome")).expect(200);
    assert_eq!(histogram["total"], 3);
    server.stop();
}

#[test]
fn faulty_members_are_named_and_masked_is_read_only() {
    let server = TestServer::start();
    let body = format!(r#"{{"outcome":"{}","source":1,"correlation_id":[],"impersonator":true,"masked":{{}}}}"#, "x".repeat(101));
    let problem = server.post(&server.admin, EVENTS, body).expect(400);
    let pointers: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/outcome", "/source", "/correlation_id", "/impersonator", "/masked"]);
    server.stop();
}

#[test]
fn an_event_and_its_action_logs_have_one_correlation_id() {
    let server = TestServer::start();
    server.append(r#"{"action":"PAY","correlation_id":"req-1"}"#);
    let logs = r#"[{"level":20,"message":"a","correlation_id":"req-1"},{"level":20,"message":"b"},
                   {"level":30,"time":1531171074631,"pid":1,"hostname":"h","msg":"c","correlation_id":"req-1"}]"#;
    server.post(&server.admin, "/api/v1/action-logs", logs).expect(201);
    assert_eq!(found(&server, "correlation_id=req-1"), [0]);
    let page = server.get(&server.admin, "/api/v1/action-logs?correlation_id=req-1&sort=position").expect(200);
    let messages: Vec<&str> = results_of(&page).iter().map(|log| log["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["a", "c"]);
    let summary = server.get(&server.admin, "/api/v1/action-logs/summary?group_by=correlation_id").expect(200);
    assert_eq!(summary["groups"][0], json!({"key":"req-1","count":2}));
    server.stop();
}

#[test]
fn published_clients_may_send_anything_under_these_names() {
    let server = TestServer::start();
    let oms = "/api/v1/oms/settings/audit_events/";
    let sent =
        r#"{"content_type":1,"object_id":2,"outcome":"failure","source":{"app":1},"correlation_id":5,"masked":1,"impersonator":3}"#;
    server.post(&server.admin, oms, sent).expect(201);
    let inventory = r#"{"user_id":"7","action":"READ","table_name":"products","record_id":"1","source":"shop","outcome":["x"],"correlation_id":"r"}"#;
    server.post(&server.admin, "/api/v1/audit/logs", inventory).expect(201);
    // A member of its own beside it, so that the API makes an `extra`.
    let other =
        r#"{"user_id":"7","action":"READ","table_name":"t","record_id":"1","foo":1,"source":{"app":1},"outcome":5,"outcome":"a"}"#;
    server.post(&server.admin, "/api/v1/audit/logs", other).expect(201);
    let pino = r#"{"level":30,"time":1531171074631,"pid":1,"hostname":"h","msg":"x","correlation_id":5}"#;
    for logs in ["/api/v1/oms/logs/action_log/", "/api/v1/action-logs"] {
        server.post(&server.admin, logs, pino).expect(201);
    }
    let logs = server.get(&server.admin, "/api/v1/action-logs").expect(200);
    assert!(results_of(&logs).iter().all(|log| log["extra"] == json!({"pid":1,"hostname":"h","correlation_id":5})), "{logs}");
    let page = server.get(&server.admin, &format!("{EVENTS}?sort=position")).expect(200);
    let third = &results_of(&page)[2];
    assert_eq!((&third["outcome"], &third["extra"]), (&json!("a"), &json!({"foo":1,"source":{"app":1}})));
    let (first, second) = (&results_of(&page)[0], &results_of(&page)[1]);
    assert_eq!((&first["outcome"], &first["impersonator"]), (&json!("failure"), &json!(3)));
    assert_eq!(first["extra"], json!({"source":{"app":1},"correlation_id":5,"masked":1}));
    assert_eq!((&second["source"], &second["correlation_id"]), (&json!("shop"), &json!("r")));
    assert_eq!(second["extra"], json!({"outcome":["x"]}));
    // Their answers have the published keys only.
    let published = server.get(&server.admin, oms).expect(200);
    assert!(published["results"][0].get("outcome").is_none());
    server.stop();
}

#[test]
fn users_are_found_by_name_and_by_e_mail() {
    let server = TestServer::start();
    server.append(r#"{"user":{"pk":7,"username":"zoe","email":"zoe@example.com"}}"#);
    server.append(r#"{"user":{"pk":8,"username":"Zoe","email":["zoe@example.com"]}}"#);
    server.append(r#"{"user":"zoe"}"#);
    assert_eq!(found(&server, "user_name=zoe"), [0]);
    assert_eq!(found(&server, "user_name__not=zoe"), [1, 2]);
    assert_eq!(found(&server, "user_email=zoe@example.com"), [0]);
    assert_eq!(found(&server, "user_email__in=zoe@example.com,other@example.com&user=7"), [0]);
    server.stop();
}

#[test]
fn urls_are_found_by_their_beginning() {
    let server = TestServer::start();
    let long = format!("/api/{}", "x".repeat(400));
    for url in ["/api/orders/1", "/api/orders/", "/api/Orders/1", "/api", &long, "/api/a\\u0000b"] {
        server.append(&format!(r#"{{"url":"{url}"}}"#));
    }
    server.append(r#"{"action":"A"}"#);
    assert_eq!(found(&server, "url__prefix=/api/orders/"), [0, 1]);
    assert_eq!(found(&server, "url__prefix=/api"), [0, 1, 2, 3, 4, 5]);
    assert_eq!(found(&server, "url__prefix=/api/a"), [5]);
    assert_eq!(found(&server, &format!("url__prefix={}", &long[..190])), [4]);
    for faulty in [String::new(), "x".repeat(191), "%00".to_owned()] {
        let problem = server.get(&server.admin, &format!("{EVENTS}?url__prefix={faulty}")).expect(400);
        assert_eq!(problem["errors"][0]["detail"], "url__prefix must have 1 to 190 characters, and neither U+0000 nor U+0001");
    }
    server.stop();
}

#[test]
fn addresses_are_found_in_every_form_and_by_network() {
    let server = TestServer::start();
    let addresses = [
        "10.1.2.3",
        "10.1.2.3:5123",
        "::ffff:10.1.2.3",
        "10.200.0.1",
        "192.168.0.1",
        "[2001:db8::1]:443",
        "LOCAL",
        "-",
        "010.1.2.3",
    ];
    for address in addresses {
        server.append(&format!(r#"{{"remote_addr":"{address}"}}"#));
    }
    server.append(r#"{"action":"A"}"#);
    for (query, positions) in [
        ("remote_addr=10.1.2.3", vec![0, 1, 2]),
        ("remote_addr=10.0.0.0/8", vec![0, 1, 2, 3]),
        ("remote_addr=2001:db8::/32", vec![5]),
        ("remote_addr=LOCAL", vec![6]),
        ("remote_addr=10.1.2.3:5123", vec![1]),
        ("remote_addr=LOCAL/33", vec![]),
        ("remote_addr__in=10.0.0.0/8,LOCAL", vec![0, 1, 2, 3, 6]),
        ("remote_addr__not=10.0.0.0/8,LOCAL", vec![4, 5, 7, 8, 9]),
        ("remote_addr=0.0.0.0/0&remote_addr__not=10.0.0.0/8", vec![4]),
    ] {
        assert_eq!(found(&server, query), positions, "{query}");
    }
    server.stop();
}
