//! What can be wrong with input, named by field, so that every API can say it in its own words.

use crate::json::{JsonError, JsonKind};
use crate::limits;
use crate::unrecognized::Unrecognized;

/// One thing that is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A value that has to be there is not.
    #[error("is required")]
    Required,
    /// No integer, or one beyond 64 bits.
    #[error("must be an integer from -9223372036854775808 to 9223372036854775807, got {0}")]
    NotAnInteger(JsonKind),
    /// No channel id.
    #[error("must be a channel: an integer from 0 to 9223372036854775807")]
    NotAChannel,
    /// No string.
    #[error("must be a string, got {0}")]
    NotAString(JsonKind),
    /// No object.
    #[error("must be an object, got {0}")]
    NotAnObject(JsonKind),
    /// No object id.
    #[error("must be an integer or a string, got {0}")]
    NotAnObjectId(JsonKind),
    /// No user.
    #[error("must be an object, an integer or a string, got {0}")]
    NotAUser(JsonKind),
    /// None of the few values that are known.
    #[error("must be {0}")]
    NotOneOf(&'static str),
    /// No log level.
    #[error("must be a level: an integer from 0 to 50")]
    NotALevel,
    /// No date-time in one of the accepted forms, or one that does not exist.
    #[error("must be a date-time such as 2023-10-16T09:00:00.929094Z, in the years 1 to 9999")]
    NotADateTime,
    /// No UUID.
    #[error("must be a UUID such as 410237f7-2a6f-48de-9c41-b988326d7607")]
    NotAUuid,
    /// The nil UUID: a variable that nobody set, so that all its records would be one.
    #[error("must not be the nil UUID {}: give one that was made for this record, or leave it out", uuid::Uuid::nil())]
    NilUuid,
    /// No name of an application or a model.
    #[error("must be a name of 1 to 100 characters, without dots, control characters, and blanks around it")]
    NotAModelName,
    /// An id that is not the one of the address.
    #[error("must be the one of the path, or left out")]
    NotThePaths,
    /// A member that means nothing here; with the ones that do.
    #[error("is not known; known are {0}")]
    Unknown(&'static str),
    /// Too many characters.
    #[error("must have at most {max} characters, has {chars}")]
    TooLong {
        /// The limit.
        max: usize,
        /// What came.
        chars: usize,
    },
    /// A member that only the server sets.
    #[error("is set by the server and cannot be given")]
    ReadOnly,
    /// The same member twice.
    #[error("is given more than once")]
    Repeated,
    /// Both `extra` and unknown members.
    #[error("is not known, and `extra` is given as well: put it inside `extra`")]
    BesideExtra,
}

/// A [`Fault`] and the field it is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {fault}")]
pub struct FieldError {
    /// The name of the member, as it was sent.
    pub field: String,
    /// What is wrong.
    pub fault: Fault,
}

impl FieldError {
    /// A fault at a field.
    pub fn new(field: impl Into<String>, fault: Fault) -> FieldError {
        FieldError { field: field.into(), fault }
    }

    /// The JSON pointer (RFC 6901) to the field inside its object.
    #[must_use]
    pub fn pointer(&self) -> String {
        format!("/{}", self.field.replace('~', "~0").replace('/', "~1"))
    }
}

/// Why a text is no event (or no action log). All faulty fields are reported at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// No JSON object.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Bigger than [`limits::EVENT_BYTES_MAX`].
    #[error("has {bytes} bytes, more than the {} of one event", limits::EVENT_BYTES_MAX)]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// An object without a single member that a record has: another shape, or misspelt throughout.
    #[error(transparent)]
    Unrecognized(#[from] Unrecognized),
    /// An object with faulty members.
    #[error("{}", join(.0))]
    Fields(Vec<FieldError>),
}

fn join(errors: &[FieldError]) -> String {
    errors.iter().map(FieldError::to_string).collect::<Vec<_>>().join("; ")
}
