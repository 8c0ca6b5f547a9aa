//! Walks through the log: pages by cursor, and all records one by one.

use audit_domain::{ChannelGrant, CursorKey, CursorOrder, CursorScope};

use crate::error::StoreError;
use crate::query::{self, CursorPage, LogStream};
use crate::store::Store;

/// Records that an iterator reads at once.
const ITERATED_AT_ONCE: usize = 1_000;

/// A walk through the matching records, oldest first unless its methods say otherwise. It sees each
/// record once, whatever is appended meanwhile.
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

    /// Continues after a record, such as [`CursorPage::next`] names it; `None` for the start.
    pub fn after(mut self, key: Option<CursorKey>) -> CursorQuery<S> {
        self.after = key;
        self
    }

    /// Sets whether [`CursorQuery::page`] counts all matching records too.
    pub fn counted(mut self, counted: bool) -> CursorQuery<S> {
        self.counted = counted;
        self
    }

    /// The filter, the channels and the order of the walk, which make the text of a
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
        let walk = self.clone().counted(false);
        Records { walk: Some(walk), read: Vec::new().into_iter() }
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

/// The records of a walk. It ends after the last record, or after the first error: what was read
/// before an error is not all that matches.
#[derive(Debug)]
pub struct Records<S: LogStream> {
    /// The rest of the walk, unless the last page was read.
    walk: Option<CursorQuery<S>>,
    read: std::vec::IntoIter<S::Stored>,
}

impl<S: LogStream> Iterator for Records<S> {
    type Item = Result<S::Stored, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.read.next() {
                return Some(Ok(record));
            }
            let walk = self.walk.take()?;
            match walk.page(ITERATED_AT_ONCE) {
                Ok(page) => {
                    self.read = page.records.into_iter();
                    self.walk = page.next.map(|next| walk.after(Some(next)));
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<S: LogStream> std::iter::FusedIterator for Records<S> {}
