//! A thousand changes of 10,000 entries, a dozen at a time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::base::{Base, ENTRIES};
use super::changes::{Changing, Kind, OF_ENTRIES, OF_INDEX, OF_LOGS};
use super::expected::{Place, is_explained};
use super::{Said, scrub};
use crate::common::{Dice, of_database};

/// Which kinds of changes are made together, how many of them in one copy, and in how many copies: changes
/// of entries change what the index should be, so those of the index are made alone.
const ROUNDS: [(&[Kind], usize, u64); 3] = [(&OF_ENTRIES, 14, 50), (&OF_INDEX, 12, 24), (&OF_LOGS, 4, 24)];

/// Makes changes in a copy and scrubs it. Returns the number of changes, or what is wrong.
fn round(base: &Base, kinds: &[Kind], wanted: usize, seed: u64) -> Result<usize, String> {
    let (copy, mut dice, mut changes) = (base.copy(), Dice(seed), Vec::<Vec<Place>>::new());
    let raw = copy.raw();
    let mut changing = Changing::new(&raw, &mut dice);
    for _ in 0..50 * wanted {
        if changes.len() == wanted {
            break;
        }
        let kind = kinds[changing.dice.below(kinds.len() as u64) as usize];
        changes.extend(kind(&mut changing));
    }
    drop(raw);
    let said = scrub(&copy.config(), &base.keys, Vec::new());
    let places: Vec<Place> = changes.concat();
    if let Some(place) = places.iter().find(|place| !place.is_found(&said)) {
        return Err(format!("seed {seed}: {place:?} is not found among {:?}; changes: {changes:?}", findings(&said)));
    }
    match said.findings.iter().find(|finding| !is_explained(finding, &places)) {
        Some(finding) => Err(format!("seed {seed}: {finding} follows from none of {changes:?}")),
        None => Ok(changes.len()),
    }
}

#[test]
fn a_thousand_changes_are_found_and_located() {
    let base = Base::new();
    let clean = scrub(&base.copy().config(), &base.keys, Vec::new());
    assert_eq!(clean.findings, []);
    // The root log has checkpoints of each of the others: more if it took longer than ten seconds to make them.
    let of_root = clean.entries.iter().filter(|entry| entry.channel_id == -1).count();
    assert!(of_root >= 3, "{of_root}");
    let all = ENTRIES + of_root;
    assert_eq!((clean.announced, clean.summary.ok, clean.entries.len()), (all as u64, all as u64, all));
    assert_eq!((clean.summary.logs, &clean.summary.not_checked), (4, &Vec::new()));

    let divisor = of_database(1, 16);
    let mut rounds: Vec<(&[Kind], usize, u64)> = Vec::new();
    for (number, (kinds, wanted, copies)) in ROUNDS.into_iter().enumerate() {
        rounds.extend((0..copies.div_ceil(divisor)).map(|seed| (kinds, wanted, 1_000 * number as u64 + seed)));
    }
    let (next, changes, wrong) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((kinds, wanted, seed)) = rounds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match round(&base, kinds, *wanted, *seed) {
                        Ok(made) => drop(changes.fetch_add(made, Ordering::Relaxed)),
                        Err(why) => wrong.lock().unwrap().push(why),
                    }
                }
            });
        }
    });
    let (changes, wrong) = (changes.into_inner(), wrong.into_inner().unwrap());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(changes >= of_database(1_000, 50), "only {changes} changes");
}

/// What a scrub says, for tests that change one thing.
pub(super) fn findings(said: &Said) -> Vec<String> {
    said.findings.iter().map(ToString::to_string).collect()
}
