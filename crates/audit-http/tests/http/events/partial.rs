//! `partial=true`: the good records of a list are stored, the others are named.

use audit_http::store::domain::Role;
use serde_json::{Value, json};

use crate::common::{Ask, TestServer, uuids_of};

const EVENTS: &str = "/api/v1/events?partial=true";

fn uuid(number: u32) -> String {
    format!("44444444-0000-4000-8000-{number:012}")
}

fn receipts(answer: &Value) -> Vec<String> {
    answer["receipts"].as_array().unwrap().iter().map(|receipt| receipt["uuid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn good_records_are_stored_and_the_others_named_by_line() {
    let server = TestServer::start();
    server.append(&format!(r#"{{"uuid":"{}","user":1}}"#, uuid(1)));
    let key = server.token(Role::Writer, "1,2");
    let large = "x".repeat(1024 * 1024);
    let body = [
        format!(r#"{{"uuid":"{}","user":1}}"#, uuid(1)),
        String::new(),
        r#"{"timestamp":"2023-02-30","position":4}"#.to_owned(),
        format!(r#"{{"uuid":"{}","user":2}}"#, uuid(2)),
        r#"{"user":"#.to_owned(),
        format!(r#"{{"uuid":"{}","user":3}}"#, uuid(1)),
        r#"{"channel_id":9,"user":4}"#.to_owned(),
        format!(r#"{{"url":"{large}"}}"#),
        r#"{"aciton":"LOGIN"}"#.to_owned(),
        format!(r#"{{"uuid":"{}","user":2}}"#, uuid(2)),
    ]
    .join("\n");
    let answer = server.ask(&Ask::post_lines(EVENTS, body).key(&key)).expect(207);
    let counts = ["accepted", "duplicates", "rejected"].map(|name| answer[name].as_u64().unwrap());
    assert_eq!(counts, [1, 2, 6]);
    assert_eq!(receipts(&answer), [uuid(1), uuid(2), uuid(2)]);
    let places: Vec<_> = answer["errors"].as_array().unwrap().iter().map(|error| (&error["pointer"], &error["line"])).collect();
    let (pointer, line) = (|at: &str| Value::from(at), |line: u64| Value::from(line));
    let wanted = [("/1/timestamp", 3), ("/1/position", 3), ("/3", 5), ("/4/uuid", 6), ("/5/channel_id", 7), ("/6", 8), ("/7", 9)]
        .map(|(at, number)| (pointer(at), line(number)));
    assert_eq!(places, wanted.iter().map(|(at, number)| (at, number)).collect::<Vec<_>>());
    let why: Vec<&str> = answer["errors"].as_array().unwrap().iter().map(|error| error["detail"].as_str().unwrap()).collect();
    assert_eq!(why[3], format!("{} belongs to another event in the log", uuid(1)));
    assert_eq!(why[4], "This token has no such channel.");
    assert!(why[5].contains("one event may have at most 1048576"), "{}", why[5]);
    let events = server.get(&server.admin, "/api/v1/events?sort=position").expect(200);
    assert_eq!(uuids_of(&events), [uuid(1), uuid(2)]);
    server.stop();
}

#[test]
fn a_list_without_faults_has_the_usual_answer() {
    let server = TestServer::start();
    let answer = server.ask(&Ask::post(EVENTS, r#"[{"user":1},{"user":2}]"#).key(&server.admin)).expect(201);
    assert_eq!((&answer["accepted"], answer.get("rejected"), answer.get("errors")), (&2.into(), None, None));
    // A single record has no parts.
    assert_eq!(server.ask(&Ask::post(EVENTS, r#"{"user":1}"#).key(&server.admin)).expect(201)["position"], 2);
    server.ask(&Ask::post(EVENTS, r#"{"position":1}"#).key(&server.admin)).expect(400);
    // Without the parameter, or with false, one fault refuses all.
    for path in ["/api/v1/events", "/api/v1/events?partial=false"] {
        server.ask(&Ask::post(path, r#"[{"user":1},{"position":1}]"#).key(&server.admin)).expect(400);
    }
    let refused = server.ask(&Ask::post("/api/v1/events?partial=yes", "[]").key(&server.admin)).expect(400);
    assert_eq!(refused["errors"][0]["parameter"], "partial");
    let refused = server.ask(&Ask::post("/api/v1/events?partial=true&format=otlp", "{}").key(&server.admin)).expect(400);
    assert_eq!(refused["errors"][0]["parameter"], "partial");
    // A body that is not a list at all stores nothing.
    server.ask(&Ask::post(EVENTS, r#"[{"user":1},{"user":"#).key(&server.admin)).expect(400);
    assert_eq!(server.everything().0, [(1, 3)]);
    server.stop();
}

#[test]
fn a_line_that_is_not_utf8_is_named_and_the_others_are_stored() {
    let server = TestServer::start();
    let lines: [&[u8]; 6] = [
        b"\xef\xbb\xbf{\"user\":1}",
        b"{\"user\":\"caf\xe9\"}",
        b" ",
        b"\xff",
        b"{\"position\":1}",
        "{\"user\":\"café\"}".as_bytes(),
    ];
    let body = lines.join(&b'\n');
    let answer = server.ask(&Ask::post_lines(EVENTS, body.clone()).key(&server.admin)).expect(207);
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&2.into(), &3.into()));
    let errors: Vec<_> = answer["errors"].as_array().unwrap().iter().map(|e| (&e["pointer"], &e["line"], &e["detail"])).collect();
    let why = |byte: u32| Value::from(format!("is not UTF-8: byte {byte} of the line cannot be read"));
    assert_eq!(errors[0], (&"/1".into(), &2.into(), &why(12)));
    assert_eq!(errors[1], (&"/2".into(), &4.into(), &why(0)));
    assert_eq!(errors[2].1, 5);
    // Without the parameter, all of it is refused.
    let refused = server.ask(&Ask::post_lines("/api/v1/events", body).key(&server.admin)).expect(400);
    assert_eq!(refused["detail"], "The body is not UTF-8: byte 23 cannot be read.");
    assert_eq!(server.everything().0, [(1, 2)]);
    server.stop();
}

#[test]
fn a_list_of_faults_stores_nothing_and_names_each() {
    let server = TestServer::start();
    let faulty = vec![r#"{"position":1,"recorded_at":2}"#; 300].join("\n");
    let answer = server.ask(&Ask::post_lines("/api/v1/action-logs?partial=true", faulty).key(&server.admin)).expect(207);
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&0.into(), &300.into()));
    let errors = answer["errors"].as_array().unwrap();
    assert_eq!(errors.last().unwrap()["line"], 300, "each is named, also where not all of its faults are");
    assert_eq!(answer["receipts"], json!([]));
    server.stop();
}

#[test]
fn a_part_is_sent_again_with_its_key() {
    let server = TestServer::start();
    let ask = |body: &str| server.ask(&Ask::post_lines(EVENTS, body).header("Idempotency-Key", "k").key(&server.admin));
    let first = ask("{\"user\":1}\n{\"position\":1}\n{\"user\":3}").expect(207);
    assert_eq!(receipts(&first).len(), 2);
    let mended = ask("{\"user\":1}\n{\"user\":2}\n{\"user\":3}").expect(201);
    assert_eq!((&mended["accepted"], &mended["duplicates"]), (&1.into(), &2.into()));
    let other = ask("{\"user\":1}\n{\"user\":9}\n{\"user\":3}").expect(207);
    assert_eq!(other["errors"][0]["pointer"], "/1");
    assert_eq!(server.everything().0, [(1, 3)]);
    server.stop();
}

#[test]
fn a_large_part_is_stored_beside_a_conflict() {
    let server = TestServer::start();
    server.append(&format!(r#"{{"uuid":"{}","user":1}}"#, uuid(1)));
    let url = "x".repeat(2_400);
    let mut lines: Vec<String> = (0..9_999).map(|number| format!(r#"{{"user":{number},"url":"/{url}"}}"#)).collect();
    lines.insert(5_000, format!(r#"{{"uuid":"{}","user":2}}"#, uuid(1)));
    let answer = server.ask(&Ask::post_lines(EVENTS, lines.join("\n")).key(&server.admin)).expect(207);
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&9_999.into(), &1.into()));
    assert_eq!(answer["errors"][0]["line"], 5_001);
    // Repeats of one uuid within the request, beside a conflict before them.
    let (first, twice) = (format!(r#"{{"uuid":"{}","user":3}}"#, uuid(1)), format!(r#"{{"uuid":"{}","user":4}}"#, uuid(2)));
    let other = format!(r#"{{"uuid":"{}","user":5}}"#, uuid(2));
    let answer =
        server.ask(&Ask::post_lines(EVENTS, [first, twice.clone(), other, twice].join("\n")).key(&server.admin)).expect(207);
    assert_eq!(receipts(&answer), [uuid(2), uuid(2)]);
    let pointers: Vec<_> = answer["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/0/uuid", "/2/uuid"]);
    assert_eq!(answer["errors"][1]["detail"], format!("{} belongs to another event earlier in this request", uuid(2)));
    server.stop();
}
