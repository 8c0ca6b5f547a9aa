//! The same proof as a file.

use crate::proof;
use audit_domain::log::{
    EntryFault, EntryProofInvalid, EntryStatus, Policy, ProofError, ProofFile, SlotContent, SlotFault, SlotProof, Trust,
    verify_proof_file,
};

#[test]
fn a_proof_file_has_the_slots_and_is_verified_with_the_leaf() {
    let (log, proof) = proof(5, 13);
    let file: ProofFile = proof.to_proof_file().to_string().parse().unwrap();
    let key = log.key.verifier();
    let verified = verify_proof_file(&file, &proof.leaf_data, key).unwrap();
    assert_eq!(verified, proof.verify(key).unwrap());
    let policy: Policy = format!("log {key}\nquorum none").parse().unwrap();
    assert_eq!(verify_proof_file(&file, &proof.leaf_data, Trust::Policy(&policy)).unwrap().position, 5);
    let bare = ProofFile { extra: None, ..file.clone() };
    assert_eq!(verify_proof_file(&bare, &proof.leaf_data, key).unwrap().status, EntryStatus::LeafOnly);
    let other = verify_proof_file(&file, &log.leaf_data(6), key).unwrap_err();
    assert!(matches!(other, EntryProofInvalid::Entry(EntryFault::Inclusion(ProofError::Root { .. }))), "{other}");
    let with = |extra: &[u8]| {
        let file = ProofFile { extra: Some(extra.to_vec()), ..file.clone() };
        verify_proof_file(&file, &proof.leaf_data, key).unwrap_err()
    };
    assert_eq!(with(b"[]"), EntryProofInvalid::Entry(EntryFault::Slot(SlotFault::Missing(0))));
    let swapped = String::from_utf8(file.extra.clone().unwrap()).unwrap().replace("UPDATE", "DELETE");
    assert_eq!(with(swapped.as_bytes()), EntryProofInvalid::Entry(EntryFault::Slot(SlotFault::Value(0))));
    for extra in [&b"\xff"[..], b"{}", b"[{}]", b"[],\"slots\":[]", b"[]}", b"x"] {
        assert!(matches!(with(extra), EntryProofInvalid::Extra(_)), "{}", String::from_utf8_lossy(extra));
    }
}

#[test]
fn neither_salts_nor_values_are_shown_by_debug() {
    let (_, proof) = proof(5, 13);
    let SlotProof { content: SlotContent::Open { salt, .. }, .. } = &proof.slots[0] else { panic!("slot 0 is open") };
    let shown = format!("{proof:?} {:?}", proof.slots[0].content);
    assert!(!shown.contains(&hex::encode(salt)) && !shown.contains("UPDATE") && shown.contains("SlotProof(0 subject, open)"));
}
