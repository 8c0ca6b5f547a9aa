//! The room for values in a page, which the server builds in memory.

use audit_domain::{Entry, limits};
use diesel::QueryResult;

use super::table::{LogPosition, Table};
use super::{at_places, places_of};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::limit;

/// The remaining bytes for values.
#[derive(Debug)]
pub(crate) struct Room {
    bytes_left: usize,
    is_full: bool,
}

impl Room {
    /// The room of a page.
    pub(crate) fn of_page() -> Room {
        Room { bytes_left: limits::PAGE_BYTES_MAX, is_full: false }
    }

    /// Unlimited room, for records that are known to be few.
    pub(crate) fn endless() -> Room {
        Room { bytes_left: usize::MAX, is_full: false }
    }

    /// Takes bytes. Returns `false` if they do not fit, and from then on.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        match self.bytes_left.checked_sub(bytes) {
            Some(left) if !self.is_full => self.bytes_left = left,
            _ => self.is_full = true,
        }
        !self.is_full
    }

    /// Whether something did not fit.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Collects the records of rows as they arrive, up to the first one that does not fit.
    pub(crate) fn collect<Row, R>(&mut self, rows: impl Iterator<Item = QueryResult<Row>>) -> Result<Vec<R>, StoreError>
    where
        R: TryFrom<Row, Error = StoreError> + AsRef<Entry>,
    {
        let mut records = Vec::new();
        for row in rows {
            limit::check()?;
            let record = R::try_from(row?)?;
            if !self.take(record.as_ref().slots.bytes()) {
                break;
            }
            records.push(record);
        }
        Ok(records)
    }
}

/// Reads all records at these places. If they do not fit, it returns an error with the number that
/// would fit, and never has all of them in memory.
pub(crate) fn whole_page<T: Table>(conn: &mut DbConnection, places: &[LogPosition]) -> Result<Vec<T::Stored>, StoreError> {
    let may_be_too_large = places.len() > limits::PAGE_SIZE_THAT_FITS;
    let (mut room, mut sizes) = (Room::of_page(), None);
    // If a result comes whole, it is too late to check its size then.
    if may_be_too_large && !dialect::gives_rows_as_they_come(conn) {
        let found = bytes_at::<T>(conn, places)?;
        room.take(found.iter().sum());
        sizes = Some(found);
    }
    if !room.is_full() {
        let mut room = Room::of_page();
        let records = at_places::<T>(conn, places, &mut room)?;
        if !room.is_full() {
            return Ok(records);
        }
    }
    let sizes = sizes.map_or_else(|| bytes_at::<T>(conn, places), Ok)?;
    Err(StoreError::PageTooLarge { size_that_fits: size_that_fits(sizes) })
}

/// The number of records of these sizes that fit into a page, whichever they are.
fn size_that_fits(mut sizes: Vec<usize>) -> usize {
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let mut room = Room::of_page();
    sizes.into_iter().take_while(|bytes| room.take(*bytes)).count().max(1)
}

/// Reads as many records from the first of these places on as fit into a page.
pub(crate) fn first_that_fit<T: Table>(conn: &mut DbConnection, places: &[LogPosition]) -> Result<Vec<T::Stored>, StoreError> {
    let mut fitting = places.len();
    if fitting > limits::PAGE_SIZE_THAT_FITS {
        let mut room = Room::of_page();
        let sizes = bytes_at::<T>(conn, places)?;
        fitting = sizes.into_iter().take_while(|bytes| room.take(*bytes)).count().max(1);
    }
    at_places::<T>(conn, &places[..fitting], &mut Room::endless())
}

/// Reads the bytes of the values at these places, in this order, without reading the values.
fn bytes_at<T: Table>(conn: &mut DbConnection, places: &[LogPosition]) -> Result<Vec<usize>, StoreError> {
    let mut found = std::collections::HashMap::with_capacity(places.len());
    for (channel_id, positions) in places_of(places) {
        dialect::go_on(conn)?;
        for (position, bytes) in T::bytes(conn, channel_id, &positions)? {
            found.insert((channel_id, position), usize::try_from(bytes).unwrap_or(usize::MAX));
        }
    }
    Ok(places.iter().map(|place| found.get(place).copied().unwrap_or(0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_once_keeps_out_what_comes_after_it() {
        let mut room = Room::of_page();
        assert!(room.take(limits::PAGE_BYTES_MAX - 1) && !room.take(2) && !room.take(0) && room.is_full());
    }

    #[test]
    fn the_size_that_fits_holds_for_the_largest_records() {
        let mib = 1024 * 1024;
        assert_eq!(size_that_fits(vec![mib; 100]), 16);
        assert_eq!(size_that_fits([vec![1; 500], vec![8 * mib, 8 * mib, 2 * mib]].concat()), 2);
        assert_eq!(size_that_fits(vec![17 * mib]), 1);
    }
}
