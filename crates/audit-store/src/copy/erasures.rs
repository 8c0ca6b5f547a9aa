//! Carries erasures: their rows, and what they erased of entries that the destination had before.

use audit_domain::ErasureRecord;
use audit_domain::log::leaf_hash;
use diesel::prelude::*;

use super::Log;
use super::log::{Carried, Row};
use crate::connection::DbConnection;
use crate::dialect;
use crate::erasure;
use crate::error::{CopyError, StoreError};
use crate::log_key::LogKey;
use crate::postings::drop_index;
use crate::row::ErasureRow;
use crate::schema::erasures;

/// Rows that are compared at once.
const AT_ONCE: usize = 64;

/// The erasures of a database: while they change, a copy is of no one moment.
pub(super) fn all(conn: &mut DbConnection) -> Result<Vec<ErasureRow>, CopyError> {
    let key = (erasures::channel_id, erasures::stream, erasures::position);
    Ok(erasures::table.order(key).select(ErasureRow::as_select()).load(conn).map_err(StoreError::from)?)
}

/// Copies the erasures of a log whose entries are in the destination. Of the entries that it had before,
/// those that differ lose what the source erased meanwhile.
pub(super) fn carry<T: Carried>(source: &mut DbConnection, target: &mut DbConnection, log: Log) -> Result<(), CopyError> {
    let key: LogKey = (log.channel_id, log.stream);
    let wanted = erasure::rows(source, key)?.into_iter().filter(|row| row.position < log.size);
    let there = erasure::rows(target, key)?;
    for row in wanted.filter(|row| !there.contains(row)) {
        let known = there.iter().find(|known| known.position == row.position);
        // The destination has erased more than the source had at that time.
        if known.is_some_and(|known| known.erased_to >= row.erased_to && (known.finished_at.is_some() || row.finished_at.is_none()))
        {
            continue;
        }
        // Whatever follows, the index is built again without the values.
        drop_index(target, log.channel_id, log.stream)?;
        if known.is_none() {
            // It comes first: a server erases only what a row names.
            let begun = ErasureRow { erased_to: row.first, finished_at: None, ..row.clone() };
            dialect::write(target, |conn| Ok::<_, StoreError>(diesel::insert_into(erasures::table).values(&begun).execute(conn)?))?;
        }
        let (record, _) = erasure::record::<T>(source, &row)?;
        erase_as_there::<T>(source, target, log, &row, &record)?;
        if !dialect::empty_wal(target, super::WAL_PATIENCE).map_err(StoreError::from)? {
            return Err(CopyError::Unfit { channel_id: log.channel_id, what: "another program reads the destination" });
        }
        let finished_at = known.and_then(|known| known.finished_at).or(row.finished_at);
        dialect::write(target, |conn| {
            let of_row = erasures::table.find((row.channel_id, row.stream, row.position));
            let progress = (erasures::erased_to.eq(row.erased_to), erasures::finished_at.eq(finished_at));
            Ok::<_, StoreError>(diesel::update(of_row).set(progress).execute(conn)?)
        })?;
    }
    Ok(())
}

/// Erases in the destination what the source has erased of the entries of a row, and nothing else: a slot goes
/// only if it is erased there, under the same commitment, and the record names it.
fn erase_as_there<T: Carried>(
    source: &mut DbConnection,
    target: &mut DbConnection,
    log: Log,
    row: &ErasureRow,
    record: &ErasureRecord,
) -> Result<(), CopyError> {
    for (first, last) in &record.positions {
        let (mut from, end) = (*first, (*last + 1).min(row.erased_to));
        while from < end {
            let count = AT_ONCE.min((end - from) as usize);
            let (ours, theirs) = (T::read(source, log.channel_id, from, count)?, T::read(target, log.channel_id, from, count)?);
            for (ours, theirs) in ours.into_iter().zip(theirs).filter(|(ours, theirs)| ours != theirs) {
                erase_entry(target, log, record, ours.into_entry()?, theirs.into_entry()?)?;
            }
            from += count as i64;
        }
    }
    Ok(())
}

fn erase_entry(
    target: &mut DbConnection,
    log: Log,
    record: &ErasureRecord,
    ours: audit_domain::Entry,
    mut theirs: audit_domain::Entry,
) -> Result<(), CopyError> {
    let position = theirs.position;
    // The comparison says what is wrong with it.
    if ours.leaf_hash != theirs.leaf_hash || leaf_hash(&ours.leaf_data(log.stream)) != ours.leaf_hash {
        return Ok(());
    }
    let is_erased = |number: &u8| ours.slots.get(*number).is_some_and(|slot| slot.is_erased());
    let slots: Vec<u8> = record.slots.iter().copied().filter(is_erased).filter(|number| record.covers(position, *number)).collect();
    if theirs.slots.erase(&slots) {
        let erased = [(position, theirs.slots.encode_openings())];
        let key: LogKey = (log.channel_id, log.stream);
        dialect::write(target, |conn| Ok::<_, StoreError>(dialect::erase(conn, key, &erased, &slots)?))?;
    }
    Ok(())
}
