//! Queries by cursor: page by page, and all records one by one.

use audit_domain::{ChannelGrant, CursorKey, CursorOrder, CursorScope};

use crate::error::StoreError;
use crate::query::{self, CursorPage, LogStream};
use crate::store::Store;

/// Records that an iterator reads at once.
const ITERATED_AT_ONCE: usize = 1_000;

/// A query by cursor: the matching records, oldest first unless its methods say otherwise. It
/// returns no record twice, whatever is appended meanwhile.
///
/// In the order of time it does not return a record that is appended with a time before the cursor.
/// A program that continues later from a cursor, and must miss nothing, takes the order
/// [`CursorOrder::Position`] of one channel.
#[derive(Debug, Clone)]
#[must_use]
pub struct CursorQuery<S: LogStream> {
    store: Store,
    scope: CursorScope<S::Filter>,
    after: Option<CursorKey>,
    counted: bool,
}

impl<S: LogStream> CursorQuery<S> {
    pub(super) fn new(store: Store, channels: &ChannelGrant, filter: S::Filter) -> CursorQuery<S> {
        let channels = match channels {
            ChannelGrant::All => None,
            ChannelGrant::Only(ids) => Some(ids.iter().map(|id| id.get()).collect()),
        };
        let scope = CursorScope { order: CursorOrder::Timestamp, descending: false, channels, filter };
        CursorQuery { store, scope, after: None, counted: false }
    }

    /// Sets the order: of time, or of positions (channel by channel).
    pub fn order(mut self, order: CursorOrder) -> CursorQuery<S> {
        self.scope.order = order;
        self
    }

    /// Sets whether the newest records come first.
    pub fn descending(mut self, descending: bool) -> CursorQuery<S> {
        self.scope.descending = descending;
        self
    }

    /// Continues after a record, which [`CursorPage::next`] names. The last page names none.
    pub fn after(mut self, key: CursorKey) -> CursorQuery<S> {
        self.after = Some(key);
        self
    }

    /// Sets whether [`CursorQuery::page`] counts all matching records too.
    pub fn counted(mut self, counted: bool) -> CursorQuery<S> {
        self.counted = counted;
        self
    }

    /// The filter, the channels and the order of the query, which make the text of a
    /// [cursor](CursorScope::cursor) and read it back.
    pub fn scope(&self) -> &CursorScope<S::Filter> {
        &self.scope
    }

    /// Reads the next records: at most `size` of them, at least one if there is one. A page of many
    /// megabytes may have fewer and still not be the last one.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn page(&self, size: usize) -> Result<CursorPage<S::Stored>, StoreError> {
        let CursorQuery { store, scope, after, counted } = self;
        let page = query::CursorRead { scope, after: *after, size, counted: *counted };
        store.read_for::<S, _>(&scope.filter, |conn| query::page_by_cursor::<S>(conn, store.cache(), &page))
    }

    /// Reads all matching records, some at once, one after the other.
    #[must_use]
    pub fn iter(&self) -> Records<S> {
        let query = self.clone().counted(false);
        Records { query: Some(query), read: Vec::new().into_iter() }
    }
}

impl<S: LogStream> IntoIterator for CursorQuery<S> {
    type Item = Result<S::Stored, StoreError>;
    type IntoIter = Records<S>;

    fn into_iter(self) -> Records<S> {
        self.iter()
    }
}

impl<S: LogStream> IntoIterator for &CursorQuery<S> {
    type Item = Result<S::Stored, StoreError>;
    type IntoIter = Records<S>;

    fn into_iter(self) -> Records<S> {
        self.iter()
    }
}

/// The records of a query, one by one. It ends after the last record, or after the first error: what was read
/// before an error is not all that matches.
#[derive(Debug)]
pub struct Records<S: LogStream> {
    /// The query of the next page, unless the last page was read.
    query: Option<CursorQuery<S>>,
    read: std::vec::IntoIter<S::Stored>,
}

impl<S: LogStream> Iterator for Records<S> {
    type Item = Result<S::Stored, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.read.next() {
                return Some(Ok(record));
            }
            let query = self.query.take()?;
            match query.page(ITERATED_AT_ONCE) {
                Ok(page) => {
                    self.read = page.records.into_iter();
                    self.query = page.next.map(|next| query.after(next));
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<S: LogStream> std::iter::FusedIterator for Records<S> {}
