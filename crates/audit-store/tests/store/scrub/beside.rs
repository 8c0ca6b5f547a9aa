//! A scrub beside appends, with erased entries, and with a checkpoint that somebody kept.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use audit_store::domain::log::Checkpoint;
use audit_store::domain::{ChannelGrant, ChannelId, ErasureOf, Event, NewErasure, Stream, slot};
use audit_store::{EntryState, Signing};

use super::scrub;
use super::thousand::findings;
use super::values::swap_number;
use crate::common::{Events, Scratch, append, blob, erase, event, of_database};

fn scratch(files: &tempfile::TempDir) -> Scratch {
    let signing = Signing::new(files.path().join("signing.key"), files.path().join("checkpoints"));
    Scratch::with(|config| config.signing = Some(signing))
}

#[test]
fn a_scrub_beside_appends_finds_nothing() {
    let files = tempfile::tempdir().unwrap();
    let scratch = scratch(&files);
    append(&scratch.store, (0..700).map(|_| event("{}")).collect());
    scratch.store.sign().unwrap();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Also if an assertion fails: the scope waits for the thread.
        let _done = Done(&is_done);
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                append(&scratch.store, (0..40).map(|number| event(&format!(r#"{{"object_id":{number}}}"#))).collect());
            }
        });
        for _ in 0..12 {
            // The root log has its key from its first entry on, which is made meanwhile.
            let keys = scratch.store.verifier_keys(&ChannelGrant::All).unwrap();
            let said = scrub(&scratch.place.config(), &keys, Vec::new());
            let not_checked: Vec<String> =
                said.summary.not_checked.iter().filter(|text| !text.starts_with("root ")).cloned().collect();
            assert_eq!((findings(&said), not_checked), (Vec::<String>::new(), Vec::new()));
        }
    });
}

#[test]
fn a_scrub_beside_erasures_finds_nothing() {
    let scratch = Scratch::new();
    let of = |number: usize| event(&format!(r#"{{"user":{{"pk":{}}},"description":"words of {number}"}}"#, number % 40));
    append(&scratch.store, (0..1_200).map(of).collect());
    scratch.store.index().unwrap();
    scratch.store.seal().unwrap();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _done = Done(&is_done);
        let eraser = scope.spawn(|| {
            for user in (0..40).take_while(|_| !is_done.load(Ordering::Relaxed)) {
                let (of, slots) = (ErasureOf::User(user.to_string()), NewErasure::default_slots(Stream::Events));
                let new = NewErasure { stream: Stream::Events, of, slots, reason: "ticket 12".to_owned() };
                scratch.store.erase(ChannelId::DEFAULT, &new, 0).unwrap();
            }
        });
        while !eraser.is_finished() {
            assert_eq!(findings(&scrub(&scratch.place.config(), &[], Vec::new())), Vec::<String>::new());
        }
    });
    assert!(scratch.store.wait_for_erasures(ChannelId::DEFAULT, Stream::Events, Duration::from_secs(60)).unwrap());
    let said = scrub(&scratch.place.config(), &[], Vec::new());
    assert_eq!(said.entries.iter().filter(|entry| entry.state == EntryState::Erased).count(), 1_200);
}

/// Says that something is done when it is dropped.
struct Done<'d>(&'d AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Three events, of which the first loses its content, on the record.
fn erased(scratch: &Scratch) -> Event {
    let (receipt, entry) = scratch.append_one::<Events>(r#""action":"LOGIN","url":"/x","content":{"a":1}"#);
    scratch.append(vec![event("{}"), event(r#"{"url":"/y"}"#)]);
    let new = NewErasure {
        stream: Stream::Events,
        of: ErasureOf::Uuids(vec![receipt.uuid]),
        slots: vec![slot::CONTENT],
        reason: "ticket 12".to_owned(),
    };
    assert_eq!(scratch.store.erase(ChannelId::DEFAULT, &new, 0).unwrap().len(), 1);
    assert!(scratch.store.wait_for_erasures(ChannelId::DEFAULT, Stream::Events, Duration::from_secs(60)).unwrap());
    scratch.store.seal().unwrap();
    entry
}

#[test]
fn an_erased_entry_counts_as_erased() {
    let scratch = Scratch::new();
    let entry = erased(&scratch);
    let said = || scrub(&scratch.place.config(), &[], Vec::new());
    assert_eq!(findings(&said()), Vec::<String>::new());
    let states = said().entries.iter().map(|entry| entry.state).collect::<Vec<_>>();
    assert_eq!(states, [EntryState::Erased, EntryState::Ok, EntryState::Ok, EntryState::Ok]);
    // One slot more than the record names.
    let now = scratch.store.channel(1).unwrap().events().get(entry.uuid()).unwrap().unwrap();
    erase::<Events>(&scratch.raw(), now.as_ref(), &[slot::URL]);
    let found = findings(&said());
    assert!(
        matches!(found.as_slice(), [one] if one.starts_with("1/events position 0 ") && one.ends_with("no entry says so")),
        "{found:?}"
    );
}

#[test]
fn a_value_that_came_back_after_its_erasure_is_found() {
    let scratch = Scratch::new();
    let raw = scratch.raw();
    let entry = erased(&scratch);
    raw.execute(of_database("DROP TRIGGER events_only_erase", "SELECT 1"));
    let seals = blob(&entry.as_ref().slots.encode_openings());
    raw.execute(&format!("UPDATE events SET content = '{{\"a\":1}}', seals = {seals} WHERE position = 0"));
    let found = findings(&scrub(&scratch.place.config(), &[], Vec::new()));
    let is_it = |text: &str| text.starts_with("1/events position 0 ") && text.ends_with("although an erasure has erased them");
    assert!(matches!(found.as_slice(), [one] if is_it(one)), "{found:?}");
}

#[test]
fn a_changed_row_of_an_erasure_is_found() {
    let scratch = Scratch::new();
    let raw = scratch.raw();
    erased(&scratch);
    raw.execute(of_database("DROP TRIGGER erasures_only_advance", "SELECT 1"));
    raw.execute("UPDATE erasures SET last = 1, erased_to = 2");
    let found = findings(&scrub(&scratch.place.config(), &[], Vec::new()));
    assert!(found[0].starts_with("1/events the erasure of position 3: "), "{found:?}");
    raw.execute("UPDATE erasures SET last = 0, erased_to = 1");
    assert_eq!(findings(&scrub(&scratch.place.config(), &[], Vec::new())), Vec::<String>::new());
    raw.execute(
        "INSERT INTO erasures (channel_id, stream, position, first, last, entries, erased_to) VALUES (77, 1, 5, 0, 0, 1, 0)",
    );
    let found = findings(&scrub(&scratch.place.config(), &[], Vec::new()));
    assert!(matches!(found.as_slice(), [one] if one.contains("rows of erasures")), "{found:?}");
}

#[test]
fn the_root_log_is_compared_too() {
    let files = tempfile::tempdir().unwrap();
    let scratch = scratch(&files);
    append(&scratch.store, (0..5).map(|_| event("{}")).collect());
    scratch.store.sign().unwrap();
    let keys = scratch.store.verifier_keys(&ChannelGrant::All).unwrap();
    // At an orderly stop, the root log gets the checkpoints that it lacks.
    scratch.store.close();
    let store = scratch.open_again();
    store.seal().unwrap();
    let raw = scratch.raw();
    assert_eq!(raw.strings("SELECT count(*) FROM root_entries"), ["1"]);
    let said = || findings(&scrub(&scratch.place.config(), &keys, Vec::new()));
    assert_eq!(said(), Vec::<String>::new());
    raw.execute(of_database("DROP TRIGGER IF EXISTS root_entries_stay", "SELECT 1"));
    for (change, undo, wanted) in [
        ("size = size + 1", "size = size - 1", "the filter column size does not match its slot"),
        (
            "body = replace(body, '/1/events', '/2/events')",
            "body = replace(body, '/2/events', '/1/events')",
            "another entry is in the tree",
        ),
        ("body = 'x' || body", "body = substr(body, 2)", ""),
    ] {
        raw.execute(&format!("UPDATE root_entries SET {change}"));
        let found = said();
        assert!(found.iter().any(|text| text.contains("position 0") && text.contains(wanted)), "{change}: {found:?}");
        raw.execute(&format!("UPDATE root_entries SET {undo}"));
    }
    assert_eq!(said(), Vec::<String>::new());
}

#[test]
fn a_kept_checkpoint_of_another_history_is_found() {
    let files = tempfile::tempdir().unwrap();
    let scratch = scratch(&files);
    append(&scratch.store, (0..300).map(|_| event("{}")).collect());
    scratch.store.sign().unwrap();
    let keys = scratch.store.verifier_keys(&ChannelGrant::All).unwrap();
    let signed = scratch.store.channel(1).unwrap().events().checkpoint().unwrap().unwrap();
    let kept = |size, root| vec![("kept".to_owned(), Checkpoint::new(keys[0].name(), size, root).unwrap())];
    append(&scratch.store, vec![event("{}")]);
    let said = |kept| findings(&scrub(&scratch.place.config(), &keys, kept));
    assert_eq!(said(kept(300, signed.tree().root())), Vec::<String>::new());
    let other = said(kept(299, signed.tree().root()));
    assert!(
        matches!(other.as_slice(), [one] if one.starts_with("1/events checkpoint `kept`: the root of the first 299")),
        "{other:?}"
    );
    let larger = said(kept(302, signed.tree().root()));
    assert_eq!(larger, ["1/events checkpoint `kept`: it has 302 entries, and the log 301"]);
}

/// Without the key of a log, its checkpoint is not opened, and the scrub says so.
#[test]
fn a_log_whose_key_is_missing_is_not_checked() {
    let files = tempfile::tempdir().unwrap();
    let scratch = scratch(&files);
    append(&scratch.store, vec![event("{}")]);
    scratch.store.sign().unwrap();
    let said = scrub(&scratch.place.config(), &[], Vec::new());
    assert_eq!(findings(&said), Vec::<String>::new());
    assert!(matches!(said.summary.not_checked.as_slice(), [one] if one.contains("no key of")), "{:?}", said.summary.not_checked);
}

/// A person who has the tables can replace an entry and its leaf hash, and not the tree.
#[test]
fn an_entry_with_its_own_leaf_hash_is_not_that_of_the_tree() {
    let files = tempfile::tempdir().unwrap();
    let scratch = scratch(&files);
    append(&scratch.store, (0..600).map(|number| event(&format!(r#"{{"object_id":{number}}}"#))).collect());
    scratch.store.sign().unwrap();
    scratch.store.index().unwrap();
    let raw = scratch.raw();
    raw.execute(&of_database("DROP TRIGGER events_only_erase".to_owned(), "SELECT 1".to_owned()));
    for (at, other) in [(-8, 7), (7, 590), (590, -8)] {
        raw.execute(&format!("UPDATE events SET position = {at} WHERE position = {other}"));
    }
    let said = scrub(&scratch.place.config(), &scratch.store.verifier_keys(&ChannelGrant::All).unwrap(), Vec::new());
    let tampered = said.entries.iter().filter(|entry| entry.state == EntryState::Tampered).map(|entry| entry.position);
    assert_eq!(tampered.collect::<Vec<_>>(), [7, 590]);
    let found = findings(&said);
    assert!(found.iter().any(|text| text.contains("another entry is in the tree")), "{found:?}");
}

/// Which entries of a segment have words depends on a setting that may have changed in between.
#[test]
fn a_segment_with_the_words_of_some_entries_is_compared() {
    let scratch = Scratch::with(|config| config.channels_without_words = ChannelGrant::All);
    let some = |from: usize, to: usize| (from..to).map(|at| event(&format!(r#"{{"description":"word{at} common"}}"#))).collect();
    append(&scratch.store, some(0, 192));
    scratch.store.index().unwrap();
    scratch.store.close();
    let store = scratch.open_again();
    append(&store, some(192, 700));
    store.index().unwrap();
    store.seal().unwrap();
    let raw = scratch.raw();
    raw.execute("UPDATE segments SET digest = digest + 1 WHERE first = 512");
    let found = findings(&scrub(&scratch.place.config(), &[], Vec::new()));
    assert_eq!(found, ["1/events segments of the segment from 512, row 0: its digest is not that of the entries"]);
    raw.execute("UPDATE segments SET digest = digest - 1 WHERE first = 512");
    assert_eq!(raw.strings("SELECT words FROM segments ORDER BY first"), ["1", "2", "2"]);
    let said = || findings(&scrub(&scratch.place.config(), &[], Vec::new()));
    assert_eq!(said(), Vec::<String>::new());
    for words in [0, 2] {
        raw.execute(&format!("UPDATE segments SET words = {words} WHERE first = 0"));
        assert_eq!(said(), ["1/events segments of the segment from 0, row 0: its words is not that of the entries"]);
    }
}

/// A person who can write everything except what somebody else keeps makes a tree that fits.
#[test]
fn entries_in_another_order_than_their_times_are_found() {
    let scratch = Scratch::new();
    append(&scratch.store, vec![event("{}")]);
    append(&scratch.store, vec![event("{}")]);
    scratch.store.seal().unwrap();
    let raw = scratch.raw();
    let triggers = "DROP TRIGGER events_only_erase; DROP TRIGGER trees_keep_rows";
    raw.execute(of_database(triggers, "SELECT 1"));
    swap_number(&raw, "events", "position", "channel_id = 1", 0, 1);
    raw.execute("DELETE FROM tiles; DELETE FROM trees");
    scratch.store.seal().unwrap();
    let found = findings(&scrub(&scratch.place.config(), &[], Vec::new()));
    assert!(
        matches!(found.as_slice(), [one] if one.starts_with("1/events position 1 ")
            && one.ends_with(": it was recorded before the entry before it")),
        "{found:?}"
    );
}
