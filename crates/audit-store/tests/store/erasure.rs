//! Erasure: the values go everywhere, the commitments stay, and every proof still verifies.

use std::collections::BTreeMap;
use std::time::Duration;

use audit_store::domain::log::{EntryProof, EntryStatus, SlotContent, VerifierKey};
use audit_store::domain::{
    ChannelId, ERASE, ErasureOf, EventFilter, MaskingMode, MaskingPolicy, MaskingRules, NewErasure, ParseMode, Stream, slot,
};
use audit_store::{ErasureError, GroupBy, Log, Prepared, Receipt, Signing, Store};

use crate::common::{ActionLogs, Events, Kind, Raw, Scratch, append, event, uuid};

const PATIENCE: Duration = Duration::from_secs(60);

/// The tables that follow from the entries.
const DERIVED: [&str; 5] = ["segments", "segment_times", "postings", "trees", "tiles"];

/// Of every ten events one is the person's, with values that nobody else has.
const EVENTS: usize = 3_000;

fn is_hers(number: usize) -> bool {
    number % 10 == 3
}

fn of_person(number: usize) -> Prepared {
    let (id, user) = (uuid(number as u128 + 1), number % 7);
    event(&match is_hers(number) {
        true => format!(
            r#"{{"uuid":"{id}","action":"UPDATE","table_name":"shop.customer","object_id":{number},
            "user":{{"pk":4711,"username":"ermengarde","email":"ermengarde@shop.example"}},"remote_addr":"198.51.100.77",
            "url":"/customers/ermengarde/{number}","query_params":{{"q":"ermengarde"}},"post_data":{{"n":"ermengarde{number}"}},
            "headers":{{"X-Name":"ermengarde"}},"description":"ermengarde moved",
            "content":{{"old_data":{{"streetofermengarde":"a"}},"new_data":{{"streetofermengarde":"ermengardeplatz"}}}},
            "nickname":"ermengarde"}}"#
        ),
        false => format!(
            r#"{{"uuid":"{id}","action":"READ","table_name":"shop.item","object_id":{number},"url":"/items/{number}",
            "user":{{"pk":{user},"username":"u{user}"}},"description":"someone looked"}}"#
        ),
    })
}

fn filled(scratch: &Scratch) -> Vec<Receipt> {
    let receipts = append(&scratch.store, (0..EVENTS).map(of_person).collect());
    scratch.store.index().unwrap();
    scratch.store.seal().unwrap();
    receipts
}

fn of_user(id: &str) -> NewErasure {
    let of = ErasureOf::User(id.to_owned());
    NewErasure { stream: Stream::Events, of, slots: NewErasure::default_slots(Stream::Events), reason: "ticket 12".to_owned() }
}

fn of_uuids(stream: Stream, numbers: &[u128], slots: &[u8]) -> NewErasure {
    let of = ErasureOf::Uuids(numbers.iter().map(|number| uuid(*number)).collect());
    NewErasure { stream, of, slots: slots.to_vec(), reason: "ticket 12".to_owned() }
}

/// Erases, and waits until it is done. Returns the number of entries, and the positions of the entries that say so.
fn erase(store: &Store, new: &NewErasure) -> (i64, Vec<i64>) {
    let begun = store.erase(ChannelId::DEFAULT, new, 5).unwrap();
    assert!(store.wait_for_erasures(ChannelId::DEFAULT, new.stream, PATIENCE).unwrap());
    (begun.iter().map(|(_, record)| record.entries()).sum(), begun.iter().map(|(receipt, _)| receipt.position).collect())
}

fn events(store: &Store) -> Log<Events> {
    store.channels(ChannelId::DEFAULT).events()
}

fn hers() -> EventFilter {
    EventFilter { user: Some("4711".to_owned()), ..EventFilter::default() }
}

fn words(word: &str) -> EventFilter {
    EventFilter { search: Some(word.to_owned()), ..EventFilter::default() }
}

fn derived(raw: &Raw) -> Vec<Vec<Vec<Option<String>>>> {
    raw.snapshot(|| DERIVED.iter().map(|table| raw.rows(&format!("SELECT * FROM {table} ORDER BY 1, 2, 3, 4"))).collect())
}

#[test]
fn the_events_of_a_user_lose_their_values_everywhere() {
    let scratch = Scratch::new();
    let receipts = filled(&scratch);
    let (store, raw) = (&scratch.store, scratch.raw());
    let log = events(store);
    let wanted = (0..EVENTS).filter(|number| is_hers(*number)).count() as i64;
    // What queries read is in their cache.
    assert_eq!((log.count(&hers()).unwrap(), log.count(&words("ermengardeplatz")).unwrap()), (wanted, wanted));
    let tree = log.tree().unwrap();
    assert_eq!(erase(store, &of_user("4711")), (wanted, vec![EVENTS as i64]));

    assert_eq!((log.count(&hers()).unwrap(), log.count(&words("ermengarde")).unwrap()), (0, 0));
    let changed = EventFilter { changed: Some("streetofermengarde".to_owned()), ..EventFilter::default() };
    let update = EventFilter { action: Some("UPDATE".to_owned()), ..EventFilter::default() };
    assert_eq!((log.count(&changed).unwrap(), log.count(&update).unwrap()), (0, wanted), "the subject stays");
    let names = format!("{:?}", log.summary(&EventFilter::default(), GroupBy::User).unwrap());
    assert!(!names.contains("4711") && names.contains("\\\"3\\\""), "{names}");
    let listed = log.list(update).page(1, 10).unwrap();
    assert!(listed.records.iter().all(|event| event.user_id().is_none() && event.object_id().is_some()));
    for (number, receipt) in
        receipts.iter().enumerate().step_by(97).chain(receipts.iter().enumerate().filter(|(at, _)| is_hers(*at)).take(9))
    {
        let event = log.get(receipt.uuid).unwrap().unwrap();
        assert_eq!(event.leaf_hash(), receipt.leaf_hash);
        let erased: Vec<u8> = event.entry.slots.iter().filter(|slot| slot.is_erased()).map(|slot| slot.number).collect();
        assert_eq!(erased, if is_hers(number) { vec![1, 2, 3, 4, 5, 6, 7, 8, 9] } else { Vec::new() });
    }
    // The entry says it, and names nobody.
    let says = log.find_at(EVENTS as i64).get().unwrap().unwrap();
    assert_eq!((says.action().as_deref(), says.producer_id()), (Some(ERASE), 5));
    let json = says.to_json();
    assert!(json.contains(r#""positions":[[3,3],[13,13],"#) && json.contains(r#""reason":"ticket 12""#), "{json}");
    assert!(!json.contains("4711") && !json.contains("ermengarde"), "{json}");
    // What follows from the entries is what a rebuild makes of them.
    store.index().unwrap();
    store.seal().unwrap();
    let kept = derived(&raw);
    raw.execute("DELETE FROM segments; DELETE FROM segment_times; DELETE FROM postings");
    store.index().unwrap();
    assert_eq!(store.rebuild_trees().unwrap(), 0);
    assert_eq!(derived(&raw), kept);
    let now = log.tree().unwrap();
    assert_eq!(now.consistency_between(tree.size(), tree.size()).unwrap().map(|path| path.len()), Some(0));
    for table in ["events", "postings", "segments"] {
        let rows = format!("{:?}", raw.rows(&format!("SELECT * FROM {table}")));
        for gone in ["ermengarde".to_owned(), hex("ermengarde")] {
            assert!(!rows.contains(&gone), "{gone} is in {table}");
        }
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_erasure_that_is_repeated_has_nothing_to_do() {
    let scratch = Scratch::new();
    let receipts = filled(&scratch);
    let store = &scratch.store;
    let (first, _) = erase(store, &of_user("4711"));
    assert_eq!(erase(store, &of_user("4711")), (0, Vec::new()));
    // One slot more of the same entries is something to do.
    let with_subject = of_uuids(Stream::Events, &[4, 14, 5], &[slot::SUBJECT, slot::USER]);
    assert_eq!(erase(store, &with_subject), (3, vec![EVENTS as i64 + 1]));
    assert_eq!(erase(store, &with_subject), (0, Vec::new()));
    assert_eq!(events(store).states().unwrap()[0].size, EVENTS as i64 + 2);
    // Who sends an erased event again gets its receipt, whatever it has.
    for (number, erased) in [(3, true), (4, true), (5, false), (13, true)] {
        let again = append(store, vec![of_person(number)])[0];
        assert_eq!(again, Receipt { duplicate: true, erased, ..receipts[number] });
    }
    let states = store.erasures(ChannelId::DEFAULT, Stream::Events, i64::MAX, 10).unwrap();
    let shown: Vec<_> = states.iter().map(|state| (state.position, state.record.entries(), state.finished_at.is_some())).collect();
    assert_eq!(shown, [(EVENTS as i64 + 1, 3, true), (EVENTS as i64, first, true)]);
    assert_eq!(store.erasures(ChannelId::DEFAULT, Stream::Events, EVENTS as i64 + 1, 10).unwrap(), states[1..]);
    assert_eq!(states[0].record.slots, [slot::SUBJECT, slot::USER]);
}

#[test]
fn what_is_not_in_the_log_or_is_evidence_is_refused() {
    let scratch = Scratch::new();
    append(&scratch.store, (0..5).map(of_person).collect());
    let store = &scratch.store;
    erase(store, &of_uuids(Stream::Events, &[1], &[slot::DESCRIPTION]));
    let of = |new: &NewErasure| store.erase(ChannelId::DEFAULT, new, 0).unwrap_err();
    assert!(
        matches!(of(&of_uuids(Stream::Events, &[1, 99, 98], &[1])), ErasureError::Unknown(missing) if missing == [(1, uuid(99)), (2, uuid(98))])
    );
    assert!(matches!(of(&of_uuids(Stream::ActionLogs, &[1], &[1])), ErasureError::Unknown(_)), "the other stream");
    assert!(matches!(of(&of_uuids(Stream::Events, &[1], &[])), ErasureError::Fault("slots", _)));
    let record = events(store).find_at(5).get().unwrap().unwrap();
    let evidence =
        NewErasure { of: ErasureOf::Uuids(vec![uuid(1), record.uuid()]), ..of_uuids(Stream::Events, &[], &[slot::CONTENT]) };
    assert!(matches!(of(&evidence), ErasureError::Evidence(which) if which == [(1, record.uuid())]));
    assert_eq!(events(store).states().unwrap()[0].size, 6, "nothing was appended");
    // Nobody else may write such an entry.
    assert!(
        Events::parse(
            r#"{"action":"AUDIT.ERASE","content":{"positions":[[0,0]],"slots":["user"],"reason":"x"}}"#,
            ParseMode::NATIVE
        )
        .is_none()
    );
    assert!(ActionLogs::parse(r#"{"level":20,"message":"m","logger_name":"AUDIT.ERASE"}"#, ParseMode::NATIVE).is_none());
}

/// A policy may mask every text and number but those that are allowed.
#[test]
fn the_record_of_an_erasure_is_not_masked() {
    let rules = MaskingRules { name: "strict".to_owned(), version: 1, mask: MaskingMode::Allow, tables: BTreeMap::new() };
    let scratch = Scratch::with(|config| config.masking = MaskingPolicy::from_rules(&rules).unwrap());
    append(&scratch.store, (0..10).map(of_person).collect());
    assert_eq!(erase(&scratch.store, &of_user("4711")), (1, vec![10]));
    assert_eq!(events(&scratch.store).count(&hers()).unwrap(), 0);
}

#[test]
fn an_erasure_whose_row_was_changed_stops_no_other() {
    let scratch = Scratch::new();
    append(&scratch.store, (0..20).map(of_person).collect());
    let (store, raw) = (&scratch.store, scratch.raw());
    // A row whose entry is another one.
    raw.execute(
        "INSERT INTO erasures (channel_id, stream, position, first, last, entries, erased_to) VALUES (1, 1, 9, 0, 5, 1, 0)",
    );
    let begun = store.erase(ChannelId::DEFAULT, &of_uuids(Stream::Events, &[4], &[slot::USER]), 0).unwrap();
    assert_eq!(begun.len(), 1);
    let is_erased = || events(store).get(uuid(4)).unwrap().unwrap().user_id().is_none();
    let until = std::time::Instant::now() + PATIENCE;
    while !is_erased() && std::time::Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(is_erased());
    assert!(!store.wait_for_erasures(ChannelId::DEFAULT, Stream::Events, Duration::ZERO).unwrap());
    assert_eq!(events(store).count(&hers()).unwrap(), 1, "the other one stays as it was");
}

#[test]
fn action_logs_are_erased_too() {
    let scratch = Scratch::new();
    let log =
        |number: u128| ActionLogs::entry(&format!(r#""uuid":"{}","trace":"ermengarde {number}","who":"ermengarde""#, uuid(number)));
    append(&scratch.store, (1..=200).map(log).collect());
    scratch.store.index().unwrap();
    let numbers: Vec<u128> = (1..=200).filter(|number| number % 2 == 0).collect();
    let new = of_uuids(Stream::ActionLogs, &numbers, &NewErasure::default_slots(Stream::ActionLogs));
    assert_eq!(erase(&scratch.store, &new), (100, vec![200]));
    let logs = scratch.store.channels(ChannelId::DEFAULT).action_logs();
    let says = logs.find_at(200).get().unwrap().unwrap();
    assert_eq!((says.logger_name().as_deref(), says.level()), (Some(ERASE), Some(20)));
    let (kept, erased) = (logs.get(uuid(1)).unwrap().unwrap(), logs.get(uuid(2)).unwrap().unwrap());
    assert_eq!(
        (kept.trace().as_deref(), erased.trace(), erased.message(), erased.level()),
        (Some("ermengarde 1"), None, None, Some(20))
    );
    assert!(append(&scratch.store, vec![log(2)])[0].erased);
}

#[test]
fn an_erasure_that_was_interrupted_is_ended_by_the_next_store() {
    let scratch = Scratch::new();
    filled(&scratch);
    // The thread that erases waits for the lock, and the store is closed meanwhile.
    let lock = scratch.lock();
    let store = scratch.open_again();
    let begun = std::thread::spawn(move || {
        let begun = store.erase(ChannelId::DEFAULT, &of_user("4711"), 0);
        store.close();
        begun
    });
    std::thread::sleep(Duration::from_millis(300));
    drop(lock);
    let begun = begun.join().unwrap().unwrap();
    assert_eq!(begun[0].1.entries(), 300);
    assert!(scratch.store.wait_for_erasures(ChannelId::DEFAULT, Stream::Events, PATIENCE).unwrap());
    assert_eq!(events(&scratch.store).count(&hers()).unwrap(), 0);
    assert_eq!(events(&scratch.store).count(&words("ermengarde")).unwrap(), 0);
}

#[test]
fn proofs_before_and_after_an_erasure_verify() {
    let files = tempfile::tempdir().unwrap();
    let signing = Signing::new(files.path().join("signing.key"), files.path().join("checkpoints"));
    let scratch = Scratch::with(|config| config.signing = Some(signing));
    let receipts = append(&scratch.store, (0..300).map(of_person).collect());
    scratch.store.sign().unwrap();
    let log = events(&scratch.store);
    let prove = |number: usize| -> EntryProof {
        let event = log.get(receipts[number].uuid).unwrap().unwrap();
        log.prove(&event.entry).unwrap().unwrap()
    };
    let before = prove(3);
    let (_, position) = erase(&scratch.store, &of_user("4711"));
    scratch.store.sign().unwrap();
    let after = prove(3);
    let key: VerifierKey = scratch.store.verifier_keys(&ChannelId::DEFAULT.into()).unwrap().remove(0);
    assert!(before.verify(&key).is_ok(), "a copy that somebody kept stays valid");
    let verified = after.verify(&key).unwrap();
    assert_eq!(verified.status, EntryStatus::Erased);
    let says = log.find_at(position[0]).get().unwrap().unwrap();
    for shown in &after.slots {
        match &shown.content {
            SlotContent::Open { .. } => assert_eq!(shown.number, slot::SUBJECT),
            SlotContent::Erased { erasure, .. } => {
                let erasure = erasure.unwrap();
                assert_eq!((erasure.by_position, erasure.at), (position[0] as u64, says.recorded_at()));
            }
        }
    }
    assert!(prove(position[0] as usize % 300).verify(&key).is_ok());
}
