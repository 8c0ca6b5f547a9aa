//! Converts errors of the layers below into failures of a request. It also logs what an operator
//! must know.

use std::fmt::Display;

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{ChannelId, InputError, JsonError};
use audit_store::{AppendError, Conflict, NotStored, StoreError};

use super::{Failure, InvalidRecord, RecordPlace, UuidConflict, page_too_large};
use crate::auth::{AuthError, ChannelError, Forbidden};
use crate::blocking::NotRun;
use crate::body::BodyError;
use crate::idempotency::{self, IdempotencyKey, NotAKey};
use crate::not_done::NotDone;

fn unavailable(error: &dyn Display, sentence: &'static str) -> Failure {
    tracing::error!(%error, "unavailable");
    Failure::Unavailable(sentence)
}

fn internal(error: &dyn Display) -> Failure {
    tracing::error!(%error, "internal error");
    Failure::Internal
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Failure {
        Failure::Unauthorized(error.to_string())
    }
}

impl From<Forbidden> for Failure {
    fn from(Forbidden: Forbidden) -> Failure {
        Failure::Forbidden
    }
}

impl From<NotAKey> for Failure {
    fn from(error: NotAKey) -> Failure {
        Failure::InvalidHeader(error.to_string())
    }
}

impl From<ChannelError> for Failure {
    fn from(error: ChannelError) -> Failure {
        error.at(RecordPlace::default())
    }
}

impl ChannelError {
    /// Makes the failure of one record of a body.
    pub(crate) fn at(self, record: RecordPlace) -> Failure {
        match self {
            ChannelError::Required => Failure::ChannelRequired(record),
            ChannelError::NotFound => Failure::ChannelNotFound(record),
        }
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Failure {
        match error {
            BodyError::Busy => Failure::Busy { retry_after_seconds: 1 },
            BodyError::Panicked => NotDone::Panicked.into(),
            error => Failure::Body(error),
        }
    }
}

/// Converts the error of a record that is the whole body.
impl From<InputError> for Failure {
    fn from(error: InputError) -> Failure {
        match error {
            InputError::TooLarge { .. } => Failure::RecordTooLarge(error.to_string()),
            error => Failure::Records(vec![InvalidRecord { place: RecordPlace::default(), error }]),
        }
    }
}

impl From<JsonError> for Failure {
    fn from(error: JsonError) -> Failure {
        InputError::Json(error).into()
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        match error {
            StoreError::Changed { stream, channel_id, position, .. } => {
                tracing::error!(%error, stream = stream.name(), channel_id, position, "an entry was changed in the database");
                Failure::EntryWasChanged(
                    "The entry was changed in the database after it was appended; the server's log says where.",
                )
            }
            StoreError::Pool(_)
            | StoreError::Closed
            | StoreError::WriterPanicked(_)
            | StoreError::Unreachable(_)
            | StoreError::Unconfirmed(_)
            | StoreError::Unusable(_)
            | StoreError::Displaced(_)
            | StoreError::LogLocked { .. }
            | StoreError::Late => unavailable(&error, "The database cannot be used; try again later."),
            StoreError::WentBack(_) => unavailable(
                &error,
                "The log does not extend its newest checkpoint: the server's log says what its operator has to do.",
            ),
            StoreError::QueryTimeout { seconds } => Failure::QueryTimeout { seconds },
            StoreError::Cancelled => Failure::ClientGone,
            StoreError::PageTooLarge { size_that_fits } => page_too_large(size_that_fits),
            StoreError::Random(_) => unavailable(&error, "The operating system has no random bytes; try again later."),
            StoreError::Clock(_) => unavailable(&error, "The clock of the server is wrong; try again later."),
            error => internal(&error),
        }
    }
}

impl From<NotRun> for Failure {
    fn from(error: NotRun) -> Failure {
        match error {
            NotRun::TooMany => Failure::TooManyQueries,
            NotRun::Gone => Failure::ClientGone,
            NotRun::NotDone(error) => error.into(),
        }
    }
}

impl From<NotDone> for Failure {
    fn from(error: NotDone) -> Failure {
        match error {
            NotDone::Stopping => unavailable(&error, "The server is shutting down; try again later."),
            NotDone::Late => Failure::Busy { retry_after_seconds: 1 },
            // `not_done::panicked` has logged the text of the panic.
            NotDone::Panicked => Failure::Internal,
        }
    }
}

/// Converts the error of an append of a single record, which is the whole body.
impl From<AppendError> for Failure {
    fn from(error: AppendError) -> Failure {
        Failure::from_append(error, None, |_| RecordPlace::default())
    }
}

impl Failure {
    /// Makes the failure for a record that was stored and that a read does not find.
    pub(crate) fn lost(channel: ChannelId, uuid: Uuid) -> Failure {
        internal(&format!("the record {uuid} of channel {channel} was stored and is not found"))
    }

    /// Makes the failure of an append. `place` says where a record of the request stands in the
    /// body. The uuids of records without one were made from `key`.
    pub(crate) fn from_append(error: AppendError, key: Option<&IdempotencyKey>, place: impl Fn(usize) -> RecordPlace) -> Failure {
        let error = match error {
            AppendError::NotStored(error) => error,
            AppendError::Unknown(error) => {
                tracing::error!(%error, "unavailable");
                return Failure::StoredIsUnknown { has_key: key.is_some() };
            }
        };
        match error {
            NotStored::Busy { retry_after_seconds } => Failure::Busy { retry_after_seconds },
            NotStored::Conflict(conflicts) => {
                let conflict = |conflict: &Conflict| UuidConflict::new(conflict, place(conflict.index), key);
                let conflicts: Vec<UuidConflict> = conflicts.iter().map(conflict).collect();
                if conflicts.iter().all(|conflict| conflict.of_key && conflict.place.pointer.is_empty()) {
                    return Failure::KeyReused;
                }
                Failure::UuidConflict(conflicts)
            }
            NotStored::TooMany(_) | NotStored::TooLarge { .. } | NotStored::TooManyBytes(_) => Failure::TooLarge(error.to_string()),
            NotStored::Clock(_) => not_stored(&error, "The clock of the server is wrong"),
            NotStored::WentBack(_) => not_stored(&error, "The log went back: the server's log says what its operator has to do"),
            NotStored::Random(_) => not_stored(&error, "The server has no random bytes"),
            _ => not_stored(&error, "The database cannot be written"),
        }
    }
}

impl UuidConflict {
    /// Describes the conflict of a record at a place of the body.
    pub(crate) fn new(conflict: &Conflict, place: RecordPlace, key: Option<&IdempotencyKey>) -> UuidConflict {
        if key.is_some_and(|key| key.uuid(conflict.index) == conflict.uuid) {
            let message = format!("differs from the record that was sent here with this {} before", idempotency::HEADER);
            return UuidConflict { place, of_key: true, message };
        }
        let other = if conflict.within_request { "earlier in this request" } else { "in the log" };
        UuidConflict { place, of_key: false, message: format!("{} belongs to another event {other}", conflict.uuid) }
    }
}

fn not_stored(error: &NotStored, why: &'static str) -> Failure {
    tracing::error!(%error, "unavailable");
    Failure::NotStored(why)
}
