//! A running server with real events, and the files that an outsider gets from it.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::server::{KEY, Server};
use crate::common::{Ended, eventually, program, run};
use crate::data;
use crate::outsider;
use crate::postgres_server::Database;

/// The real events of the log at the start: two full tiles and the beginning of a third.
pub(crate) const EVENTS: u64 = 700;

/// The log of channel 1, whose tiles everybody may read.
pub(crate) struct Log {
    server: Server,
    database: Option<Database>,
    directory: tempfile::TempDir,
    /// The verifier key of the log.
    pub(crate) vkey: String,
}

/// Runs a test with a log on each database.
pub(crate) fn on_both_databases(test: impl Fn(&Log)) {
    for database in [None, Some(Database::empty())] {
        let log = Log::start(database);
        test(&log);
        log.server.stop();
    }
}

/// The same, for a test that starts the server again, and stops it.
pub(crate) fn on_each_database(test: impl Fn(Log)) {
    for database in [None, Some(Database::empty())] {
        test(Log::start(database));
    }
}

impl Log {
    fn start(database: Option<Database>) -> Log {
        let directory = tempfile::tempdir().unwrap();
        let events = data::unpack(&data::file());
        let of_channel = events.lines().filter(|line| data::members(line)["channel_id"] == "1");
        let lines: Vec<&str> = of_channel.take(usize::try_from(EVENTS).unwrap()).collect();
        fs::write(directory.path().join("events.ndjson"), lines.join("\n")).unwrap();
        fs::write(directory.path().join("logs.ndjson"), r#"{"channel_id":1,"level":20,"message":"one","trace":"two"}"#).unwrap();
        run(program_on(directory.path(), database.as_ref()).args(["import", "events.ndjson"])).ok();
        run(program_on(directory.path(), database.as_ref()).args(["import", "--kind", "action-logs", "logs.ndjson"])).ok();
        let server = serve(directory.path(), database.as_ref(), &[]);
        let mut log = Log { server, database, directory, vkey: String::new() };
        log.checkpoint(EVENTS);
        log.vkey = log.vkey_of("/1/events");
        fs::write(log.path().join("vkey.txt"), format!("{}\n", log.vkey)).unwrap();
        log
    }

    /// The same log, of a server that was started again with more settings.
    pub(crate) fn restarted(self, settings: &[(&str, &str)]) -> Log {
        let Log { server, database, directory, vkey } = self;
        server.stop();
        let server = serve(directory.path(), database.as_ref(), settings);
        Log { server, database, directory, vkey }
    }

    /// What the server has said.
    pub(crate) fn server_log(&self) -> String {
        self.server.log()
    }

    pub(crate) fn stop(self) {
        self.server.stop();
    }

    /// The status and the answer to a document.
    pub(crate) fn post(&self, target: &str, body: &str) -> (u16, String) {
        let head = format!("POST {target} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}", body.len());
        let (status, answer) = ask(self.server.address, &head, body.as_bytes());
        (status, String::from_utf8(answer).unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The program, with the database of the log.
    pub(crate) fn program(&self) -> Command {
        program_on(self.path(), self.database.as_ref())
    }

    /// The prefix of the tiles of the log, with a slash at the end.
    pub(crate) fn prefix(&self) -> String {
        format!("http://{}/log/1/events/", self.server.address)
    }

    /// The verifier key of the log whose origin ends in this way.
    pub(crate) fn vkey_of(&self, ending: &str) -> String {
        let keys = String::from_utf8(self.get("/log/vkey", "text/plain").1).unwrap();
        let key = keys.lines().find(|key| key.split_once('+').unwrap().0.ends_with(ending));
        key.unwrap_or_else(|| panic!("{ending} is not in {keys}")).to_owned()
    }

    pub(crate) fn origin(&self) -> &str {
        self.vkey.split_once('+').unwrap().0
    }

    /// The newest checkpoint, once it has so many entries.
    pub(crate) fn checkpoint(&self, size: u64) -> String {
        let newest = || {
            let (status, body) = self.get("/log/1/events/checkpoint", "text/plain");
            let note = String::from_utf8(body).unwrap();
            (status == 200 && note.lines().nth(1) == Some(&size.to_string())).then_some(note)
        };
        eventually(newest).unwrap_or_else(|| panic!("no checkpoint of {size} entries: {}", self.server.log()))
    }

    /// Appends events, and waits until a checkpoint has them.
    pub(crate) fn append(&self, count: u64) -> String {
        let size = self.checkpoint_now().lines().nth(1).unwrap().parse::<u64>().unwrap();
        let body = "{\"channel_id\":1,\"action\":\"LATER\"}\n".repeat(usize::try_from(count).unwrap());
        let head = format!("POST /api/v1/events HTTP/1.1\r\nContent-Type: application/x-ndjson\r\nContent-Length: {}", body.len());
        let (status, answer) = ask(self.server.address, &head, body.as_bytes());
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
        self.checkpoint(size + count)
    }

    fn checkpoint_now(&self) -> String {
        String::from_utf8(self.get("/log/1/events/checkpoint", "text/plain").1).unwrap()
    }

    /// The path of the event at a position.
    pub(crate) fn event(&self, position: u64) -> String {
        let (_, list) = self.get(&format!("/api/v1/events?channel_id=1&position={position}"), "application/json");
        let list: serde_json::Value = serde_json::from_slice(&list).unwrap();
        format!("/api/v1/events/{}", list["results"][0]["uuid"].as_str().unwrap_or_else(|| panic!("{list}")))
    }

    /// The status and the body of an answer, whose bytes may be any.
    pub(crate) fn get(&self, target: &str, accept: &str) -> (u16, Vec<u8>) {
        ask(self.server.address, &format!("GET {target} HTTP/1.1\r\nAccept: {accept}"), b"")
    }

    /// Saves the body of an answer in the directory of the log.
    pub(crate) fn save(&self, name: &str, target: &str, accept: &str) -> Vec<u8> {
        let (status, body) = self.get(target, accept);
        assert_eq!(status, 200, "{target}: {}", String::from_utf8_lossy(&body));
        fs::write(self.path().join(name), &body).unwrap();
        body
    }

    /// A program of others, run in the directory of the log.
    pub(crate) fn foreign(&self, name: &str, arguments: &[&str]) -> Ended {
        run(Command::new(outsider::bin().join(name)).current_dir(self.path()).env("PYTHONDONTWRITEBYTECODE", "1").args(arguments))
    }

    /// A script of Python of this repository, run with the packages of others.
    pub(crate) fn script(&self, script: &Path, arguments: &[&str]) -> Ended {
        self.foreign("python3", &[&[script.to_str().unwrap()], arguments].concat())
    }
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path).canonicalize().unwrap()
}

fn serve(directory: &Path, database: Option<&Database>, settings: &[(&str, &str)]) -> Server {
    let mut serve = program_on(directory, database);
    serve.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0").env("AUDIT_PUBLIC_LOG", "true");
    Server::run(serve.envs(settings.iter().copied()))
}

fn program_on(directory: &Path, database: Option<&Database>) -> Command {
    let mut command = program(directory);
    if let Some(database) = database {
        command.env("AUDIT_DATABASE_URL", database.url());
    }
    command
}

/// One request on a connection of its own.
pub(crate) fn ask(address: SocketAddr, head: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(crate::common::PATIENCE)).unwrap();
    let more = format!("Host: {address}\r\nConnection: close\r\nAuthorization: Token {KEY}");
    stream.write_all(format!("{head}\r\n{more}\r\n\r\n").as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let status = std::str::from_utf8(&answer[..end]).unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    assert!(!answer[..end].to_ascii_lowercase().windows(8).any(|bytes| bytes == b"\nchunked" || bytes == b" chunked"), "{head}");
    (status, answer[end + 4..].to_vec())
}
