//! `export --bundle` and `verify`: what is exported is proven offline, and nothing that was changed is.

mod bundles;
mod changes;
mod deep;
mod kept;
mod mutations;
mod proofs;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::common::http::{Answer, Client};
use crate::common::server::{KEY, Server};
use crate::common::{Ended, eventually, program, run};
use crate::data;

/// A log with checkpoints, and what a server answered about it: made once, and only read by the tests.
pub(super) struct Fixture {
    directory: TempDir,
    /// The entries of its log in the older and in the newer checkpoint.
    pub(super) old_size: u64,
    pub(super) size: u64,
}

pub(super) static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::new);

/// The channel of the log that the tests verify. It has events and an action log.
pub(super) const CHANNEL: &str = "1";

/// The position of the entry whose proof the fixture has.
pub(super) const POSITION: u64 = 300;

impl Fixture {
    fn new() -> Fixture {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        run(program(path).arg("import").arg(data::file())).ok();
        fs::write(path.join("logs.ndjson"), r#"{"channel_id":1,"level":20,"message":"one"}"#).unwrap();
        run(program(path).args(["import", "--kind", "action-logs", "logs.ndjson"])).ok();
        let entries = run(program(path).args(["export", "--channel", CHANNEL])).ok().lines().count() as u64;
        let server = Server::start(path);
        let mut client = Client::connect(server.address, KEY).unwrap();
        let log = format!("/log/{CHANNEL}/events");
        // A long log is signed in several steps.
        let old = signed(&mut client, &log, entries);
        let events = r#"[{"action":"A","channel_id":CHANNEL,"user":{"pk":7}},{"action":"B","channel_id":CHANNEL}]"#;
        let posted = client.post("/api/v1/events", "application/json", &events.replace("CHANNEL", CHANNEL)).unwrap();
        assert_eq!(posted.status, 201, "{posted:?}");
        let new = signed(&mut client, &log, entries + 2);
        signed(&mut client, &format!("/log/{CHANNEL}/action-logs"), 1);
        let keys = fetch(&mut client, "/log/vkey", "text/plain").body;
        let list = fetch(&mut client, &format!("/api/v1/events?channel_id={CHANNEL}&position={POSITION}"), "application/json");
        let uuid = list.json()["results"][0]["uuid"].as_str().unwrap_or_else(|| panic!("{list:?}")).to_owned();
        let one = format!("/api/v1/events/{uuid}");
        for (name, target, accept) in [
            ("proof.json", format!("{one}/proof"), "application/json"),
            ("proof.tlog-proof", format!("{one}/proof"), "text/plain"),
            ("entry.leaf", format!("{one}/leaf"), "*/*"),
            ("consistency.json", format!("{log}/consistency?from={entries}&to={}", entries + 2), "application/json"),
        ] {
            fetch_file(server.address, &path.join(name), &target, accept);
        }
        server.stop();
        for (name, text) in [("old.checkpoint", &old), ("new.checkpoint", &new), ("vkey", &keys)] {
            fs::write(path.join(name), text).unwrap();
        }
        Fixture { directory, old_size: entries, size: entries + 2 }
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// The verifier keys whose name ends in this way.
    pub(super) fn keys(&self, ending: &str) -> Vec<String> {
        let keys = self.read("vkey");
        keys.lines().filter(|key| key.split_once('+').unwrap().0.ends_with(ending)).map(str::to_owned).collect()
    }

    /// The key of the log of the files.
    pub(super) fn key(&self) -> String {
        self.keys(&format!("/{CHANNEL}/events")).remove(0)
    }

    /// Exports a bundle of the log of the files into a directory.
    pub(super) fn bundle(&self, into: &Path, name: &str, arguments: &[&str]) -> PathBuf {
        let file = into.join(name);
        let mut command = program(self.path());
        run(command.args(["export", "--bundle", "--channel", CHANNEL, "-o"]).arg(&file).args(arguments)).ok();
        file
    }
}

/// The checkpoint of a log that has so many entries.
fn signed(client: &mut Client, log: &str, size: u64) -> String {
    let size_of = |note: &str| note.lines().nth(1).and_then(|size| size.parse::<u64>().ok());
    let note = || {
        let answer = fetch(client, &format!("{log}/checkpoint"), "text/plain");
        Some(answer.body).filter(|note| answer.status == 200 && size_of(note) == Some(size))
    };
    eventually(note).unwrap_or_else(|| panic!("no checkpoint of {size} entries"))
}

/// A request with `Accept`.
fn fetch(client: &mut Client, target: &str, accept: &str) -> Answer {
    let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\nAuthorization: Token {KEY}\r\nAccept: {accept}\r\n\r\n");
    client.send(head.as_bytes()).unwrap();
    client.answer().unwrap()
}

/// Saves the body of an answer, whose bytes may be any.
fn fetch_file(address: std::net::SocketAddr, file: &Path, target: &str, accept: &str) {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let head =
        format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Token {KEY}\r\nAccept: {accept}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{target}: {}", String::from_utf8_lossy(&answer));
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    fs::write(file, &answer[end + 4..]).unwrap();
}

/// Verifies in a directory, with the keys of the fixture.
pub(super) fn verify(directory: &Path, arguments: &[&str]) -> Ended {
    verify_with(directory, &["--vkey", FIXTURE.path().join("vkey").to_str().unwrap()], arguments)
}

/// Verifies with other keys.
pub(super) fn verify_with(directory: &Path, trust: &[&str], arguments: &[&str]) -> Ended {
    run(program(directory).arg("verify").args(trust).args(arguments))
}

/// How it ended, and the last line that it printed.
pub(super) fn ending(ended: &Ended) -> (Option<i32>, &str) {
    (ended.code, ended.stdout.lines().last().unwrap_or_default())
}
