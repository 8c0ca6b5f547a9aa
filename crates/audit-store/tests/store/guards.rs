//! What an erasure leaves, what somebody with a SQL prompt cannot hide, and what the views show. The guards of each database are
//! tested beside it: `../sqlite/guards.rs` and `../server_postgres/roles.rs`.

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{ActionLogFilterColumns, ChannelGrant, EventFilterColumns, FilterColumns, slot};
use audit_store::{Receipt, StoreError};

use crate::common::{ActionLogs, Events, Kind, Raw, Scratch, blob, checked_logs_of, erase, of_database, only, openings_after};

const EVENT: &str = r#""timestamp":"2023-10-16","action":"LOGIN","content_type":4,"table_name":"a.b","object_id":7,
    "user":{"pk":7,"username":"zoe"},"remote_addr":"::1","url":"/x","description":"d","query_params":{},"post_data":[],"headers":1,
    "content":{"a":1},"b":2"#;
const ACTION_LOG: &str = r#""created_at":"2023-10-16","logger_name":"l","app_name":"a","trace":"t","b":2"#;

fn assert_erased<K: Kind>(full: &str, no_columns: &FilterColumns) {
    let numbers: Vec<u8> = K::SLOTS.iter().map(|(number, ..)| *number).collect();
    for (index, number) in numbers.iter().enumerate() {
        let scratch = Scratch::new();
        let (receipt, before) = scratch.append_one::<K>(full);
        erase::<K>(&scratch.raw(), before.as_ref(), &[*number]);
        let after = scratch.get_of::<K>(&receipt);
        assert!(after.as_ref().slots.get(*number).unwrap().is_erased());
        assert_eq!(after.as_ref().slots.iter().filter(|slot| slot.is_erased()).count(), 1);
        assert_eq!(
            (after.as_ref().leaf_data(K::STREAM), after.as_ref().leaf_hash),
            (before.as_ref().leaf_data(K::STREAM), before.as_ref().leaf_hash)
        );
        // A second slot, and then everything that is left.
        let next = numbers[(index + 1) % numbers.len()];
        erase::<K>(&scratch.raw(), after.as_ref(), &[next]);
        let left: Vec<u8> = numbers.iter().copied().filter(|other| ![*number, next].contains(other)).collect();
        erase::<K>(&scratch.raw(), scratch.get_of::<K>(&receipt).as_ref(), &left);
        let empty = checked_logs_of::<K>(&scratch.store).remove(0);
        assert!(empty.as_ref().slots.iter().all(|slot| slot.is_erased()));
        assert_eq!(
            (empty.as_ref().leaf_data(K::STREAM), &K::filter_columns(&empty)),
            (before.as_ref().leaf_data(K::STREAM), no_columns)
        );
    }
}

#[test]
fn erasure_is_the_one_update_and_keeps_the_leaf() {
    assert_erased::<Events>(EVENT, &FilterColumns::Event(EventFilterColumns::default()));
    assert_erased::<ActionLogs>(ACTION_LOG, &FilterColumns::ActionLog(ActionLogFilterColumns::default()));
}

/// SQL cannot see inside the seals; the leaf can.
#[test]
fn an_erasure_that_also_changes_a_salt_shows_in_the_leaf() {
    let scratch = Scratch::new();
    let (receipt, event) = scratch.append_one::<Events>(EVENT);
    let mut seals = openings_after(&event.entry, &[slot::EXTRA]);
    seals[2] ^= 1;
    scratch.raw().execute(&format!("UPDATE events SET extra = NULL, seals = {}", blob(&seals)));
    assert_changed::<Events, _>(scratch.store.channels(receipt.channel_id).events().get(receipt.uuid), 0, LEAF);
}

/// What is said of a value that is not what was hashed.
const LEAF: &str = "its slots and columns do not match its leaf hash";

#[track_caller]
fn assert_changed<K: Kind, T>(read: Result<T, StoreError>, at: i64, why: &str) {
    let Err(error) = read else { panic!("what was changed is answered; expected: {why}") };
    let StoreError::Changed { stream, channel_id, position, what } = &error else { panic!("{error}") };
    assert_eq!((*stream, *channel_id, *position), (K::STREAM, 1, at), "{error}");
    assert!(what.contains(why), "{what}, not {why}");
}

/// Somebody with a SQL prompt, above the guards: the owner of the tables, or who has the file and drops its triggers.
struct Forger {
    scratch: Scratch,
    raw: Raw,
}

impl Forger {
    fn new<K: Kind>() -> Forger {
        let scratch = Scratch::new();
        let raw = scratch.raw();
        raw.execute(&of_database(format!("DROP TRIGGER {}_only_erase", K::TABLE), String::new()));
        Forger { scratch, raw }
    }

    /// Appends a record and changes its row.
    fn forge<K: Kind>(&self, members: &str, set: &str) -> Receipt {
        let receipt = self.scratch.append(vec![K::entry(members)])[0];
        self.raw.execute(&format!("UPDATE {} SET {set} WHERE position = {}", K::TABLE, receipt.position));
        receipt
    }

    /// The forged record is an error to every read of it by uuid, in its channel and in all of them.
    #[track_caller]
    fn assert_noticed<K: Kind>(&self, members: &str, set: &str, why: &str) {
        let receipt = self.forge::<K>(members, set);
        for channels in [only(1), ChannelGrant::All] {
            let read = K::try_get(&self.scratch.store, &channels, receipt.channel_id, receipt.uuid);
            assert_changed::<K, _>(read, receipt.position, why);
        }
    }
}

#[test]
fn a_row_that_could_not_have_been_appended_is_an_error() {
    let seals = [vec![0], vec![0; 18]].map(|seals| format!("seals = {}", blob(&seals)));
    let events = Forger::new::<Events>();
    for set in ["content = NULL", &seals[0], &seals[1]] {
        events.assert_noticed::<Events>(r#""content":1"#, set, "salt");
    }
    events.assert_noticed::<Events>("", "extra = '{}'", "a slot has a value without a salt or commitment");
    let logs = Forger::new::<ActionLogs>();
    for set in ["trace = NULL", "message = NULL", &seals[0], &seals[1]] {
        logs.assert_noticed::<ActionLogs>(r#""trace":"t""#, set, "salt");
    }
    logs.assert_noticed::<ActionLogs>("", "extra = '{}'", "a slot has a value without a salt or commitment");
}

/// Another value of each column, as somebody might put it there who wants it to be believed.
fn assert_no_column_can_be_forged<K: Kind>(members: &str, time: &str) {
    let forger = Forger::new::<K>();
    let untouched = forger.scratch.append(vec![K::entry(members)])[0];
    for (_, slot, filters) in K::SLOTS {
        let value = if *slot == "subject_json" { r#"'{"level":7,"action":"READ"}'"# } else { r#"'"forged"'"# };
        forger.assert_noticed::<K>(members, &format!("{slot} = {value}"), LEAF);
        for column in *filters {
            let other = if ["content_type", "object_num", "user_num", "level"].contains(column) { "42" } else { "'forged'" };
            for value in ["NULL", other] {
                let why = format!("the filter column {column} does not match its slot");
                forger.assert_noticed::<K>(members, &format!("{column} = {value}"), &why);
            }
        }
    }
    for column in [time, "recorded_at", "producer_id"] {
        forger.assert_noticed::<K>(members, &format!("{column} = {column} + 1"), LEAF);
    }
    forger.assert_noticed::<K>(members, &format!("leaf_hash = {}", blob(&[7; 32])), LEAF);
    // Under another uuid it is found, and is not what it was.
    let receipt = forger.forge::<K>(members, &format!("uuid = {}", blob(&[7; 16])));
    let get = |uuid| K::try_get(&forger.scratch.store, &only(1), receipt.channel_id, uuid);
    assert_eq!(get(receipt.uuid).unwrap(), None);
    assert_changed::<K, _>(get(Uuid::from_bytes([7; 16])), receipt.position, LEAF);
    assert!(get(untouched.uuid).unwrap().is_some());
}

#[test]
fn no_column_of_an_event_can_be_forged_unseen() {
    assert_no_column_can_be_forged::<Events>(EVENT, "timestamp");
}

#[test]
fn no_column_of_an_action_log_can_be_forged_unseen() {
    assert_no_column_can_be_forged::<ActionLogs>(ACTION_LOG, "created_at");
}

#[test]
fn a_forged_action_log_is_not_read_by_position() {
    let forger = Forger::new::<ActionLogs>();
    let untouched = forger.scratch.append(vec![ActionLogs::entry(ACTION_LOG)])[0];
    let at = |receipt: &Receipt| forger.scratch.store.channels(receipt.channel_id).action_logs().find_at(receipt.position).get();
    for (set, why) in [("level = 50", "the filter column level"), (r#"message = '"forged"'"#, LEAF)] {
        let forged = forger.forge::<ActionLogs>(ACTION_LOG, set);
        assert_changed::<ActionLogs, _>(at(&forged), forged.position, why);
    }
    assert!(at(&untouched).unwrap().is_some());
}

/// What a row says once, nothing in the row contradicts. `docs/operations.md` says so; the tree will show these.
#[test]
fn a_row_that_was_moved_to_another_position_is_not_noticed_yet() {
    let forger = Forger::new::<Events>();
    let moved = forger.forge::<Events>(EVENT, "position = 700");
    assert_eq!(forger.scratch.get(&moved).entry.position, 700);
}

#[test]
fn the_view_for_people_shows_what_the_event_says() {
    let scratch = Scratch::new();
    for at in ["1969-12-31T23:59:59.999999Z", "0001-01-01T00:00:00.000001Z", "2023-10-16T09:00:00.000500Z"] {
        let event = scratch.get(&scratch.append_json(&format!(r#"{{"timestamp":"{at}","user":{{"pk":7}}}}"#)));
        let columns = r#"uuid, timestamp, recorded_at, user_id, "user", leaf_hash"#;
        let sql = format!("SELECT {columns} FROM events_readable WHERE position = {}", event.entry.position);
        let shown: Vec<String> = scratch.raw().rows(&sql).remove(0).into_iter().flatten().collect();
        let recorded_at = event.entry.recorded_at.to_string();
        let expected = [
            event.entry.uuid.to_string(),
            at.to_owned(),
            recorded_at,
            "7".to_owned(),
            r#"{"pk":7}"#.to_owned(),
            event.entry.leaf_hash.to_string(),
        ];
        assert_eq!(shown, expected);
    }
}

#[test]
fn the_view_for_people_shows_what_the_action_log_says() {
    let scratch = Scratch::new();
    for at in ["1969-12-31T23:59:59.999999Z", "0001-01-01T00:00:00.000001Z", "2023-10-16T09:00:00.000500Z"] {
        let log = scratch.append_one::<ActionLogs>(&format!(r#""created_at":"{at}","app_name":"shop""#)).1;
        let columns = "id, uuid, created_at, recorded_at, level, app_name, message, leaf_hash";
        let sql = format!("SELECT {columns} FROM action_logs_readable WHERE id = {}", log.id());
        let shown: Vec<String> = scratch.raw().rows(&sql).remove(0).into_iter().flatten().collect();
        let (uuid, recorded_at, leaf_hash) =
            (log.entry.uuid.to_string(), log.entry.recorded_at.to_string(), log.entry.leaf_hash.to_string());
        assert_eq!(shown, [&log.id().to_string(), &uuid, at, &recorded_at, "20", "shop", "\"m\"", &leaf_hash]);
    }
}
