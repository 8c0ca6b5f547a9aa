//! Carries erasures: their rows, and what they erased of entries that the destination had before.

use audit_domain::ErasureRecord;
use diesel::prelude::*;

use super::Log;
use super::log::{Carried, Row};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::{CopyError, StoreError};
use crate::log_key::LogKey;
use crate::postings::drop_index;
use crate::row::ErasureRow;
use crate::schema::erasures;

/// Rows that are compared at once.
const AT_ONCE: usize = 64;

/// Copies the erasures of a log whose entries are in the destination. Of the entries that it had before,
/// those that differ lose what the source erased meanwhile.
pub(super) fn carry<T: Carried>(source: &mut DbConnection, target: &mut DbConnection, log: Log) -> Result<(), CopyError> {
    let rows = |conn: &mut DbConnection| -> Result<Vec<ErasureRow>, StoreError> {
        let of_log = erasures::channel_id.eq(log.channel_id).and(erasures::stream.eq(log.stream.number()));
        let copied = erasures::table.filter(of_log.and(erasures::position.lt(log.size)));
        Ok(copied.order(erasures::position).select(ErasureRow::as_select()).load(conn)?)
    };
    let (wanted, there) = (rows(source)?, rows(target)?);
    for row in wanted.iter().filter(|row| !there.contains(row)) {
        let erased = erase_as_there::<T>(source, target, log, row)?;
        let is_known = there.iter().any(|known| known.position == row.position);
        if erased {
            drop_index(target, log.channel_id, log.stream)?;
        }
        dialect::write(target, |conn| {
            let progress = (erasures::erased_to.eq(row.erased_to), erasures::finished_at.eq(row.finished_at));
            match is_known {
                true => {
                    diesel::update(erasures::table.find((row.channel_id, row.stream, row.position))).set(progress).execute(conn)?
                }
                false => diesel::insert_into(erasures::table).values(row).execute(conn)?,
            };
            Ok::<_, StoreError>(())
        })?;
    }
    Ok(())
}

/// Erases in the destination what the source has erased of the entries of a row. Returns whether there was
/// something.
fn erase_as_there<T: Carried>(
    source: &mut DbConnection,
    target: &mut DbConnection,
    log: Log,
    row: &ErasureRow,
) -> Result<bool, CopyError> {
    let key: LogKey = (log.channel_id, log.stream);
    let unfit = |what| CopyError::Unfit { channel_id: log.channel_id, what };
    let says = T::read(source, log.channel_id, row.position, 1)?.pop().filter(|says| says.position() == row.position);
    let says = says.ok_or_else(|| unfit("an entry that an erasure names is missing in the source"))?.into_entry()?;
    let record = ErasureRecord::read(log.stream, &says).map_err(|_| unfit("an entry of the source does not say what is erased"))?;
    let mut has_erased = false;
    for (first, last) in &record.positions {
        let (mut from, end) = (*first, (*last + 1).min(row.erased_to));
        while from < end {
            let count = AT_ONCE.min((end - from) as usize);
            let (ours, theirs) = (T::read(source, key.0, from, count)?, T::read(target, key.0, from, count)?);
            let mut erased = Vec::new();
            for (_, theirs) in ours.iter().zip(theirs).filter(|(ours, theirs)| *ours != theirs) {
                let mut entry = theirs.into_entry()?;
                if entry.slots.erase(&record.slots) {
                    erased.push((entry.position, entry.slots.encode_openings()));
                }
            }
            has_erased |= !erased.is_empty();
            dialect::write(target, |conn| Ok::<_, StoreError>(dialect::erase(conn, key, &erased, &record.slots)?))?;
            from += count as i64;
        }
    }
    Ok(has_erased)
}
