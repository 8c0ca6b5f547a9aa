//! Compares both sides of a copy.

use audit_domain::log::leaf_hash;

use super::Log;
use super::log::{Carried, Row, Rows};
use crate::connection::DbConnection;
use crate::error::CopyError;

/// Rows that are compared between two reports of the progress.
const PROGRESS_ROWS: u64 = 1_000;

/// Whether both sides have the same entry at a position, whatever was erased of it.
pub(super) fn is_same_at<T: Carried>(
    source: &mut DbConnection,
    target: &mut DbConnection,
    channel_id: i64,
    position: i64,
) -> Result<bool, CopyError> {
    let at = |conn: &mut DbConnection| T::read(conn, channel_id, position, 1).map(|mut rows| rows.pop());
    let (ours, theirs) = (at(source)?, at(target)?);
    let is_same = |(ours, theirs): (T::Row, T::Row)| {
        ours.position() == position && theirs.position() == position && ours.leaf_hash() == theirs.leaf_hash()
    };
    Ok(ours.zip(theirs).is_some_and(is_same))
}

/// Compares every column of every row, and checks every leaf hash of the destination against the
/// stored values.
pub(super) fn compare<T: Carried>(
    source: &mut DbConnection,
    target: &mut DbConnection,
    log: Log,
    progress: &mut dyn FnMut(u64),
) -> Result<(), CopyError> {
    let (mut ours, mut theirs, mut seen) = (Rows::<T>::new(log, 0), Rows::<T>::new(log, 0), 0);
    while let Some(row) = ours.next(source)? {
        let position = row.position();
        let differs = |what| CopyError::Differs { channel_id: log.channel_id, position, what };
        let copied = theirs.next(target)?.filter(|copied| *copied == row).ok_or(differs("the two sides differ"))?;
        let entry = copied.into_entry()?;
        if leaf_hash(&entry.leaf_data(log.stream)) != entry.leaf_hash {
            return Err(differs("it does not match its leaf hash"));
        }
        seen += 1;
        if seen % PROGRESS_ROWS == 0 {
            progress(PROGRESS_ROWS);
        }
    }
    progress(seen % PROGRESS_ROWS);
    Ok(())
}
