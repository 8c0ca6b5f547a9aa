//! The schema: how a file gets it, and that it is the one the code was written for.

use audit_store::domain::{ChannelGrant, Stream};
use audit_store::{OpenError, Store, StoreConfig};
use rusqlite::Connection;

use crate::common::{Scratch, checked_logs, config_in};

fn strings(conn: &Connection, sql: &str) -> Vec<String> {
    let mut statement = conn.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn versions(conn: &Connection) -> Vec<String> {
    strings(conn, "SELECT version || ' ' || run_on FROM __diesel_schema_migrations ORDER BY version")
}

const MIGRATIONS: usize = 6;

#[test]
fn opening_again_changes_nothing() {
    let scratch = Scratch::new();
    scratch.append_json("{}");
    let before = versions(&scratch.raw());
    assert_eq!(before.len(), MIGRATIONS);
    let again = scratch.open_again();
    assert_eq!(versions(&scratch.raw()), before);
    assert_eq!(checked_logs(&again), checked_logs(&scratch.store));
}

#[test]
fn stores_that_open_a_fresh_file_at_once_all_succeed() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let opening: Vec<_> = (0..8).map(|_| scope.spawn(|| Store::open(&config_in(&dir)).unwrap())).collect();
        for thread in opening {
            assert_eq!(thread.join().unwrap().logs(Stream::Events, &ChannelGrant::All).unwrap(), []);
        }
    });
}

#[test]
fn the_schema_of_a_newer_version_is_refused_and_left_alone() {
    let scratch = Scratch::new();
    let conn = scratch.raw();
    // A branch that this build cannot know: one migration more, and one of ours not there yet.
    conn.execute_batch(
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000000');
         DELETE FROM __diesel_schema_migrations WHERE version = '20261122000003';
         DROP TABLE tokens",
    )
    .unwrap();
    let before = versions(&conn);
    let error = Store::open(&StoreConfig::new(format!("sqlite://{}", scratch.path().display()))).unwrap_err();
    let path = scratch.path().display().to_string();
    assert_eq!(
        error.to_string(),
        format!(
            "the database `{path}` has the schema of a newer version (migration 99991231000000 is not known here): use that version"
        )
    );
    assert_eq!(versions(&conn), before);
}

#[test]
fn a_file_that_another_process_keeps_locked_is_said_to_be_locked() {
    let dir = tempfile::tempdir().unwrap();
    let holder = Connection::open(dir.path().join("audit.db")).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = Store::open(&config_in(&dir)).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error:?}");
    let path = dir.path().join("audit.db");
    assert_eq!(error.to_string(), format!("the database `{}` is locked by another process", path.display()));
    holder.execute_batch("ROLLBACK").unwrap();
    assert!(Store::open(&config_in(&dir)).is_ok());
}

#[test]
fn what_is_no_database_or_cannot_be_made_is_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("audit.db");
    std::fs::write(&file, "not a database, but long enough to have a header of a hundred bytes: ".repeat(3)).unwrap();
    let error = Store::open(&config_in(&dir)).unwrap_err();
    assert!(matches!(&error, OpenError::Database { why, .. } if why.contains("not a database")), "{error:?}");
    let below = |name: &str| Store::open(&StoreConfig::new(format!("sqlite://{}/{name}", file.display())));
    assert!(matches!(below("x.db").unwrap_err(), OpenError::Directory { .. }));
    std::fs::create_dir(dir.path().join("d.db")).unwrap();
    let error = Store::open(&StoreConfig::new(format!("sqlite://{}/d.db", dir.path().display()))).unwrap_err();
    assert!(matches!(&error, OpenError::Database { .. }), "{error:?}");
    for error in [error.to_string(), below("x.db").unwrap_err().to_string()] {
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn a_directory_that_is_missing_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/a/b/audit.db", dir.path().display());
    let store = Store::open(&StoreConfig::new(url)).unwrap();
    assert_eq!(store.location(), dir.path().join("a/b/audit.db").display().to_string());
}

#[test]
fn the_file_is_in_wal_mode_and_nothing_else_lies_beside_it() {
    let scratch = Scratch::new();
    assert_eq!(strings(&scratch.raw(), "PRAGMA journal_mode"), ["wal"]);
    let names = ["audit.db", "audit.db-shm", "audit.db-wal"].map(str::to_owned);
    let directory = scratch.path().parent().unwrap().to_owned();
    let mut files: Vec<String> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort_unstable();
    assert_eq!(files, names);
}

/// The columns that the code names, in this order: it matters for speed, and for `INSERT` without names at a SQL prompt.
const COLUMNS: &str = "\
action_logs.channel_id BIGINT NOT NULL key 1
action_logs.position BIGINT NOT NULL key 2
action_logs.uuid BLOB NOT NULL
action_logs.created_at BIGINT NOT NULL
action_logs.recorded_at BIGINT NOT NULL
action_logs.producer_id BIGINT NOT NULL
action_logs.level BIGINT
action_logs.logger_name TEXT
action_logs.app_name TEXT
action_logs.seals BLOB NOT NULL
action_logs.leaf_hash BLOB NOT NULL
action_logs.subject_json TEXT
action_logs.message TEXT
action_logs.trace TEXT
action_logs.extra TEXT
content_types.id BIGINT NOT NULL key 1
content_types.app_label TEXT NOT NULL
content_types.model TEXT NOT NULL
counters.channel_id BIGINT NOT NULL key 1
counters.stream SMALLINT NOT NULL key 2
counters.dimension SMALLINT NOT NULL key 3
counters.key TEXT NOT NULL key 4
counters.count BIGINT NOT NULL
counters_by_hour.channel_id BIGINT NOT NULL key 1
counters_by_hour.stream SMALLINT NOT NULL key 2
counters_by_hour.dimension SMALLINT NOT NULL key 3
counters_by_hour.key TEXT NOT NULL key 4
counters_by_hour.hour BIGINT NOT NULL key 5
counters_by_hour.count BIGINT NOT NULL
events.channel_id BIGINT NOT NULL key 1
events.position BIGINT NOT NULL key 2
events.uuid BLOB NOT NULL
events.timestamp BIGINT NOT NULL
events.recorded_at BIGINT NOT NULL
events.producer_id BIGINT NOT NULL
events.content_type BIGINT
events.object_num BIGINT
events.user_num BIGINT
events.action TEXT
events.table_name TEXT
events.object_id TEXT
events.user_id TEXT
events.user_name TEXT
events.remote_addr TEXT
events.url TEXT
events.seals BLOB NOT NULL
events.leaf_hash BLOB NOT NULL
events.subject_json TEXT
events.user_json TEXT
events.remote_addr_json TEXT
events.url_json TEXT
events.query_params TEXT
events.post_data TEXT
events.headers TEXT
events.content TEXT
events.description_json TEXT
events.extra TEXT
logs.channel_id BIGINT NOT NULL key 1
logs.stream SMALLINT NOT NULL key 2
logs.next_position BIGINT NOT NULL
logs.recorded_at BIGINT NOT NULL
tokens.id BIGINT NOT NULL key 1
tokens.name TEXT NOT NULL
tokens.role TEXT NOT NULL
tokens.channels TEXT NOT NULL
tokens.key_digest BLOB NOT NULL
tokens.created_at BIGINT NOT NULL
tokens.expires_at BIGINT
tokens.revoked_at BIGINT";

const INDEXES: &str = "\
action_logs_by_app_name (channel_id, app_name, created_at, position) partial
action_logs_by_created_at (channel_id, created_at, position)
action_logs_by_level (channel_id, level, created_at, position) partial
action_logs_by_logger_name (channel_id, logger_name, created_at, position) partial
events_by_action (channel_id, action, timestamp, position) partial
events_by_content_type (channel_id, content_type, timestamp, position) partial
events_by_object_id (channel_id, object_id, timestamp, position) partial
events_by_table_name (channel_id, table_name, timestamp, position) partial
events_by_timestamp (channel_id, timestamp, position)
events_by_url (channel_id, url, timestamp, position) partial
events_by_user_id (channel_id, user_id, timestamp, position) partial
events_by_user_name (channel_id, user_name, timestamp, position) partial
sqlite_autoindex_action_logs_1 (channel_id, position) unique
sqlite_autoindex_action_logs_2 (channel_id, uuid) unique
sqlite_autoindex_content_types_1 (id) unique
sqlite_autoindex_content_types_2 (app_label, model) unique
sqlite_autoindex_counters_1 (channel_id, stream, dimension, key) unique
sqlite_autoindex_counters_by_hour_1 (channel_id, stream, dimension, key, hour) unique
sqlite_autoindex_events_1 (channel_id, position) unique
sqlite_autoindex_events_2 (channel_id, uuid) unique
sqlite_autoindex_logs_1 (channel_id, stream) unique
sqlite_autoindex_tokens_1 (id) unique
sqlite_autoindex_tokens_2 (key_digest) unique";

const OTHERS: &str = "\
trigger action_logs_keep_rows
trigger action_logs_only_erase
trigger action_logs_refuse_replace
trigger events_keep_rows
trigger events_only_erase
trigger events_refuse_replace
trigger logs_follow_action_logs
trigger logs_follow_events
trigger logs_keep_rows
trigger logs_only_advance
trigger logs_refuse_replace
trigger logs_start_at_zero
trigger tokens_keep_rows
trigger tokens_only_revoke
trigger tokens_refuse_replace
view action_logs_readable
view events_readable";

#[test]
fn tables_indexes_and_triggers_are_these() {
    let scratch = Scratch::new();
    let conn = scratch.raw();
    let columns = strings(
        &conn,
        "SELECT m.name || '.' || c.name || ' ' || c.type || iif(c.\"notnull\", ' NOT NULL', '') || iif(c.pk, ' key ' || c.pk, '')
         FROM sqlite_schema m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name IN ('action_logs', 'content_types', 'counters', 'counters_by_hour', 'events', 'logs', 'tokens') ORDER BY m.name, c.cid",
    );
    assert_eq!(columns.join("\n"), COLUMNS);
    let indexes = strings(
        &conn,
        "SELECT i.name || ' (' || (SELECT group_concat(name, ', ') FROM pragma_index_info(i.name)) || ')'
             || iif(i.\"unique\", ' unique', '') || iif(i.partial, ' partial', '')
         FROM sqlite_schema m JOIN pragma_index_list(m.name) i
         WHERE m.type = 'table' AND m.name IN ('action_logs', 'content_types', 'counters', 'counters_by_hour', 'events', 'logs', 'tokens') ORDER BY i.name",
    );
    assert_eq!(indexes.join("\n"), INDEXES);
    let others = strings(&conn, "SELECT type || ' ' || name FROM sqlite_schema WHERE type IN ('trigger', 'view') ORDER BY 1");
    assert_eq!(others.join("\n"), OTHERS);
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1";
    assert_eq!(
        strings(&conn, tables),
        ["__diesel_schema_migrations", "action_logs", "content_types", "counters", "counters_by_hour", "events", "logs", "tokens"]
    );
}
