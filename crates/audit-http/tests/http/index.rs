//! A search index that cannot follow its log, as an operator sees it.

use std::time::{Duration, Instant};

use audit_http::store::Store;
use serde_json::{Value, json};

use crate::common::{Ask, TestDatabase, TestServer, on_postgres};

/// Lets no segment be written, and nothing else be kept from working.
fn stop_the_index(server: &TestServer) {
    server.sql(if on_postgres() {
        "CREATE FUNCTION stopped() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no segments today'; END $$;
         CREATE TRIGGER stopped BEFORE INSERT ON segments FOR EACH ROW EXECUTE FUNCTION stopped()"
    } else {
        "CREATE TRIGGER stopped BEFORE INSERT ON segments BEGIN SELECT RAISE(ABORT, 'no segments today'); END"
    });
}

/// The answer of `/readyz`, which stays 200, once it is what is waited for.
fn ready(server: &TestServer, is_awaited: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let ready = server.ask(&Ask::get("/readyz")).expect(200);
        if is_awaited(&ready) {
            return ready;
        }
        assert!(Instant::now() < end, "{ready}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_index_that_does_not_move_is_a_warning_until_it_moves() {
    let place = TestDatabase::new();
    let mut config = place.config();
    // A minute in the program.
    config.index_patience = Duration::from_secs(1);
    let store = Store::open(&config).unwrap();
    let server = TestServer::with_store(place, store, |_| {});
    let ask = |path: &str| server.get(&server.admin, path).expect(200);
    assert_eq!(ready(&server, |_| true), json!({"status": "ready"}));

    stop_the_index(&server);
    let events: Vec<String> = (0..100).map(|number| format!(r#"{{"object_id":{}}}"#, number % 2)).collect();
    server.append_all(&events);
    let answer = ready(&server, |ready| ready["warnings"] != Value::Null);
    let warnings = answer["warnings"].as_array().unwrap();
    let text = warnings[0].as_str().unwrap();
    assert!(warnings.len() == 1 && answer["status"] == "ready", "{answer}");
    assert!(text.starts_with("the search index of 1 log(s) has not moved for up to "), "{text}");
    // The client has no key.
    assert!(!text.contains("segments") && !text.contains("channel"), "{text}");
    server.append_all(&events);
    assert_eq!(ask("/api/v1/oms/settings/audit_events/?object_id=1")["count"], 100, "queries are exact, and appends go on");

    server.sql(if on_postgres() { "DROP TRIGGER stopped ON segments" } else { "DROP TRIGGER stopped" });
    assert_eq!(ready(&server, |ready| ready["warnings"] == Value::Null), json!({"status": "ready"}));
    assert_eq!(ask("/api/v1/oms/settings/audit_events/?object_id=1")["count"], 100);
    server.stop();
}
