//! The proof of one entry, as a JSON document or as a tlog-proof file.

use audit_http::store::domain::log::{
    EntryProof, EntryProofInvalid, EntryStatus, Leaf, ProofFile, Trust, TrustError, VerifiedEntry, verify_proof_file,
};

use super::Check;
use super::report::{FileResult, Proven, Report, Status, Unproven};

pub(super) fn verify_document(proof: &EntryProof, check: &Check<'_>, report: &mut Report<'_>) -> FileResult {
    let verified = match check.trusted.of_note(&proof.checkpoint).map_err(Unproven::NotChecked)? {
        Trust::Key(key) => proof.verify(key),
        Trust::Policy(policy) => proof.verify_by(policy),
    };
    conclude((proof.position, &proof.leaf_data), verified, check, report)
}

pub(super) fn verify_file(file: &ProofFile, check: &Check<'_>, report: &mut Report<'_>) -> FileResult {
    let Some(leaf_data) = &check.leaf else {
        let why = "a tlog-proof file does not have the leaf of the entry: give --leaf FILE, with the answer of \
                   /api/v1/events/{uuid}/leaf";
        return Err(Unproven::NotChecked(why.to_owned()));
    };
    let trust = check.trusted.of_note(&file.checkpoint).map_err(Unproven::NotChecked)?;
    conclude((file.index, leaf_data), verify_proof_file(file, leaf_data, trust), check, report)
}

fn conclude(
    (position, leaf_data): (u64, &[u8]),
    verified: Result<VerifiedEntry, EntryProofInvalid>,
    check: &Check<'_>,
    report: &mut Report<'_>,
) -> FileResult {
    let uuid = Leaf::parse(leaf_data).ok().map(|leaf| leaf.uuid);
    let entry = match verified {
        Ok(entry) => entry,
        Err(error @ EntryProofInvalid::Trust(TrustError::NotWitnessed(_))) => return Err(Unproven::NotChecked(error.to_string())),
        Err(error) => {
            report.entry(position, uuid, &Status::Tampered(error.to_string()), true);
            report.count(|counts| counts.tampered += 1);
            return Err(Unproven::Wrong("it does not prove that the entry is in the log".to_owned()));
        }
    };
    match entry.status {
        EntryStatus::Erased => {
            let erased = entry.slots.iter().filter(|slot| slot.is_erased).map(|slot| slot.name);
            report.entry(position, uuid, &Status::Erased(erased.collect::<Vec<_>>().join(", ")), true);
            report.count(|counts| counts.erased += 1);
        }
        EntryStatus::Ok => {
            report.entry(position, uuid, &Status::Ok, true);
            report.count(|counts| counts.ok += 1);
        }
        EntryStatus::LeafOnly => {
            report.entry(position, uuid, &Status::LeafOnly, true);
            report.count(|counts| counts.ok += 1);
        }
    }
    let kept = check.kept.as_ref().map(|kept| kept.compare(&entry.checkpoint, None)).transpose()?;
    Ok(Proven {
        what: "one entry".to_owned(),
        complete: None,
        checkpoint: entry.checkpoint,
        root: entry.root,
        witnesses: entry.witnesses,
        kept,
    })
}
