//! Raw prepared inserts: the same rows, schema and durability, and nothing else.

use std::path::Path;
use std::time::Instant;

use audit_store::Prepared;
use audit_store::domain::{FilterColumns, JsonText, Timestamp, slot};
use audit_store::{Store, StoreConfig};
use rusqlite::{Connection, TransactionBehavior, params};
use tempfile::TempDir;

use crate::postgres_server::Database;

/// Where a database of a measurement is, which goes away with it.
pub(crate) enum BenchDatabase {
    File(TempDir),
    Server(Database),
}

/// A fresh database with the schema of the store.
pub(crate) fn scratch(directory: &Path, postgres: bool) -> anyhow::Result<(BenchDatabase, Store)> {
    let place =
        if postgres { BenchDatabase::Server(Database::empty()) } else { BenchDatabase::File(tempfile::tempdir_in(directory)?) };
    let url = match &place {
        BenchDatabase::File(dir) => format!("sqlite://{}/audit.db", dir.path().display()),
        BenchDatabase::Server(database) => database.url(),
    };
    let store = Store::open(StoreConfig::new(url))?;
    Ok((place, store))
}

const INSERT: &str = "INSERT INTO events VALUES
    (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Seconds to insert all events, so many in a transaction, after `alter` has changed the schema.
pub(crate) fn insert(directory: &Path, events: &[Prepared], per_commit: usize, alter: &str) -> anyhow::Result<f64> {
    let (place, store) = scratch(directory, false)?;
    let BenchDatabase::File(dir) = &place else { anyhow::bail!("a file") };
    drop(store);
    let mut conn = Connection::open(dir.path().join("audit.db"))?;
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA recursive_triggers = ON;
         PRAGMA trusted_schema = OFF; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY",
    )?;
    conn.execute_batch(alter)?;
    let recorded_at = Timestamp::now()?;
    // What the store works out before its lock, and the hash it makes under it: here, all of it beforehand.
    let hashes: Vec<_> =
        events.iter().map(|event| (event.entry().slots().encode_openings(), event.entry().leaf_hash(0, recorded_at))).collect();
    let mut position = 0i64;
    let start = Instant::now();
    for (events, hashes) in events.chunks(per_commit).zip(hashes.chunks(per_commit)) {
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut statement = transaction.prepare_cached(INSERT)?;
        for (event, (seals, leaf_hash)) in events.iter().zip(hashes) {
            let FilterColumns::Event(keys) = event.entry().filter_columns() else { continue };
            let value = |number| event.entry().slots().value(number).map(JsonText::as_str);
            statement.execute(params![
                event.channel_id().get(),
                position,
                event.uuid().as_bytes(),
                event.entry().timestamp().micros(),
                recorded_at.micros(),
                0,
                keys.content_type,
                keys.object_num,
                keys.user_num,
                keys.action,
                keys.table_name,
                keys.object_id,
                keys.user_id,
                keys.user_name,
                keys.user_email,
                keys.remote_addr,
                keys.url,
                keys.outcome,
                keys.correlation_id,
                keys.source,
                keys.impersonator_id,
                seals,
                leaf_hash.0,
                value(slot::SUBJECT),
                value(slot::USER),
                value(slot::REMOTE_ADDR),
                value(slot::URL),
                value(slot::QUERY_PARAMS),
                value(slot::POST_DATA),
                value(slot::HEADERS),
                value(slot::CONTENT),
                value(slot::DESCRIPTION),
                value(slot::EXTRA),
                value(slot::IMPERSONATOR),
                value(slot::MASKED),
            ])?;
            position += 1;
        }
        drop(statement);
        transaction.commit()?;
    }
    Ok(start.elapsed().as_secs_f64())
}
