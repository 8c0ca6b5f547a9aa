//! Checkpoints, tiles and proofs, as a program sees them that verifies everything and has nothing but
//! HTTP.

mod accept;
mod access;
mod changed;
mod consistency;
mod erased;
mod not_signed;
mod paths;
mod proofs;
mod root;
mod tiles;
mod went_back;

use std::collections::BTreeMap;

use audit_http::store::domain::log::{Checkpoint, EntryProof, LogOrigin, NodeHash, VerifiedEntry, VerifierKey};
use serde_json::Value;

use crate::common::{Answer, Ask, Client, TestServer};

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";

/// An event.
const EVENT: &str = r#"{"action":"A"}"#;

fn append_many(server: &TestServer, count: usize) {
    server.append_all(&vec![EVENT.to_owned(); count]);
}

/// A program that verifies, with its key and the verifier keys that it has from `/log/vkey`.
struct Auditor {
    client: Client,
    key: String,
    /// By log, such as `1/events`.
    trusted: BTreeMap<String, VerifierKey>,
    /// The key of the root log.
    root: Option<VerifierKey>,
}

impl Auditor {
    fn new(server: &TestServer) -> Auditor {
        Auditor::with_key(server, &server.admin)
    }

    fn with_key(server: &TestServer, key: &str) -> Auditor {
        let mut auditor = Auditor { client: server.connect(), key: key.to_owned(), trusted: BTreeMap::new(), root: None };
        let answer = auditor.get("/log/vkey");
        let text = answer.text();
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some(TEXT)), "{text}");
        assert_eq!(answer.header("Cache-Control"), Some("no-cache"));
        assert!(text.is_empty() || text.ends_with('\n'));
        for line in text.lines() {
            let key: VerifierKey = line.parse().unwrap();
            if key.name().ends_with("/root") {
                auditor.root = Some(key);
                continue;
            }
            let LogOrigin { channel_id, stream, .. } = key.name().parse().unwrap();
            auditor.trusted.insert(format!("{channel_id}/{}", stream.name()), key);
        }
        assert_eq!(auditor.trusted.len() + usize::from(auditor.root.is_some()), text.lines().count(), "one key for each log");
        auditor
    }

    fn get(&mut self, target: &str) -> Answer {
        self.ask(Ask::get(target))
    }

    /// Asks with its key, if it has one.
    fn ask(&mut self, ask: Ask) -> Answer {
        let ask = if self.key.is_empty() { ask } else { ask.key(&self.key) };
        self.client.ask(&ask)
    }

    /// The newest checkpoint of a log such as `1/events`, after its signature was verified.
    fn checkpoint(&mut self, log: &str) -> Checkpoint {
        let answer = self.get(&format!("/log/{log}/checkpoint"));
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some(TEXT)), "{}", answer.text());
        assert_eq!(answer.header("Cache-Control"), Some("no-cache"));
        let (checkpoint, _) = Checkpoint::open(&answer.text(), &self.trusted[log]).unwrap();
        assert!(checkpoint.origin().ends_with(&format!("/{log}")), "{}", checkpoint.origin());
        checkpoint
    }

    /// The bytes of a tile or of a leaf.
    fn bytes(&mut self, target: &str) -> Vec<u8> {
        let answer = self.get(target);
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some(BYTES)), "{target} {}", answer.text());
        answer.body
    }

    /// Verifies the proof at a path, as a document, with the key of a log.
    fn verify(&mut self, log: &str, target: &str) -> (EntryProof, VerifiedEntry) {
        let answer = self.get(target);
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("application/json")), "{target} {}", answer.text());
        let proof: EntryProof = answer.text().parse().unwrap();
        let verified = proof.verify(&self.trusted[log]).unwrap_or_else(|error| panic!("{target}: {error}"));
        (proof, verified)
    }
}

/// The hashes of a consistency proof.
fn hashes_of(answer: &Value) -> Vec<NodeHash> {
    let hash = |text: &Value| {
        let text = text.as_str().unwrap();
        assert_eq!(text.len(), 64);
        NodeHash(std::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()))
    };
    answer["consistency"].as_array().unwrap().iter().map(hash).collect()
}

#[track_caller]
fn assert_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("Content-Type"), Some("application/problem+json"), "{}", answer.text());
    assert_eq!(answer.json()["code"], code, "{}", answer.text());
    let retry_after = if status == 503 { Some("1") } else { None };
    assert_eq!(answer.header("Retry-After"), retry_after);
    assert_eq!(answer.header("Cache-Control"), Some("no-store"), "no cache keeps a failure");
}
