//! Proofs that lead to the log through the root log of its database.

use audit_domain::log::{
    Checkpoint, CosignerKey, EntryProof, EntryProofInvalid, Frontier, Note, Policy, PolicyUnmet, ProofError, ProofPlan,
    RootInclusion, SignerKey, TrustError, leaf_hash,
};

use crate::log_of_entries::{LogOfEntries, ORIGIN};
use crate::proof;

/// A root log with some checkpoints of the log, which these witnesses cosigned.
pub(crate) fn witnessed(log: &LogOfEntries, origin: &str, witness: &CosignerKey) -> RootInclusion {
    let key = SignerKey::new(origin, &[7; 32]).unwrap();
    let (mut tree, mut nodes) = (Frontier::new(), std::collections::HashMap::new());
    for text in ["first", log.note().text(), "third"] {
        tree.append(leaf_hash(text.as_bytes()), |node, hash| nodes.extend([(node, hash)])).unwrap();
    }
    let inclusion = ProofPlan::inclusion(1, 3).unwrap().path(|node| nodes.get(&node).copied().ok_or(())).unwrap();
    let text = Checkpoint::new(origin, 3, tree.root()).unwrap().to_string();
    let checkpoint = Note::new(text.clone(), vec![key.sign(&text), witness.cosign(&text, 1_700_000_000).unwrap()]).unwrap();
    RootInclusion { origin: origin.to_owned(), checkpoint: checkpoint.to_string(), index: 1, inclusion }
}

#[test]
fn a_policy_of_the_root_log_verifies_through_the_root_log() {
    let witness = CosignerKey::new("witness.example", &[11; 32]).unwrap();
    let root_key = SignerKey::new("audit.example.com/root", &[7; 32]).unwrap();
    let policy = |key: &SignerKey| -> Policy {
        format!("log {}\nwitness W {}\nquorum W", key.verifier(), witness.verifier()).parse().unwrap()
    };
    let (log, mut proof) = proof(5, 13);
    let by_root = policy(&root_key);
    let trust = |proof: &EntryProof| match proof.verify_by(&by_root).unwrap_err() {
        EntryProofInvalid::Trust(error) => error,
        other => panic!("{other}"),
    };
    assert_eq!(trust(&proof), TrustError::NotWitnessed(ORIGIN.to_owned()));
    proof.witnessed = Some(witnessed(&log, "audit.example.com/root", &witness));
    assert_eq!(proof.to_string().parse(), Ok(proof.clone()));
    let verified = proof.verify_by(&by_root).unwrap();
    assert_eq!((verified.root.unwrap().size(), verified.witnesses[0].time), (3, 1_700_000_000));
    // Nothing under the text of the checkpoint counts, because the root log has the text.
    let unsigned = Note::new(log.note().text().to_owned(), vec![root_key.sign("another text\n")]).unwrap();
    assert!(EntryProof { checkpoint: unsigned.to_string(), ..proof.clone() }.verify_by(&by_root).is_ok());
    // But the text counts.
    let larger = LogOfEntries::new(ORIGIN, 14);
    let other = EntryProof { checkpoint: larger.note().to_string(), ..proof.clone() };
    assert!(matches!(trust(&other), TrustError::RootInclusion(ProofError::Root { .. })));
    let change = |change: &dyn Fn(&mut RootInclusion)| {
        let mut changed = proof.clone();
        change(changed.witnessed.as_mut().unwrap());
        trust(&changed)
    };
    assert!(matches!(change(&|root| root.index = 0), TrustError::RootInclusion(ProofError::Root { .. })));
    assert!(matches!(change(&|root| root.index = 3), TrustError::RootInclusion(ProofError::NoSuchLeaf { .. })));
    assert!(matches!(change(&|root| root.inclusion[1].0[0] ^= 1), TrustError::RootInclusion(ProofError::Root { .. })));
    assert!(matches!(change(&|root| root.origin = "audit.example.com/other".to_owned()), TrustError::RootOrigin { .. }));
    let cosignatures = change(&|root| root.checkpoint = root.checkpoint.lines().take(5).map(|line| format!("{line}\n")).collect());
    assert!(matches!(cosignatures, TrustError::Policy(PolicyUnmet::Quorum { .. })), "{cosignatures}");
    // A policy that has the log itself does not look at the root log.
    let direct: Policy = format!("log {}\nquorum none", log.key.verifier()).parse().unwrap();
    assert!(EntryProof { witnessed: None, ..proof.clone() }.verify_by(&direct).unwrap().root.is_none());
    let needs_witness = policy(&log.key);
    assert!(proof.verify_by(&needs_witness).is_err(), "the witness has not cosigned the checkpoint of the log");
}

/// Anybody may be able to append to another log of a policy, also the text of a checkpoint.
#[test]
fn another_log_of_the_policy_is_not_the_root_log() {
    let witness = CosignerKey::new("witness.example", &[11; 32]).unwrap();
    let (log, proof) = proof(5, 13);
    for origin in ["other.example.com/root", "audit.example.com/1/root", "audit.example.com"] {
        let key = SignerKey::new(origin, &[7; 32]).unwrap();
        let policy: Policy = format!("log {}\nquorum none", key.verifier()).parse().unwrap();
        // Also if the document says that it is.
        for stated in [origin, "audit.example.com/root"] {
            let root = RootInclusion { origin: stated.to_owned(), ..witnessed(&log, origin, &witness) };
            let refused = EntryProof { witnessed: Some(root), ..proof.clone() }.verify_by(&policy).unwrap_err();
            let EntryProofInvalid::Trust(TrustError::RootOrigin { expected, got }) = refused else { panic!("{refused}") };
            assert_eq!((expected.as_str(), got.as_str()), ("audit.example.com/root", origin));
        }
    }
}
