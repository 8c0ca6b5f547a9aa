//! Python's own `logging.handlers.HTTPHandler`, posting to a running server.

use std::process::Command;

use audit_http::store::domain::{Role, Timestamp};
use serde_json::{Value, json};

use super::model::{NATIVE, OMS};
use crate::common::{TestServer, results_of};

/// The script logs what is in it, and prints `[level, name, message, exc_text, created]` of each record as Python itself sees it.
const SCRIPT: &str = include_str!("http_handler.py");

fn run(server: &TestServer, path: &str, key: &str) -> Vec<Value> {
    let run = Command::new("python3").args(["-c", SCRIPT, &server.address.to_string(), path, key]).output().unwrap();
    let (out, errors) = (String::from_utf8(run.stdout).unwrap(), String::from_utf8_lossy(&run.stderr).into_owned());
    assert!(run.status.success() && errors.is_empty(), "{errors}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn what_a_python_handler_posts_is_stored_as_python_says_it() {
    for path in [OMS, NATIVE] {
        check(path);
    }
}

fn check(path: &str) {
    let server = TestServer::start();
    let key = server.token(Role::Writer, "3");
    let logged = run(&server, path, &key);
    let page = server.get(&server.admin, &format!("{NATIVE}?channel_id=3&sort=position&limit=1000")).expect(200);
    let stored = results_of(&page);
    assert_eq!(stored.len(), logged.len());
    assert!(logged.len() > 30);
    for (log, said) in stored.iter().zip(&logged) {
        assert_eq!(
            (&log["level"], &log["logger_name"], &log["message"]),
            (&said["level"], &said["name"], &said["message"]),
            "{said}"
        );
        assert_eq!(log["trace"], said["exc_text"], "{said}");
        assert_eq!(log["app_name"], said["app_name"], "{said}");
        let at = Timestamp::parse(log["created_at"].as_str().unwrap()).unwrap().micros();
        let difference = at as f64 / 1e6 - said["created"].as_f64().unwrap();
        assert!(difference.abs() < 2e-6, "{difference} {said}");
        let extra = &log["extra"];
        assert_eq!((&extra["levelname"], extra["funcName"].is_string()), (&said["levelname"], true), "{said}");
        for (name, value) in said["kept"].as_object().unwrap() {
            assert_eq!(&extra[name], value, "{name} of {said}");
        }
    }
    let shown = server.get(&server.token(Role::Reader, "3"), &format!("{OMS}?limit=1000&sort=id")).expect(200);
    for (log, said) in results_of(&shown).iter().zip(&logged) {
        assert_eq!(log["message"], said["message"]);
    }
    assert_eq!(shown["results"][0]["id"], json!(1));
    server.stop();
}
