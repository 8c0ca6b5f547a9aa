//! Faults of input, by field, so that each API can report them in its own words.

use crate::json::{JsonError, JsonKind};
use crate::limits;
use crate::unrecognized::Unrecognized;

/// One fault of one field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A required value is missing.
    #[error("is required")]
    Required,
    /// The value is not an integer, or does not fit into 64 bits.
    #[error("must be an integer from -9223372036854775808 to 9223372036854775807, got {0}")]
    NotAnInteger(JsonKind),
    /// The value is not a channel id.
    #[error("must be a channel: an integer from 0 to 9223372036854775807")]
    NotAChannel,
    /// The value is not a string.
    #[error("must be a string, got {0}")]
    NotAString(JsonKind),
    /// The value is not an object.
    #[error("must be an object, got {0}")]
    NotAnObject(JsonKind),
    /// The value is not an object id.
    #[error("must be an integer or a string, got {0}")]
    NotAnObjectId(JsonKind),
    /// The value is not a user.
    #[error("must be an object, an integer or a string, got {0}")]
    NotAUser(JsonKind),
    /// The value is not one of the few that are accepted.
    #[error("must be {0}")]
    NotOneOf(&'static str),
    /// The value is not a log level.
    #[error("must be a level: an integer from 0 to {}, or a name such as info", limits::LEVEL_SENT_MAX)]
    NotALevel,
    /// The value is not a date-time in one of the accepted forms, or the date-time does not exist.
    #[error("must be a date-time such as 2023-10-16T09:00:00.929094Z, in the years 1 to 9999")]
    NotADateTime,
    /// The date-time is outside of the years of a [`crate::Timestamp`].
    #[error("must be in the years 1 to 9999, in UTC")]
    OutOfYears,
    /// A number that could be seconds or milliseconds since 1970, or neither.
    #[error(
        "is a number without a clear unit: seconds since 1970 have 9 or 10 digits before the point and milliseconds have 12 or 13; \
         send one of these, or a date-time such as 2023-10-16T09:00:00.929094Z"
    )]
    UnclearEpoch,
    /// The value is not a UUID.
    #[error("must be a UUID such as 410237f7-2a6f-48de-9c41-b988326d7607")]
    NotAUuid,
    /// The nil UUID: the value of a variable that the client never set. All such records would be
    /// one.
    #[error("must not be the nil UUID {}: give one that was made for this record, or leave it out", uuid::Uuid::nil())]
    NilUuid,
    /// The value is not the name of an application or a model.
    #[error("must be a name of 1 to 100 characters, without dots, control characters, and blanks around it")]
    NotAModelName,
    /// The id is not the one in the path of the request.
    #[error("must be the one of the path, or left out")]
    NotThePaths,
    /// An unknown member; the text lists the known ones.
    #[error("is not known; known are {0}")]
    Unknown(&'static str),
    /// The text has too many characters.
    #[error("must have at most {max} characters, has {chars}")]
    TooLong {
        /// The largest number of characters.
        max: usize,
        /// The number of characters of the text.
        chars: usize,
    },
    /// A member that only the server sets.
    #[error("is set by the server and cannot be given")]
    ReadOnly,
    /// A name of entries that only the log itself makes, such as the record of an erasure.
    #[error("is a name that only the log itself gives (AUDIT.ERASE, AUDIT.ORIGIN): use another one")]
    Reserved,
    /// The record has the same member twice.
    #[error("is given more than once")]
    Repeated,
    /// The record has both `extra` and unknown members.
    #[error("is not known, and `extra` is given as well: put it inside `extra`")]
    BesideExtra,
}

/// A [`Fault`] and the field that has it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {fault}")]
pub struct FieldError {
    /// The name of the member, as the client sent it.
    pub field: String,
    /// The fault.
    pub fault: Fault,
}

impl FieldError {
    /// Makes an error from a field and its fault.
    pub fn new(field: impl Into<String>, fault: Fault) -> FieldError {
        FieldError { field: field.into(), fault }
    }

    /// The JSON pointer (RFC 6901) to the field inside its object.
    #[must_use]
    pub fn pointer(&self) -> String {
        format!("/{}", self.field.replace('~', "~0").replace('/', "~1"))
    }
}

/// The reason why a text is not an event or not an action log. All faulty fields are reported at
/// once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The text is not a JSON object.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The text is larger than [`limits::EVENT_BYTES_MAX`].
    #[error("has {bytes} bytes; one event may have at most {}", limits::EVENT_BYTES_MAX)]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// None of the object's members is known: it has another shape, or all names are misspelt.
    #[error(transparent)]
    Unrecognized(#[from] Unrecognized),
    /// The object has faulty members.
    #[error("{}", join(.0))]
    Fields(Vec<FieldError>),
}

fn join(errors: &[FieldError]) -> String {
    errors.iter().map(FieldError::to_string).collect::<Vec<_>>().join("; ")
}
