//! The root log of a running server is cosigned by two witnesses: `aics-witness`, and `audit-server witness`. `proofbundle`
//! accepts real events with the quorum of both, before and after an erasure.

use std::fs;

use audit_http::store::domain::log::CosignerKey;
use serde_json::Value;

use crate::common::server::Server;
use crate::common::{Ended, eventually, program, run};
use crate::log::{Log, on_each_database, repository};
use crate::witness::Witness;

/// The position of the event.
const POSITION: u64 = 300;

/// A log whose root log both witnesses cosign.
struct Scene {
    log: Log,
    root: String,
    theirs: Witness,
    ours: Server,
    our_key: String,
}

impl Scene {
    fn new(log: Log) -> Scene {
        let root = log.vkey_of("/root");
        let theirs = Witness::start(&log.path().join("w1"), "witness.example.org/w1", &[&root]);
        fs::write(log.path().join("logs"), format!("{root}\n")).unwrap();
        let mut witness = program(log.path());
        witness.args(["witness", "--logs", "logs", "--name", "witness.example.net/w2", "--key-file", "w2.key"]);
        let ours = Server::run(witness.args(["--state-file", "w2.db", "--witness-listen", "127.0.0.1:0"]));
        let our_key = fs::read_to_string(log.path().join("w2.key")).unwrap();
        let our_key = our_key.trim_end().parse::<CosignerKey>().unwrap().verifier().to_string();
        let urls = [theirs.url(), format!("http://{}", ours.address)];
        let witnesses = format!("witness one {} {}\nwitness two {our_key} {}\n", theirs.vkey, urls[0], urls[1]);
        fs::write(log.path().join("policy.txt"), format!("log {root}\n{witnesses}group both all one two\nquorum both\n")).unwrap();
        let log = log.restarted(&[("AUDIT_WITNESS_POLICY", "policy.txt")]);
        Scene { log, root, theirs, ours, our_key }
    }

    /// Saves the proof of the event, once it leads to a root checkpoint with both cosignatures.
    fn save_proof(&self) -> Value {
        let target = format!("{}/proof", self.log.event(POSITION));
        let proof = eventually(|| {
            let (status, body) = self.log.get(&target, "application/json");
            let proof: Value = serde_json::from_slice(&body).ok().filter(|_| status == 200)?;
            let note = proof["witnessed"]["checkpoint"].as_str()?;
            let has = |name: &str| note.contains(&format!("\n— {name} "));
            (has("witness.example.org/w1") && has("witness.example.net/w2")).then_some((proof, body))
        });
        let (proof, body) = proof.unwrap_or_else(|| panic!("both witnesses cosign: {}", self.log.server_log()));
        fs::write(self.log.path().join("proof.json"), body).unwrap();
        self.log.foreign("python3", &["two_proofs.py", "proof.json"]).ok();
        proof
    }

    fn proofbundle(&self, proof: &str, payload: &str, key: &str, threshold: &str) -> Ended {
        let always = ["verify-proof", proof, "--payload-file", payload, "--log-vkey", key, "--threshold", threshold];
        let witnesses = ["--witness-vkey", &self.theirs.vkey, "--witness-vkey", &self.our_key];
        self.log.foreign("proofbundle", &[&always[..], if threshold == "0" { &[] } else { &witnesses }].concat())
    }

    /// The event in its log, and the checkpoint of the log in the cosigned root log.
    fn both_proofs(&self) -> [Option<i32>; 2] {
        let of_event = self.proofbundle("entry.tlog-proof", "entry.leaf", &self.log.vkey, "0");
        let of_checkpoint = self.proofbundle("witnessed.tlog-proof", "checkpoint.text", &self.root, "2");
        [of_event.code, of_checkpoint.code]
    }

    /// Whether a change of a file is refused.
    fn refuses(&self, file: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        let path = self.log.path().join(file);
        let kept = fs::read(&path).unwrap();
        let changed = change(kept.clone());
        assert_ne!(changed, kept, "{file}");
        fs::write(&path, changed).unwrap();
        assert!(self.both_proofs().contains(&Some(1)), "{file}");
        fs::write(&path, kept).unwrap();
        assert_eq!(self.both_proofs(), [Some(0); 2]);
    }

    fn verify(&self) -> String {
        run(self.log.program().args(["verify", "--policy", "policy.txt", "proof.json"])).ok()
    }

    fn stop(self) {
        self.log.stop();
        self.ours.stop();
        drop(self.theirs);
    }
}

fn text(change: impl FnOnce(String) -> String) -> impl FnOnce(Vec<u8>) -> Vec<u8> {
    |bytes| change(String::from_utf8(bytes).unwrap()).into_bytes()
}

#[test]
fn real_events_have_a_quorum_of_two_different_witnesses() {
    let page = fs::read_to_string(repository("docs/verify-with-other-tools.md")).unwrap();
    let two_proofs = page.split_once("```python file=two_proofs.py\n").unwrap().1.split_once("```").unwrap().0;
    on_each_database(|log| {
        fs::write(log.path().join("two_proofs.py"), two_proofs).unwrap();
        let scene = Scene::new(log);
        let before = scene.save_proof();
        assert_eq!(scene.both_proofs(), [Some(0); 2]);
        assert!(scene.verify().contains(" ok"), "{}", scene.verify());
        scene.refuses("entry.leaf", |mut leaf| {
            leaf[40] ^= 1;
            leaf
        });
        scene.refuses("entry.tlog-proof", text(|proof| proof.replacen("index 300\n", "index 301\n", 1)));
        let index = before["witnessed"]["index"].to_string();
        scene.refuses("witnessed.tlog-proof", text(|proof| proof.replacen(&format!("index {index}\n"), "index 999\n", 1)));
        for name in ["witness.example.org/w1", "witness.example.net/w2"] {
            let without = |proof: String| {
                let lines = proof.lines().filter(|line| !line.starts_with(&format!("— {name} ")));
                lines.map(|line| format!("{line}\n")).collect::<String>()
            };
            scene.refuses("witnessed.tlog-proof", text(without));
        }
        let uuid = scene.log.event(POSITION).rsplit('/').next().unwrap().to_owned();
        let body = serde_json::json!({"channel_id": 1, "uuids": [uuid], "reason": "ticket 12"}).to_string();
        let (status, answer) = scene.log.post("/api/v1/erasures", &body);
        assert_eq!(status, 201, "{answer}");
        let after = scene.save_proof();
        assert_eq!((&after["leaf_data"], &after["position"]), (&before["leaf_data"], &before["position"]));
        assert!(after["slots"].as_array().unwrap().iter().any(|slot| slot["erased"]["by_position"].is_u64()), "{after}");
        assert_eq!(scene.both_proofs(), [Some(0); 2], "nothing that was proven is lost by an erasure");
        assert!(scene.verify().contains(" erased"), "{}", scene.verify());
        scene.stop();
    });
}
