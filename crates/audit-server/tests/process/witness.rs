//! Witnesses: two of them and a server over HTTP, one that lies, one that is down, and all of them killed again and again.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use audit_http::store::domain::log::{Checkpoint, CosignerKey, Note, Policy, VerifierKey};
use rusqlite::Connection;

use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::common::{eventually, program, run};

/// A server with a directory, and witnesses that know its root log.
struct Scene {
    directory: tempfile::TempDir,
    root: VerifierKey,
    origin: String,
}

impl Scene {
    /// The first start makes the key of the logs, which the witnesses need.
    fn new() -> Scene {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::start(directory.path());
        post(&server, 3);
        let body = Client::connect(server.address, KEY).unwrap().get("/log/vkey").unwrap().body;
        let root: VerifierKey = body.lines().find(|line| line.contains("/root+")).unwrap().parse().unwrap();
        server.stop();
        fs::write(directory.path().join("logs"), format!("# the root log\n\n{root}\n")).unwrap();
        let origin = root.name().to_owned();
        Scene { directory, root, origin }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn witness(&self, name: &str, listen: &str) -> Server {
        let mut command = program(self.path());
        let [key, state] = ["key", "db"].map(|what| format!("{name}.{what}"));
        command.args(["witness", "--logs", "logs", "--name", name, "--key-file", &key, "--state-file", &state]);
        Server::run(command.args(["--witness-listen", listen]))
    }

    fn key_of(&self, name: &str) -> VerifierKey {
        let text = fs::read_to_string(self.path().join(format!("{name}.key"))).unwrap();
        text.trim_end().parse::<CosignerKey>().unwrap().verifier().clone()
    }

    /// A policy that needs some of the witnesses.
    fn policy(&self, least: usize, witnesses: &[(&str, &VerifierKey, String)]) -> PathBuf {
        let mut text = format!("log {}\n", self.root);
        for (name, key, url) in witnesses {
            text += &format!("witness {name} {key} {url}\n");
        }
        let names: Vec<&str> = witnesses.iter().map(|(name, ..)| *name).collect();
        text += &format!("group g {least} {}\nquorum g\n", names.join(" "));
        let file = self.path().join("policy");
        fs::write(&file, text).unwrap();
        file
    }

    fn server(&self) -> Server {
        let mut command = program(self.path());
        command.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0");
        Server::run(command.env("AUDIT_WITNESS_POLICY", "policy"))
    }

    /// What a monitor gets of a witness.
    fn seen_by(&self, witness: &Server) -> Option<(Checkpoint, Note)> {
        let path = format!("/{}/checkpoint", self.root.name_hash());
        let answer = Client::connect(witness.address, KEY).unwrap().get(&path).unwrap();
        (answer.status == 200).then(|| Checkpoint::open(&answer.body, &self.root).unwrap())
    }
}

fn url(witness: &Server) -> String {
    format!("http://{}", witness.address)
}

fn post(server: &Server, count: usize) {
    let body = "{\"action\":\"UPDATE\"}\n".repeat(count);
    let answer = Client::connect(server.address, KEY).unwrap().post("/api/v1/events", "application/x-ndjson", &body).unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");
}

fn get(server: &Server, path: &str) -> String {
    Client::connect(server.address, KEY).unwrap().get(path).unwrap().body
}

/// The served checkpoint of the root log, once a policy accepts it.
fn cosigned(server: &Server, policy: &Path) -> Checkpoint {
    let policy: Policy = fs::read_to_string(policy).unwrap().parse().unwrap();
    let opened = || policy.open(&get(server, "/log/root/checkpoint")).ok();
    let opened = eventually(opened).unwrap_or_else(|| panic!("{} {}", get(server, "/log/root/checkpoint"), server.log()));
    opened.checkpoint
}

fn rows(scene: &Scene, sql: &str) {
    Connection::open(scene.path().join("audit-data/audit.db")).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn two_witnesses_cosign_what_a_verifier_accepts() {
    let scene = Scene::new();
    let (a, b) = (scene.witness("a", "127.0.0.1:0"), scene.witness("b", "127.0.0.1:0"));
    let keys = ["a", "b"].map(|name| scene.key_of(name));
    let policy = scene.policy(2, &[("a", &keys[0], url(&a)), ("b", &keys[1], url(&b))]);
    let server = scene.server();
    let checkpoint = cosigned(&server, &policy);
    assert_eq!(checkpoint.origin(), scene.origin);
    for (witness, key) in [&a, &b].into_iter().zip(&keys) {
        let (seen, note) = scene.seen_by(witness).unwrap();
        assert!(seen.size() >= checkpoint.size() && note.verify(key).unwrap().is_some());
    }
    // The proof of an event leads there, and `verify` asks for both of them.
    let uuid = serde_json::from_str::<serde_json::Value>(&get(&server, "/api/v1/events?channel_id=1&limit=1")).unwrap();
    let uuid = uuid["results"][0]["uuid"].as_str().unwrap().to_owned();
    fs::write(scene.path().join("proof.json"), get(&server, &format!("/api/v1/events/{uuid}/proof?channel_id=1"))).unwrap();
    let said = run(program(scene.path()).args(["verify", "--policy", "policy", "proof.json"])).ok();
    assert!(said.contains('a') && said.contains('b'), "{said}");
    assert!(!get(&server, "/readyz").contains("witness"), "{}", get(&server, "/readyz"));
    let metrics = get(&server, "/metrics");
    for name in ["a", "b"] {
        assert!(metrics.contains(&format!("audit_cosignature_age_seconds{{witness=\"{name}\"}} ")), "{metrics}");
    }
    // A witness that the database knows nothing of: its 409 says where it is.
    post(&server, 5);
    server.stop();
    rows(&scene, "DELETE FROM cosignatures");
    let server = scene.server();
    assert!(cosigned(&server, &policy).size() > checkpoint.size());
    assert!(!server.log().contains("did not cosign"), "{}", server.log());
    server.stop();
    for witness in [a, b] {
        witness.stop();
    }
}

/// A witness that answers every request with the same lines.
fn liar(line: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // The thread ends with the process of the tests.
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            let mut request = [0; 4096];
            while stream.read(&mut request).is_ok_and(|read| read > 0) {}
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{line}\n", line.len() + 1);
            stream.write_all(answer.as_bytes()).unwrap_or(());
        }
    });
    url
}

#[test]
fn a_witness_that_lies_or_is_down_stops_no_other() {
    let scene = Scene::new();
    let a = scene.witness("a", "127.0.0.1:0");
    let key = scene.key_of("a");
    let [lies, down] = [7, 8].map(|seed| CosignerKey::new(&format!("w{seed}"), &[seed; 32]).unwrap());
    let lie = lies.cosign("another checkpoint\n", 1_700_000_000).unwrap().to_string();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let witnesses =
        [("lies", lies.verifier(), liar(lie)), ("down", down.verifier(), format!("http://{nobody}")), ("a", &key, url(&a))];
    let policy = scene.policy(1, &witnesses);
    let server = scene.server();
    cosigned(&server, &policy);
    server.wait_for_line("the witness lies did not cosign the root log: the cosignature is refused, and is not stored");
    server.wait_for_line("the witness down did not cosign the root log: it cannot be reached");
    let ready = Client::connect(server.address, KEY).unwrap().get("/readyz").unwrap();
    assert_eq!((ready.status, ready.body.contains("2 of 3 witness(es) did not cosign")), (200, true), "{}", ready.body);
    assert!(!get(&server, "/log/root/checkpoint").contains("\u{2014} w7"));
    server.stop();
    a.stop();
}

#[test]
fn a_witness_answers_strangers_with_the_codes_of_the_protocol() {
    let scene = Scene::new();
    let witness = scene.witness("a", "127.0.0.1:0");
    let mut client = Client::connect(witness.address, KEY).unwrap();
    let mut ask = |body: &str| {
        let answer = client.post("/add-checkpoint", "text/plain", body).unwrap();
        (answer.status, answer.header("content-type").unwrap().to_owned(), answer.body)
    };
    assert_eq!(ask("old\n").0, 400);
    let note = fs::read_to_string(scene.path().join("audit-data/checkpoints/root.checkpoint")).unwrap();
    assert_eq!(ask(&format!("old 0\n\n{}", note.replace("/root", "/toor"))).0, 404);
    assert_eq!(ask(&format!("old 0\n\n{}", note.replacen("\n1\n", "\n2\n", 1))).0, 403);
    assert_eq!(ask(&format!("old 9\n\n{note}")).0, 400);
    assert_eq!(ask(&format!("old 1\n\n{note}")), (409, "text/x.tlog.size".to_owned(), "0\n".to_owned()));
    assert_eq!(ask(&format!("old 0\n{}\n\n{note}", "A".repeat(43) + "=")).0, 422);
    assert!(scene.seen_by(&witness).is_none());
    let (status, _, line) = ask(&format!("old 0\n\n{note}"));
    assert_eq!((status, line.lines().count()), (200, 1));
    let (seen, kept) = scene.seen_by(&witness).unwrap();
    assert_eq!((seen.size(), kept.to_string()), (1, format!("{note}{line}")));
    assert_eq!(ask(&format!("old 0\n\n{note}")), (409, "text/x.tlog.size".to_owned(), "1\n".to_owned()));
    assert_eq!(ask(&format!("old 1\n\n{note}")).0, 200, "the same size again");
    assert_eq!(ask(&"x".repeat(200_000)).0, 413);
    // Killed: it answers only what it stored.
    witness.kill();
    let witness = scene.witness("a", "127.0.0.1:0");
    assert_eq!(scene.seen_by(&witness).unwrap().0.size(), 1);
    witness.stop();
    let ended = run(program(scene.path()).args(["witness", "--logs", "logs", "--key-file", "new.key"]));
    assert!(ended.sentence().contains("--name gives the new key its name"), "{ended:?}");
    // A witness that has cosigned, and has forgotten what, would go back.
    let lost = ["witness", "--logs", "logs", "--key-file", "a.key", "--state-file", "lost.db"];
    let ended = run(program(scene.path()).args(lost));
    assert!(ended.sentence().contains("lost.db is missing, and the key in a.key has cosigned already"), "{ended:?}");
    assert!(!scene.path().join("lost.db").exists());
    fs::write(scene.path().join("none"), "\n").unwrap();
    let ended = run(program(scene.path()).args(["witness", "--logs", "none", "--name", "x"]));
    assert!(ended.sentence().contains("none has no key"), "{ended:?}");
    let ended =
        run(program(scene.path()).args(["witness", "--logs", "logs", "--name", "x", "--state-file", "audit-data/audit.db"]));
    assert!(ended.sentence().contains("it is not the file of a witness"), "{ended:?}");
}

#[test]
fn kills_during_witnessing_leave_logs_that_fit() {
    const ROUNDS: u64 = 8;
    let scene = Scene::new();
    let witness = scene.witness("a", "127.0.0.1:0");
    let (listen, key) = (witness.address.to_string(), scene.key_of("a"));
    let policy = scene.policy(1, &[("a", &key, url(&witness))]);
    let mut witness = Some(witness);
    for round in 0..ROUNDS {
        let server = scene.server();
        post(&server, 10);
        // Each step of a round is some hundred milliseconds long; the kills are spread over them.
        std::thread::sleep(Duration::from_millis(300 * round));
        if round % 2 == 0 {
            witness.take().unwrap().kill();
            witness = Some(scene.witness("a", &listen));
        }
        if round % 3 == 2 { drop(server.stop()) } else { server.kill() }
    }
    let server = scene.server();
    post(&server, 1);
    server.stop();
    let server = scene.server();
    let entries = |server: &Server| get(server, "/log/root/checkpoint").lines().nth(1).map(str::to_owned);
    let checkpoint = cosigned(&server, &policy);
    let same = || (scene.seen_by(witness.as_ref().unwrap())?.0.size().to_string() == entries(&server)?).then_some(());
    eventually(same).unwrap();
    assert!(checkpoint.size() >= 2);
    for bad in ["did not cosign the root log: it answered", "does not grow", "nothing is appended"] {
        assert!(!server.log().contains(bad), "{}", server.log());
    }
    let proof = get(&server, &format!("/log/root/consistency?from=1&to={}", entries(&server).unwrap()));
    assert!(proof.contains("\"consistency\""), "{proof}");
    assert!(!witness.as_ref().unwrap().log().contains("another past"));
    assert_eq!(run(program(scene.path()).arg("rebuild")).code, Some(0));
    server.stop();
    let deep = run(program(scene.path()).args(["verify", "--deep"]));
    assert!(deep.code == Some(0) && deep.stdout.contains(", 0 findings"), "{deep:?}");
    witness.unwrap().stop();
}
