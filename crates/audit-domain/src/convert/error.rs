//! Why a document cannot be converted, and where the fault is.

use crate::error::Fault;
use crate::json::{JsonError, JsonKind};
use crate::limits::{EVENT_BYTES_MAX, EVENTS_PER_REQUEST_MAX};

/// The first fault of a document, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvertError {
    /// The number of the record in the document, from 0; `None` if the fault is of the document.
    pub index: Option<usize>,
    /// The JSON pointer (RFC 6901) to the faulty value; empty for the whole document.
    pub pointer: String,
    /// The fault.
    pub fault: ConvertFault,
}

/// Shows the number, the place and the fault: ``record 3, `/Records/3/eventName`: must be …``.
impl std::fmt::Display for ConvertError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.index, self.pointer.as_str()) {
            (Some(index), "") => write!(f, "record {index}: {}", self.fault),
            (Some(index), pointer) => write!(f, "record {index}, `{pointer}`: {}", self.fault),
            (None, "") => write!(f, "{}", self.fault),
            (None, pointer) => write!(f, "`{pointer}`: {}", self.fault),
        }
    }
}

impl std::error::Error for ConvertError {}

/// Why a document or one of its records cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertFault {
    /// The text is not JSON, is nested too deeply or has too many members.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The value is not a document of the format.
    #[error("must be {accepted}, got {got}")]
    NotADocument {
        /// The documents that are accepted.
        accepted: &'static str,
        /// The type of the value.
        got: JsonKind,
    },
    /// The list of records is not an array.
    #[error("must be an array, got {0}")]
    NotAnArray(JsonKind),
    /// A record lacks a member that the format requires.
    #[error("is not {record}: it lacks {}", needed.join(", "))]
    Lacks {
        /// The name of a record.
        record: &'static str,
        /// The members, of which one is enough.
        needed: &'static [&'static str],
    },
    /// The member has a value that the converter does not take.
    #[error("must be {accepted}, got {got}")]
    NotAccepted {
        /// The accepted values.
        accepted: &'static str,
        /// The value, cut to 40 characters.
        got: String,
    },
    /// The value does not fit the native member.
    #[error("{fault}, as it becomes `{member}`")]
    Value {
        /// The native member.
        member: &'static str,
        /// The fault.
        fault: Fault,
    },
    /// The event is larger than [`EVENT_BYTES_MAX`].
    #[error("becomes an event of {bytes} bytes; one event may have at most {EVENT_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The document has more records than a request may have events.
    #[error("has more than {EVENTS_PER_REQUEST_MAX} records; split it into several documents")]
    TooManyRecords,
    /// The events are larger than a request may be: what stands around the records is kept with
    /// each of them.
    #[error("becomes events of more than {max} bytes in all; split it into several documents")]
    TooLargeInAll {
        /// The bytes that they may have.
        max: usize,
    },
}
