//! The requirements of a PostgreSQL cluster (Citus) on the SQL: every statement that changes, locks
//! or looks up rows of a tenant names the channel, so that it goes to one node, and no statement
//! depends on a feature that a cluster lacks. The tests check the statements of appends, of every
//! kind of read and of indexing, and the catalogue. They do not show that the planner of a cluster
//! accepts them.

use std::collections::BTreeSet;

use audit_domain::uuid::Uuid;
use audit_domain::{ActionLogFilter, ChannelId, Clock, EventFilter, NewActionLog, NewEvent, ParseMode, PreparedEntry, Stream};

use super::recorded::Small;
use crate::append::{ClockWatch, Lookup, Pace, commit};
use crate::connection::{DbConnection, Purpose};
use crate::follow::Put;
use crate::indexer::{self, Step};
use crate::log_key::ROOT;
use crate::postings;
use crate::query::*;
use crate::sign::{NewCheckpoint, sizes_in_database};
use crate::test_postgres::Database;
use crate::url::DatabaseUrl;
use crate::{AppendRequest, Cosignature, Store, StoreConfig, dialect, root, tree};

/// The tables with a channel in every row.
const TENANT_TABLES: [&str; 12] = [
    "logs",
    "events",
    "action_logs",
    "segments",
    "segment_times",
    "postings",
    "trees",
    "tiles",
    "checkpoints",
    "erasures",
    "root_entries",
    "cosignatures",
];

/// Lists over all channels, which are not lookups. They go to every node of a cluster and lock
/// nothing.
const OF_ALL_CHANNELS: [&str; 4] = [
    "SELECT channel_id, next_position, recorded_at FROM logs WHERE ((stream = $1) AND (next_position > $2)) ORDER BY channel_id",
    "SELECT channel_id, next_position, (SELECT (first + size) FROM segments WHERE ((channel_id = channel_id) AND (stream = stream)) \
     ORDER BY first DESC LIMIT $1) FROM logs WHERE ((stream = $2) AND (next_position > $3)) ORDER BY channel_id",
    "SELECT channel_id, next_position, (SELECT size FROM trees WHERE ((channel_id = channel_id) AND (stream = stream)) \
     LIMIT $1) FROM logs WHERE ((stream = $2) AND (next_position > $3)) ORDER BY channel_id",
    "SELECT channel_id, stream, size, (SELECT size FROM checkpoints WHERE (((channel_id = channel_id) AND \
     (stream = stream)) AND (log_name = $1)) LIMIT $2) FROM trees",
];

fn event(json: &str, channel: i64) -> PreparedEntry {
    NewEvent::parse(json, ParseMode::LENIENT).unwrap().prepare(ChannelId::new(channel).unwrap()).unwrap()
}

fn log(json: &str) -> PreparedEntry {
    NewActionLog::parse(json, ParseMode::LENIENT).unwrap().prepare(ChannelId::DEFAULT).unwrap()
}

/// Every kind of statement on the tables of a log, except those of a copy and of a scrub. These name the
/// channel of each log too; a scrub also asks each table for the next channel that it has.
fn all_statements() -> Vec<String> {
    let database = Database::empty();
    Store::open(StoreConfig::new(database.url())).unwrap().close();
    let url = DatabaseUrl::parse(&database.url()).unwrap();
    let mut small = Small::new(dialect::open(&url, Purpose::Write).unwrap());
    let conn = small.conn();
    let (given, known) = (r#"{"uuid":"00000000-0000-0000-0000-000000000001","action":"a","object_id":1}"#, Uuid::from_u128(1));
    let watch = ClockWatch::new(Clock::system(), std::time::Duration::MAX);
    let message = || log(r#"{"level":1,"message":"m"}"#);
    for _ in 0..2 {
        // New heads, then existing ones; new entries, then duplicates; one entry, and several.
        let several = (0..3).flat_map(|_| [event("{}", 1), message()]).collect();
        for entries in [vec![event(given, 1), event("{}", 2), message()], several] {
            commit(conn, &[&AppendRequest::of_entries(entries)], Lookup::GivenUuids, &watch, None, &mut Pace::default()).unwrap();
        }
    }
    for more in [64, 448] {
        // A segment, and one that is made from it and from rows.
        let entries = (0..more).map(|_| event(r#"{"action":"a"}"#, 1)).collect();
        commit(conn, &[&AppendRequest::of_entries(entries)], Lookup::GivenUuids, &watch, None, &mut Pace::default()).unwrap();
        Step::prepare(conn, 1, Stream::Events, true).unwrap().unwrap().put(conn).unwrap();
    }
    for log in [(1, Stream::Events), (1, Stream::ActionLogs)] {
        // A new tree, one that grows, and one of which a tile is made again.
        for _ in 0..2 {
            let step = tree::SealStep::prepare(conn, log).unwrap().unwrap();
            dialect::write(conn, |conn| step.put(conn)).unwrap();
            commit(
                conn,
                &[&AppendRequest::of_entries(vec![event("{}", 1), message()])],
                Lookup::GivenUuids,
                &watch,
                None,
                &mut Pace::default(),
            )
            .unwrap();
        }
        let tree = tree::read_tree(conn, log).unwrap();
        assert_eq!(tree::repair_edge(conn, log, tree, &[((0, 0), vec![0; 32])].into()).unwrap(), 1);
    }
    for channel in [1, 2] {
        assert_eq!(Events::find_checked(conn, channel, RecordKey::Uuid(known), None).unwrap().is_some(), channel == 1);
    }
    assert!(Events::find_checked(conn, 1, RecordKey::Uuid(known), Some(1_000)).unwrap().is_some());
    assert!(ActionLogs::find_checked(conn, 1, RecordKey::Uuid(known), None).unwrap().is_none());
    assert!(Events::find_checked(conn, 1, RecordKey::Position(0), Some(1_000)).unwrap().is_some());
    assert!(ActionLogs::find_checked(conn, 1, RecordKey::Position(0), Some(1_000)).unwrap().is_some());
    drop(Events::at(conn, 1, &[0]).unwrap());
    drop(Events::bytes(conn, 1, &[0]).unwrap());
    drop(ActionLogs::at(conn, 1, &[0]).unwrap());
    drop(ActionLogs::bytes(conn, 1, &[0]).unwrap());
    small.summaries();
    small.reads::<Events>(EventFilter { object_id: Some("1".to_owned()), ..EventFilter::default() });
    small.reads::<ActionLogs>(ActionLogFilter::default());
    small.reads::<ActionLogs>(ActionLogFilter { search: Some("m".to_owned()), ..ActionLogFilter::default() });
    drop(indexer::lags(small.conn(), Stream::Events).unwrap());
    drop(tree::lags(small.conn(), Stream::Events).unwrap());
    for (replaces, size) in [(None, 1), (Some(String::new()), 2)] {
        let (log, note) = ((1, Stream::Events), String::new());
        let new = NewCheckpoint { log, log_name: 1, replaces, size, note };
        dialect::write(small.conn(), |conn| new.put(conn)).unwrap();
    }
    root_log(small.conn());
    drop(sizes_in_database(small.conn(), 1).unwrap());
    postings::drop_index(small.conn(), 1, Stream::Events).unwrap();
    small.take()
}

/// The statements of the root log.
fn root_log(conn: &mut DbConnection) {
    let (log, text) = ((1, Stream::Events), String::new);
    let row = root::Row {
        position: 0,
        log_channel_id: 1,
        log_stream: 1,
        log_name: 1,
        size: 1,
        recorded_at: 0,
        body: text(),
        signatures: text(),
    };
    dialect::write(conn, |conn| {
        dialect::lock_log(conn, ROOT.0, ROOT.1)?;
        root::insert(conn, &row)?;
        root::move_head(conn, 1, 0)
    })
    .unwrap();
    assert_eq!(root::newest_within(conn, log, 1, 1).unwrap(), Some(row.clone()));
    assert_eq!((root::rows_from(conn, 0, 9).unwrap(), root::size(conn).unwrap()), (vec![row], 1));
    for size in 1..3 {
        let new = Cosignature { witness: text(), size, at: 0, note: text(), signature: text() };
        dialect::write(conn, |conn| root::put_cosignature(conn, 1, &new)).unwrap();
    }
    assert_eq!(root::cosignatures_of(conn, 1).unwrap().len(), 1);
}

#[test]
fn every_statement_on_a_log_names_its_channel() {
    let statements = all_statements();
    let mut seen = BTreeSet::new();
    let is_on_tenants = |sql: &str| {
        let words: Vec<&str> = sql.split([' ', '(']).collect();
        let verbs = ["FROM", "INTO", "UPDATE", "COPY"];
        words.windows(2).any(|pair| verbs.contains(&pair[0]) && TENANT_TABLES.contains(&pair[1]))
    };
    for sql in statements.iter().filter(|sql| is_on_tenants(sql) && !OF_ALL_CHANNELS.contains(&sql.as_str())) {
        let verb = sql.split(' ').next().unwrap();
        let names_it = match verb {
            "INSERT" | "COPY" => sql.split_once('(').is_some_and(|(_, columns)| columns.starts_with("channel_id, ")),
            _ => sql.rsplit_once(" WHERE ").is_some_and(|(_, condition)| condition.contains("channel_id = ")),
        };
        assert!(names_it, "no channel: {sql}");
        seen.insert(if sql.ends_with("FOR UPDATE") { "LOCK" } else { verb });
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["COPY", "DELETE", "INSERT", "LOCK", "SELECT", "UPDATE"]);
}

#[test]
fn nothing_rests_on_what_a_cluster_has_not() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let migrations = std::fs::read_dir(folder.join("migrations/postgres")).unwrap();
    let migrations = migrations.map(|entry| std::fs::read_to_string(entry.unwrap().path().join("up.sql")).unwrap());
    for text in all_statements().into_iter().chain(migrations) {
        let code: String = text.lines().map(|line| line.split("--").next().unwrap().to_lowercase() + " ").collect();
        for word in ["sequence", "serial", "nextval", "trigger", "notify", "listen ", "advisory", "xmin", "generated always"] {
            assert!(!code.contains(word), "{word}: {text}");
        }
    }
}

#[test]
fn every_key_of_a_log_begins_with_its_channel() {
    let database = Database::empty();
    Store::open(StoreConfig::new(database.url())).unwrap().close();
    let sql = "SELECT c.relname::text, i.relname::text,
                   (SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = x.indkey[0])
               FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
               WHERE c.relnamespace = current_schema()::regnamespace AND EXISTS
                   (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'channel_id')";
    let rows = database.client().query(sql, &[]).unwrap();
    let tables: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(tables, TENANT_TABLES.iter().map(|table| (*table).to_owned()).collect());
    for row in rows {
        let (index, first): (String, String) = (row.get(1), row.get(2));
        assert_eq!(first, "channel_id", "{index}");
    }
    let others = "SELECT COUNT(*) FROM pg_class c WHERE relnamespace = current_schema()::regnamespace AND relkind = 'S'
                  OR EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT tgisinternal)";
    assert_eq!(database.client().query_one(others, &[]).unwrap().get::<_, i64>(0), 0, "a sequence, or a trigger");
}

/// The statements for PostgreSQL, for the review of a change.
#[test]
fn the_statements_of_postgresql_are_these() {
    let distinct: BTreeSet<String> = all_statements().into_iter().collect();
    insta::assert_snapshot!(distinct.into_iter().collect::<Vec<_>>().join("\n"));
}
