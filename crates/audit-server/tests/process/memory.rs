//! The memory of the process while far more is sent than it can write.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::http::Client;
use crate::common::server::{KEY, Server};

const KEYS: usize = 4;
const CONNECTIONS_OF_A_KEY: usize = 64;
const SENT_FOR: Duration = Duration::from_secs(8);

/// Three hundred bytes an event, a thousand of them.
fn batch() -> String {
    let event = |number: usize| {
        let text = "He paid at the counter, and nobody knows why. ".repeat(3);
        format!(
            r#"{{"action":"UPDATE","table_name":"orders.order","object_id":"{number}","user":{{"id":7,"username":"zoe"}},"content":{{"price":[{number},7]}},"description":"{text}"}}"#
        )
    };
    (0..1_000).map(event).collect::<Vec<_>>().join("\n")
}

fn key(admin: &mut Client, number: usize) -> String {
    let token = format!(r#"{{"name":"writer {number}","role":"writer","channels":[1]}}"#);
    let made = admin.post("/api/v1/tokens", "application/json", &token).unwrap();
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["key"].as_str().unwrap().to_owned()
}

/// Bodies of 80 MB are on their way at any time, and each of their events takes seven times its bytes until it is committed. With two
/// processors it is 150 MiB; with more, more threads keep memory of the allocator. Before anything bounded it but the budget, 310.
#[test]
fn batches_over_many_connections_take_bounded_memory() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let mut admin = Client::connect(server.address, KEY).unwrap();
    let keys: Vec<String> = (0..KEYS).map(|number| key(&mut admin, number)).collect();
    let (body, appended) = (Arc::new(batch()), Arc::new(AtomicUsize::new(0)));
    let start = Instant::now();
    let connections = keys.iter().flat_map(|key| [key; CONNECTIONS_OF_A_KEY]).map(|key| {
        let (address, key, body, appended) = (server.address, key.clone(), Arc::clone(&body), Arc::clone(&appended));
        thread::spawn(move || {
            while start.elapsed() < SENT_FOR {
                let mut client = Client::connect(address, &key).unwrap();
                let answer = client.post("/api/v1/events", "application/x-ndjson", &body).unwrap();
                match answer.status {
                    201 => drop(appended.fetch_add(1_000, Ordering::SeqCst)),
                    503 => thread::sleep(Duration::from_secs(1)),
                    _ => panic!("{answer:?}"),
                }
            }
        })
    });
    connections.collect::<Vec<_>>().into_iter().for_each(|connection| connection.join().unwrap());
    let (peak, appended) = (server.peak_bytes() / (1024 * 1024), appended.load(Ordering::SeqCst));
    let total = admin.get("/api/v1/events?count=true&limit=1").unwrap().json()["count"].as_u64().unwrap();
    assert_eq!(total, appended as u64, "what was refused is not stored");
    assert!(appended >= 20_000, "{appended}");
    assert!(peak < 220, "{peak} MiB with {appended} events");
    server.stop();
}
