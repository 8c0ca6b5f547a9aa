//! Ways to get rows into PostgreSQL: the same rows, schema and durability, through another client than the store's.

use std::time::Instant;

use audit_store::Prepared;
use audit_store::domain::{FilterColumns, JsonText, Timestamp, slot};
use audit_store::{Store, StoreConfig};
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::types::{ToSql, Type};
use postgres::{Statement, Transaction};

use crate::postgres_server::Database;
use crate::{Options, median};

/// How rows are sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// COPY in its binary form.
    Copy,
    /// One statement with an array for each column.
    Unnest,
    /// One statement with as many rows of VALUES as it may have bound values.
    Values,
    /// One prepared statement a row.
    Rows,
}

const FORMS: [(Form, &str); 4] =
    [(Form::Copy, "COPY"), (Form::Unnest, "unnest"), (Form::Values, "rows of VALUES"), (Form::Rows, "one row a statement")];

const COLUMNS: [(&str, Type); 35] = [
    ("channel_id", Type::INT8),
    ("position", Type::INT8),
    ("uuid", Type::BYTEA),
    ("timestamp", Type::INT8),
    ("recorded_at", Type::INT8),
    ("producer_id", Type::INT8),
    ("content_type", Type::INT8),
    ("object_num", Type::INT8),
    ("user_num", Type::INT8),
    ("action", Type::TEXT),
    ("table_name", Type::TEXT),
    ("object_id", Type::TEXT),
    ("user_id", Type::TEXT),
    ("user_name", Type::TEXT),
    ("user_email", Type::TEXT),
    ("remote_addr", Type::TEXT),
    ("url", Type::TEXT),
    ("outcome", Type::TEXT),
    ("correlation_id", Type::TEXT),
    ("source", Type::TEXT),
    ("impersonator_id", Type::TEXT),
    ("seals", Type::BYTEA),
    ("leaf_hash", Type::BYTEA),
    ("subject_json", Type::TEXT),
    ("user_json", Type::TEXT),
    ("remote_addr_json", Type::TEXT),
    ("url_json", Type::TEXT),
    ("query_params", Type::TEXT),
    ("post_data", Type::TEXT),
    ("headers", Type::TEXT),
    ("content", Type::TEXT),
    ("description_json", Type::TEXT),
    ("extra", Type::TEXT),
    ("impersonator_json", Type::TEXT),
    ("masked", Type::TEXT),
];

/// A row, its values by their kind in the order of their columns.
struct Row {
    numbers: Vec<Option<i64>>,
    texts: Vec<Option<String>>,
    blobs: Vec<Vec<u8>>,
}

impl Row {
    fn new(event: &Prepared, position: i64, recorded_at: Timestamp) -> Option<Row> {
        let FilterColumns::Event(keys) = event.entry().filter_columns() else { return None };
        let slot = |number| event.entry().slots().value(number).map(|value: &JsonText| value.as_str().to_owned());
        let place = [event.channel_id().get(), position, event.entry().timestamp().micros(), recorded_at.micros(), 0].map(Some);
        let texts = [
            &keys.action,
            &keys.table_name,
            &keys.object_id,
            &keys.user_id,
            &keys.user_name,
            &keys.user_email,
            &keys.remote_addr,
            &keys.url,
            &keys.outcome,
            &keys.correlation_id,
            &keys.source,
            &keys.impersonator_id,
        ];
        Some(Row {
            numbers: place.into_iter().chain([keys.content_type, keys.object_num, keys.user_num]).collect(),
            texts: texts.into_iter().cloned().chain((slot::SUBJECT..=slot::MASKED).map(slot)).collect(),
            blobs: vec![
                event.uuid().as_bytes().to_vec(),
                event.entry().slots().encode_openings(),
                event.entry().leaf_hash(0, recorded_at).0.to_vec(),
            ],
        })
    }

    /// The value of each column.
    fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        let (mut numbers, mut texts, mut blobs) = (self.numbers.iter(), self.texts.iter(), self.blobs.iter());
        let value = |kind: &Type| -> Option<&(dyn ToSql + Sync)> {
            match *kind {
                Type::INT8 => numbers.next().map(|value| value as _),
                Type::TEXT => texts.next().map(|value| value as _),
                _ => blobs.next().map(|value| value as _),
            }
        };
        COLUMNS.iter().map(|(_, kind)| kind).filter_map(value).collect()
    }
}

/// The values of each column, of all rows.
fn arrays(rows: &[Row]) -> Vec<Box<dyn ToSql + Sync>> {
    let mut at = [0, 0, 0];
    let mut next = |kind: usize| {
        at[kind] += 1;
        at[kind] - 1
    };
    let array = |(_, kind): &(&str, Type)| -> Box<dyn ToSql + Sync> {
        match *kind {
            Type::INT8 => Box::new({
                let at = next(0);
                rows.iter().map(|row| row.numbers[at]).collect::<Vec<_>>()
            }),
            Type::TEXT => Box::new({
                let at = next(1);
                rows.iter().map(|row| row.texts[at].clone()).collect::<Vec<_>>()
            }),
            _ => Box::new({
                let at = next(2);
                rows.iter().map(|row| row.blobs[at].clone()).collect::<Vec<_>>()
            }),
        }
    };
    COLUMNS.iter().map(array).collect()
}

fn names() -> String {
    COLUMNS.map(|(name, _)| name).join(", ")
}

fn insert_values(rows: usize) -> String {
    let one = |row: usize| {
        let binds: Vec<String> = (1..=COLUMNS.len()).map(|column| format!("${}", row * COLUMNS.len() + column)).collect();
        format!("({})", binds.join(", "))
    };
    format!("INSERT INTO events ({}) VALUES {}", names(), (0..rows).map(one).collect::<Vec<_>>().join(", "))
}

fn insert_unnest() -> String {
    let arrays = COLUMNS.iter().enumerate().map(|(at, (_, kind))| format!("${}::{}[]", at + 1, kind.name()));
    format!("INSERT INTO events ({}) SELECT * FROM unnest({})", names(), arrays.collect::<Vec<_>>().join(", "))
}

/// Rows of a statement, which may have 65,535 bound values.
const VALUES_ROWS_MAX: usize = 65_535 / COLUMNS.len();

fn send(form: Form, transaction: &mut Transaction<'_>, prepared: &Statement, rows: &[Row]) -> anyhow::Result<()> {
    match form {
        Form::Copy => {
            let sink = transaction.copy_in(&format!("COPY events ({}) FROM STDIN BINARY", names()))?;
            let mut writer = BinaryCopyInWriter::new(sink, &COLUMNS.map(|(_, kind)| kind));
            for row in rows {
                writer.write(&row.values())?;
            }
            writer.finish()?;
        }
        Form::Unnest => {
            let arrays = arrays(rows);
            transaction.execute(prepared, &arrays.iter().map(AsRef::as_ref).collect::<Vec<_>>())?;
        }
        Form::Values => {
            for chunk in rows.chunks(VALUES_ROWS_MAX) {
                let flat: Vec<&(dyn ToSql + Sync)> = chunk.iter().flat_map(Row::values).collect();
                transaction.execute(&insert_values(chunk.len()), &flat)?;
            }
        }
        Form::Rows => {
            for row in rows {
                transaction.execute(prepared, &row.values())?;
            }
        }
    }
    Ok(())
}

/// Seconds to insert all events, so many in a transaction.
pub(crate) fn insert(form: Form, events: &[Prepared], per_commit: usize) -> anyhow::Result<f64> {
    let database = Database::empty();
    Store::open(StoreConfig::new(database.url()))?.close();
    let (mut client, recorded_at) = (database.client(), Timestamp::now()?);
    let rows: Vec<Row> = (0..).zip(events).filter_map(|(at, event)| Row::new(event, at, recorded_at)).collect();
    let prepared = client.prepare(&if form == Form::Unnest { insert_unnest() } else { insert_values(1) })?;
    let start = Instant::now();
    for rows in rows.chunks(per_commit) {
        let mut transaction = client.transaction()?;
        send(form, &mut transaction, &prepared, rows)?;
        transaction.commit()?;
    }
    Ok(start.elapsed().as_secs_f64())
}

/// Rows of a transaction, and how many are sent in all.
const CASES: [(usize, usize); 4] = [(1, 1_000), (10, 4_000), (100, usize::MAX), (1_000, usize::MAX)];

pub(crate) fn run(options: &Options, events: &[Prepared]) -> anyhow::Result<()> {
    println!("rows/s by rows of a transaction; beside it, the ratio to COPY of the same round");
    for (per_commit, count) in CASES {
        let events = &events[..count.min(events.len())];
        let mut rates: Vec<Vec<f64>> = vec![Vec::new(); FORMS.len()];
        for _ in 0..options.rounds {
            for (at, (form, _)) in FORMS.iter().enumerate() {
                rates[at].push(events.len() as f64 / insert(*form, events, per_commit)?);
            }
        }
        let (copy, ..) = median(rates[0].clone());
        for ((_, name), rates) in FORMS.iter().zip(rates) {
            let (rate, low, high) = median(rates);
            println!("{per_commit:6} {name:20} {rate:10.0} {:7.2}   {low:.0}-{high:.0}", rate / copy);
        }
    }
    Ok(())
}
