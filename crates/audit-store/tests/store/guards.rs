//! The guards of the tables, from a SQL prompt: the pragmas of the store are not there to help.

use audit_store::domain::log::{Seal, leaf_hash};
use audit_store::domain::{Event, EventKeys, NewToken, Role, slot};
use rusqlite::Connection;

use crate::common::{Scratch, checked_logs};

const FULL: &str = r#"{"timestamp":"2023-10-16","action":"LOGIN","content_type":4,"table_name":"a.b","object_id":7,
    "user":{"pk":7,"username":"zoe"},"remote_addr":"::1","url":"/x","description":"d","query_params":{},"post_data":[],"headers":1,
    "content":{"a":1},"b":2}"#;

/// Connections as people have them: SQLite's defaults, and with the pragma that makes REPLACE fire DELETE triggers.
fn prompts(scratch: &Scratch) -> [Connection; 2] {
    let with = scratch.raw();
    with.execute_batch("PRAGMA recursive_triggers = ON").unwrap();
    [scratch.raw(), with]
}

fn columns(conn: &Connection, table: &str) -> Vec<String> {
    let mut statement = conn.prepare(&format!("SELECT name FROM pragma_table_info('{table}')")).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Everything in a table, in a form that can be compared.
fn dump(conn: &Connection, table: &str) -> Vec<String> {
    let quoted: Vec<String> = columns(conn, table).iter().map(|name| format!("quote({name})")).collect();
    let sql = format!("SELECT {} FROM {table} ORDER BY 1", quoted.join(" || ',' || "));
    conn.prepare(&sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[track_caller]
fn assert_refused(conn: &Connection, sql: &str, why: &str) {
    let tables = ["events", "logs", "tokens"];
    let before = tables.map(|table| dump(conn, table));
    let Err(error) = conn.execute_batch(sql) else { panic!("not refused: {sql}") };
    let error = error.to_string();
    assert!(error.contains(why), "{sql}: {error}");
    assert_eq!(tables.map(|table| dump(conn, table)), before, "{sql}");
}

/// Every column but the named ones as it is, for `INSERT … SELECT`.
fn copied(conn: &Connection, table: &str, changed: &[(&str, &str)]) -> String {
    let value = |name: &String| changed.iter().find(|(n, _)| n == name).map_or(name.clone(), |(_, value)| (*value).to_owned());
    columns(conn, table).iter().map(value).collect::<Vec<_>>().join(", ")
}

const EVENTS: &str = "events: the log is append-only";
const TAKEN: &str = "events: position or uuid is taken";

#[test]
fn events_are_never_deleted_and_no_column_is_ever_changed() {
    let scratch = Scratch::new();
    scratch.append_json(FULL);
    for conn in prompts(&scratch) {
        assert_refused(&conn, "DELETE FROM events", EVENTS);
        assert_refused(&conn, "DELETE FROM events WHERE position = 0", EVENTS);
        for or in ["", "OR REPLACE ", "OR IGNORE "] {
            assert_refused(&conn, &format!("UPDATE {or}events SET rowid = 77"), EVENTS);
        }
        for column in columns(&conn, "events") {
            for value in ["77", "x'00112233445566778899aabbccddeeff'", "zeroblob(32)"] {
                for or in ["", "OR REPLACE ", "OR IGNORE ", "OR FAIL "] {
                    assert_refused(&conn, &format!("UPDATE {or}events SET {column} = {value}"), EVENTS);
                }
            }
            assert_refused(&conn, &format!("UPDATE events SET {column} = 77, seals = seals || zeroblob(16)"), EVENTS);
        }
    }
    assert_eq!(checked_logs(&scratch.store).len(), 1);
}

#[test]
fn events_are_never_replaced_by_position_by_uuid_or_by_rowid() {
    let scratch = Scratch::new();
    scratch.append_json(FULL);
    scratch.append_json(FULL);
    let (new_uuid, new_position) = (("uuid", "randomblob(16)"), ("position", "position + 100"));
    for conn in prompts(&scratch) {
        for verb in ["INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE", "INSERT OR FAIL", "INSERT"] {
            let insert = |changed: &[(&str, &str)]| {
                let columns = columns(&conn, "events").join(", ");
                format!("{verb} INTO events ({columns}) SELECT {} FROM events", copied(&conn, "events", changed))
            };
            assert_refused(&conn, &insert(&[]), TAKEN);
            assert_refused(&conn, &insert(&[new_uuid]), TAKEN);
            assert_refused(&conn, &insert(&[new_position]), TAKEN);
            let by_rowid = copied(&conn, "events", &[new_uuid, new_position]);
            let columns = columns(&conn, "events").join(", ");
            let sql = format!("{verb} INTO events (rowid, {columns}) SELECT rowid, {by_rowid} FROM events");
            assert_refused(&conn, &sql, TAKEN);
        }
        let upsert = format!(
            "INSERT INTO events SELECT {} FROM events WHERE position = 0 ON CONFLICT DO UPDATE SET action = 'X'",
            copied(&conn, "events", &[])
        );
        assert_refused(&conn, &upsert, TAKEN);
    }
}

#[test]
fn heads_only_advance() {
    let scratch = Scratch::new();
    scratch.append_json("{}");
    scratch.append_json("{}");
    for conn in prompts(&scratch) {
        for change in ["next_position = 1", "next_position = -1", "recorded_at = recorded_at - 1", "channel_id = 2", "stream = 2"] {
            for or in ["", "OR REPLACE "] {
                assert_refused(&conn, &format!("UPDATE {or}logs SET {change}"), "logs: a head only advances");
            }
        }
        for change in ["next_position = next_position + 1000", "next_position = 3", "next_position = 'x'"] {
            for or in ["", "OR REPLACE "] {
                assert_refused(&conn, &format!("UPDATE {or}logs SET {change}"), "logs: a head follows its events");
            }
        }
        assert_refused(&conn, "DELETE FROM logs", "logs: a head is never deleted");
        assert_refused(&conn, "INSERT INTO logs VALUES (7, 1, 1000, 0)", "logs: a head starts at 0");
        for verb in ["INSERT", "REPLACE", "INSERT OR IGNORE"] {
            assert_refused(&conn, &format!("{verb} INTO logs VALUES (1, 1, 0, 0)"), "logs: a head is never replaced");
        }
    }
    assert_eq!(scratch.append_json("{}").position, 2);
}

/// In a trigger, an insert that names no rowid looks as if it named -1.
#[test]
fn a_row_put_at_rowid_minus_one_is_not_in_the_way_of_others() {
    let scratch = Scratch::new();
    scratch.append_json("{}");
    create_token(&scratch, "one");
    let conn = scratch.raw();
    let put = |table: &str, changed: &[(&str, &str)]| {
        let (columns, values) = (columns(&conn, table).join(", "), copied(&conn, table, changed));
        conn.execute_batch(&format!("INSERT INTO {table} (rowid, {columns}) SELECT -1, {values} FROM {table}")).unwrap();
    };
    put("events", &[("position", "1"), ("uuid", "randomblob(16)")]);
    conn.execute_batch("UPDATE logs SET next_position = 2").unwrap();
    put("tokens", &[("id", "2"), ("key_digest", "randomblob(32)")]);
    assert_eq!(scratch.append_json("{}").position, 2);
    assert_eq!(create_token(&scratch, "three"), 3);
}

fn create_token(scratch: &Scratch, name: &str) -> i64 {
    let (name, role, channels) = (name.to_owned(), Role::Reader, crate::common::only(1));
    scratch.store.create_token(NewToken { name, role, channels, expires_at: None }).unwrap().0.id
}

#[test]
fn tokens_are_only_ever_revoked() {
    let scratch = Scratch::new();
    assert_eq!(["one", "two"].map(|name| create_token(&scratch, name)), [1, 2]);
    assert!(scratch.store.revoke_token(2, crate::common::only(1)).unwrap());
    for conn in prompts(&scratch) {
        assert_refused(&conn, "DELETE FROM tokens", "tokens: revoke instead of deleting");
        let only = "tokens: a token is only ever revoked";
        let changes =
            ["role = 'admin'", "channels = '*'", "key_digest = zeroblob(32)", "id = id + 10", "expires_at = 1", "created_at = 1"];
        for change in changes.into_iter().chain(["name = 'x'", "rowid = rowid + 10"]) {
            assert_refused(&conn, &format!("UPDATE tokens SET {change} WHERE id = 1"), only);
        }
        for change in ["NULL", "revoked_at + 1"] {
            assert_refused(&conn, &format!("UPDATE OR REPLACE tokens SET revoked_at = {change} WHERE id = 2"), only);
        }
        for changed in [
            vec![("role", "'admin'"), ("id", "id + 10")],
            vec![("role", "'admin'"), ("key_digest", "randomblob(32)")],
            vec![("role", "'admin'")],
        ] {
            let sql = format!("REPLACE INTO tokens SELECT {} FROM tokens", copied(&conn, "tokens", &changed));
            assert_refused(&conn, &sql, "tokens: id or key is taken");
        }
        let fresh = copied(&conn, "tokens", &[("id", "id + 10"), ("key_digest", "randomblob(32)")]);
        let columns = columns(&conn, "tokens").join(", ");
        let by_rowid = format!("REPLACE INTO tokens (rowid, {columns}) SELECT rowid, {fresh} FROM tokens");
        assert_refused(&conn, &by_rowid, "tokens: id or key is taken");
    }
}

/// A slot, its column, and the filter columns made from it.
const SLOTS: [(u8, &str, &[&str]); 10] = [
    (slot::SUBJECT, "subject_json", &["action", "content_type", "table_name", "object_id", "object_num"]),
    (slot::USER, "user_json", &["user_id", "user_num", "user_name"]),
    (slot::REMOTE_ADDR, "remote_addr_json", &["remote_addr"]),
    (slot::URL, "url_json", &["url"]),
    (slot::QUERY_PARAMS, "query_params", &[]),
    (slot::POST_DATA, "post_data", &[]),
    (slot::HEADERS, "headers", &[]),
    (slot::CONTENT, "content", &[]),
    (slot::DESCRIPTION, "description_json", &[]),
    (slot::EXTRA, "extra", &[]),
];

/// The seals of an event once some of its slots are erased.
fn seals_after(event: &Event, erased: &[u8]) -> Vec<u8> {
    let mut seals = Vec::new();
    for slot in event.slots.iter() {
        match slot.seal {
            Seal::Salt(salt) if !erased.contains(&slot.number) => seals.extend([[slot.number, 0].as_slice(), &salt].concat()),
            _ => seals.extend([[slot.number, 1].as_slice(), &slot.commitment()].concat()),
        }
    }
    seals
}

/// The one update there is.
pub(crate) fn erase(conn: &Connection, event: &Event, erased: &[u8]) {
    let gone = SLOTS.iter().filter(|(number, ..)| erased.contains(number));
    let nulls: Vec<String> =
        gone.flat_map(|(_, column, keys)| keys.iter().chain([column]).map(|c| format!("{c} = NULL"))).collect();
    let sql = format!("UPDATE events SET {}, seals = ?1 WHERE channel_id = ?2 AND position = ?3", nulls.join(", "));
    let changed = conn.execute(&sql, (seals_after(event, erased), event.channel_id.get(), event.position)).unwrap();
    assert_eq!(changed, 1);
}

#[test]
fn erasure_is_the_one_update_and_keeps_the_leaf() {
    for (number, ..) in SLOTS {
        let scratch = Scratch::new();
        let receipt = scratch.append_json(FULL);
        let before = scratch.get(&receipt);
        erase(&scratch.raw(), &before, &[number]);
        let after = scratch.get(&receipt);
        assert!(after.slots.get(number).unwrap().is_erased());
        assert_eq!(after.slots.iter().filter(|slot| slot.is_erased()).count(), 1);
        assert_eq!((after.leaf_data(), after.leaf_hash), (before.leaf_data(), before.leaf_hash));
        // A second slot, and then everything that is left.
        let next = (number + 1) % 10;
        erase(&scratch.raw(), &after, &[next]);
        erase(&scratch.raw(), &scratch.get(&receipt), &(0..10).filter(|n| ![number, next].contains(n)).collect::<Vec<_>>());
        let empty = checked_logs(&scratch.store).remove(0);
        assert!(empty.slots.iter().all(|slot| slot.is_erased()));
        assert_eq!((empty.leaf_data(), empty.keys()), (before.leaf_data(), EventKeys::default()));
    }
}

#[test]
fn an_erasure_that_leaves_something_behind_or_takes_too_much_is_refused() {
    let scratch = Scratch::new();
    let event = scratch.get(&scratch.append_json(FULL));
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for conn in prompts(&scratch) {
        for (number, column, keys) in SLOTS {
            let seals = format!("seals = x'{}'", hex(seals_after(&event, &[number])));
            assert_refused(&conn, &format!("UPDATE events SET {seals}"), EVENTS);
            let all = keys.iter().map(|key| format!("{key} = NULL, ")).collect::<String>();
            assert_refused(&conn, &format!("UPDATE events SET {all}{column} = NULL"), EVENTS);
            for key in keys {
                assert_refused(&conn, &format!("UPDATE events SET {key} = NULL, {seals}"), EVENTS);
                let others = all.replace(&format!("{key} = NULL, "), "");
                assert_refused(&conn, &format!("UPDATE events SET {others}{column} = NULL, {seals}"), EVENTS);
            }
            let other = if number == slot::EXTRA { "content" } else { "extra" };
            assert_refused(&conn, &format!("UPDATE events SET {all}{column} = NULL, {other} = NULL, {seals}"), EVENTS);
            assert_refused(&conn, &format!("UPDATE events SET {all}{column} = '1', {seals}"), EVENTS);
            assert_refused(&conn, &format!("UPDATE events SET {all}{column} = NULL, seals = zeroblob(9)"), EVENTS);
        }
        assert_refused(&conn, "UPDATE events SET seals = randomblob(length(seals))", EVENTS);
        // A legal erasure does not carry another change through.
        let legal = format!("extra = NULL, seals = x'{}'", hex(seals_after(&event, &[slot::EXTRA])));
        let own = ["seals", "extra"];
        for column in columns(&conn, "events").into_iter().filter(|column| !own.contains(&column.as_str())) {
            assert_refused(&conn, &format!("UPDATE events SET {legal}, {column} = x'77'"), EVENTS);
        }
        assert_refused(&conn, &format!("UPDATE events SET {legal}, rowid = 77"), EVENTS);
    }
    assert_eq!(scratch.store.get(&crate::common::only(1), event.channel_id, event.uuid).unwrap(), Some(event));
}

/// SQL cannot see inside the seals; the leaf can.
#[test]
fn an_erasure_that_also_changes_a_salt_passes_the_guard_and_shows_in_the_leaf() {
    let scratch = Scratch::new();
    let receipt = scratch.append_json(FULL);
    let event = scratch.get(&receipt);
    let mut seals = seals_after(&event, &[slot::EXTRA]);
    seals[2] ^= 1;
    let sql = "UPDATE events SET extra = NULL, seals = ?1";
    assert_eq!(scratch.raw().execute(sql, [seals]).unwrap(), 1);
    let after = scratch.get(&receipt);
    assert_eq!(after.leaf_hash, event.leaf_hash);
    assert_ne!(leaf_hash(&after.leaf_data()), after.leaf_hash);
}

#[test]
fn a_value_behind_the_logs_back_is_noticed() {
    for change in ["content = NULL", "seals = x'00'", "seals = zeroblob(18)"] {
        let scratch = Scratch::new();
        let receipt = scratch.append_json(r#"{"content":1}"#);
        scratch.raw().execute_batch(&format!("DROP TRIGGER events_only_erase; UPDATE events SET {change}")).unwrap();
        let error = scratch.store.get(&crate::common::only(1), receipt.channel_id, receipt.uuid).unwrap_err();
        assert!(error.to_string().starts_with("event 1/0 was changed behind the log's back"), "{change}: {error}");
    }
    let scratch = Scratch::new();
    let receipt = scratch.append_json("{}");
    scratch.raw().execute_batch("DROP TRIGGER events_only_erase; UPDATE events SET extra = '{}'").unwrap();
    assert!(scratch.store.get(&crate::common::only(1), receipt.channel_id, receipt.uuid).is_err());
}

#[test]
fn the_view_for_people_shows_what_the_event_says() {
    let scratch = Scratch::new();
    for at in ["1969-12-31T23:59:59.999999Z", "0001-01-01T00:00:00.000001Z", "2023-10-16T09:00:00.000500Z"] {
        let event = scratch.get(&scratch.append_json(&format!(r#"{{"timestamp":"{at}","user":{{"pk":7}}}}"#)));
        let sql = "SELECT uuid, timestamp, recorded_at, user_id, user, leaf_hash FROM events_readable WHERE position = ?1";
        let shown: [String; 6] = scratch
            .raw()
            .query_row(sql, [event.position], |row| Ok([0, 1, 2, 3, 4, 5].map(|column| row.get(column).unwrap())))
            .unwrap();
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
