//! System calls that fail, made to fail by strace in a server that runs: a client gets an error, and nothing panics.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::common::{eventually, program, wait};

const EVENTS: &str = "/api/v1/events";

/// Makes a system call fail until it is dropped.
struct Injected(Child);

impl Injected {
    /// In a process, in all of its threads and those to come.
    fn into_process(process: u32, call: &str, error: &str) -> Injected {
        Injected::start(Command::new("strace").arg("-f"), process, call, error)
    }

    /// In the one thread of a process that has a name.
    fn into_thread(process: u32, name: &str, call: &str, error: &str) -> Injected {
        let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap().map(|thread| thread.unwrap().path());
        let mut named = threads.filter(|thread| std::fs::read_to_string(thread.join("comm")).unwrap().trim_end() == name);
        let thread = named.next().unwrap().file_name().unwrap().to_string_lossy().parse().unwrap();
        Injected::start(&mut Command::new("strace"), thread, call, error)
    }

    fn start(strace: &mut Command, target: u32, call: &str, error: &str) -> Injected {
        let arguments = ["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &format!("inject={call}:error={error}")];
        let strace = strace.args(arguments).arg("-p").arg(target.to_string());
        let mut child = strace.stderr(Stdio::piped()).spawn().unwrap();
        // It says so once all threads are traced.
        let mut said = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert!(said.contains("attached"), "{said}");
        Injected(child)
    }
}

impl Drop for Injected {
    fn drop(&mut self) {
        let asked = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.0.id())]).status().unwrap();
        assert!(asked.success() && wait(&mut self.0).is_some());
    }
}

#[test]
fn without_random_bytes_a_request_is_503_and_nothing_panics() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let mut client = Client::connect(server.address, KEY).unwrap();
    assert_eq!(client.post(EVENTS, "application/json", r#"{"action":"A"}"#).unwrap().status, 201);
    // Connections and threads that are there need no random bytes.
    let reads = ["/readyz", EVENTS, "/api/v1/remote/1/data-warehouse/audit-events/"];
    assert!(reads.iter().all(|path| client.get(path).unwrap().status == 200));
    let failing = Injected::into_process(server.id(), "getrandom", "EAGAIN");
    let token = r#"{"name":"t","role":"reader","channels":[1]}"#;
    let (published, log) = ("/api/v1/oms/logs/action_log/", r#"{"level":20,"message":"m"}"#);
    for (path, body) in [
        (EVENTS, r#"{"action":"A"}"#),
        (EVENTS, r#"[{"uuid":"00000000-0000-7000-8000-000000000001"}]"#),
        ("/api/v1/tokens", token),
        (published, log),
    ] {
        for _ in 0..3 {
            let answer = client.post(path, "application/json", body).unwrap();
            assert_eq!(answer.status, 503, "{path} {body}: {answer:?}");
            assert!(answer.body.contains("no random bytes"), "{path}: {answer:?}");
        }
    }
    for path in reads {
        // A thread that starts only now needs some, and its first read is refused.
        let statuses: Vec<u16> = (0..5).map(|_| client.get(path).unwrap().status).collect();
        assert!(statuses.contains(&200) && statuses.iter().all(|status| [200, 503].contains(status)), "{path}: {statuses:?}");
    }
    drop(failing);
    assert_eq!(client.post(EVENTS, "application/json", r#"{"action":"A"}"#).unwrap().json()["position"], 1);
    let log = server.log();
    assert!(!log.contains("panicked"), "{log}");
    server.stop();
}

/// The writer wakes the task that waits for its receipt by writing to a file descriptor.
#[test]
fn a_wake_up_that_cannot_be_written_ends_no_writer() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let mut client = Client::connect(server.address, KEY).unwrap();
    assert_eq!(client.post(EVENTS, "application/json", r#"{"action":"A"}"#).unwrap().status, 201);
    let failing = Injected::into_thread(server.id(), "audit-writer", "write", "EPIPE");
    for position in 1..4 {
        let answer = client.post(EVENTS, "application/json", r#"{"action":"A"}"#).unwrap();
        assert_eq!((answer.status, answer.json()["position"].as_i64()), (201, Some(position)), "{answer:?}");
    }
    drop(failing);
    assert_eq!(client.post(EVENTS, "application/json", r#"{"action":"A"}"#).unwrap().json()["position"], 4);
    let mut other = Client::connect(server.address, KEY).unwrap();
    assert_eq!(other.get("/readyz").unwrap().status, 200);
    server.stop();
}

#[test]
fn a_log_that_nobody_reads_any_more_stops_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = program(directory.path());
    command.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let address = eventually(|| {
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).ok()?;
        line["address"].as_str()?.parse().ok()
    });
    drop(log);
    let mut client = Client::connect(address.unwrap(), KEY).unwrap();
    for position in 0..3 {
        let receipt = client.post(EVENTS, "application/json", r#"{"action":"A"}"#).unwrap().json();
        assert_eq!(receipt["position"], position);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
