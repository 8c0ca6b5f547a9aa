//! Sends an event to a server, and sends it again until it is known to be on disk.
//!
//! `AUDIT_URL=http://127.0.0.1:8080 KEY=… cargo run --release -p audit-domain --example send_over_http`
//!
//! The transport is the standard library's, which knows no TLS: put the HTTP client of your service in place of [`post`].

use std::io::{Error, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use audit_domain::{Timestamp, draw_uuid_v7};
use serde_json::json;

const ATTEMPTS: u32 = 6;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (url, key) = (std::env::var("AUDIT_URL")?, std::env::var("KEY")?);
    let event = json!({
        // Made once, before the first attempt: it is what makes all others harmless.
        "uuid": draw_uuid_v7(Timestamp::now()?)?,
        "action": "UPDATE", "table_name": "orders.order", "object_id": 859,
        "user": {"pk": 7, "username": "zoe"},
        "content": {"old_data": {"quantity": 1}, "new_data": {"quantity": 2}},
    });
    println!("{}", send(&url, &key, &event.to_string())?);
    Ok(())
}

/// The receipt, or why there is none.
fn send(url: &str, key: &str, event: &str) -> Result<String, String> {
    for attempt in 0..ATTEMPTS {
        let wait = match post(url, key, event) {
            Ok((200 | 201, receipt, _)) => return Ok(receipt),
            // Too slow, too busy, or on its way down: what became of it, the next attempt settles.
            Ok((408 | 429 | 500..=599, _, retry_after)) => retry_after.unwrap_or(1 << attempt),
            Ok((status, problem, _)) => return Err(format!("refused with {status}: {problem}")),
            Err(_) => 1 << attempt,
        };
        std::thread::sleep(Duration::from_secs(wait));
    }
    Err(format!("no answer in {ATTEMPTS} attempts: keep the event and send it later"))
}

/// Status, body and `Retry-After` in seconds.
fn post(url: &str, key: &str, body: &str) -> std::io::Result<(u16, String, Option<u64>)> {
    let host = url.strip_prefix("http://").ok_or_else(|| Error::other("only http:// here"))?.trim_end_matches('/');
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let length = body.len();
    write!(
        stream,
        "POST /api/v1/events HTTP/1.1\r\nHost: {host}\r\nAuthorization: Token {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| Error::other("half an answer"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| Error::other("no HTTP"))?;
    let retry_after = head.lines().filter_map(|line| line.split_once(": "));
    let retry_after =
        retry_after.filter(|(name, _)| name.eq_ignore_ascii_case("retry-after")).find_map(|(_, value)| value.parse().ok());
    Ok((status, body.to_owned(), retry_after))
}
