//! Reads one record by its key.

use audit_domain::uuid::Uuid;
use audit_domain::{ChannelGrant, ChannelId};

use crate::error::StoreError;
use crate::query::{self, LogStream, RecordKey};
use crate::store::Store;

/// A read of one record by its key. [`Find::get`] runs it.
#[derive(Debug, Clone)]
#[must_use]
pub struct Find<S> {
    store: Store,
    channels: ChannelGrant,
    key: RecordKey,
    first: Option<ChannelId>,
    bytes_max: Option<usize>,
    stream: std::marker::PhantomData<fn() -> S>,
}

impl<S: LogStream> Find<S> {
    pub(super) fn by_uuid(store: Store, channels: ChannelGrant, uuid: Uuid) -> Find<S> {
        Find::new(store, channels, RecordKey::Uuid(uuid))
    }

    pub(super) fn by_position(store: Store, channel: ChannelId, position: i64) -> Find<S> {
        Find::new(store, channel.into(), RecordKey::Position(position))
    }

    fn new(store: Store, channels: ChannelGrant, key: RecordKey) -> Find<S> {
        Find { store, channels, key, first: None, bytes_max: None, stream: std::marker::PhantomData }
    }

    /// Looks into a channel before the others. A uuid is unique in a channel only, and without this
    /// the lowest channel that has it comes first.
    pub fn first_in(mut self, channel: ChannelId) -> Find<S> {
        self.first = Some(channel);
        self
    }

    /// Finds the record only if its values have at most so many bytes; `None` for any. A small
    /// record is read in less time than handing the work to another thread takes, and a large one
    /// would keep a thread from its other work.
    pub fn bytes_max(mut self, bytes: Option<usize>) -> Find<S> {
        self.bytes_max = bytes;
        self
    }

    /// Reads the record, and compares it with its leaf hash and its filter columns.
    ///
    /// # Errors
    ///
    /// [`StoreError::Changed`] if the record was changed after it was appended. Any other
    /// [`StoreError`] if the database does not answer, or not in time.
    pub fn get(&self) -> Result<Option<S::Stored>, StoreError> {
        let (key, bytes_max) = (self.key, self.bytes_max);
        match &self.channels {
            ChannelGrant::Only(ids) if ids.len() <= 1 => self.store.point_read(|conn| match ids.first() {
                Some(channel) => S::find_checked(conn, channel.get(), key, bytes_max),
                None => Ok(None),
            }),
            several => self.store.read(|conn| query::find_in_several::<S>(conn, several, self.first, key, bytes_max)),
        }
    }
}
