//! Compressed bodies, at every path that takes a body.

use std::io::Write;

use audit_http::store::domain::limits;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::common::{Ask, TestServer};

const EVENTS: &str = "/api/v1/events";

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

type Compress = fn(&[u8]) -> Vec<u8>;

const ENCODINGS: [(&str, Compress); 3] = [("gzip", gzip), ("X-GZip", gzip), ("zstd", zstd)];

#[test]
fn compressed_bodies_are_read_at_every_path() {
    let server = TestServer::start();
    let json = "application/json";
    let bodies = [
        (EVENTS, json, r#"{"action":"LOGIN","user":"zoe"}"#),
        (EVENTS, "application/x-ndjson", "{\"user\":1}\n{\"user\":2}\n"),
        ("/api/v1/action-logs", json, r#"{"level":20,"message":"packed"}"#),
        ("/api/v1/oms/settings/audit_events/", json, r#"{"content_type":1,"object_id":2}"#),
        ("/api/v1/oms/logs/action_log/", json, r#"{"level":20,"message":"packed"}"#),
        ("/api/v1/oms/logs/action_log/", "application/x-www-form-urlencoded", "level=20&message=packed"),
        ("/api/v1/audit/logs", json, r#"{"user_id":"7","action":"UPDATE","table_name":"users","record_id":"1"}"#),
        ("/api/v1/tokens", json, r#"{"name":"packed","role":"reader","channels":[1]}"#),
    ];
    for (at, (name, compress)) in ENCODINGS.into_iter().enumerate() {
        for (path, media, body) in bodies {
            let body = body.replace("packed", &format!("packed {at}"));
            let ask = Ask::new("POST", path).header("Content-Type", media).header("Content-Encoding", name).key(&server.admin);
            assert_eq!(server.ask(&ask.body(compress(body.as_bytes()))).status, 201, "{name} {path} {body}");
        }
    }
    let (heads, all) = server.everything();
    assert_eq!((heads, all.len()), (vec![(1, 3 * 5)], 3 * 8));
    assert_eq!(all.iter().filter(|entry| entry.contains(r#""message":"packed 2""#)).count(), 3);
    server.stop();
}

#[test]
fn a_large_batch_comes_compressed() {
    let server = TestServer::start();
    let events: Vec<String> = (0..10_000).map(|id| format!(r#"{{"table_name":"orders","object_id":{id}}}"#)).collect();
    let packed = zstd(events.join("\n").as_bytes());
    let ask = |packed: Vec<u8>| Ask::post_lines(EVENTS, packed).header("Content-Encoding", "zstd").key(&server.admin);
    assert_eq!(server.ask(&ask(packed).chunked()).expect(201)["accepted"], 10_000);
    let found = server.get(&server.admin, &format!("{EVENTS}?object_id=9999&count=true")).expect(200);
    assert_eq!(found["count"], 1);
    server.stop();
}

/// Ten thousand equal records are accepted, although they grow by hundreds or thousands of times.
#[test]
fn equal_records_may_grow_by_any_ratio() {
    let server = TestServer::start();
    for (name, compress) in ENCODINGS {
        let packed = compress("{\"action\":\"LOGIN\",\"user\":7}\n".repeat(10_000).as_bytes());
        let ask = Ask::post_lines(EVENTS, packed).header("Content-Encoding", name).key(&server.admin);
        assert_eq!(server.ask(&ask).expect(201)["accepted"], 10_000, "{name}");
    }
    // The limit of one record holds for what comes out.
    let large = gzip(format!(r#"{{"content_type":1,"object_id":2,"url":"{}"}}"#, "x".repeat(limits::EVENT_BYTES_MAX)).as_bytes());
    let ask = Ask::post("/api/v1/oms/settings/audit_events/", large).header("Content-Encoding", "gzip").key(&server.admin);
    let refused = server.ask(&ask);
    assert_eq!((refused.status, server.everything().0), (413, vec![(1, 30_000)]), "{}", refused.text());
    server.stop();
}

#[test]
fn a_bomb_or_a_broken_body_stores_nothing() {
    let server = TestServer::start();
    let blanks = |bytes| [br#"{"url":""}"#.to_vec(), vec![b' '; bytes]].concat();
    let event = br#"{"action":"LOGIN"}"#;
    let max = limits::REQUEST_BYTES_MAX;
    let many: String = (0..max / 16 + 1).map(|number| format!("{{\"user\":{number:07}}}\n")).collect();
    let numbers: Vec<u8> = (0..3 * 1024 * 1024u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    for (name, compress) in ENCODINGS {
        let packed = compress(event);
        for (body, status, detail) in [
            (
                compress(&blanks(8 * 1024 * 1024)),
                413,
                "The request body grows to more than 300 times its size when it is decompressed: ",
            ),
            (compress(many.as_bytes()), 413, "The request body has more than 33554432 bytes when it is decompressed."),
            (compress(&numbers), 413, "A compressed request body may have at most 8388608 bytes: "),
            (packed[..packed.len() - 3].to_vec(), 400, "it breaks off."),
            (event.to_vec(), 400, "The request body is not "),
            ([&packed[..], b"{}"].concat(), 400, "The request body is not "),
            (Vec::new(), 400, "The request body is not "),
        ] {
            let answer = server.ask(&Ask::post(EVENTS, body).header("Content-Encoding", name).key(&server.admin));
            assert!(answer.status == status && answer.text().contains(detail), "{name}: {} {}", answer.status, answer.text());
        }
    }
    for name in ["br", "deflate", "gzip, zstd", "compress"] {
        let answer = server.ask(&Ask::post(EVENTS, r#"{"action":"A"}"#).header("Content-Encoding", name).key(&server.admin));
        assert_eq!((answer.status, answer.header("Accept-Encoding")), (415, Some("gzip, zstd")), "{name}");
    }
    let plain =
        server.ask(&Ask::post(EVENTS, r#"{"action":"A"}"#).header("Content-Encoding", "Identity").key(&server.admin)).expect(201);
    assert_eq!(plain["position"], 0, "nothing was stored before");
    server.stop();
}
