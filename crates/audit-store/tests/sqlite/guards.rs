//! The guards of the tables, from a SQL prompt: the pragmas of the store are not there to help.

use audit_store::domain::{NewToken, Role, slot};
use rusqlite::Connection;

use crate::common::{ActionLogs, Events, Kind, Scratch, checked_logs_of, openings_after};

const EVENT: &str = r#""timestamp":"2023-10-16","action":"LOGIN","content_type":4,"table_name":"a.b","object_id":7,
    "user":{"pk":7,"username":"zoe"},"remote_addr":"::1","url":"/x","description":"d","query_params":{},"post_data":[],"headers":1,
    "content":{"a":1},"b":2"#;
const ACTION_LOG: &str = r#""created_at":"2023-10-16","logger_name":"l","app_name":"a","trace":"t","b":2"#;

fn prompt(scratch: &Scratch) -> Connection {
    Connection::open(scratch.place.path()).unwrap()
}

/// Connections as people have them: SQLite's defaults, and with the pragma that makes REPLACE fire DELETE triggers.
fn prompts(scratch: &Scratch) -> [Connection; 2] {
    let with = prompt(scratch);
    with.execute_batch("PRAGMA recursive_triggers = ON").unwrap();
    [prompt(scratch), with]
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
    let tables = ["events", "action_logs", "logs", "tokens"];
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

fn append_only<K: Kind>() -> String {
    format!("{}: the log is append-only", K::TABLE)
}

fn assert_never_deleted_or_changed<K: Kind>(full: &str) {
    let (scratch, table, why) = (Scratch::new(), K::TABLE, append_only::<K>());
    scratch.append_one::<K>(full);
    for conn in prompts(&scratch) {
        assert_refused(&conn, &format!("DELETE FROM {table}"), &why);
        assert_refused(&conn, &format!("DELETE FROM {table} WHERE position = 0"), &why);
        for or in ["", "OR REPLACE ", "OR IGNORE "] {
            assert_refused(&conn, &format!("UPDATE {or}{table} SET rowid = 77"), &why);
        }
        for column in columns(&conn, table) {
            for value in ["77", "x'00112233445566778899aabbccddeeff'", "zeroblob(32)"] {
                for or in ["", "OR REPLACE ", "OR IGNORE ", "OR FAIL "] {
                    assert_refused(&conn, &format!("UPDATE {or}{table} SET {column} = {value}"), &why);
                }
            }
            assert_refused(&conn, &format!("UPDATE {table} SET {column} = 77, seals = seals || zeroblob(16)"), &why);
        }
    }
    assert_eq!(checked_logs_of::<K>(&scratch.store).len(), 1);
}

#[test]
fn entries_are_never_deleted_and_no_column_is_ever_changed() {
    assert_never_deleted_or_changed::<Events>(EVENT);
    assert_never_deleted_or_changed::<ActionLogs>(ACTION_LOG);
}

fn assert_never_replaced<K: Kind>(full: &str) {
    let (scratch, table) = (Scratch::new(), K::TABLE);
    scratch.append_one::<K>(full);
    scratch.append_one::<K>(full);
    let taken = format!("{table}: position or uuid is taken");
    let (new_uuid, new_position) = (("uuid", "randomblob(16)"), ("position", "position + 100"));
    for conn in prompts(&scratch) {
        for verb in ["INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE", "INSERT OR FAIL", "INSERT"] {
            let insert = |changed: &[(&str, &str)]| {
                let columns = columns(&conn, table).join(", ");
                format!("{verb} INTO {table} ({columns}) SELECT {} FROM {table}", copied(&conn, table, changed))
            };
            assert_refused(&conn, &insert(&[]), &taken);
            assert_refused(&conn, &insert(&[new_uuid]), &taken);
            assert_refused(&conn, &insert(&[new_position]), &taken);
            let by_rowid = copied(&conn, table, &[new_uuid, new_position]);
            let columns = columns(&conn, table).join(", ");
            let sql = format!("{verb} INTO {table} (rowid, {columns}) SELECT rowid, {by_rowid} FROM {table}");
            assert_refused(&conn, &sql, &taken);
        }
        let upsert = format!(
            "INSERT INTO {table} SELECT {} FROM {table} WHERE position = 0 ON CONFLICT DO UPDATE SET extra = 'X'",
            copied(&conn, table, &[])
        );
        assert_refused(&conn, &upsert, &taken);
    }
}

#[test]
fn entries_are_never_replaced_by_position_by_uuid_or_by_rowid() {
    assert_never_replaced::<Events>(EVENT);
    assert_never_replaced::<ActionLogs>(ACTION_LOG);
}

fn assert_heads_only_advance<K: Kind>(follows: &str) {
    let (scratch, stream, other) = (Scratch::new(), K::STREAM.number(), 3 - K::STREAM.number());
    scratch.append_one::<K>("");
    scratch.append_one::<K>("");
    for conn in prompts(&scratch) {
        let other_stream = format!("stream = {other}");
        let changes = ["next_position = 1", "next_position = -1", "recorded_at = recorded_at - 1", "channel_id = 2", &other_stream];
        for change in changes {
            for or in ["", "OR REPLACE "] {
                assert_refused(&conn, &format!("UPDATE {or}logs SET {change}"), "logs: a head only advances");
            }
        }
        for change in ["next_position = next_position + 1000", "next_position = 3", "next_position = 'x'"] {
            for or in ["", "OR REPLACE "] {
                assert_refused(&conn, &format!("UPDATE {or}logs SET {change}"), follows);
            }
        }
        assert_refused(&conn, "DELETE FROM logs", "logs: a head is never deleted");
        assert_refused(&conn, &format!("INSERT INTO logs VALUES (7, {stream}, 1000, 0)"), "logs: a head starts at 0");
        for verb in ["INSERT", "REPLACE", "INSERT OR IGNORE"] {
            assert_refused(&conn, &format!("{verb} INTO logs VALUES (1, {stream}, 0, 0)"), "logs: a head is never replaced");
        }
    }
    assert_eq!(scratch.append_one::<K>("").0.position, 2);
}

#[test]
fn heads_only_advance() {
    assert_heads_only_advance::<Events>("logs: a head follows its events");
    assert_heads_only_advance::<ActionLogs>("logs: a head follows its entries");
}

/// A stream without entries has no head to follow them, however many the other one has.
#[test]
fn a_head_follows_the_entries_of_its_own_stream() {
    let scratch = Scratch::new();
    scratch.append_one::<Events>("");
    scratch.append_one::<ActionLogs>("");
    scratch.append_one::<ActionLogs>("");
    for conn in prompts(&scratch) {
        assert_refused(&conn, "UPDATE logs SET next_position = 2 WHERE stream = 1", "logs: a head follows its events");
        assert_refused(&conn, "UPDATE logs SET next_position = 3 WHERE stream = 2", "logs: a head follows its entries");
    }
}

/// In a trigger, an insert that names no rowid looks as if it named -1.
#[test]
fn a_row_put_at_rowid_minus_one_is_not_in_the_way_of_others() {
    let scratch = Scratch::new();
    scratch.append_one::<Events>("");
    scratch.append_one::<ActionLogs>("");
    create_token(&scratch, "one");
    let conn = prompt(&scratch);
    let put = |table: &str, changed: &[(&str, &str)]| {
        let (columns, values) = (columns(&conn, table).join(", "), copied(&conn, table, changed));
        conn.execute_batch(&format!("INSERT INTO {table} (rowid, {columns}) SELECT -1, {values} FROM {table}")).unwrap();
    };
    put("events", &[("position", "1"), ("uuid", "randomblob(16)")]);
    put("action_logs", &[("position", "1"), ("uuid", "randomblob(16)")]);
    conn.execute_batch("UPDATE logs SET next_position = 2").unwrap();
    put("tokens", &[("id", "2"), ("key_digest", "randomblob(32)")]);
    assert_eq!(scratch.append_one::<Events>("").0.position, 2);
    assert_eq!(scratch.append_one::<ActionLogs>("").0.position, 2);
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

fn assert_erasure_is_whole<K: Kind>(full: &str) {
    let (scratch, table, why) = (Scratch::new(), K::TABLE, append_only::<K>());
    let (receipt, entry) = scratch.append_one::<K>(full);
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for conn in prompts(&scratch) {
        let refused = |set: &str| assert_refused(&conn, &format!("UPDATE {table} SET {set}"), &why);
        for (number, column, keys) in K::SLOTS {
            let seals = format!("seals = x'{}'", hex(openings_after(entry.as_ref(), &[*number])));
            refused(&seals);
            let all = keys.iter().map(|key| format!("{key} = NULL, ")).collect::<String>();
            refused(&format!("{all}{column} = NULL"));
            for key in *keys {
                refused(&format!("{key} = NULL, {seals}"));
                let others = all.replace(&format!("{key} = NULL, "), "");
                refused(&format!("{others}{column} = NULL, {seals}"));
            }
            let other = if *column == "extra" { K::TEXT.0 } else { "extra" };
            refused(&format!("{all}{column} = NULL, {other} = NULL, {seals}"));
            refused(&format!("{all}{column} = '1', {seals}"));
            refused(&format!("{all}{column} = NULL, seals = zeroblob(9)"));
        }
        refused("seals = randomblob(length(seals))");
        // A legal erasure does not carry another change through.
        let legal = format!("extra = NULL, seals = x'{}'", hex(openings_after(entry.as_ref(), &[slot::EXTRA])));
        let own = ["seals", "extra"];
        for column in columns(&conn, table).into_iter().filter(|column| !own.contains(&column.as_str())) {
            refused(&format!("{legal}, {column} = x'77'"));
        }
        refused(&format!("{legal}, rowid = 77"));
    }
    assert_eq!(scratch.get_of::<K>(&receipt), entry);
}

#[test]
fn an_erasure_of_too_little_or_too_much_is_refused() {
    assert_erasure_is_whole::<Events>(EVENT);
    assert_erasure_is_whole::<ActionLogs>(ACTION_LOG);
}
