//! What the proof of an entry proves, and that nothing of it can be changed.

use audit_domain::log::{
    CheckpointError, EntryFault, EntryProof, EntryProofError, EntryProofInvalid, EntryStatus, Erasure, LeafHash, Note, ProofError,
    SignerKey, SlotContent, SlotFault, TrustError,
};
use audit_domain::{Stream, Timestamp};
use serde_json::Value;

use crate::log_of_entries::{LogOfEntries, ORIGIN};
use crate::proof;

fn invalid(proof: &EntryProof, log: &LogOfEntries) -> EntryProofInvalid {
    proof.verify(log.key.verifier()).unwrap_err()
}

#[test]
fn an_entry_proof_comes_back_from_its_document_and_verifies() {
    for size in 1..20 {
        let log = LogOfEntries::new(ORIGIN, size);
        for position in 0..size {
            let made = log.proof(position);
            let read: EntryProof = made.to_string().parse().unwrap();
            assert_eq!(read, made);
            let verified = read.verify(log.key.verifier()).unwrap();
            assert_eq!((verified.position, verified.checkpoint.size()), (position, size));
            assert_eq!(verified.leaf.uuid, log.uuid(position));
            let erased = log.is_erased(position);
            assert_eq!(verified.status, if erased { EntryStatus::Erased } else { EntryStatus::Ok });
            let slots: Vec<_> = verified.slots.iter().map(|slot| (slot.number, slot.name, slot.is_erased)).collect();
            assert_eq!(slots, [(0, "subject", false), (3, "url", erased), (7, "content", false)]);
        }
    }
}

#[test]
fn the_document_is_these_bytes() {
    let (_, proof) = proof(1, 2);
    let proof = proof.erased_by(|slot| {
        (slot == 3).then(|| Erasure { at: Timestamp::from_micros(1_700_000_000_000_000).unwrap(), by_position: 1 })
    });
    let document: Value = serde_json::from_str(&proof.to_string()).unwrap();
    assert_eq!(document["slots"][1]["erased"], serde_json::json!({"at": "2023-11-14T22:13:20Z", "by_position": 1}));
    assert_eq!(document["slots"][2]["value"], r#"{"n":1.0,"n":"\ud800"}"#, "a value keeps its bytes, as a string");
    let text = proof.to_string();
    let order =
        ["origin", "vkey", "leaf_data", "leaf_hash", "position", "tree_size", "inclusion", "checkpoint", "slots", "witnessed"];
    let places: Vec<usize> = order.iter().map(|name| text.find(&format!("\"{name}\":")).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
    assert!(text.ends_with("],\"witnessed\":null}") && text.contains("\"position\":1,\"tree_size\":2,\"inclusion\":[\""), "{text}");
    assert_eq!(text.parse::<EntryProof>().unwrap(), proof);
    assert!(text.replace(",\"witnessed\":null", "").parse::<EntryProof>().is_ok(), "`witnessed` may be absent");
}

#[test]
fn every_changed_member_is_refused() {
    let (log, good) = proof(5, 13);
    let key = log.key.verifier();
    assert!(good.verify(key).is_ok());
    let change = |change: &dyn Fn(&mut EntryProof)| {
        let mut proof = good.clone();
        change(&mut proof);
        proof.verify(key).unwrap_err()
    };
    let entry = |fault: EntryFault| EntryProofInvalid::Entry(fault);
    let origin = change(&|proof| proof.origin = "audit.example.com/2/events".to_owned());
    assert!(matches!(origin, EntryProofInvalid::Origin { .. }), "{origin}");
    let size = change(&|proof| proof.tree_size = 12);
    assert_eq!(size, EntryProofInvalid::TreeSize { stated: 12, of_checkpoint: 13 });
    let hash = change(&|proof| proof.leaf_hash = LeafHash([0; 32]));
    assert!(matches!(hash, EntryProofInvalid::Entry(EntryFault::LeafHash { .. })), "{hash}");
    let data = change(&|proof| proof.leaf_data = log.proof(6).leaf_data);
    assert!(matches!(data, EntryProofInvalid::Entry(EntryFault::LeafHash { .. })), "{data}");
    let other = change(&|proof| *proof = EntryProof { position: 5, ..log.proof(6) });
    assert!(matches!(other, EntryProofInvalid::Entry(EntryFault::Inclusion(ProofError::Root { .. }))), "{other}");
    assert_eq!(change(&|proof| proof.position = 13), entry(EntryFault::Inclusion(ProofError::NoSuchLeaf { index: 13, size: 13 })));
    let path = change(&|proof| proof.inclusion[0].0[0] ^= 1);
    assert!(matches!(path, EntryProofInvalid::Entry(EntryFault::Inclusion(ProofError::Root { .. }))), "{path}");
    let short = change(&|proof| proof.inclusion.truncate(1));
    assert!(matches!(short, EntryProofInvalid::Entry(EntryFault::Inclusion(ProofError::Length { .. }))), "{short}");
    let larger = change(&|proof| proof.checkpoint = proof.checkpoint.replace("\n13\n", "\n14\n"));
    assert!(matches!(larger, EntryProofInvalid::Trust(TrustError::Checkpoint(CheckpointError::Signature(_)))), "{larger}");
    let slot = |fault| entry(EntryFault::Slot(fault));
    let name = change(&|proof| proof.slots[1].name = "user".to_owned());
    assert_eq!(name, slot(SlotFault::Name { slot: 3, expected: "url", got: "user".to_owned() }));
    assert_eq!(change(&|proof| proof.slots[1].number = 2), slot(SlotFault::Extra(2)));
    assert_eq!(change(&|proof| drop(proof.slots.remove(1))), slot(SlotFault::Missing(3)));
    assert_eq!(change(&|proof| drop(proof.slots.pop())), slot(SlotFault::Missing(7)));
    assert_eq!(change(&|proof| proof.slots.push(proof.slots[0].clone())), slot(SlotFault::Extra(0)));
    assert_eq!(change(&|proof| proof.slots.insert(0, proof.slots[0].clone())), slot(SlotFault::Extra(0)));
    assert_eq!(change(&|proof| proof.slots.swap(0, 1)), slot(SlotFault::Missing(0)));
    let erase = |commitment| SlotContent::Erased { commitment, erasure: None };
    assert_eq!(change(&|proof| proof.slots[2].content = erase([0; 32])), slot(SlotFault::Commitment(7)));
    let open = |change: &dyn Fn(&mut [u8; 16], &mut String)| {
        let mut proof = good.clone();
        let SlotContent::Open { salt, value } = &mut proof.slots[2].content else { panic!("slot 7 is open") };
        change(salt, value);
        proof.verify(key).unwrap_err()
    };
    assert_eq!(open(&|salt, _| salt[15] ^= 1), slot(SlotFault::Value(7)));
    assert_eq!(open(&|_, value| value.push(' ')), slot(SlotFault::Value(7)));
    // The key in the document counts for nothing.
    assert!(EntryProof { vkey: "anything".to_owned(), ..good.clone() }.verify(key).is_ok());
    let other_key = SignerKey::new(ORIGIN, &[9; 32]).unwrap();
    let forged = EntryProof { vkey: key.to_string(), ..good.clone() }.verify(other_key.verifier());
    assert!(matches!(forged, Err(EntryProofInvalid::Trust(TrustError::Checkpoint(_)))), "{forged:?}");
}

#[test]
fn a_commitment_in_place_of_a_value_counts_as_erased() {
    let (log, mut proof) = proof(5, 13);
    let commitment = log.commitments(5)[2].1;
    proof.slots[2].content = SlotContent::Erased { commitment, erasure: None };
    assert_eq!(proof.verify(log.key.verifier()).unwrap().status, EntryStatus::Erased);
}

#[test]
fn a_leaf_of_another_log_is_refused() {
    let mut log = LogOfEntries::new(ORIGIN, 3);
    for origin in ["audit.example.com/2/events", "audit.example.com/1/action-logs"] {
        let key = SignerKey::new(origin, &[7; 32]).unwrap();
        log.key = key;
        let fault = invalid(&log.proof(1), &log);
        assert!(matches!(fault, EntryProofInvalid::Entry(EntryFault::OtherLog { .. })), "{fault}");
    }
    log.key = SignerKey::new("audit.example.com/root", &[7; 32]).unwrap();
    let fault = invalid(&log.proof(1), &log);
    assert!(matches!(fault, EntryProofInvalid::Trust(TrustError::Origin(_))), "{fault}");
}

#[test]
fn a_proof_is_made_of_parts_that_can_be_decoded() {
    let log = LogOfEntries::new(ORIGIN, 2);
    let (note, slots) = (log.note(), log.slots(0));
    let make = |note: &Note, leaf: Vec<u8>| EntryProof::new(log.key.verifier(), note, 0, Vec::new(), leaf, &slots);
    assert!(make(&note, log.leaf_data(0)).is_ok());
    assert!(matches!(make(&note, b"AEV2".to_vec()), Err(EntryProofError::Leaf(_))));
    let other = Note::new("text\n".to_owned(), vec![log.key.sign("text\n")]).unwrap();
    assert!(matches!(make(&other, log.leaf_data(0)), Err(EntryProofError::Checkpoint(_))));
    let another = SignerKey::new("audit.example.com/2/events", &[7; 32]).unwrap();
    let of_another = EntryProof::new(another.verifier(), &note, 0, Vec::new(), log.leaf_data(0), &slots);
    assert!(matches!(of_another, Err(EntryProofError::Checkpoint(CheckpointError::Origin { .. }))), "{of_another:?}");
    // The other stream has no slot 3.
    let mut leaf = log.leaf_data(0);
    leaf[4] = 2;
    assert_eq!(make(&note, leaf), Err(EntryProofError::Slot(SlotFault::Unknown(3))));
    assert_eq!(Stream::ActionLogs.slot_name(1), Some("message"));
}
