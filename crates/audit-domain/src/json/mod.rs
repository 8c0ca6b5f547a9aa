//! JSON as evidence: the log keeps texts exactly as received, and they never pass through a number
//! or map type.
//!
//! `serde_json::Value` loses big numbers, duplicate keys and lone surrogates, so values here stay
//! text ([`JsonText`]). A value that the program has to understand (a name, an id) is decoded in
//! addition.

mod decode;
mod members;
mod pick;
mod raw;
mod text;
mod texts;
mod writer;

pub use decode::{JsonString, index_key};
pub use members::{Member, Members};
pub(crate) use pick::pick;
pub(crate) use raw::{RawMember, checked, raw_members};
pub use text::{EncodeError, JsonError, JsonKind, JsonText, is_integer};
pub use writer::{ObjectWriter, push_array};
