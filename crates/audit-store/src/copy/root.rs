//! Copies the entries of the root log and the cosignatures of witnesses.

use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::dialect;
use crate::error::{CopyError, StoreError};
use crate::log_key::ROOT;
use crate::root::{Row, insert, move_head, rows_from, size};
use crate::schema::cosignatures;

/// Rows of one transaction.
const TOGETHER: i64 = 1_000;

type Cosignature = (i64, String, i64, i64, i64, String, String);

/// Copies the entries before a position, and compares those that are there.
pub(super) fn copy(source: &mut DbConnection, target: &mut DbConnection, end: i64) -> Result<(), CopyError> {
    let there = size(target)?;
    if there > end {
        return Err(CopyError::Unfit { channel_id: ROOT.0, what: "the destination has entries that the source lacks" });
    }
    let mut from = 0;
    while from < end {
        let rows: Vec<Row> = rows_from(source, from, TOGETHER.min(end - from))?;
        let copied = rows_from(target, from, TOGETHER.min((there - from).max(0)))?;
        if rows.is_empty() || !rows.starts_with(&copied) {
            return Err(CopyError::Unfit { channel_id: ROOT.0, what: "the destination has other entries than the source" });
        }
        from += rows.len() as i64;
        let new = &rows[copied.len()..];
        let Some(last) = new.last() else { continue };
        dialect::write(target, |conn| {
            dialect::lock_log(conn, ROOT.0, ROOT.1)?;
            new.iter().try_for_each(|row| insert(conn, row))?;
            move_head(conn, last.position + 1, last.recorded_at)
        })?;
    }
    copy_cosignatures(source, target)
}

/// Copies the cosignatures that the destination lacks.
fn copy_cosignatures(source: &mut DbConnection, target: &mut DbConnection) -> Result<(), CopyError> {
    let of_root = || cosignatures::table.filter(cosignatures::channel_id.eq(ROOT.0));
    let wanted: Vec<Cosignature> = of_root().load(source).map_err(StoreError::from)?;
    let there: Vec<Cosignature> = of_root().load(target).map_err(StoreError::from)?;
    dialect::write(target, |conn| {
        for (_, witness, log_name, size, at, note, signature) in &wanted {
            let newest = (
                cosignatures::size.eq(size),
                cosignatures::cosigned_at.eq(at),
                cosignatures::note.eq(note),
                cosignatures::signature.eq(signature),
            );
            match there.iter().find(|there| (&there.1, there.2) == (witness, *log_name)) {
                Some(there) if there.3 <= *size => {
                    let row = cosignatures::table.find((ROOT.0, witness, log_name));
                    diesel::update(row).set(newest).execute(conn)?
                }
                Some(_) => 0,
                None => {
                    let key = (
                        cosignatures::channel_id.eq(ROOT.0),
                        cosignatures::witness.eq(witness),
                        cosignatures::log_name.eq(log_name),
                    );
                    diesel::insert_into(cosignatures::table).values((key, newest)).execute(conn)?
                }
            };
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(())
}
