//! The end of the server: what was accepted is finished, whatever is under way.

use std::collections::HashMap;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::common::{eventually, program, run};

/// Far below the 30 s after which the server gives up on requests: an end this quick did not wait for the time-out.
const QUICK: Duration = Duration::from_secs(10);

fn refuses_connections(server: &Server) -> bool {
    TcpStream::connect(server.address).is_err()
}

#[test]
fn sigterm_finishes_accepted_requests_and_exits_with_0() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let (address, stopping) = (server.address, Arc::new(AtomicBool::new(false)));
    let acknowledged = Arc::new(Mutex::new(HashMap::new()));
    let load: Vec<_> = (0..8)
        .map(|_| {
            let (stopping, acknowledged) = (stopping.clone(), acknowledged.clone());
            std::thread::spawn(move || {
                let mut client = Client::connect(address, KEY).unwrap();
                while let Ok(answer) = client.post("/api/v1/events", "application/json", r#"{"action":"LOAD"}"#) {
                    // Not a 5xx in the middle of it either: an answer is an acknowledgement.
                    assert_eq!(answer.status, 201, "{answer:?}");
                    let receipt = answer.json();
                    acknowledged.lock().unwrap().insert(receipt["uuid"].to_string(), receipt["position"].to_string());
                }
                assert!(stopping.load(Ordering::SeqCst), "the server broke a connection without being told to stop");
            })
        })
        .collect();
    eventually(|| (acknowledged.lock().unwrap().len() > 200).then_some(())).expect("no load");
    stopping.store(true, Ordering::SeqCst);
    let asked = Instant::now();
    server.signal("TERM");
    let (status, _, log) = server.wait();
    let took = asked.elapsed();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(took < QUICK, "{took:?}");
    load.into_iter().for_each(|thread| thread.join().unwrap());

    let exported = run(program(directory.path()).arg("export")).ok();
    let exported: Vec<serde_json::Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let stored: HashMap<_, _> = exported.iter().map(|event| (event["uuid"].to_string(), event["position"].to_string())).collect();
    // Both ways: what was acknowledged is there, and what is there was acknowledged, so no answer was cut off.
    assert_eq!(*acknowledged.lock().unwrap(), stored);
}

#[test]
fn sighup_ends_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    server.signal("HUP");
    eventually(|| server.log().contains("SIGHUP: there is no certificate to read again").then_some(())).expect("it says nothing");
    let mut client = Client::connect(server.address, KEY).unwrap();
    assert_eq!(client.post("/api/v1/events", "application/json", r#"{"action":"A"}"#).unwrap().status, 201);
    server.stop();
}

#[test]
fn a_request_that_has_begun_to_arrive_is_finished_after_sigterm() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let mut client = Client::connect(server.address, KEY).unwrap();
    let body = r#"{"action":"SLOW"}"#;
    client.begin("/api/v1/events", "application/json", body.len()).unwrap();
    client.send(&body.as_bytes()[..5]).unwrap();
    server.signal("TERM");
    eventually(|| refuses_connections(&server).then_some(())).expect("it goes on accepting connections");
    client.send(&body.as_bytes()[5..]).unwrap();
    let answer = client.answer().expect("the request is dropped");
    assert_eq!(answer.status, 201, "{answer:?}");
    let (status, _, log) = server.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    let exported = run(program(directory.path()).arg("export")).ok();
    assert!(exported.contains(answer.json()["uuid"].as_str().unwrap()), "{exported}");
}

#[test]
fn a_connection_that_is_idle_does_not_delay_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let mut used = Client::connect(server.address, KEY).unwrap();
    assert_eq!(used.get("/healthz").unwrap().status, 200);
    let unused = Client::connect(server.address, KEY).unwrap();
    let asked = Instant::now();
    server.signal("INT");
    let (status, _, log) = server.wait();
    let took = asked.elapsed();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(took < QUICK, "{took:?}");
    drop((used, unused));
}

#[test]
fn a_second_signal_ends_it_at_once_with_1() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let mut client = Client::connect(server.address, KEY).unwrap();
    client.begin("/api/v1/events", "application/json", 100).unwrap();
    server.signal("TERM");
    eventually(|| server.log().contains("stopping").then_some(())).expect("it does not say that it stops");
    let asked = Instant::now();
    server.signal("TERM");
    let (status, _, log) = server.wait();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(asked.elapsed() < QUICK);
}
