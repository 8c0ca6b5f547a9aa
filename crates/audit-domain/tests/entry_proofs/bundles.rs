//! Bundles that are what they say: of every range, and filtered ones.

use audit_domain::Timestamp;
use audit_domain::log::{
    BundleEntry, BundleFooter, BundleHeader, BundleHeaderError, BundleLine, BundleRefused, BundleSummary, BundleVerifier,
    CosignerKey, EntryVerdict, Erasure, Frontier, FrontierError, Policy, SignerKey, Trust, TrustError, Verdict,
};
use serde_json::Value;

use crate::log_of_entries::{LogOfEntries, ORIGIN};
use crate::root_log::witnessed;

pub(crate) fn entry(log: &LogOfEntries, position: u64) -> BundleEntry {
    BundleEntry::new(position, log.leaf_data(position), &log.slots(position)).unwrap()
}

/// The lines of a bundle of a range.
pub(crate) fn range(log: &LogOfEntries, from: u64, to: u64) -> Vec<String> {
    let left = Frontier::from_hashes(from, log.cover(0, from)).unwrap();
    let mut lines = vec![BundleHeader::range(log.key.verifier(), &log.note(), &left, to).to_string()];
    lines.extend((from..to).map(|position| entry(log, position).to_string()));
    lines.push(BundleFooter::range(to - from, log.cover(to, log.size)).to_string());
    lines
}

/// The lines of a filtered bundle with these positions.
pub(crate) fn filtered(log: &LogOfEntries, positions: &[u64]) -> Vec<String> {
    let line = |position: &u64| entry(log, *position).with_inclusion(log.path(*position)).to_string();
    let mut lines = vec![BundleHeader::filtered(log.key.verifier(), &log.note()).to_string()];
    lines.extend(positions.iter().map(line));
    lines.push(BundleFooter::filtered(positions.len() as u64).to_string());
    lines
}

/// The verdicts of all lines that can be read, and of the whole.
pub(crate) fn verify<'t>(
    lines: &[String],
    trust: impl Into<Trust<'t>>,
) -> (Vec<EntryVerdict>, Result<BundleSummary, BundleRefused>) {
    let mut verifier = BundleVerifier::new(&lines[0], trust).unwrap();
    let mut verdicts = Vec::new();
    for line in &lines[1..] {
        if let Ok(BundleLine::Entry(verdict)) = verifier.line(line) {
            verdicts.push(verdict);
        }
    }
    (verdicts, verifier.finish())
}

#[test]
fn the_tree_before_each_line_is_known_in_a_range() {
    let log = LogOfEntries::new(ORIGIN, 21);
    let lines = range(&log, 3, 17);
    let mut verifier = BundleVerifier::new(&lines[0], log.key.verifier()).unwrap();
    for (position, line) in (3..17).zip(&lines[1..]) {
        let tree = verifier.tree().unwrap();
        let expected = Frontier::from_hashes(position, log.cover(0, position)).unwrap();
        assert_eq!((tree.size(), tree.root()), (position, expected.root()));
        verifier.line(line).unwrap();
    }
    // A line that is not even text.
    verifier.unreadable_line();
    verifier.line(&lines[15]).unwrap();
    assert_eq!(verifier.finish().unwrap_err().summary.unreadable, 1);
    let lines = filtered(&log, &[3, 4]);
    assert!(BundleVerifier::new(&lines[0], log.key.verifier()).unwrap().tree().is_none());
    assert_eq!(BundleEntry::of_proof(log.proof(3)).to_string(), lines[1]);
}

#[test]
fn every_range_of_every_small_log_is_verified() {
    for size in 0..=40 {
        let log = LogOfEntries::new(ORIGIN, size);
        for to in 0..=size {
            for from in 0..=to {
                let (verdicts, summary) = verify(&range(&log, from, to), log.key.verifier());
                let summary = summary.unwrap();
                assert_eq!((summary.complete.clone(), summary.is_proven), (Some(from..to), true));
                let erased = (from..to).filter(|position| log.is_erased(*position)).count() as u64;
                assert_eq!((summary.ok, summary.erased), (to - from - erased, erased));
                for (verdict, position) in verdicts.iter().zip(from..to) {
                    let expected = if log.is_erased(position) { Verdict::Erased } else { Verdict::Ok };
                    assert_eq!((verdict.position, verdict.uuid), (position, Some(log.uuid(position))));
                    assert!(verdict.verdict == expected && verdict.missing_before.is_empty(), "{verdict:?}");
                }
                assert_eq!(verdicts.len() as u64, to - from);
            }
        }
    }
}

#[test]
fn a_filtered_bundle_is_verified_and_not_complete() {
    for size in 1..20 {
        let log = LogOfEntries::new(ORIGIN, size);
        for positions in [(0..size).step_by(3).collect(), (0..size).collect(), vec![size - 1], vec![]] {
            let (verdicts, summary) = verify(&filtered(&log, &positions), log.key.verifier());
            let summary = summary.unwrap();
            assert_eq!((summary.complete, summary.is_proven, summary.missing), (None, true, 0));
            assert_eq!(verdicts.iter().map(|verdict| verdict.position).collect::<Vec<_>>(), positions);
            assert!(verdicts.iter().all(|verdict| verdict.missing_before.is_empty()));
        }
    }
}

#[test]
fn the_lines_are_these_bytes() {
    let log = LogOfEntries::new(ORIGIN, 7);
    let lines = range(&log, 1, 3);
    let header: Value = serde_json::from_str(&lines[0]).unwrap();
    let hashes = |hashes: Vec<_>| Value::from(hashes.iter().map(ToString::to_string).collect::<Vec<String>>());
    assert!(lines[0].starts_with("{\"format\":\"audit-bundle/1\",\"origin\":\"audit.example.com/1/events\",\"vkey\":\""));
    assert!(lines[0].contains(",\"complete\":true,\"from\":1,\"to\":3,\"checkpoint\":\""));
    assert_eq!((&header["left"], &header["witnessed"]), (&hashes(log.cover(0, 1)), &Value::Null));
    let proof: Value = serde_json::from_str(&log.proof(1).to_string()).unwrap();
    let line: Value = serde_json::from_str(&lines[1]).unwrap();
    for member in ["position", "leaf_hash", "leaf_data", "slots"] {
        assert_eq!(line[member], proof[member]);
    }
    assert!(lines[1].starts_with("{\"position\":1,\"leaf_hash\":\"") && lines[1].ends_with("]}"));
    assert_eq!(lines[3], format!("{{\"entries\":2,\"right\":{}}}", hashes(log.cover(3, 7))));
    let lines = filtered(&log, &[1]);
    assert!(lines[0].contains(",\"complete\":false,\"checkpoint\":\"") && lines[0].ends_with("\"witnessed\":null}"));
    let line: Value = serde_json::from_str(&lines[1]).unwrap();
    assert_eq!((&line["inclusion"], lines[2].as_str()), (&proof["inclusion"], "{\"entries\":1}"));
    // What is written is read.
    let header: BundleHeader = lines[0].parse().unwrap();
    let erasure = Erasure { at: Timestamp::from_micros(0).unwrap(), by_position: 6 };
    let entry = entry(&log, 1).erased_by(|slot| (slot == 3).then_some(erasure));
    assert_eq!((header.to_string(), entry.to_string().parse()), (lines[0].clone(), Ok(entry)));
}

#[test]
fn a_bundle_is_verified_through_the_root_log() {
    let witness = CosignerKey::new("witness.example", &[11; 32]).unwrap();
    let root = SignerKey::new("audit.example.com/root", &[7; 32]).unwrap();
    let policy: Policy = format!("log {}\nwitness W {}\nquorum W", root.verifier(), witness.verifier()).parse().unwrap();
    let log = LogOfEntries::new(ORIGIN, 9);
    let mut lines = range(&log, 2, 5);
    let refused = BundleVerifier::new(&lines[0], &policy).unwrap_err();
    assert_eq!(refused, BundleHeaderError::Trust(TrustError::NotWitnessed(ORIGIN.to_owned())));
    let mut header: BundleHeader = lines[0].parse().unwrap();
    header.witnessed = Some(witnessed(&log, "audit.example.com/root", &witness));
    lines[0] = header.to_string();
    let summary = verify(&lines, &policy).1.unwrap();
    assert_eq!((summary.trusted.root.unwrap().size(), summary.trusted.witnesses.len()), (3, 1));
}

#[test]
fn a_header_that_proves_nothing_is_refused() {
    let log = LogOfEntries::new(ORIGIN, 9);
    let good = range(&log, 3, 5).remove(0);
    let said = |from: &str, to: &str| {
        let line = good.replacen(from, to, 1);
        assert_ne!(line, good);
        BundleVerifier::new(&line, log.key.verifier()).unwrap_err()
    };
    let text = |from: &str, to: &str| said(from, to).to_string();
    let first = "the first line of the bundle: ";
    assert_eq!(text("bundle/1", "bundle/2"), format!("{first}`format` must be \"audit-bundle/1\" (got \"audit-bundle/2\")"));
    let unknown = format!("{first}`from` is unknown: the members are format, origin, vkey, complete, checkpoint, witnessed");
    assert_eq!(text("\"complete\":true", "\"complete\":false"), unknown);
    assert_eq!(text("\"from\":3,", ""), format!("{first}`from` is missing"));
    assert_eq!(text("\"complete\":true", "\"complete\":1"), format!("{first}`complete` must be true or false (got 1)"));
    assert_eq!(said("\"to\":5", "\"to\":10"), BundleHeaderError::Range { from: 3, to: 10, size: 9 });
    assert_eq!(said("\"to\":5", "\"to\":2"), BundleHeaderError::Range { from: 3, to: 2, size: 9 });
    let left = FrontierError::Hashes { size: 4, expected: 1, got: 2 };
    assert_eq!(said("\"from\":3", "\"from\":4"), BundleHeaderError::Left(left));
    assert!(matches!(said("com/1/events\",\"vkey", "com/2/events\",\"vkey"), BundleHeaderError::Origin { .. }));
    assert!(matches!(said("\\n9\\n", "\\n8\\n"), BundleHeaderError::Trust(TrustError::Checkpoint(_))));
    let other = SignerKey::new(ORIGIN, &[9; 32]).unwrap();
    assert!(matches!(BundleVerifier::new(&good, other.verifier()), Err(BundleHeaderError::Trust(_))));
}
