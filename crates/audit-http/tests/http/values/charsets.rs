//! Byte order marks, and bodies in other charsets than UTF-8.

use serde_json::json;

use super::{ACTION_LOGS, CREATES, EVENTS, OMS, OMS_LOGS};
use crate::common::{Ask, TestServer};

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn a_byte_order_mark_is_named_by_the_published_apis() {
    let server = TestServer::start();
    let nothing = server.everything();
    for (path, members, _) in CREATES {
        if ![EVENTS, ACTION_LOGS].contains(&path) {
            let marked = server.post(&server.admin, path, format!("\u{feff}{{{members}}}"));
            assert_eq!(marked.status, 400, "{path}");
            assert!(marked.text().contains("starts with a byte order mark (U+FEFF): send UTF-8 without it"), "{}", marked.text());
        }
        for (name, bytes) in [("UTF-16LE", b"\xff\xfe{\0}\0"), ("UTF-16BE", b"\xfe\xff\0{\0}")] {
            let utf16 = server.post(&server.admin, path, bytes.as_slice());
            assert_eq!(utf16.status, 400, "{path}");
            assert!(utf16.text().contains(&format!("starts with the byte order mark of {name}: send UTF-8")), "{}", utf16.text());
        }
    }
    assert_eq!(server.everything(), nothing);
    server.append("{\"action\":\"inside \u{feff}\"}");
    server.stop();
}

#[test]
fn a_file_with_a_byte_order_mark_is_appended() {
    let server = TestServer::start();
    let (event, log) = (r#"{"action":"BOM"}"#, r#"{"level":"info","message":"hello"}"#);
    for (path, record) in [(EVENTS, event), (ACTION_LOGS, log)] {
        server.post(&server.admin, path, format!("\u{feff}{record}")).expect(201);
        assert_eq!(server.post(&server.admin, path, format!("\u{feff} [{record}]")).expect(201)["accepted"], 1);
        let lines = Ask::post_lines(path, format!("\u{feff}{record}\r\n\r\n{record}\r\n")).key(&server.admin);
        assert_eq!(server.ask(&lines).expect(201)["accepted"], 2);
        let utf16 = server.post(&server.admin, path, b"\xff\xfe{\0}\0".as_slice()).expect(400);
        assert!(utf16["detail"].as_str().unwrap().contains("byte order mark of UTF-16LE"), "{utf16}");
    }
    let page = server.get(&server.admin, EVENTS).expect(200);
    assert!(page["results"].as_array().unwrap().iter().all(|event| event["action"] == "BOM"), "{page}");
    let cloud = format!("\u{feff}{}", r#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#);
    server.post(&server.admin, &format!("{EVENTS}?format=cloudevents"), cloud).expect(201);
    server.stop();
}

#[test]
fn a_byte_order_mark_inside_of_a_body_is_named() {
    let server = TestServer::start();
    let nothing = server.everything();
    let lines = |body: &str| server.ask(&Ask::post_lines(EVENTS, body).key(&server.admin));
    let one = |body: &str| server.post(&server.admin, EVENTS, body);
    let starts = "starts with a byte order mark (U+FEFF): send UTF-8 without it";
    let unexpected = "unexpected byte order mark (U+FEFF): line ";
    for (answer, pointer, detail) in [
        // Two files, one after the other.
        (lines("{\"action\":\"A\"}\n\u{feff}{\"action\":\"B\"}\n"), "/1", starts),
        (one("\u{feff}\u{feff}{}"), "", starts),
        (one("[\u{feff}{\"action\":\"B\"}]"), "", unexpected),
        (one("{\"action\":\"B\"}\u{feff}"), "", unexpected),
    ] {
        let problem = answer.expect(400);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        assert!(problem["errors"][0]["detail"].as_str().unwrap().starts_with(detail), "{problem}");
    }
    assert_eq!(server.everything(), nothing);
    server.stop();
}

fn form(server: &TestServer, media_type: &str, body: &[u8]) -> crate::common::Answer {
    server.ask(&Ask::new("POST", OMS_LOGS).header("Content-Type", media_type).body(body).key(&server.admin))
}

#[test]
fn a_form_is_read_in_its_charset_or_refused() {
    let server = TestServer::start();
    for (charset, body, message) in [
        ("", &b"levelno=20&msg=caf%C3%A9&name=x"[..], "café"),
        ("; charset=UTF-8", b"levelno=20&msg=caf%C3%A9&name=x", "café"),
        ("; charset=us-ascii", b"levelno=20&msg=caf%C3%A9&name=x", "café"),
        ("; charset=iso-8859-1", b"levelno=20&msg=caf%E9&name=x", "café"),
        ("; charset=\"ISO-8859-1\"", b"levelno=20&msg=caf\xe9&name=x", "café"),
        ("; charset=iso-8859-9", b"levelno=20&msg=%DEi%FEe&name=x", "Şişe"),
        ("; charset=shift_jis", b"levelno=20&msg=%93%FA%96%7B&name=x", "日本"),
    ] {
        let made = form(&server, &format!("{FORM}{charset}"), body).expect(201);
        assert_eq!(made["message"], message, "{charset}");
    }
    let stored = server.everything();
    for (charset, body, status, why) in [
        ("", &b"levelno=20&msg=caf%E9&name=x"[..], 400, "The request body is not UTF-8"),
        ("", b"levelno=20&msg=m&name=x&caf%E9=1", 400, "not UTF-8"),
        ("", b"levelno=20&msg=caf\xe9&name=x", 400, "not UTF-8"),
        ("; charset=shift_jis", b"levelno=20&msg=%93&name=x", 400, "not Shift_JIS"),
        ("; charset=klingon", b"levelno=20&msg=m&name=x", 415, "Unsupported charset \\\"klingon\\\" in request: send UTF-8."),
        ("; charset=utf-16", b"levelno=20&msg=m&name=x", 415, "Unsupported charset \\\"UTF-16LE\\\""),
    ] {
        let refused = form(&server, &format!("{FORM}{charset}"), body);
        assert_eq!(refused.status, status, "{charset}: {}", refused.text());
        assert!(refused.text().contains(why), "{}", refused.text());
    }
    assert_eq!(server.everything(), stored);
    server.stop();
}

#[test]
fn the_form_of_a_filter_is_read_in_its_charset_too() {
    let server = TestServer::start();
    let ask = |body: &[u8], charset: &str| {
        Ask::new("GET", OMS).header("Content-Type", format!("{FORM}; charset={charset}")).body(body).key(&server.admin)
    };
    assert_eq!(server.ask(&ask(b"end_date=2023-10-16&x=%E9", "latin1")).expect(200)["count"], 0);
    assert_eq!(server.ask(&ask(b"end_date=2023-10-16&x=%E9", "utf-8")).expect(200)["count"], 0, "as Django reads it");
    assert_eq!(server.ask(&ask(b"end_date=2023-10-16", "klingon")).status, 415);
    server.stop();
}

#[test]
fn json_in_another_charset_is_read_in_it_or_refused() {
    let server = TestServer::start();
    for (path, members, _) in CREATES {
        let post = |charset: &str, text: &[u8]| {
            let (head, tail) = (format!("{{{members},\"x\":\""), "\"}");
            let body = [head.as_bytes(), text, tail.as_bytes()].concat();
            let media_type = format!("application/json; charset={charset}");
            server.ask(&Ask::new("POST", path).header("Content-Type", media_type).body(body).key(&server.admin))
        };
        assert_eq!(post("iso-8859-1", b"caf\xe9").status, 201, "{path}");
        assert_eq!(post("iso-8859-1", b"cafe").status, 201, "{path}: ASCII is the same in most charsets");
        assert_eq!(post("utf-8", b"caf\xe9").status, 400, "{path}");
        assert_eq!(post("shift_jis", b"\x93").status, 400, "{path}");
        assert_eq!(post("klingon", b"cafe").status, 415, "{path}");
    }
    for path in [EVENTS, ACTION_LOGS] {
        let page = server.get(&server.admin, &format!("{path}?sort=position")).expect(200);
        assert_eq!(page["results"][0]["extra"], json!({"x": "café"}), "{path}");
    }
    server.stop();
}
