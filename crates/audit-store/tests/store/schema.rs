//! The schema: how a database gets it, and that it is the one the code was written for, the same in every database.

use std::collections::BTreeSet;
use std::path::Path;

use audit_store::domain::ChannelGrant;
use audit_store::{OpenError, Store};

use crate::common::{Raw, Scratch, TestDatabase, checked_logs, of_database};

const TABLES: &str = "'action_logs', 'checkpoints', 'content_types', 'cosignatures', 'erasures', 'events', 'log_names', 'logs', 'postings', 'root_entries', 'segment_times', 'segments', \
     'signing_keys', 'tiles', 'tokens', 'trees'";

fn migrations(database: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn file(database: &str, migration: &str, name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
    std::fs::read_to_string(folder.join(migration).join(name)).unwrap()
}

#[test]
fn both_databases_have_the_same_migrations() {
    assert_eq!(migrations("sqlite"), migrations("postgres"));
    for (database, migration) in ["sqlite", "postgres"].into_iter().flat_map(|of| migrations(of).into_iter().map(move |m| (of, m)))
    {
        assert!(["up.sql", "down.sql"].iter().all(|name| !file(database, &migration, name).trim().is_empty()), "{migration}");
    }
}

/// A cluster (Citus) runs no more than one statement of DDL in one go.
#[test]
fn a_migration_of_postgresql_is_one_statement() {
    for migration in migrations("postgres") {
        for name in ["up.sql", "down.sql"] {
            let text = file("postgres", &migration, name);
            let code: Vec<&str> = text.lines().map(|line| line.split("--").next().unwrap().trim()).collect();
            // The body of a function is part of its statement.
            let code = code.join(" ");
            let code = code.split("$$").step_by(2).collect::<String>();
            let code = code.split("$migration$").step_by(2).collect::<String>();
            let statements: Vec<&str> = code.split(';').filter(|statement| !statement.trim().is_empty()).collect();
            assert_eq!(statements.len(), 1, "{migration}/{name}: {statements:?}");
            let first = statements[0].split_whitespace().next().unwrap();
            assert!(["CREATE", "ALTER", "DROP", "DO"].contains(&first), "{migration}/{name}: {first}");
        }
    }
}

fn versions(raw: &Raw) -> Vec<String> {
    raw.strings("SELECT version || ' ' || run_on FROM __diesel_schema_migrations ORDER BY version")
}

#[test]
fn opening_again_changes_nothing() {
    let scratch = Scratch::new();
    scratch.append_json("{}");
    let before = versions(&scratch.raw());
    assert_eq!(before.len(), migrations("sqlite").len());
    let again = scratch.open_again();
    assert_eq!(versions(&scratch.raw()), before);
    assert_eq!(checked_logs(&again), checked_logs(&scratch.store));
}

#[test]
fn stores_that_open_a_fresh_database_at_once_all_succeed() {
    let place = TestDatabase::empty();
    std::thread::scope(|scope| {
        let opening: Vec<_> = (0..8).map(|_| scope.spawn(|| Store::open(place.config()).unwrap())).collect();
        for thread in opening {
            assert_eq!(thread.join().unwrap().channels(ChannelGrant::All).events().states().unwrap(), []);
        }
    });
}

#[test]
fn the_schema_of_a_newer_version_is_refused_and_left_alone() {
    let scratch = Scratch::new();
    let raw = scratch.raw();
    // A branch that this build cannot know: one migration more, and one of ours not there yet.
    raw.execute(
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000000');
         DELETE FROM __diesel_schema_migrations WHERE version = '20261130000007';
         DROP TABLE tokens",
    );
    let before = versions(&raw);
    let error = Store::open(scratch.place.config()).unwrap_err();
    assert!(matches!(&error, OpenError::NewerSchema { migration, .. } if migration == "99991231000000"), "{error}");
    let text = "has the schema of a newer version (migration 99991231000000 is not known here): use that version";
    assert_eq!(error.to_string(), format!("the database `{}` {text}", scratch.store.location()));
    assert_eq!(versions(&raw), before);
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
action_logs.correlation_id TEXT
action_logs.seals BLOB NOT NULL
action_logs.leaf_hash BLOB NOT NULL
action_logs.subject_json TEXT
action_logs.message TEXT
action_logs.trace TEXT
action_logs.extra TEXT
action_logs.masked TEXT
checkpoints.channel_id BIGINT NOT NULL key 1
checkpoints.stream SMALLINT NOT NULL key 2
checkpoints.log_name BIGINT NOT NULL key 3
checkpoints.size BIGINT NOT NULL
checkpoints.note TEXT NOT NULL
content_types.id BIGINT NOT NULL key 1
content_types.app_label TEXT NOT NULL
content_types.model TEXT NOT NULL
cosignatures.channel_id BIGINT NOT NULL key 1
cosignatures.witness TEXT NOT NULL key 2
cosignatures.log_name BIGINT NOT NULL key 3
cosignatures.size BIGINT NOT NULL
cosignatures.cosigned_at BIGINT NOT NULL
cosignatures.note TEXT NOT NULL
cosignatures.signature TEXT NOT NULL
erasures.channel_id BIGINT NOT NULL key 1
erasures.stream SMALLINT NOT NULL key 2
erasures.position BIGINT NOT NULL key 3
erasures.first BIGINT NOT NULL
erasures.last BIGINT NOT NULL
erasures.entries BIGINT NOT NULL
erasures.erased_to BIGINT NOT NULL
erasures.finished_at BIGINT
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
events.user_email TEXT
events.remote_addr TEXT
events.url TEXT
events.outcome TEXT
events.correlation_id TEXT
events.source TEXT
events.impersonator_id TEXT
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
events.impersonator_json TEXT
events.masked TEXT
log_names.number BIGINT NOT NULL key 1
log_names.name TEXT NOT NULL
log_names.created_at BIGINT NOT NULL
logs.channel_id BIGINT NOT NULL key 1
logs.stream SMALLINT NOT NULL key 2
logs.next_position BIGINT NOT NULL
logs.recorded_at BIGINT NOT NULL
postings.channel_id BIGINT NOT NULL key 1
postings.stream SMALLINT NOT NULL key 2
postings.first BIGINT NOT NULL key 3
postings.first_term BLOB NOT NULL key 4
postings.terms BLOB NOT NULL
root_entries.channel_id BIGINT NOT NULL key 1
root_entries.position BIGINT NOT NULL key 2
root_entries.log_channel_id BIGINT NOT NULL
root_entries.log_stream SMALLINT NOT NULL
root_entries.log_name BIGINT NOT NULL
root_entries.size BIGINT NOT NULL
root_entries.recorded_at BIGINT NOT NULL
root_entries.body TEXT NOT NULL
root_entries.signatures TEXT NOT NULL
segment_times.channel_id BIGINT NOT NULL key 1
segment_times.stream SMALLINT NOT NULL key 2
segment_times.first BIGINT NOT NULL key 3
segment_times.block SMALLINT NOT NULL key 4
segment_times.points BLOB NOT NULL
segments.channel_id BIGINT NOT NULL key 1
segments.stream SMALLINT NOT NULL key 2
segments.first BIGINT NOT NULL key 3
segments.size BIGINT NOT NULL
segments.first_time BIGINT NOT NULL
segments.last_time BIGINT NOT NULL
segments.fences BLOB NOT NULL
segments.days BLOB NOT NULL
segments.words SMALLINT NOT NULL
segments.digest BIGINT NOT NULL
signing_keys.number BIGINT NOT NULL key 1
signing_keys.public_key BLOB NOT NULL
signing_keys.created_at BIGINT NOT NULL
signing_keys.retired_at BIGINT
tiles.channel_id BIGINT NOT NULL key 1
tiles.stream SMALLINT NOT NULL key 2
tiles.level SMALLINT NOT NULL key 3
tiles.tile BIGINT NOT NULL key 4
tiles.hashes BLOB NOT NULL
tokens.id BIGINT NOT NULL key 1
tokens.name TEXT NOT NULL
tokens.role TEXT NOT NULL
tokens.channels TEXT NOT NULL
tokens.key_digest BLOB NOT NULL
tokens.created_at BIGINT NOT NULL
tokens.expires_at BIGINT
tokens.revoked_at BIGINT
trees.channel_id BIGINT NOT NULL key 1
trees.stream SMALLINT NOT NULL key 2
trees.size BIGINT NOT NULL
trees.root BLOB NOT NULL
trees.log_name BIGINT NOT NULL";

const INDEXES: &str = "\
action_logs (channel_id, position) unique
action_logs (channel_id, uuid) unique
action_logs_by_created_at (channel_id, created_at, position)
checkpoints (channel_id, stream, log_name) unique
content_types (app_label, model) unique
content_types (id) unique
cosignatures (channel_id, witness, log_name) unique
erasures (channel_id, stream, position) unique
events (channel_id, position) unique
events (channel_id, uuid) unique
events_by_timestamp (channel_id, timestamp, position)
log_names (name) unique
log_names (number) unique
logs (channel_id, stream) unique
postings (channel_id, stream, first, first_term) unique
root_entries (channel_id, log_channel_id, log_stream, log_name, size) unique
root_entries (channel_id, position) unique
segment_times (channel_id, stream, first, block) unique
segments (channel_id, stream, first) unique
signing_keys (number) unique
signing_keys (public_key) unique
tiles (channel_id, stream, level, tile) unique
tokens (id) unique
tokens (key_digest) unique
trees (channel_id, stream) unique";

/// In the words of SQLite: each column with its type, whether it may be null, and its place in the key.
fn columns(raw: &Raw) -> Vec<String> {
    let sqlite = format!(
        "SELECT m.name || '.' || c.name || ' ' || c.type || iif(c.\"notnull\", ' NOT NULL', '') || iif(c.pk, ' key ' || c.pk, '')
         FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name IN ({TABLES}) ORDER BY m.name, c.cid"
    );
    let postgres = format!(
        "SELECT c.relname || '.' || a.attname || ' ' || replace(upper(format_type(a.atttypid, a.atttypmod)), 'BYTEA', 'BLOB')
             || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
             || COALESCE(' key ' || array_position(k.conkey, a.attnum), '')
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
         WHERE c.relkind IN ('r', 'p') AND c.relname IN ({TABLES}) ORDER BY c.relname COLLATE \"C\", a.attnum"
    );
    raw.strings(&of_database(sqlite, postgres))
}

/// Indexes by name; those that come with a key, whose names are the database's, by table.
fn indexes(raw: &Raw) -> BTreeSet<String> {
    let sqlite = format!(
        "SELECT iif(i.\"unique\", m.name, i.name) || ' (' || (SELECT group_concat(name, ', ') FROM pragma_index_info(i.name)) || ')'
             || iif(i.\"unique\", ' unique', '') || iif(i.partial, ' partial', '')
         FROM sqlite_schema m JOIN pragma_index_list(m.name) i WHERE m.type = 'table' AND m.name IN ({TABLES})"
    );
    let postgres = format!(
        "SELECT CASE WHEN x.indisunique THEN c.relname ELSE i.relname END || ' ('
             || (SELECT string_agg(a.attname, ', ' ORDER BY k.place) FROM unnest(x.indkey) WITH ORDINALITY k (number, place)
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number)
             || ')' || CASE WHEN x.indisunique THEN ' unique' ELSE '' END || CASE WHEN x.indpred IS NULL THEN '' ELSE ' partial' END
         FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
         WHERE c.relkind IN ('r', 'p') AND c.relname IN ({TABLES})"
    );
    raw.strings(&of_database(sqlite, postgres)).into_iter().collect()
}

#[test]
fn tables_and_indexes_are_these() {
    let scratch = Scratch::new();
    let raw = scratch.raw();
    assert_eq!(columns(&raw).join("\n"), COLUMNS);
    assert_eq!(indexes(&raw), INDEXES.lines().map(str::to_owned).collect());
    let sqlite = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1";
    let postgres = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = current_schema()::regnamespace
                    ORDER BY relname COLLATE \"C\"";
    assert_eq!(
        raw.strings(of_database(sqlite, postgres)),
        [
            "__diesel_schema_migrations",
            "action_logs",
            "checkpoints",
            "content_types",
            "cosignatures",
            "erasures",
            "events",
            "log_names",
            "logs",
            "postings",
            "root_entries",
            "segment_times",
            "segments",
            "signing_keys",
            "tiles",
            "tokens",
            "trees"
        ]
    );
}
