//! pino and winston as they are: what they write is stored, in the levels that the log has.

use audit_http::store::domain::Timestamp;
use serde_json::{Value, json};

use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::tools::{finish, node_with};

#[test]
fn what_pino_and_winston_write_is_stored_in_the_logs_levels() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/loggers.js");
    let mut node = node_with("loggers", &["pino@^9", "winston@^3"]);
    let (host, port) = (server.address.ip().to_string(), server.address.port().to_string());
    finish(node.arg(script).args([&host, &port, KEY])).ok();
    let page = Client::connect(server.address, KEY).unwrap().get("/api/v1/action-logs?sort=position&limit=1000").unwrap().json();
    let logs = page["results"].as_array().unwrap();
    let mut said: Vec<(String, i64)> =
        logs.iter().map(|log| (log["message"].as_str().unwrap().to_owned(), log["level"].as_i64().unwrap())).collect();
    said.sort();
    let mut wanted = vec![
        ("pino trace", 5),
        ("pino debug", 10),
        ("pino info", 20),
        ("pino warn", 30),
        ("pino error", 40),
        ("pino fatal", 50),
        ("pino with an order", 20),
        ("", 20),
        ("pino failed", 40),
        ("winston error", 40),
        ("winston warn", 30),
        ("winston info", 20),
        ("winston http", 17),
        ("winston verbose", 15),
        ("winston debug", 10),
        ("winston silly", 5),
        ("winston batch", 20),
        ("", 40),
        (r#"{"a":1}"#, 30),
        ("winston oms", 20),
    ];
    wanted.sort_unstable();
    assert_eq!(said, wanted.into_iter().map(|(message, level)| (message.to_owned(), level)).collect::<Vec<_>>());
    let of = |message: &str| -> &Value { logs.iter().find(|log| log["message"] == message).unwrap() };
    let order = of("pino with an order");
    assert_eq!(
        (&order["extra"]["uuid"], &order["extra"]["id"], &order["logger_name"]),
        (&json!("ord-17"), &json!(5), &json!("shop"))
    );
    assert_ne!(order["uuid"], "ord-17");
    let instant = |member: &str| Timestamp::parse(order[member].as_str().unwrap()).unwrap().micros();
    let minutes = (instant("recorded_at") - instant("created_at")) / 60_000_000;
    assert!((0..10).contains(&minutes), "logged {minutes} minutes ago");
    assert_eq!(of("pino failed")["extra"]["err"]["message"], "boom");
    assert_eq!(of("winston info")["extra"], json!({"shop": "x"}));
    server.stop();
}
