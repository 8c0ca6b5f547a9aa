//! A database server that is in trouble, as a client of ours sees it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::program_on;
use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::postgres_server::Server as Postgres;

fn start(directory: &std::path::Path, url: &str) -> Server {
    let mut command = program_on(directory, url);
    command.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0").env("AUDIT_APPEND_TIMEOUT_SECONDS", "1");
    Server::run(&mut command)
}

fn event(number: u32) -> String {
    format!(r#"{{"uuid":"00000000-0000-4000-8000-{number:012}","object_id":{number}}}"#)
}

/// A standby that is named and not there: the request waits, is told to come back with the same uuid, and is never told that it
/// succeeded. The others may read all the while.
#[test]
fn a_missing_standby_is_503_and_a_retry_settles_it() {
    let (directory, postgres) = (tempfile::tempdir().unwrap(), Postgres::start());
    postgres.create("audit");
    let server = start(directory.path(), &postgres.url("audit"));
    postgres.set("synchronous_standby_names", "'nowhere'");
    let mut client = Client::connect(server.address, KEY).unwrap();
    for (path, number, said) in [
        ("/api/v1/events", 1, "Whether the events were stored is not known; send them again with the same uuids."),
        ("/api/v1/oms/settings/audit_events/", 2, "Whether the record was stored is not known; send it again with the same uuid."),
        ("/api/v1/audit/logs", 3, "Whether the log was stored is not known; send it again with the same uuid."),
    ] {
        let body = match path {
            "/api/v1/audit/logs" => {
                let uuid = format!("00000000-0000-4000-8000-{number:012}");
                format!(r#"{{"uuid":"{uuid}","user_id":"1","action":"READ","table_name":"t","record_id":"1","description":"d"}}"#)
            }
            _ => event(number),
        };
        let start = Instant::now();
        let answer = client.post(path, "application/json", &body).unwrap();
        assert_eq!(answer.status, 503, "{path}: {answer:?}");
        assert!(answer.body.contains(said), "{answer:?}");
        assert!((1..20).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    }
    assert_eq!(client.get("/api/v1/events").unwrap().status, 200);
    assert_eq!(
        client.get("/api/v1/events").unwrap().json()["results"].as_array().unwrap().len(),
        0,
        "nothing was said to be there"
    );
    postgres.set("synchronous_standby_names", "''");
    let end = Instant::now() + Duration::from_secs(20);
    while client.get("/api/v1/events?count=true").unwrap().json()["count"] != 3 {
        assert!(Instant::now() < end, "what waited was not committed when it could be");
    }
    let again = client.post("/api/v1/events", "application/json", &event(1)).unwrap();
    assert!(again.status == 200 && again.json()["duplicate"] == true, "{again:?}");
    server.stop();
}

/// The process ends though its commit waits, and has promised nothing.
#[test]
fn a_server_whose_commit_waits_for_a_standby_can_be_ended() {
    let (directory, postgres) = (tempfile::tempdir().unwrap(), Postgres::start());
    postgres.create("audit");
    let server = start(directory.path(), &postgres.url("audit"));
    postgres.set("synchronous_standby_names", "'nowhere'");
    let mut client = Client::connect(server.address, KEY).unwrap();
    // Of several channels, so that every writer waits.
    for channel in 1..=4 {
        let body = format!(r#"{{"channel_id":{channel}}}"#);
        assert_eq!(client.post("/api/v1/events", "application/json", &body).unwrap().status, 503);
    }
    drop(client);
    let start = Instant::now();
    server.signal("TERM");
    let (status, _, log) = server.wait();
    assert!(status.success(), "{log}");
    assert_eq!(log.matches("the writer still waits for the database").count(), 4, "{log}");
    assert!(start.elapsed() < Duration::from_secs(30), "all of them share one time: {:?}", start.elapsed());
}

/// A client gets its answer soon, and keeps no thread from others for long.
#[test]
fn an_absent_database_is_503_until_it_is_back() {
    let (directory, postgres) = (tempfile::tempdir().unwrap(), Postgres::start());
    postgres.create("audit");
    let server = start(directory.path(), &postgres.url("audit"));
    let get = |path: &str| Client::connect(server.address, KEY).unwrap().get(path).unwrap().status;
    let post = |path: &str, body: &str| {
        // Refused before its body was read, a request ends its connection.
        Client::connect(server.address, KEY).unwrap().post(path, "application/json", body).unwrap().status
    };
    assert_eq!(post("/api/v1/events", &event(1)), 201);
    postgres.stop_immediate();
    for _ in 0..5 {
        for path in ["/api/v1/events", "/api/v1/oms/settings/audit_events/", "/api/v1/audit/logs"] {
            let start = Instant::now();
            assert_eq!((get(path), post(path, &event(2))), (503, 503), "{path}");
            assert!(start.elapsed() < Duration::from_secs(7), "{path}: {:?}", start.elapsed());
        }
        assert_eq!((get("/readyz"), get("/healthz")), (503, 200));
    }
    postgres.start_again();
    let end = Instant::now() + Duration::from_secs(20);
    while get("/readyz") != 200 {
        assert!(Instant::now() < end, "it does not come back");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(post("/api/v1/events", &event(2)), 201);
    server.stop();
}

/// Ended at once every second and a half, as a machine that crashes would be.
#[test]
fn repeated_database_crashes_lose_no_acknowledged_event() {
    let (directory, postgres) = (tempfile::tempdir().unwrap(), Postgres::start());
    postgres.create("audit");
    let servers = [start(directory.path(), &postgres.url("audit")), start(directory.path(), &postgres.url("audit"))];
    let (done, refused) = (AtomicBool::new(false), AtomicU32::new(0));
    let send = |client: u32| {
        let mut acknowledged = Vec::new();
        let mut connection = Client::connect(servers[client as usize % 2].address, KEY).unwrap();
        for number in 1.. {
            let body = event(client * 100_000 + number);
            loop {
                let answer = connection.post("/api/v1/events", "application/json", &body).unwrap();
                match answer.status {
                    200 | 201 => {
                        acknowledged.push((
                            answer.json()["uuid"].as_str().unwrap().to_owned(),
                            answer.json()["position"].as_i64().unwrap(),
                        ));
                        break;
                    }
                    503 => {
                        refused.fetch_add(1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_millis(50));
                        // Refused before its body was read, a request ends its connection.
                        connection = Client::connect(servers[client as usize % 2].address, KEY).unwrap();
                    }
                    _ => panic!("{answer:?}"),
                }
            }
            if done.load(Ordering::SeqCst) {
                return acknowledged;
            }
        }
        acknowledged
    };
    let acknowledged: Vec<(String, i64)> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..6).map(|client| scope.spawn(move || send(client))).collect();
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(1500));
            postgres.stop_immediate();
            std::thread::sleep(Duration::from_millis(300));
            postgres.start_again();
        }
        std::thread::sleep(Duration::from_secs(1));
        done.store(true, Ordering::SeqCst);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    let refused = refused.into_inner();
    assert!(refused > 0, "no client noticed: the test saw too little");
    let rows = postgres.client("audit").query("SELECT encode(uuid, 'hex'), position FROM events ORDER BY position", &[]).unwrap();
    let stored: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert!(stored.iter().map(|(_, position)| *position).eq(0..stored.len() as i64), "positions have a gap");
    println!("{} acknowledged, {refused} answers 503, {} in the log", acknowledged.len(), stored.len());
    assert!(acknowledged.len() > 100);
    for (uuid, position) in acknowledged {
        assert_eq!(stored[usize::try_from(position).unwrap()].0, uuid.replace('-', ""), "acknowledged at {position}");
    }
    for server in servers {
        assert!(!server.log().contains("panicked"), "{}", server.log());
        server.stop();
    }
}
