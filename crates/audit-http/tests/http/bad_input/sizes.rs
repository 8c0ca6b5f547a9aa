//! Too large, too many, too deep, in the wrong encoding or of the wrong type.

use super::{Bench, Row, at, row};
use crate::common::Ask;

const EVENTS: &str = "/api/v1/events";
const PUBLISHED: [&str; 2] = ["/api/v1/oms/settings/audit_events/", "/api/v1/remote/1/data-warehouse/audit-events/"];
const MIB: usize = 1024 * 1024;

#[test]
fn what_is_too_large_or_too_many_gets_413() {
    let bench = Bench::start();
    let big = format!(r#"{{"post_data":"{}"}}"#, "x".repeat(MIB));
    let post = |body: &str| Ask::post(EVENTS, body).key(&bench.writer);
    let lines = |body: String| Ask::post_lines(EVENTS, body).key(&bench.writer);
    let many = "More than 10000 events in one request.";
    let mut rows = vec![
        row(post(&big), 413, "\"code\":\"too_large\""),
        row(post(&format!("[{{\"user\":1}},{big}]")), 413, "Record 1 has "),
        row(lines(format!("{{\"user\":1}}\n\n{big}\n")), 413, "Record 1 (line 3) has "),
        row(post(&format!("[{}{{}}]", "{},".repeat(10_000))), 413, many),
        row(lines("{\"url\":\"\"}\n".repeat(10_001)), 413, many),
        row(post(&format!("[{}1]", "1,".repeat(1_000_000))), 413, many),
        row(post("").announced(32 * MIB + 1), 413, "The request body has more than 33554432 bytes."),
        row(Ask::post_lines(EVENTS, vec![b' '; 32 * MIB + 1]).key(&bench.writer).chunked(), 413, "more than 33554432 bytes"),
        row(Ask::post("/api/v1/tokens", vec![b' '; 64 * 1024 + 1]).key(&bench.admin), 413, "more than 65536 bytes"),
    ];
    for path in PUBLISHED {
        let detail = r#"{"detail":"The request body has more than 1048576 bytes."}"#;
        rows.push(row(Ask::post(path, big.clone()).key(&bench.writer), 413, detail));
        rows.push(row(Ask::post(path, big.clone()).key(&bench.writer).chunked(), 413, detail));
    }
    rows.push(row(
        Ask::new("GET", PUBLISHED[0]).header("Content-Type", "application/json").key(&bench.reader).body(" ".repeat(64 * 1024 + 1)),
        413,
        r#"{"detail":"The request body has more than 65536 bytes."}"#,
    ));
    bench.run(rows);
}

#[test]
fn the_largest_event_and_the_largest_request_are_taken() {
    let bench = Bench::start();
    let frame = r#"{"post_data":""}"#.len();
    let largest = format!(r#"{{"post_data":"{}"}}"#, "x".repeat(MIB - frame));
    assert_eq!(largest.len(), MIB);
    assert_eq!(bench.server.post(&bench.admin, EVENTS, largest.clone()).status, 201);
    assert_eq!(bench.server.post(&bench.admin, PUBLISHED[1], largest.clone()).status, 201);
    // What is added on the way (a derived action, an object id as a string) does not make an event too large.
    let derived = r#"{"object_id":1,"content_type":1,"content":{"old_data":1,"new_data":""}}"#;
    let derived = derived.replace("\"\"", &format!("\"{}\"", "x".repeat(MIB - derived.len())));
    assert_eq!(bench.server.post(&bench.admin, EVENTS, derived).expect(201)["duplicate"], false);
    let many = bench.server.ask(&Ask::post_lines(EVENTS, "{\"url\":\"\"}\n".repeat(10_000)).key(&bench.admin));
    assert_eq!(many.expect(201)["accepted"], 10_000);
    let wide = vec![largest.as_str(); 31].join("\n");
    let wide = bench.server.ask(&Ask::post_lines(EVENTS, wide).key(&bench.admin).chunked());
    assert_eq!(wide.expect(201)["accepted"], 31);
    bench.run(Vec::new());
}

#[test]
fn the_deepest_event_is_taken_alone_and_beside_others() {
    let bench = Bench::start();
    let deepest = format!("{{\"content\":{}{}}}", "[".repeat(499), "]".repeat(499));
    let sent = format!("{}{}", "[".repeat(499), "]".repeat(499));
    for ask in [
        Ask::post(EVENTS, deepest.clone()),
        Ask::post(EVENTS, format!("[{deepest}]")),
        Ask::post_lines(EVENTS, deepest.clone()),
        Ask::post(PUBLISHED[0], deepest.clone()),
        Ask::post(PUBLISHED[1], deepest.clone()),
    ] {
        let answer = bench.server.ask(&ask.key(&bench.admin));
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    for path in [EVENTS, PUBLISHED[0], PUBLISHED[1]] {
        let list = bench.server.get(&bench.admin, path).text();
        assert_eq!(list.matches(&format!("\"content\":{sent},\"")).count(), 5, "{path}");
    }
    let deeper = deepest.replace("[]", "[[]]");
    let why = "nested more than 500 levels deep";
    let rows = vec![
        row(Ask::post(EVENTS, deeper.clone()).key(&bench.writer), 400, at("", why)),
        row(Ask::post(EVENTS, format!("[{{\"user\":1}},{deeper}]")).key(&bench.writer), 400, why),
        row(Ask::post_lines(EVENTS, format!("{{\"user\":1}}\n{deeper}")).key(&bench.writer), 400, at("/1", why)),
        row(Ask::post(PUBLISHED[0], deeper).key(&bench.writer), 400, why),
    ];
    bench.run(rows);
}

#[test]
fn what_is_nested_a_hundred_thousand_levels_deep_gets_400() {
    let bench = Bench::start();
    let why = "nested more than 500 levels deep";
    let mut rows: Vec<Row> = Vec::new();
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let closed = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        for deep in [open.repeat(100_000), closed.clone(), format!("{{\"content\":{closed}}}")] {
            rows.push(row(Ask::post(EVENTS, deep.clone()).key(&bench.writer), 400, at("", why)));
            rows.push(row(Ask::post(EVENTS, format!("[{{\"user\":1}},{deep}]")).key(&bench.writer), 400, at("", why)));
            rows.push(row(Ask::post_lines(EVENTS, format!("{{\"user\":1}}\n{deep}")).key(&bench.writer), 400, at("/1", why)));
            for path in PUBLISHED {
                rows.push(row(
                    Ask::post(path, deep.clone()).key(&bench.writer),
                    400,
                    format!(r#"{{"detail":"JSON parse error - {why}"}}"#),
                ));
            }
        }
        // What is not appended may have 64 KiB.
        let closed = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        rows.push(row(Ask::post("/api/v1/tokens", open.repeat(10_000)).key(&bench.admin), 400, why));
        rows.push(row(Ask::post("/api/v1/tokens", closed.clone()).key(&bench.admin), 400, why));
        let get = Ask::get(PUBLISHED[0]).header("Content-Type", "application/json").body(closed).key(&bench.reader);
        rows.push(row(get, 400, format!(r#"{{"detail":"JSON parse error - {why}"}}"#)));
    }
    bench.run(rows);
}

#[test]
fn bytes_that_are_no_utf8_get_400() {
    let bench = Bench::start();
    let mut rows: Vec<Row> = Vec::new();
    for bytes in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80"] {
        let body = [&b"{\"url\":\"a"[..], bytes, b"\"}"].concat();
        let at_byte = "The body is not UTF-8: byte 9 cannot be read.";
        rows.push(row(Ask::post(EVENTS, body.clone()).key(&bench.writer), 400, at_byte));
        rows.push(row(Ask::post("/api/v1/tokens", body.clone()).key(&bench.admin), 400, at_byte));
        let lines = [&b"{\"url\":\"\"}\n"[..], &body].concat();
        rows.push(row(Ask::post_lines(EVENTS, lines).key(&bench.writer), 400, "byte 20 cannot be read"));
        for path in PUBLISHED {
            let why = format!("'utf-8' codec can't decode byte {:#04x} in position 9", bytes[0]);
            rows.push(row(Ask::post(path, body.clone()).key(&bench.writer), 400, why));
        }
    }
    let utf16 = "starts with the byte order mark of UTF-16LE";
    rows.push(row(Ask::post(EVENTS, b"\xff\xfe{\0}\0".to_vec()).key(&bench.writer), 400, utf16));
    rows.push(row(Ask::post(EVENTS, b"\xff{}".to_vec()).key(&bench.writer), 400, "byte 0 cannot be read"));
    bench.run(rows);
}

#[test]
fn other_media_types_and_encodings_get_415() {
    let bench = Bench::start();
    let mut rows: Vec<Row> = Vec::new();
    let send = |path: &str, name: &str, value: &str| Ask::new("POST", path).header(name, value).body("{}").key(&bench.admin);
    for media in
        ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "*/*", "json"]
    {
        let bare = media.split(';').next().unwrap();
        rows.push(row(send(EVENTS, "Content-Type", media), 415, format!("A body of type \\\"{bare}\\\" cannot be read here")));
        rows.push(row(send("/api/v1/tokens", "Content-Type", media), 415, "unsupported_media_type"));
        for path in PUBLISHED {
            let why = format!(r#"{{"detail":"Unsupported media type \"{media}\" in request."}}"#);
            rows.push(row(send(path, "Content-Type", media), 415, why));
        }
    }
    for encoding in ["br", "deflate", "gzip, identity", "x"] {
        let why = format!("Unsupported content encoding \\\"{encoding}\\\" in request: send gzip, zstd, or the body as it is.");
        for path in [EVENTS, "/api/v1/tokens", PUBLISHED[0], PUBLISHED[1]] {
            rows.push(row(Ask::post(path, "{}").header("Content-Encoding", encoding).key(&bench.admin), 415, why.clone()));
        }
    }
    bench.run(rows);
}
