//! Offers to speak another protocol: they are declined by not being looked at, and nothing else changes.

use crate::common::{Answer, Ask, Client, TestServer};

const EVENTS: &str = "/api/v1/events";
const OMS: &str = "/api/v1/oms/settings/audit_events/";

/// What clients send: the JDK's `HttpClient`, nginx with a pasted snippet, browsers and bare names.
const OFFERS: [&[(&str, &str)]; 8] = [
    &[("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABkAAQAAP__")],
    &[("Connection", "upgrade")],
    &[("Connection", "upgrade"), ("Upgrade", "websocket")],
    &[("connection", "keep-alive, Upgrade"), ("UPGRADE", "WebSocket"), ("Sec-WebSocket-Version", "13")],
    &[("Upgrade", "websocket")],
    &[("Upgrade", "TLS/1.0, HTTP/1.1"), ("Connection", "Upgrade")],
    &[("Connection", ",upgrade,,"), ("Connection", "UPGRADE"), ("Upgrade", "h2c"), ("Upgrade", "websocket")],
    &[("Upgrade", ""), ("Connection", "")],
];

fn offering(mut ask: Ask, offer: &[(&str, &str)]) -> Ask {
    for (name, value) in offer {
        ask = ask.header(name, *value);
    }
    ask
}

/// An answer that accepts nothing, on a connection that goes on.
fn declined(answer: &Answer) {
    assert_eq!((answer.header("Connection"), answer.header("Upgrade")), (None, None), "{answer:?}");
}

#[test]
fn a_request_with_an_offer_is_answered_as_without_it() {
    let server = TestServer::start();
    let mut sent = 0;
    for offer in OFFERS {
        let mut client = server.connect();
        for ask in [
            Ask::post(EVENTS, r#"{"action":"A"}"#),
            Ask::post(OMS, r#"{"action":"B"}"#),
            Ask::post(EVENTS, r#"{"action":"C"}"#).chunked(),
            Ask::post_lines(EVENTS, "{\"action\":\"D\"}\n".repeat(3000)).chunked(),
        ] {
            let answer = client.ask(&offering(ask.key(&server.admin), offer));
            assert_eq!(answer.status, 201, "{offer:?}");
            declined(&answer);
        }
        sent += 3003;
        for method in ["GET", "HEAD"] {
            let answer = client.ask(&offering(Ask::new(method, "/healthz"), offer));
            assert_eq!(answer.status, 200, "{offer:?}");
            declined(&answer);
        }
        assert_eq!(client.ask(&Ask::get("/healthz")).status, 200, "the connection is kept");
    }
    assert_eq!(server.everything().1.len(), sent);
    server.stop();
}

#[test]
fn a_client_that_closes_is_told_so_with_an_offer_too() {
    let server = TestServer::start();
    for connection in ["close, upgrade", "Upgrade, close", "upgrade,CLOSE"] {
        let mut client = server.connect();
        let ask = Ask::post(EVENTS, r#"{"action":"A"}"#)
            .key(&server.admin)
            .header("Connection", connection)
            .header("Upgrade", "websocket");
        let answer = client.ask(&ask);
        assert_eq!((answer.status, answer.header("Connection")), (201, Some("close")));
        assert!(client.ends_within(std::time::Duration::from_secs(10)));
    }
    server.stop();
}

#[test]
fn http_1_0_keeps_the_connection_only_when_asked() {
    let server = TestServer::start();
    for (connection, kept) in [("upgrade", false), ("keep-alive, upgrade", true), ("upgrade, keep-alive", true)] {
        let mut client = server.connect();
        let ask = Ask::post(EVENTS, r#"{"action":"A"}"#).key(&server.admin).version("HTTP/1.0");
        let answer = client.ask(&ask.header("Connection", connection).header("Upgrade", "websocket"));
        assert_eq!((answer.status, answer.header("Connection")), (201, kept.then_some("keep-alive")), "{connection}");
        assert_eq!(answer.header("Upgrade"), None);
        if kept {
            assert_eq!(client.ask(&Ask::get("/healthz").version("HTTP/1.0")).status, 200);
        } else {
            assert!(client.ends_within(std::time::Duration::from_secs(10)));
        }
    }
    server.stop();
}

#[test]
fn an_offer_is_declined_however_its_bytes_arrive() {
    let server = TestServer::start();
    let ask = |n: usize| offering(Ask::post(EVENTS, format!(r#"{{"object_id":{n}}}"#)).key(&server.admin), OFFERS[3]);
    // Byte by byte, with the next request behind it.
    let mut client = server.connect();
    for byte in [ask(0).bytes(), ask(1).bytes()].concat() {
        client.send(&[byte]);
    }
    // All at once; one of them in chunks.
    let many = [ask(2).bytes(), ask(3).chunked().bytes(), ask(4).bytes(), Ask::get("/healthz").bytes(), ask(5).bytes()];
    client.send(&many.concat());
    for status in [201, 201, 201, 201, 201, 200, 201] {
        let answer = client.answer("POST").unwrap();
        assert_eq!(answer.status, status, "{}", answer.text());
        declined(&answer);
    }
    assert_eq!(server.everything().1.len(), 6);
    server.stop();
}

/// A body is never taken for a head, and arrives as it was sent.
#[test]
fn a_body_that_reads_like_a_head_arrives_as_it_is() {
    let server = TestServer::start();
    let inner =
        "POST /api/v1/events HTTP/1.1\r\nHost: a\r\nConnection: upgrade, x\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\n{}";
    let form = format!("level=20&message=\r\n\r\n{inner}\r\n\r\n{inner}");
    let mut client = server.connect();
    for offer in [&[][..], OFFERS[2]] {
        let ask = || {
            let ask = Ask::new("POST", "/api/v1/oms/logs/action_log/").header("Content-Type", "application/x-www-form-urlencoded");
            offering(ask.key(&server.admin).body(form.as_str()), offer)
        };
        for bytes in [ask().bytes(), ask().chunked().bytes(), small_chunks(&ask().chunked().bytes(), form.as_bytes())] {
            send_in_pieces(&mut client, &bytes);
            let made = client.answer("POST").unwrap().expect(201);
            assert_eq!(made["message"], form["level=20&message=".len()..], "{offer:?}");
        }
    }
    assert_eq!(server.everything().1.len(), 6);
    server.stop();
}

/// The same body, in chunks of three bytes with extensions, and with a trailer.
fn small_chunks(request: &[u8], body: &[u8]) -> Vec<u8> {
    let head = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let mut out = request[..head].to_vec();
    for chunk in body.chunks(3) {
        out.extend_from_slice(format!("00{:X} ;a=\"Upgrade: b\"\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\nUpgrade: websocket\r\n\r\n");
    out
}

fn send_in_pieces(client: &mut Client, bytes: &[u8]) {
    for piece in bytes.chunks(101) {
        client.send(piece);
    }
}

/// What follows a request that the server refuses is not answered: it may be the rest of that request.
#[test]
fn nothing_is_read_after_a_head_that_is_refused() {
    let server = TestServer::start();
    let hidden = offering(Ask::post(EVENTS, r#"{"action":"A"}"#).key(&server.admin), OFFERS[2]).bytes();
    for head in [
        "POST /api/v1/events HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
        "POST /api/v1/events HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /api/v1/events HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "POST /api/v1/events HTTP/1.1\r\nHost: a\r\nUpgrade : websocket\r\nContent-Length: 0\r\n\r\n",
        "POST /api/v1/events HTTP/1.1\r\nHost: a\r\n Upgrade: websocket\r\nContent-Length: 0\r\n\r\n",
        "POST /api/v1/events HTTP/1.0\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /api/v1/events HTTP/1.1\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n",
    ] {
        let mut client = server.connect();
        client.send(&[head.as_bytes(), &hidden].concat());
        assert_eq!(client.answer("POST").map(|answer| answer.status), Some(400), "{head}");
        assert!(client.answer("POST").is_none(), "{head}");
    }
    assert_eq!(server.everything().1.len(), 0);
    server.stop();
}
