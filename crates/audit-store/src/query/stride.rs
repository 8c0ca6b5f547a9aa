//! How many records are read at once.

use std::ops::Range;

/// More and more of them, as long as they are small: a record may have a megabyte, and most have a kilobyte.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FetchSize(usize);

impl Default for FetchSize {
    fn default() -> FetchSize {
        FetchSize::FIRST
    }
}

impl FetchSize {
    /// Of the largest records, 16 MiB.
    pub(crate) const FIRST: FetchSize = FetchSize(16);
    /// Of the largest records, where they come behind many small ones, 256 MiB.
    const RECORDS_MAX: usize = 256;
    /// Bytes of one stride after which the next is a short one.
    const BYTES_MAX: usize = 2 * 1024 * 1024;

    /// The records to read.
    pub(crate) fn records(self) -> usize {
        self.0
    }

    /// The next one, after one of so many bytes.
    #[must_use]
    pub(crate) fn after(self, bytes: usize) -> FetchSize {
        if bytes < Self::BYTES_MAX { FetchSize((self.0 * 2).min(Self::RECORDS_MAX)) } else { Self::FIRST }
    }
}

/// Reads what is at neighbouring positions, which tells how many bytes that were.
pub(crate) fn in_fetches<E>(positions: Range<i64>, mut read: impl FnMut(Range<i64>) -> Result<usize, E>) -> Result<(), E> {
    let (mut from, mut stride) = (positions.start, FetchSize::FIRST);
    while from < positions.end {
        let to = positions.end.min(from + stride.records() as i64);
        stride = stride.after(read(from..to)?);
        from = to;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_over_small_records_up_to_its_bound_and_is_short_again_behind_large_ones() {
        let grown = (0..10).fold(FetchSize::FIRST, |stride, _| stride.after(1_000));
        assert_eq!((FetchSize::FIRST.after(0).records(), grown.records()), (32, 256));
        assert_eq!(grown.after(256 * 1024 * 1024).records(), 16);
    }
}
