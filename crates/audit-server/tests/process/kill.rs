//! Killed again and again under load: every acknowledged event is there, at the position its receipt named.
//!
//! SIGKILL leaves no time to finish anything. What the operating system had taken over it keeps, so this shows what becomes of
//! a process that dies, not of a machine that loses power; for that, the store reads back that commits are synced.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Row};
use serde_json::Value;

use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::common::{program, run};

const ROUNDS: usize = 50;
const WRITERS: u64 = 6;

/// Longest time under load before the kill; the real one is drawn.
const LOAD_MILLISECONDS_MAX: u64 = 250;

/// Where an event is, by uuid, as its receipt says.
type Receipts = BTreeMap<String, i64>;

/// A client that never gives up on a request: what was not answered is sent again, with the same uuids.
struct Writer {
    number: u64,
    sent: u64,
    unanswered: Option<(&'static str, String)>,
    receipts: Receipts,
    retried: u64,
}

impl Writer {
    /// Sends requests until the connection breaks.
    fn run(&mut self, address: SocketAddr, killed: &AtomicBool) {
        let Ok(mut client) = Client::connect(address, KEY) else {
            assert!(killed.load(Ordering::SeqCst), "no connection");
            return;
        };
        loop {
            let request = self.unanswered.take().unwrap_or_else(|| self.request());
            match client.post("/api/v1/events", request.0, &request.1) {
                Ok(answer) => {
                    assert!([200, 201].contains(&answer.status), "{answer:?}");
                    self.keep(&answer.json());
                }
                Err(error) => {
                    assert!(killed.load(Ordering::SeqCst), "{error}");
                    self.unanswered = Some(request);
                    return;
                }
            }
        }
    }

    /// One event, a few lines, or an array.
    fn request(&mut self) -> (&'static str, String) {
        match self.sent % 3 {
            0 => ("application/json", self.event()),
            1 => ("application/x-ndjson", (0..7).map(|_| self.event() + "\n").collect()),
            _ => ("application/json", format!("[{}]", (0..20).map(|_| self.event()).collect::<Vec<_>>().join(","))),
        }
    }

    fn event(&mut self) -> String {
        self.sent += 1;
        let uuid = format!("{:08x}-0000-4000-8000-{:012x}", self.number, self.sent);
        format!(r#"{{"uuid":"{uuid}","action":"KILL","object_id":"{uuid}","content":{{"new_data":{{"n":{}.0}}}}}}"#, self.sent)
    }

    fn keep(&mut self, answer: &Value) {
        let one = std::slice::from_ref(answer);
        for receipt in answer.get("receipts").map_or(one, |receipts| receipts.as_array().unwrap()) {
            let (uuid, position) = (receipt["uuid"].as_str().unwrap(), receipt["position"].as_i64().unwrap());
            self.retried += u64::from(receipt["duplicate"].as_bool().unwrap());
            assert_eq!(self.receipts.insert(uuid.to_owned(), position), None, "{uuid} was acknowledged twice");
        }
    }
}

/// The uuids of the log from a position on, as a client sees them; each event is what was sent, and no position is left out.
fn walk(address: SocketAddr, from: usize) -> Vec<String> {
    let mut client = Client::connect(address, KEY).unwrap();
    let (mut uuids, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/events?sort=position&channel_id=1&limit=1000&position__gte={from}{cursor}");
        let answer = client.get(&path).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        let page = answer.json();
        for event in page["results"].as_array().unwrap() {
            assert_eq!(event["position"].as_u64(), Some((from + uuids.len()) as u64), "a gap, or an event twice");
            assert_eq!(event["object_id"], event["uuid"]);
            uuids.push(event["uuid"].as_str().unwrap().to_owned());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return uuids,
        }
    }
}

fn assert_acknowledged(log: &[String], writers: &[Writer]) {
    for (uuid, position) in writers.iter().flat_map(|writer| &writer.receipts) {
        assert_eq!(log.get(usize::try_from(*position).unwrap()), Some(uuid), "{uuid} was acknowledged at {position}");
    }
}

/// Every event has the action and nothing else has it.
fn assert_counted(address: SocketAddr, events: usize) {
    let answer = Client::connect(address, KEY).unwrap().get("/api/v1/events?action=KILL&count=true&limit=1").unwrap();
    assert_eq!(answer.json()["count"].as_u64(), Some(events as u64));
}

/// Of a log, all but the last few entries are in segments.
fn wait_until_indexed(database: &Path, events: usize) {
    let database = Connection::open(database).unwrap();
    let start = Instant::now();
    let indexed = || database.query_row("SELECT sum(size) FROM segments", [], |row| row.get::<_, Option<i64>>(0)).unwrap();
    while indexed() != Some((events - events % 64) as i64) {
        assert!(start.elapsed() < Duration::from_secs(30), "{events} events, of which {:?} are indexed", indexed());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Kills between two steps, and in the middle of one, leave the same index and the same tiles behind as a rebuild makes, byte by byte.
fn assert_index_is_as_if_made_at_once(directory: &Path, database: &Path) {
    let dump = || -> Vec<Vec<Value>> {
        let database = Connection::open(database).unwrap();
        let rows = |sql: &str, of: fn(&Row<'_>) -> rusqlite::Result<Value>| {
            let mut statement = database.prepare(sql).unwrap();
            statement.query_map([], of).unwrap().map(Result::unwrap).collect()
        };
        vec![
            rows("SELECT first, size, hex(fences) || hex(days) FROM segments ORDER BY first", |row| {
                Ok(serde_json::json!([row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?]))
            }),
            rows("SELECT first, block, hex(points) FROM segment_times ORDER BY first, block", |row| {
                Ok(serde_json::json!([row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?]))
            }),
            rows("SELECT first, hex(first_term), hex(terms) FROM postings ORDER BY first, first_term", |row| {
                Ok(serde_json::json!([row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?]))
            }),
        ]
    };
    let before = dump();
    let said = run(program(directory).arg("rebuild")).ok();
    assert!(said.contains("repaired tiles: 0"), "{said}");
    assert!(before.iter().all(|table| !table.is_empty()) && dump() == before, "the index is not the one that a rebuild makes");
}

#[test]
fn fifty_kills_lose_no_acknowledged_event() {
    let directory = tempfile::tempdir().unwrap();
    let new = |number| Writer { number, sent: 0, unanswered: None, receipts: Receipts::new(), retried: 0 };
    let mut writers: Vec<Writer> = (0..WRITERS).map(new).collect();
    let mut log: Vec<String> = Vec::new();
    for round in 0..ROUNDS {
        let server = Server::start(directory.path());
        log.extend(walk(server.address, log.len()));
        assert_acknowledged(&log, &writers);
        let (address, killed) = (server.address, AtomicBool::new(false));
        thread::scope(|scope| {
            let writers: Vec<_> = writers.iter_mut().map(|writer| scope.spawn(|| writer.run(address, &killed))).collect();
            let moment = RandomState::new().hash_one(round) % LOAD_MILLISECONDS_MAX;
            thread::sleep(Duration::from_millis(moment));
            killed.store(true, Ordering::SeqCst);
            server.kill();
            writers.into_iter().for_each(|writer| writer.join().unwrap());
        });
    }
    let server = Server::start(directory.path());
    let whole = walk(server.address, 0);
    assert_eq!(whole[..log.len()], log, "what was read before is still the same");
    assert_acknowledged(&whole, &writers);
    assert_counted(server.address, whole.len());
    let database = directory.path().join("audit-data/audit.db");
    wait_until_indexed(&database, whole.len());
    server.stop();
    assert_index_is_as_if_made_at_once(directory.path(), &database);
    let deep = run(program(directory.path()).args(["verify", "--deep"]));
    assert!(deep.code == Some(0) && deep.stdout.contains(", 0 findings"), "{deep:?}");

    let acknowledged: usize = writers.iter().map(|writer| writer.receipts.len()).sum();
    let retried: u64 = writers.iter().map(|writer| writer.retried).sum();
    let distinct: std::collections::BTreeSet<&String> = whole.iter().collect();
    println!(
        "{acknowledged} acknowledged, {} in the log, {retried} committed before a kill that kept the answer back",
        whole.len()
    );
    assert_eq!(distinct.len(), whole.len(), "a retry doubled an event");
    assert!(acknowledged > 1_000, "there was no load");
    assert!(retried > 0, "no kill came between a commit and its answer: the test saw too little");
}
