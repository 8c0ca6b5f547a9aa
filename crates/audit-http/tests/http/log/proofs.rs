//! The proofs of real records verify with the key from `/log/vkey`, as documents and as files.

use audit_http::store::domain::log::{EntryProof, EntryStatus, ProofFile, SlotContent, leaf_hash, verify_proof_file};
use audit_http::store::domain::{Stream, slot};
use serde_json::Value;

use super::{Auditor, TEXT};
use crate::common::{Answer, Ask, Fixture, SigningServer, action_log_lines, fixture_lines};

const ACTION_LOGS: &str = "/api/v1/action-logs";

/// Verifies all that the server says of a record, and returns the proof.
fn verify_everything(auditor: &mut Auditor, log: &str, path: &str, uuid: &str) -> EntryProof {
    let (channel, _) = log.split_once('/').unwrap();
    let [proof_path, leaf_path] = ["proof", "leaf"].map(|what| format!("{path}/{uuid}/{what}?channel_id={channel}"));
    let (proof, verified) = auditor.verify(log, &proof_path);
    assert_eq!((verified.status, verified.leaf.uuid.to_string()), (EntryStatus::Ok, uuid.to_owned()));
    assert_eq!(verified.leaf.stream, if path == ACTION_LOGS { Stream::ActionLogs } else { Stream::Events });
    assert_eq!(verified.leaf.channel_id.to_string(), channel);
    assert_eq!(proof.vkey, auditor.trusted[log].to_string());

    let answer = auditor.get(&leaf_path);
    let name = format!("attachment; filename=\"{uuid}.leaf\"");
    assert_eq!((answer.status, answer.header("Content-Disposition")), (200, Some(&*name)));
    assert_eq!(answer.header("Content-Type"), Some(super::BYTES));
    assert_eq!((&answer.body, leaf_hash(&answer.body)), (&proof.leaf_data, proof.leaf_hash));

    let file = auditor.ask(Ask::get(&proof_path).header("Accept", "text/plain"));
    let name = format!("attachment; filename=\"{uuid}.tlog-proof\"");
    assert_eq!((file.status, file.header("Content-Disposition")), (200, Some(&*name)));
    assert_eq!(file.header("Content-Type"), Some(TEXT));
    assert_caching(&file);
    let file: ProofFile = file.text().parse().unwrap();
    assert_eq!(verify_proof_file(&file, &answer.body, &auditor.trusted[log]), Ok(verified));
    assert_eq!(file, proof.to_proof_file());
    proof
}

fn assert_caching(answer: &Answer) {
    assert_eq!((answer.header("Cache-Control"), answer.header("Vary")), (Some("no-cache"), Some("Accept")));
}

/// The JSON text of a slot in a proof.
fn value_of(proof: &EntryProof, number: u8) -> Option<Value> {
    let slot = proof.slots.iter().find(|slot| slot.number == number)?;
    match &slot.content {
        SlotContent::Open { value, .. } => Some(serde_json::from_str(value).unwrap()),
        SlotContent::Erased { .. } => None,
    }
}

#[test]
fn the_proofs_of_real_events_verify() {
    let server = SigningServer::over(Fixture::get().copy(), |_| {});
    let mut auditor = Auditor::new(&server);
    let (mut sizes, mut shown) = ([0; 7], 0);
    for (at, line) in fixture_lines().iter().enumerate() {
        let event: Value = serde_json::from_str(line).unwrap();
        let channel = event["channel_id"].as_u64().unwrap() as usize;
        sizes[channel] += 1;
        if at % 37 != 0 {
            continue;
        }
        let (log, uuid) = (format!("{channel}/events"), event["uuid"].as_str().unwrap());
        let proof = verify_everything(&mut auditor, &log, "/api/v1/events", uuid);
        assert_eq!(proof.position, sizes[channel] - 1);
        for (number, member) in [(slot::CONTENT, "content"), (slot::URL, "url"), (slot::POST_DATA, "post_data")] {
            let value = value_of(&proof, number);
            assert_eq!(value.as_ref().unwrap_or(&Value::Null), &event[member], "{uuid} {member}");
            shown += usize::from(value.is_some());
        }
    }
    assert!(shown > 300, "{shown}");
    for (channel, size) in sizes.into_iter().enumerate().skip(1) {
        assert_eq!(auditor.checkpoint(&format!("{channel}/events")).size(), size);
    }
    server.stop();
}

#[test]
fn the_proofs_of_real_action_logs_verify() {
    let server = SigningServer::start();
    let lines = &action_log_lines()[..300];
    let answer = server.ask(&Ask::post_lines(ACTION_LOGS, lines.join("\n")).key(&server.admin)).expect(201);
    server.sign();
    let mut auditor = Auditor::new(&server);
    assert_eq!(auditor.checkpoint("1/action-logs").size(), 300);
    for (position, (line, receipt)) in lines.iter().zip(answer["receipts"].as_array().unwrap()).enumerate() {
        let uuid = receipt["uuid"].as_str().unwrap();
        let proof = verify_everything(&mut auditor, "1/action-logs", ACTION_LOGS, uuid);
        assert_eq!(proof.position, position as u64);
        assert_eq!(proof.leaf_hash.to_string(), receipt["leaf_hash"].as_str().unwrap());
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(value_of(&proof, audit_http::store::domain::action_log_slot::MESSAGE).unwrap(), line["message"]);
    }
    server.stop();
}

/// A proof is that of the newest checkpoint, so it changes as the log grows; an older one stays valid.
#[test]
fn each_checkpoint_has_a_proof_of_the_first_event() {
    let server = SigningServer::start();
    let uuid = server.append(r#"{"action":"A"}"#)["uuid"].as_str().unwrap().to_owned();
    server.sign();
    let mut auditor = Auditor::new(&server);
    let path = format!("/api/v1/events/{uuid}/proof");
    let mut kept = Vec::new();
    for size in 1..=40 {
        let (proof, verified) = auditor.verify("1/events", &path);
        assert_eq!((proof.tree_size, verified.checkpoint), (size, auditor.checkpoint("1/events")));
        kept.push(proof);
        server.append(r#"{"action":"B"}"#);
        server.sign();
    }
    for proof in kept {
        proof.verify(&auditor.trusted["1/events"]).unwrap();
    }
    server.stop();
}

#[test]
fn a_uuid_of_two_channels_has_a_proof_in_each() {
    let server = SigningServer::start();
    let uuid = "00000000-0000-4000-8000-000000000001";
    for (channel, action) in [(1, "A"), (2, "B"), (2, "C")] {
        let uuid = if action == "C" { "00000000-0000-4000-8000-000000000002" } else { uuid };
        server.append(&format!(r#"{{"uuid":"{uuid}","channel_id":{channel},"action":"{action}"}}"#));
    }
    server.sign();
    let mut auditor = Auditor::new(&server);
    let path = format!("/api/v1/events/{uuid}");
    for (query, log, action, size) in
        [("", "1/events", "A", 1), ("?channel_id=1", "1/events", "A", 1), ("?channel_id=2", "2/events", "B", 2)]
    {
        let (proof, verified) = auditor.verify(log, &format!("{path}/proof{query}"));
        assert_eq!((verified.position, proof.tree_size), (0, size), "{query}");
        assert_eq!(value_of(&proof, slot::SUBJECT).unwrap()["action"], action);
        assert_eq!(auditor.bytes(&format!("{path}/leaf{query}")), proof.leaf_data);
        for (_, other) in auditor.trusted.iter().filter(|(name, _)| *name != log) {
            proof.verify(other).unwrap_err();
        }
    }
    for path in [format!("{path}/proof?channel_id=3"), format!("{path}/leaf?channel_id=3")] {
        super::assert_problem(&auditor.get(&path), 404, "not_found");
    }
    for path in [format!("{path}/proof?channel=1"), format!("{path}/leaf?channel_id=x")] {
        let answer = auditor.get(&path);
        super::assert_problem(&answer, 400, "invalid_query");
        assert!(answer.text().contains("\"parameter\":\"channel"), "{}", answer.text());
    }
    server.stop();
}
