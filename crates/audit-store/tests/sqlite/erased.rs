//! What was erased is in none of the files of the database: not in a free page, and not in the WAL.

use std::time::Duration;

use audit_store::domain::log::Opening;
use audit_store::domain::{ChannelId, Entry, ErasureOf, NewErasure, Stream, slot};

use crate::common::{Dice, Scratch, append, event};

const PATIENCE: Duration = Duration::from_secs(60);

/// An event of a person, with values of many lengths that only this event has.
fn of_person(dice: &mut Dice, number: usize) -> String {
    let long = format!("secretive{number} ").repeat(1 + dice.below(200) as usize * dice.below(20) as usize);
    format!(
        r#"{{"action":"UPDATE","object_id":{number},"user":{{"pk":"secretive-{number}","username":"secretive{number}n"}},
        "url":"/secretive/{number}","remote_addr":"secretive.{number}.example","description":"{long}",
        "content":{{"old_data":{{"secretive{number}f":1}},"new_data":{{"secretive{number}f":"secretive{number}v"}}}}}}"#
    )
}

/// Where a text is in the files of a database.
fn places(scratch: &Scratch, text: &[u8]) -> Vec<String> {
    let directory = scratch.place.path().parent().unwrap().to_owned();
    let mut places = Vec::new();
    for file in std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()) {
        let bytes = std::fs::read(&file).unwrap();
        let name = file.file_name().unwrap().display().to_string();
        places.extend(memchr::memmem::find_iter(&bytes, text).map(|at| format!("{name}:{at}")));
    }
    places
}

fn salts(entry: &Entry) -> Vec<[u8; 16]> {
    let salt = |slot: &audit_store::domain::log::Slot| match slot.opening {
        Opening::Salt(salt) if slot.number != slot::SUBJECT => Some(salt),
        _ => None,
    };
    entry.slots.iter().filter_map(salt).collect()
}

#[test]
fn an_erased_value_is_in_no_file() {
    let scratch = Scratch::new();
    let (store, mut dice) = (&scratch.store, Dice(11));
    let mut uuids = Vec::new();
    // Merges of the index, which delete what they merged, happen in between.
    for round in 0..60 {
        let events = (0..100).map(|number| match number % 4 {
            0 => event(&of_person(&mut dice, round * 100 + number)),
            _ => event(&format!(r#"{{"action":"READ","object_id":{number},"description":"nothing {}"}}"#, dice.below(500))),
        });
        let receipts = append(store, events.collect());
        uuids.extend(receipts.iter().step_by(4).map(|receipt| receipt.uuid));
        store.index().unwrap();
    }
    let log = store.channels(ChannelId::DEFAULT).events();
    let salts: Vec<[u8; 16]> = uuids.iter().step_by(40).flat_map(|uuid| salts(&log.get(*uuid).unwrap().unwrap().entry)).collect();
    assert!(!places(&scratch, b"secretive").is_empty() && !places(&scratch, &salts[0]).is_empty());

    let slots = NewErasure::default_slots(Stream::Events);
    for uuids in uuids.chunks(750) {
        let of = ErasureOf::Uuids(uuids.to_vec());
        let new = NewErasure { stream: Stream::Events, of, slots: slots.clone(), reason: "ticket 12".to_owned() };
        assert_eq!(store.erase(ChannelId::DEFAULT, &new, 0).unwrap()[0].1.entries(), 750);
        assert!(store.wait_for_erasures(ChannelId::DEFAULT, Stream::Events, PATIENCE).unwrap());
    }
    let found = places(&scratch, b"secretive");
    assert!(found.is_empty(), "{} places: {:?}", found.len(), &found[..found.len().min(20)]);
    for salt in &salts {
        assert_eq!(places(&scratch, salt), Vec::<String>::new());
    }
}
