//! Lists in any order, by page or by part.

use audit_domain::{ChannelGrant, Sort};

use crate::error::StoreError;
use crate::query::{self, LogStream, Page, PageNumber};
use crate::store::Store;

/// A list of the matching records. It is sorted by time, newest first, unless [`List::sort`] says
/// otherwise.
#[derive(Debug, Clone)]
#[must_use]
pub struct List<S: LogStream> {
    store: Store,
    channels: ChannelGrant,
    filter: S::Filter,
    sort: Sort<S::SortField>,
}

impl<S: LogStream> List<S> {
    pub(super) fn new(store: Store, channels: ChannelGrant, filter: S::Filter) -> List<S> {
        List { store, channels, filter, sort: Sort::default() }
    }

    /// Sets the order.
    pub fn sort(mut self, sort: Sort<S::SortField>) -> List<S> {
        self.sort = sort;
        self
    }

    /// Reads a page by number, counted from 1, or [`PageNumber::Last`], and the exact count. A size
    /// below 1 counts as 1. A page deep in a long list costs more than the first one; see
    /// [`Log::by_cursor`](crate::Log::by_cursor).
    ///
    /// # Errors
    ///
    /// [`StoreError::PageTooLarge`] if the values of the page have more than 16 MiB. Any other
    /// [`StoreError`] if the database does not answer, or not in time.
    pub fn page(&self, number: impl Into<PageNumber>, size: i64) -> Result<Page<S::Stored>, StoreError> {
        let List { store, channels, filter, sort } = self;
        let part = (number.into(), size);
        store.read_for::<S, _>(filter, |conn| query::list::<S>(conn, store.cache(), channels, filter, sort, part))
    }

    /// Reads a part of the list, without a count: `size` records after the first `skip`.
    ///
    /// # Errors
    ///
    /// As for [`List::page`].
    pub fn slice(&self, skip: i64, size: i64) -> Result<Vec<S::Stored>, StoreError> {
        let List { store, channels, filter, sort } = self;
        store.read_for::<S, _>(filter, |conn| query::slice::<S>(conn, store.cache(), channels, filter, sort, (skip, size)))
    }
}
