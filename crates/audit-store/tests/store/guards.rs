//! What an erasure leaves, what somebody with a SQL prompt cannot hide, and what the views show. The guards of each database are
//! tested beside it: `../sqlite/guards.rs` and `../roles_postgres/`.

use audit_store::domain::log::leaf_hash;
use audit_store::domain::{ActionLogKeys, EventKeys, Keys, slot};

use crate::common::{ActionLogs, Events, Kind, Scratch, blob, checked_logs_of, erase, of_database, seals_after};

const EVENT: &str = r#""timestamp":"2023-10-16","action":"LOGIN","content_type":4,"table_name":"a.b","object_id":7,
    "user":{"pk":7,"username":"zoe"},"remote_addr":"::1","url":"/x","description":"d","query_params":{},"post_data":[],"headers":1,
    "content":{"a":1},"b":2"#;
const ACTION_LOG: &str = r#""created_at":"2023-10-16","logger_name":"l","app_name":"a","trace":"t","b":2"#;

fn assert_erased<K: Kind>(full: &str, no_keys: &Keys) {
    let numbers: Vec<u8> = K::SLOTS.iter().map(|(number, ..)| *number).collect();
    for (index, number) in numbers.iter().enumerate() {
        let scratch = Scratch::new();
        let (receipt, before) = scratch.append_one::<K>(full);
        erase::<K>(&scratch.raw(), &before, &[*number]);
        let after = scratch.get_of::<K>(&receipt);
        assert!(after.slots.get(*number).unwrap().is_erased());
        assert_eq!(after.slots.iter().filter(|slot| slot.is_erased()).count(), 1);
        assert_eq!((after.leaf_data(K::STREAM), after.leaf_hash), (before.leaf_data(K::STREAM), before.leaf_hash));
        // A second slot, and then everything that is left.
        let next = numbers[(index + 1) % numbers.len()];
        erase::<K>(&scratch.raw(), &after, &[next]);
        let left: Vec<u8> = numbers.iter().copied().filter(|other| ![*number, next].contains(other)).collect();
        erase::<K>(&scratch.raw(), &scratch.get_of::<K>(&receipt), &left);
        let empty = checked_logs_of::<K>(&scratch.store).remove(0);
        assert!(empty.slots.iter().all(|slot| slot.is_erased()));
        assert_eq!((empty.leaf_data(K::STREAM), &K::keys(&empty)), (before.leaf_data(K::STREAM), no_keys));
    }
}

#[test]
fn erasure_is_the_one_update_and_keeps_the_leaf() {
    assert_erased::<Events>(EVENT, &Keys::Event(EventKeys::default()));
    assert_erased::<ActionLogs>(ACTION_LOG, &Keys::ActionLog(ActionLogKeys::default()));
}

/// SQL cannot see inside the seals; the leaf can.
#[test]
fn an_erasure_that_also_changes_a_salt_passes_the_guard_and_shows_in_the_leaf() {
    let scratch = Scratch::new();
    let (receipt, event) = scratch.append_one::<Events>(EVENT);
    let mut seals = seals_after(&event, &[slot::EXTRA]);
    seals[2] ^= 1;
    scratch.raw().execute(&format!("UPDATE events SET extra = NULL, seals = {}", blob(&seals)));
    let after = scratch.get(&receipt);
    assert_eq!(after.leaf_hash, event.leaf_hash);
    assert_ne!(leaf_hash(&after.leaf_data()), after.leaf_hash);
}

fn read_after<K: Kind>(members: &str, change: &str) -> String {
    let scratch = Scratch::new();
    let receipt = scratch.append(vec![K::entry(members)])[0];
    let table = K::TABLE;
    let unguard = of_database(format!("DROP TRIGGER {table}_only_erase;"), String::new());
    scratch.raw().execute(&format!("{unguard} UPDATE {table} SET {change}"));
    let read = K::try_get(&scratch.store, &crate::common::only(1), receipt.channel_id, receipt.uuid);
    read.unwrap_err().to_string()
}

#[test]
fn a_value_behind_the_logs_back_is_noticed() {
    let noticed = |error: String| assert!(error.contains("1/0 was changed behind the log's back"), "{error}");
    let seals = [vec![0], vec![0; 18]].map(|seals| format!("seals = {}", blob(&seals)));
    for change in ["content = NULL", &seals[0], &seals[1]] {
        noticed(read_after::<Events>(r#""content":1"#, change));
    }
    for change in ["trace = NULL", "message = NULL", &seals[0], &seals[1]] {
        noticed(read_after::<ActionLogs>(r#""trace":"t""#, change));
    }
    noticed(read_after::<Events>("", "extra = '{}'"));
    noticed(read_after::<ActionLogs>("", "extra = '{}'"));
}

#[test]
fn the_view_for_people_shows_what_the_event_says() {
    let scratch = Scratch::new();
    for at in ["1969-12-31T23:59:59.999999Z", "0001-01-01T00:00:00.000001Z", "2023-10-16T09:00:00.000500Z"] {
        let event = scratch.get(&scratch.append_json(&format!(r#"{{"timestamp":"{at}","user":{{"pk":7}}}}"#)));
        let columns = r#"uuid, timestamp, recorded_at, user_id, "user", leaf_hash"#;
        let sql = format!("SELECT {columns} FROM events_readable WHERE position = {}", event.position);
        let shown: Vec<String> = scratch.raw().rows(&sql).remove(0).into_iter().flatten().collect();
        let recorded_at = event.recorded_at.to_string();
        let expected = [
            event.uuid.to_string(),
            at.to_owned(),
            recorded_at,
            "7".to_owned(),
            r#"{"pk":7}"#.to_owned(),
            event.leaf_hash.to_string(),
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
        let (uuid, recorded_at, leaf_hash) = (log.uuid.to_string(), log.recorded_at.to_string(), log.leaf_hash.to_string());
        assert_eq!(shown, [&log.id().to_string(), &uuid, at, &recorded_at, "20", "shop", "\"m\"", &leaf_hash]);
    }
}
