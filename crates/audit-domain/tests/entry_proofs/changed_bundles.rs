//! Bundles that somebody changed: what is noticed, and where.

use audit_domain::log::{
    BundleEntry, BundleEntryFault, BundleFault, BundleFooter, BundleVerifier, DocumentError, EntryFault, EntryVerdict,
    FrontierError, ProofError, SlotContent, SlotFault, Verdict,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::bundles::{filtered, range, verify};
use crate::log_of_entries::{LogOfEntries, ORIGIN};

fn log() -> LogOfEntries {
    LogOfEntries::new(ORIGIN, 21)
}

fn changed(line: &str, change: impl FnOnce(&mut BundleEntry)) -> String {
    let mut entry: BundleEntry = line.parse().unwrap();
    change(&mut entry);
    entry.to_string()
}

/// The positions of the entries that count as changed.
fn tampered(verdicts: &[EntryVerdict]) -> Vec<u64> {
    let is_tampered = |verdict: &&EntryVerdict| matches!(verdict.verdict, Verdict::Tampered(_));
    verdicts.iter().filter(is_tampered).map(|verdict| verdict.position).collect()
}

fn fault(verdict: &EntryVerdict) -> &BundleEntryFault {
    match &verdict.verdict {
        Verdict::Tampered(fault) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_changed_entry_is_located_and_the_others_stay_proven() {
    let log = log();
    for lines in [range(&log, 4, 17), filtered(&log, &(4..17).collect::<Vec<_>>())] {
        for position in 4..17usize {
            let at = position - 3;
            let value = |entry: &mut BundleEntry| {
                let SlotContent::Open { value, .. } = &mut entry.slots[0].content else { panic!("slot 0 is open") };
                *value = value.replace("UPDATE", "DELETE");
            };
            let time = |entry: &mut BundleEntry| entry.leaf_data[52] ^= 1;
            let slot = |entry: &mut BundleEntry| drop(entry.slots.pop());
            for line in [changed(&lines[at], value), changed(&lines[at], time), changed(&lines[at], slot)] {
                let mut lines = lines.clone();
                lines[at] = line;
                let (verdicts, summary) = verify(&lines, log.key.verifier());
                let refused = summary.unwrap_err();
                assert_eq!(tampered(&verdicts), [position as u64]);
                assert_eq!(refused.fault, BundleFault::Lines { missing: 0, tampered: 1, unreadable: 0 });
                assert!(refused.summary.is_proven && refused.summary.ok + refused.summary.erased == 12);
            }
        }
    }
    let line = changed(&range(&log, 4, 17)[1], |entry| entry.slots[1].name = "user".to_owned());
    let mut lines = range(&log, 4, 17);
    lines[1] = line;
    let verdicts = verify(&lines, log.key.verifier()).0;
    let is_name = matches!(fault(&verdicts[0]), BundleEntryFault::Entry(EntryFault::Slot(SlotFault::Name { slot: 3, .. })));
    assert!(is_name, "{verdicts:?}");
}

#[test]
fn an_entry_with_a_leaf_hash_of_its_own_breaks_the_root() {
    let log = log();
    let other = LogOfEntries::new(ORIGIN, 30);
    let mut lines = range(&log, 4, 17);
    // Each line is right in itself: it is that of another entry.
    lines[3] = changed(&range(&other, 25, 26)[1], |entry| entry.position = 6);
    let (verdicts, summary) = verify(&lines, log.key.verifier());
    let refused = summary.unwrap_err();
    assert!(tampered(&verdicts).is_empty() && !refused.summary.is_proven);
    assert!(matches!(refused.fault, BundleFault::Root(ProofError::Root { .. })), "{refused}");
    // In a filtered bundle, the line itself says it.
    let mut lines = filtered(&log, &[4, 6, 9]);
    let path = log.path(6);
    lines[2] = changed(&range(&other, 25, 26)[1], |entry| (entry.position, entry.inclusion) = (6, Some(path)));
    let (verdicts, summary) = verify(&lines, log.key.verifier());
    assert_eq!((tampered(&verdicts), summary.unwrap_err().summary.is_proven), (vec![6], true));
}

#[test]
fn a_missing_entry_is_named() {
    let log = log();
    for cut in 4..17usize {
        let mut lines = range(&log, 4, 17);
        lines.remove(cut - 3);
        let (verdicts, summary) = verify(&lines, log.key.verifier());
        let refused = summary.unwrap_err();
        let cut = cut as u64;
        let gaps = verdicts.iter().map(|verdict| verdict.missing_before.clone());
        let gaps: Vec<u64> = gaps.chain([refused.summary.missing_at_end.clone()]).flatten().collect();
        assert_eq!((gaps, refused.summary.missing, refused.summary.is_proven), (vec![cut], 1, false));
        assert_eq!(refused.fault, BundleFault::Lines { missing: 1, tampered: 0, unreadable: 0 });
    }
    // An entry that was moved is missing where it was.
    let mut lines = range(&log, 4, 17);
    lines.swap(3, 4);
    let (verdicts, summary) = verify(&lines, log.key.verifier());
    assert_eq!((verdicts[2].missing_before.clone(), fault(&verdicts[3])), (6..7, &BundleEntryFault::Order { next: 8 }));
    assert_eq!(summary.unwrap_err().fault, BundleFault::Lines { missing: 1, tampered: 1, unreadable: 0 });
    // Other positions do not hide it.
    let mut lines = range(&log, 4, 17);
    lines.remove(3);
    for (line, position) in lines[3..13].iter_mut().zip(6..) {
        *line = changed(line, |entry| entry.position = position);
    }
    let refused = verify(&lines, log.key.verifier()).1.unwrap_err();
    assert_eq!((refused.summary.missing_at_end, refused.summary.is_proven), (16..17, false));
}

#[test]
fn an_added_entry_is_named() {
    let log = log();
    let with = |lines: &[String], at: usize, line: String| {
        let mut lines = lines.to_vec();
        lines.insert(at, line);
        let (verdicts, summary) = verify(&lines, log.key.verifier());
        (verdicts, summary.unwrap_err())
    };
    let lines = range(&log, 4, 17);
    let (verdicts, refused) = with(&lines, 5, lines[4].clone());
    assert_eq!((tampered(&verdicts), fault(&verdicts[4])), (vec![7], &BundleEntryFault::Order { next: 8 }));
    assert!(refused.summary.is_proven, "the other entries are those of the log");
    let (verdicts, _) = with(&lines, 14, range(&log, 17, 18).remove(1));
    assert_eq!(fault(&verdicts[13]), &BundleEntryFault::Beyond { end: 17 });
    let (verdicts, _) = with(&lines, 1, range(&log, 3, 4).remove(1));
    assert_eq!(fault(&verdicts[0]), &BundleEntryFault::Order { next: 4 });
    let some = filtered(&log, &[4, 9]);
    let (verdicts, _) = with(&some, 3, some[2].clone());
    assert_eq!(fault(&verdicts[2]), &BundleEntryFault::Order { next: 10 });
    let beyond = changed(&some[2], |entry| entry.position = 21);
    assert_eq!(fault(&with(&some, 3, beyond).0[2]), &BundleEntryFault::Beyond { end: 21 });
}

#[test]
fn each_kind_of_bundle_has_its_own_lines() {
    let log = log();
    let (range, some) = (range(&log, 4, 7), filtered(&log, &[4, 5, 6]));
    let replaced = |lines: &[String], at: usize, line: &str| {
        let mut lines = lines.to_vec();
        line.clone_into(&mut lines[at]);
        let (verdicts, summary) = verify(&lines, log.key.verifier());
        (verdicts, summary.unwrap_err().fault)
    };
    assert_eq!(fault(&replaced(&range, 2, &some[2]).0[1]), &BundleEntryFault::Inclusion);
    assert_eq!(fault(&replaced(&some, 2, &range[2]).0[1]), &BundleEntryFault::Inclusion);
    assert_eq!((replaced(&range, 4, &some[4]).1, replaced(&some, 4, &range[4]).1), (BundleFault::Cut, BundleFault::Cut));
    let count = |lines: &[String], footer: BundleFooter| replaced(lines, 4, &footer.to_string()).1;
    assert_eq!(count(&some, BundleFooter::filtered(4)), BundleFault::Entries { stated: 4, got: 3 });
    let right = log.cover(7, 21);
    assert_eq!(count(&range, BundleFooter::range(2, right.clone())), BundleFault::Entries { stated: 2, got: 3 });
    let expected = right.len();
    let subtrees = FrontierError::Subtrees { from: 7, to: 21, expected, got: expected - 1 };
    assert_eq!(count(&range, BundleFooter::range(3, right[1..].to_vec())), BundleFault::Right(subtrees));
    let mut other = right;
    other[0].0[0] ^= 1;
    assert!(matches!(count(&range, BundleFooter::range(3, other)), BundleFault::Root(_)));
}

#[test]
fn a_bundle_that_was_cut_is_refused() {
    let log = log();
    for lines in [range(&log, 4, 9), filtered(&log, &[4, 5, 6, 7, 8])] {
        for length in 1..lines.len() {
            let refused = verify(&lines[..length], log.key.verifier()).1.unwrap_err();
            assert_eq!((refused.fault, refused.summary.is_proven), (BundleFault::Cut, false));
        }
    }
}

#[test]
fn a_line_that_cannot_be_read_does_not_end_the_bundle() {
    let log = log();
    let lines = range(&log, 4, 9);
    let mut verifier = BundleVerifier::new(&lines[0], log.key.verifier()).unwrap();
    assert!(verifier.line(&lines[1]).is_ok());
    for (line, said) in [
        ("", "EOF while parsing a value: line 1 column 1 (char 0)"),
        ("[]", "expected a JSON object, got an array"),
        ("{}", "`position` is missing"),
        ("{\"position\":1}", "`leaf_hash` is missing"),
        (
            "{\"position\":1,\"x\":2}",
            "`x` is unknown: the members are position, leaf_hash, leaf_data, slots, inclusion, entries, right",
        ),
        ("{\"position\":1,\"entries\":2}", "`position` is unknown: the members are entries, right"),
        ("{\"entries\":2}", "`right` is missing"),
    ] {
        assert_eq!(verifier.line(line).unwrap_err().to_string(), said);
    }
    for line in &lines[2..] {
        assert!(verifier.line(line).is_ok());
    }
    assert_eq!(verifier.line(&lines[1]), Err(DocumentError::AfterEnd));
    let refused = verifier.finish().unwrap_err();
    assert_eq!(refused.fault, BundleFault::Lines { missing: 0, tampered: 0, unreadable: 8 });
    assert!(refused.summary.is_proven);
    // A fault of other members has the position of its line.
    let mut lines = range(&log, 4, 9);
    lines[2] = lines[2].replace("\"leaf_data\":\"", "\"leaf_data\":\"x");
    let (verdicts, _) = verify(&lines, log.key.verifier());
    assert!(tampered(&verdicts) == [5] && matches!(fault(&verdicts[1]), BundleEntryFault::Document(_)), "{verdicts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_character_makes_no_other_bundle(
        is_range in any::<bool>(), at in any::<prop::sample::Index>(), with in "[ -~]",
    ) {
        let log = log();
        let lines = if is_range { range(&log, 4, 9) } else { filtered(&log, &[4, 8]) };
        let text = lines.join("\n");
        let vkey = text.find("\"vkey\":\"").unwrap() + 8;
        let vkey = vkey..vkey + text[vkey..].find('"').unwrap();
        let at = at.index(text.len());
        prop_assume!(text.is_char_boundary(at) && text.is_char_boundary(at + 1) && !vkey.contains(&at));
        let changed: Vec<String> = format!("{}{with}{}", &text[..at], &text[at + 1..]).split('\n').map(str::to_owned).collect();
        let same = |(a, b): (&String, &String)| serde_json::from_str::<Value>(a).is_ok_and(|a| Ok(a) == serde_json::from_str(b).map_err(drop));
        let is_same = changed.len() == lines.len() && changed.iter().zip(&lines).all(same);
        if !is_same && BundleVerifier::new(&changed[0], log.key.verifier()).is_ok() {
            prop_assert!(verify(&changed, log.key.verifier()).1.is_err(), "{:?}", changed);
        }
    }
}
