//! JSON as evidence: texts are kept exactly as they were received and never pass through a number or map type.
//!
//! `serde_json::Value` loses big numbers, duplicate keys and lone surrogates, so values here stay text
//! ([`JsonText`]); what has to be understood (a name, an id) is decoded on the side.

mod decode;
mod members;
mod pick;
mod text;
mod texts;
mod writer;

pub use decode::{JsonString, index_key};
pub use members::{Member, Members};
pub use text::{JsonError, JsonKind, JsonText, is_integer};
pub use writer::{ObjectWriter, push_array};
