//! Appends to the log of one channel.

use audit_domain::uuid::Uuid;
use audit_domain::{ChannelId, MaskingPolicy, PreparedEntry};

use super::Log;
use crate::append::{AppendError, AppendRequest, NotStored, PendingReceipts, Receipt, Unknown};
use crate::error::StoreError;
use crate::query::LogStream;

/// A record that a store has made ready for its log: filled in, also from the registry of object
/// types, salted and hashed. Only [`Log::prepare`] makes it, so no record can be appended without
/// the registry.
///
/// A copy has the same uuid: it can be appended again, and is stored once.
///
/// What audit-domain prepares alone is not one:
///
/// ```compile_fail,E0271
/// use audit_store::AppendRequest;
/// use audit_store::domain::{ChannelId, NewEvent};
///
/// let entry = NewEvent::new().prepare(ChannelId::DEFAULT).unwrap();
/// AppendRequest::new([entry]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared(PreparedEntry);

impl Prepared {
    /// The uuid, given or drawn.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.0.uuid()
    }

    /// The channel of the log.
    #[must_use]
    pub fn channel_id(&self) -> ChannelId {
        self.0.channel_id()
    }

    /// The bytes of the values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.slots().bytes()
    }

    /// The approximate memory in bytes until the commit.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }

    /// The entry that the log will have.
    #[must_use]
    pub fn entry(&self) -> &PreparedEntry {
        &self.0
    }
}

impl AppendRequest {
    /// Makes a request of a program on this machine, which has no token.
    #[must_use]
    pub fn new(records: impl IntoIterator<Item = Prepared>) -> AppendRequest {
        AppendRequest::of_entries(records.into_iter().map(|prepared| prepared.0).collect())
    }
}

impl<S: LogStream> Log<S> {
    /// Appends a record, and waits until it is on disk.
    ///
    /// # Errors
    ///
    /// [`AppendError::NotStored`]: the log has not stored the record and never will. The record is
    /// too large, has the nil uuid or a uuid that belongs to another record, the operating system
    /// has no random bytes or a wrong clock, the store is closed, or the database refused it.
    ///
    /// [`AppendError::Unknown`]: the confirmation of the commit is missing. Append the same record
    /// again, which needs a uuid ([`NewEvent::uuid`](audit_domain::NewEvent::uuid)) or a copy of
    /// what [`Log::prepare`] returns.
    pub fn append(&self, new: S::New) -> Result<Receipt, AppendError> {
        self.append_all([new])?.pop().ok_or(Unknown::WriterEnded.into())
    }

    /// Appends records in one transaction, all or none, and waits until they are on disk. The
    /// receipts are in the order of the records. At most
    /// [`EVENTS_PER_REQUEST_MAX`](audit_domain::limits::EVENTS_PER_REQUEST_MAX) of them are one
    /// request.
    ///
    /// # Errors
    ///
    /// As for [`Log::append`], and [`NotStored::TooMany`] or [`NotStored::TooManyBytes`] if they
    /// are too many for one request.
    pub fn append_all(&self, new: impl IntoIterator<Item = S::New>) -> Result<Vec<Receipt>, AppendError> {
        self.queue(new)?.wait()
    }

    /// Like [`Log::append_all`], but returns as soon as the request is queued. A batch job keeps a
    /// few requests in flight by holding several [`PendingReceipts`].
    ///
    /// # Errors
    ///
    /// [`NotStored`], in the cases of [`Log::append_all`] that are known before the commit. Waiting
    /// for the receipts returns the others.
    pub fn queue(&self, new: impl IntoIterator<Item = S::New>) -> Result<PendingReceipts, NotStored> {
        let prepared: Result<Vec<Prepared>, StoreError> = new.into_iter().map(|new| self.prepare(new)).collect();
        self.store.append(AppendRequest::new(prepared.map_err(not_prepared)?))
    }

    /// Prepares a record for the log: everything of an append that needs no lock. It fills in the
    /// number or the name of the content type from the registry, masks secrets, draws the uuid and the salts, and
    /// hashes. The record goes to the channel of this log, whatever it says.
    ///
    /// [`Store::append`](crate::Store::append) and
    /// [`Store::try_append`](crate::Store::try_append) take the result.
    ///
    /// # Errors
    ///
    /// [`StoreError::NilUuid`] if the uuid is nil, [`StoreError::Clock`] if the clock cannot be
    /// right, [`StoreError::Random`] if the operating system has no random bytes. Any other
    /// [`StoreError`] if the registry cannot be read.
    pub fn prepare(&self, new: S::New) -> Result<Prepared, StoreError> {
        self.prepare_with(new, self.store.masking())
    }

    /// The same, under a policy of masking.
    pub(super) fn prepare_with(&self, new: S::New, masking: &MaskingPolicy) -> Result<Prepared, StoreError> {
        let types = || self.store.object_types();
        Ok(Prepared(S::prepare(new, self.scope, &types, masking, self.store.clock())?))
    }
}

fn not_prepared(error: StoreError) -> NotStored {
    match error {
        StoreError::Clock(error) => NotStored::Clock(error),
        StoreError::Random(error) => NotStored::Random(error),
        StoreError::NilUuid => NotStored::NilUuid,
        error => NotStored::Database(error.to_string()),
    }
}
