//! The number of records that are read at once.

use std::ops::Range;

/// Grows as long as the records are small: a record may have a megabyte, and most have a kilobyte.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FetchSize(usize);

impl Default for FetchSize {
    fn default() -> FetchSize {
        FetchSize::FIRST
    }
}

impl FetchSize {
    /// 16 MiB of the largest records.
    pub(crate) const FIRST: FetchSize = FetchSize(16);
    /// 256 MiB of the largest records, if they follow many small ones.
    const RECORDS_MAX: usize = 256;
    /// Bytes of a fetch after which the next one is short.
    const BYTES_MAX: usize = 2 * 1024 * 1024;

    /// The number of records to read.
    pub(crate) fn records(self) -> usize {
        self.0
    }

    /// The next fetch, after one with this many bytes.
    #[must_use]
    pub(crate) fn after(self, bytes: usize) -> FetchSize {
        if bytes < Self::BYTES_MAX { FetchSize((self.0 * 2).min(Self::RECORDS_MAX)) } else { Self::FIRST }
    }
}

/// Reads neighbouring positions, some at a time. `read` returns the number of bytes that it read.
pub(crate) fn in_fetches<E>(positions: Range<i64>, mut read: impl FnMut(Range<i64>) -> Result<usize, E>) -> Result<(), E> {
    let (mut from, mut fetch) = (positions.start, FetchSize::FIRST);
    while from < positions.end {
        let to = positions.end.min(from + fetch.records() as i64);
        fetch = fetch.after(read(from..to)?);
        from = to;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_over_small_records_and_shrinks_after_large_ones() {
        let grown = (0..10).fold(FetchSize::FIRST, |fetch, _| fetch.after(1_000));
        assert_eq!((FetchSize::FIRST.after(0).records(), grown.records()), (32, 256));
        assert_eq!(grown.after(256 * 1024 * 1024).records(), 16);
    }
}
