//! The nil uuid: what a client sends whose variable nobody set.

use super::{ACTION_LOGS, CREATES, EVENTS, INVENTORY, OMS, OMS_LOGS};
use crate::common::{Ask, TestServer};

const NIL: [&str; 2] = ["00000000-0000-0000-0000-000000000000", "00000000000000000000000000000000"];

#[test]
fn the_nil_uuid_is_refused_by_every_api_and_nothing_is_stored() {
    let server = TestServer::start();
    for nil in NIL {
        for (path, members, _) in CREATES {
            let refused = server.post(&server.admin, path, format!(r#"{{"uuid":"{nil}",{members}}}"#));
            let text = refused.text();
            assert_eq!(refused.status, 400, "{path}: {text}");
            assert!(text.contains("uuid") && text.contains("must not be the nil UUID"), "{path}: {text}");
            let place = match path {
                EVENTS | ACTION_LOGS => r#""pointer":"/uuid""#,
                INVENTORY => r#""fields":["uuid"]"#,
                _ => r#"{"uuid":["#,
            };
            assert!(text.contains(place), "{path}: {text}");
        }
    }
    let of_many = server.post(&server.admin, EVENTS, format!(r#"[{{"action":"A"}},{{"uuid":"{}"}}]"#, NIL[0]));
    assert!(of_many.text().contains(r#""pointer":"/1/uuid""#), "{}", of_many.text());
    let form = Ask::new("POST", OMS_LOGS).header("Content-Type", "application/x-www-form-urlencoded");
    let form = server.ask(&form.body(format!("uuid={}&level=20&message=m", NIL[0])).key(&server.admin));
    assert_eq!(form.status, 400, "{}", form.text());
    assert_eq!(server.everything().1, Vec::<String>::new());
    server.stop();
}

#[test]
fn a_read_of_the_nil_uuid_finds_nothing() {
    let server = TestServer::start();
    server.append(r#"{"action":"A"}"#);
    for (target, status) in [
        (format!("{EVENTS}/{}", NIL[0]), 404),
        (format!("{INVENTORY}/{}", NIL[0]), 404),
        (format!("{EVENTS}?uuid={}", NIL[0]), 200),
        (format!("{OMS}?uuid={}", NIL[0]), 200),
    ] {
        let answer = server.get(&server.admin, &target);
        assert_eq!(answer.status, status, "{target}");
        assert!(status == 404 || answer.text().contains(r#""results":[]"#), "{}", answer.text());
    }
    server.stop();
}
