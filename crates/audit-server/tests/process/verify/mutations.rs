//! Files that were changed somewhere, in some hundred ways: none is proven unless it says the same as before.

use std::fs;
use std::path::Path;

use super::changes::{Draw, change, said};
use super::{FIXTURE, verify};

/// Changes of each file.
const CHANGES: u64 = 150;

fn assert_no_change_is_proven(file: &Path, seed: u64, arguments: &[&str]) {
    let (original, name) = (fs::read(file).unwrap(), file.file_name().unwrap().to_str().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let check = |bytes: &[u8]| {
        fs::write(directory.path().join(name), bytes).unwrap();
        verify(directory.path(), &[&[name], arguments].concat())
    };
    let before = check(&original);
    assert_eq!(before.code, Some(0), "{before:?}");
    let (mut draw, mut refused) = (Draw(seed), 0);
    for number in 0..CHANGES {
        let (changed, how) = change(&original, &mut draw);
        if changed == original {
            continue;
        }
        let after = check(&changed);
        let is_the_same = || said(&changed).is_some() && said(&changed) == said(&original);
        match after.code {
            Some(1 | 2) => refused += 1,
            Some(0) if after.stdout != before.stdout || is_the_same() => {}
            _ => panic!("{name}, change {number}, {how}: {after:?}"),
        }
    }
    assert!(refused > CHANGES * 8 / 10, "only {refused} of {CHANGES} changes of {name} were refused");
}

#[test]
fn no_change_of_a_range_is_proven() {
    let directory = tempfile::tempdir().unwrap();
    let file = FIXTURE.bundle(directory.path(), "range", &["--from-position", "5", "--to-position", "17"]);
    assert_no_change_is_proven(&file, 1, &[]);
}

#[test]
fn no_change_of_a_filtered_bundle_is_proven() {
    let directory = tempfile::tempdir().unwrap();
    let file = FIXTURE.bundle(directory.path(), "filtered", &["--filter", "position__gte=5&position__lt=17"]);
    assert_no_change_is_proven(&file, 2, &[]);
}

#[test]
fn no_change_of_a_proof_is_proven() {
    assert_no_change_is_proven(&FIXTURE.path().join("proof.json"), 3, &[]);
    let leaf = FIXTURE.path().join("entry.leaf");
    assert_no_change_is_proven(&FIXTURE.path().join("proof.tlog-proof"), 4, &["--leaf", leaf.to_str().unwrap()]);
}
