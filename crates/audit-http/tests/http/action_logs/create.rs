//! Writing at the OMS action logs API, in JSON and as a form.

use audit_http::store::domain::Role;
use serde_json::{Value, json};

use super::model::{NATIVE, OMS, escaped};
use crate::common::{Answer, Ask, TestServer};

fn form(server: &TestServer, body: &str) -> Answer {
    let ask = Ask::new("POST", OMS).header("Content-Type", "application/x-www-form-urlencoded").body(body);
    server.ask(&ask.key(&server.admin))
}

/// The native shape of what was created.
fn native(server: &TestServer, made: &Value) -> Value {
    let position = made["id"].as_i64().unwrap() - 1;
    server.get(&server.admin, &format!("{NATIVE}?position={position}")).expect(200)["results"][0].clone()
}

#[test]
fn created_logs_are_shown_as_listed_with_ids_from_one() {
    let server = TestServer::start();
    let full = r#"{"level":"40","logger_name":"shop","message":5,"app_name":"oms","trace":"t","created_at":"2023-12-01T11:25:56.088353+0300"}"#;
    let made = server.post(&server.admin, OMS, full);
    let wanted = r#"{"id":1,"level":40,"logger_name":"shop","message":"5","app_name":"oms","trace":"t","created_at":"2023-12-01T08:25:56.088353Z"}"#;
    assert_eq!((made.status, made.text().as_str()), (201, wanted));
    let least = server.post(&server.admin, OMS, r#"{"level":0,"message":""}"#).expect(201);
    assert_eq!((&least["id"], &least["logger_name"], &least["message"]), (&2.into(), &Value::Null, &"".into()));
    assert_eq!(server.get(&server.admin, &format!("{OMS}?sort=id")).expect(200)["results"], json!([made.json(), least]));
    let elsewhere = server.post(&server.admin, OMS, r#"{"level":0,"message":"m","channel_id":"2"}"#).expect(201);
    assert_eq!(elsewhere["id"], 1, "another channel counts for itself");
    let extra = server.post(&server.admin, OMS, r#"{"level":0,"message":"m","user":7}"#).expect(201);
    assert_eq!((&extra["id"], &native(&server, &extra)["extra"]), (&3.into(), &json!({"user": 7})));
    server.stop();
}

#[test]
fn the_same_again_is_200_and_another_one_of_the_same_uuid_409() {
    let server = TestServer::start();
    let uuid = "77777777-0000-4000-8000-000000000001";
    let log = format!(r#"{{"uuid":"{uuid}","level":20,"message":"m"}}"#);
    let made = server.post(&server.admin, OMS, log.as_str());
    let again = server.post(&server.admin, OMS, log.as_str());
    assert_eq!((made.status, again.status, made.text()), (201, 200, again.text()));
    let by_form = form(&server, &format!("uuid={uuid}&level=20&message=m"));
    assert_eq!((by_form.status, by_form.text()), (200, made.text()));
    for other in [log.replace("\"m\"", "\"n\""), log.replace("20", "30"), log.replace("\"m\"", "\"m\",\"trace\":\"\"")] {
        let refused = server.post(&server.admin, OMS, other);
        let why = r#"{"uuid":["A record with this uuid already exists, and it is another one."]}"#;
        assert_eq!((refused.status, refused.text().as_str()), (409, why));
    }
    assert_eq!(form(&server, &format!("uuid={uuid}&level=20&message=n")).status, 409);
    assert_eq!(server.post(&server.admin, NATIVE, log).status, 200, "the native API knows it too");
    server.stop();
}

#[test]
fn a_log_goes_to_the_channel_that_it_or_its_key_names() {
    let server = TestServer::start();
    for (grant, named, status, channel) in [
        ("5", "", 201, 5),
        ("5", "5", 201, 5),
        ("5", "1", 404, 0),
        ("1,5", "", 201, 1),
        ("4,5", "", 400, 0),
        ("4,5", "4", 201, 4),
        ("*", "", 201, 1),
        ("*", "77", 201, 77),
    ] {
        let key = server.token(Role::Writer, grant);
        let message = format!("{grant} {named}");
        let member = if named.is_empty() { String::new() } else { format!(",\"channel_id\":{named}") };
        let json = server.post(&key, OMS, format!(r#"{{"level":0,"message":"{message}"{member}}}"#));
        let body = format!("level=0&message={}&channel_id={named}", escaped(&message));
        let ask = Ask::new("POST", OMS).header("Content-Type", "application/x-www-form-urlencoded").body(body);
        let form = server.ask(&ask.key(&key));
        assert_eq!((json.status, form.status), (status, status), "{message}: {}", form.text());
        if status == 201 {
            let query = format!("{NATIVE}?channel_id=all&search={}", escaped(&message));
            let page = server.get(&server.admin, &query).expect(200);
            let found: Vec<_> = page["results"].as_array().unwrap().iter().map(|log| log["channel_id"].clone()).collect();
            assert_eq!(found, [json!(channel), json!(channel)], "{message}");
        }
    }
    server.stop();
}

#[test]
fn forms_may_have_members_and_keep_everything_else() {
    let server = TestServer::start();
    let made = form(
        &server,
        "level=10&logger_name=None&name=shop&message=a+%2525+b&trace=&app_name=oms&created_at=1701419156.5&x=1&x=2&id=9",
    );
    let made = made.expect(201);
    assert_eq!((&made["level"], &made["logger_name"], &made["message"]), (&10.into(), &"shop".into(), &"a %25 b".into()));
    assert_eq!((&made["trace"], &made["created_at"]), (&"".into(), &"2023-12-01T08:25:56.500000Z".into()));
    assert_eq!(native(&server, &made)["extra"], json!({"x": "2", "id": "9"}));
    let many: String = (0..900).map(|n| format!("&k{n}={n}")).collect();
    let made = form(&server, &format!("level=10&message=m{many}")).expect(201);
    assert_eq!(native(&server, &made)["extra"].as_object().unwrap().len(), 900);
    server.stop();
}
