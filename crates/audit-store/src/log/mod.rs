//! Handles of logs, through which a program appends and reads.
//!
//! A [`Log`] is one of the two streams in a scope: one channel, or several. Reads are written once
//! for all of them. Only the log of one channel can append.

mod append;
mod cursor;
mod erase;
mod find;
mod list;
mod proof;
mod root;
mod tree;

pub use append::Prepared;
pub use cursor::{CursorQuery, Records};
pub use erase::KnownErasures;
pub use find::Find;
pub use list::List;
pub use root::{RootCheckpoint, RootLog};
pub use tree::{LogTree, SignedTree};

use std::marker::PhantomData;

use audit_domain::uuid::Uuid;
use audit_domain::{ChannelGrant, ChannelId, ChannelIdError, Span};

use crate::error::StoreError;
use crate::log_key::LogKey;
use crate::query::{self, ActionLogs, Events, Histogram, LogState, LogStream, Summary};
use crate::store::Store;

impl Store {
    /// The logs of one channel, by its number or as a [`ChannelId`]. A channel needs no creation.
    ///
    /// # Errors
    ///
    /// [`ChannelIdError`]: the number is negative.
    pub fn channel<C>(&self, channel: C) -> Result<Logs, ChannelIdError>
    where
        C: TryInto<ChannelId>,
        ChannelIdError: From<C::Error>,
    {
        Ok(self.channels(channel.try_into()?))
    }

    /// The logs of several channels ([`ChannelGrant`]), for reads that merge them. With a
    /// [`ChannelId`], this is [`Store::channel`] without its error.
    #[must_use]
    pub fn channels<C>(&self, channels: C) -> Logs<C> {
        Logs { store: self.clone(), scope: channels }
    }
}

/// The logs of one channel, or of several.
#[derive(Debug, Clone)]
pub struct Logs<C = ChannelId> {
    store: Store,
    scope: C,
}

impl<C> Logs<C> {
    /// The log of events.
    #[must_use]
    pub fn events(self) -> Log<Events, C> {
        self.log()
    }

    /// The log of action logs.
    #[must_use]
    pub fn action_logs(self) -> Log<ActionLogs, C> {
        self.log()
    }

    /// The log of a stream, for code that is generic over it.
    #[must_use]
    pub fn log<S: LogStream>(self) -> Log<S, C> {
        Log { store: self.store, scope: self.scope, stream: PhantomData }
    }
}

/// The log of a stream in one channel, or the logs of that stream in several. It shares the store,
/// so it can outlive the variable of the store, be cloned and go to another thread.
///
/// Only the log of one channel can append:
///
/// ```compile_fail,E0599
/// use audit_store::Store;
/// use audit_store::domain::{ChannelGrant, NewEvent};
///
/// let store = Store::open("sqlite://audit.db").unwrap();
/// store.channels(ChannelGrant::All).events().append(NewEvent::new());
/// ```
pub struct Log<S, C = ChannelId> {
    store: Store,
    scope: C,
    stream: PhantomData<fn() -> S>,
}

impl<S, C: Clone> Clone for Log<S, C> {
    fn clone(&self) -> Log<S, C> {
        Log { store: self.store.clone(), scope: self.scope.clone(), stream: PhantomData }
    }
}

impl<S: LogStream, C: std::fmt::Debug> std::fmt::Debug for Log<S, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("stream", &S::STREAM).field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// Reads. Each is one snapshot of the database.
///
/// # Errors
///
/// All of them, and those of [`List`], [`CursorQuery`] and [`Find`], fail in the same cases:
/// [`StoreError::Database`], [`StoreError::Unreachable`], [`StoreError::Unusable`] and
/// [`StoreError::Displaced`] if the database does not answer; [`StoreError::Pool`] if no connection
/// became free for ten seconds; [`StoreError::QueryTimeout`] after
/// [`StoreConfig::query_timeout`](crate::StoreConfig::query_timeout); [`StoreError::Cancelled`]
/// after [`Store::cancel`]; [`StoreError::Changed`] if a stored row cannot be what was appended.
impl<S: LogStream, C: Clone + Into<ChannelGrant>> Log<S, C> {
    /// Reads the record with a uuid, and compares it with its leaf hash.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or the record was changed after it was
    /// appended ([`StoreError::Changed`]).
    pub fn get(&self, uuid: Uuid) -> Result<Option<S::Stored>, StoreError> {
        self.find(uuid).get()
    }

    /// Like [`Log::get`], with settings.
    pub fn find(&self, uuid: Uuid) -> Find<S> {
        Find::by_uuid(self.store.clone(), self.channels(), uuid)
    }

    /// A list of the matching records in any order, by page or part.
    pub fn list(&self, filter: S::Filter) -> List<S> {
        List::new(self.store.clone(), self.channels(), filter)
    }

    /// A query by cursor for all matching records, page by page or one by one. A page deep in the log
    /// costs as much as the first one.
    pub fn by_cursor(&self, filter: S::Filter) -> CursorQuery<S> {
        CursorQuery::new(self.store.clone(), &self.channels(), filter)
    }

    /// Counts the matching records.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn count(&self, filter: &S::Filter) -> Result<i64, StoreError> {
        let channels = self.channels();
        self.store.read_for::<S, _>(filter, |conn| query::count_in::<S>(conn, self.store.cache(), &channels, filter))
    }

    /// Counts the matching records by group.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn summary(&self, filter: &S::Filter, by: S::GroupBy) -> Result<Summary, StoreError> {
        let [summary] = self.summaries(filter, [by])?;
        Ok(summary)
    }

    /// Counts the matching records by group, for each of several groupings, from one snapshot.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn summaries<const N: usize>(&self, filter: &S::Filter, by: [S::GroupBy; N]) -> Result<[Summary; N], StoreError> {
        let channels = self.channels();
        self.store.read_for::<S, _>(filter, |conn| query::summaries(conn, self.store.cache(), &channels, filter, by))
    }

    /// Counts the matching records by span of time, split by group.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn histogram(&self, filter: &S::Filter, span: Span, split_by: Option<S::GroupBy>) -> Result<Histogram, StoreError> {
        let channels = self.channels();
        self.store.read_for::<S, _>(filter, |conn| query::histogram(conn, self.store.cache(), &channels, filter, span, split_by))
    }

    /// Reads the sizes of the logs, by channel. A channel without any entry is not among them.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn states(&self) -> Result<Vec<LogState>, StoreError> {
        let channels = self.channels();
        self.store.read(|conn| query::heads(conn, S::STREAM, &channels))
    }

    fn channels(&self) -> ChannelGrant {
        self.scope.clone().into()
    }
}

impl<S: LogStream> Log<S> {
    /// The channel of the log.
    #[must_use]
    pub fn channel_id(&self) -> ChannelId {
        self.scope
    }

    /// The channel and the stream.
    pub(crate) fn key(&self) -> LogKey {
        (self.scope.get(), S::STREAM)
    }

    /// Reads the record at a position, and compares it with its leaf hash.
    pub fn find_at(&self, position: i64) -> Find<S> {
        Find::by_position(self.store.clone(), self.scope, position)
    }
}
