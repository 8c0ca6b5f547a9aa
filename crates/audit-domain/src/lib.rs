//! Audit events and the evidence for them, as pure types and functions.
//!
//! The crate defines events ([`NewEvent`], [`PreparedEntry`], [`Event`]), action logs
//! ([`NewActionLog`], [`ActionLog`]), the meaning of filters ([`EventFilter::matches`]), and the
//! commitments of the log ([`log`]). It reads no file, opens no socket and knows no database.
//!
//! ```
//! use audit_domain::{ChannelId, EventFilter, NewEvent, Timestamp, User};
//! # let before = serde_json::json!({"quantity": 1.0, "sku": "A-1"});
//! # let after = serde_json::json!({"quantity": 2.0, "sku": "A-1"});
//!
//! let new = NewEvent::update("orders.order", 859).by(User::new(7, "zoe")).change(&before, &after)?;
//! let prepared = new.prepare(ChannelId::try_from(42)?)?;
//! let leaf_hash = prepared.leaf_hash(0, Timestamp::now()?);
//! # let event = audit_domain::Event::from(prepared.into_entry(0, 0, Timestamp::now()?, leaf_hash));
//! assert!(EventFilter::object("859").matches(&event));
//! println!("{:?} of {:?}: {leaf_hash}", event.action(), event.user_name());
//! # assert_eq!(event.content().unwrap().as_str(), r#"{"old_data":{"quantity":1.0},"new_data":{"quantity":2.0}}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod action;
mod action_log;
mod change;
mod channel;
mod clock;
mod content_type;
mod convert;
mod date_time;
mod draw;
mod entry;
mod epoch;
mod erasure;
mod error;
mod event;
mod filter_values;
mod find_text;
mod interval;
mod json;
pub mod limits;
pub mod log;
mod masking;
mod network;
mod object;
mod outcome;
mod page;
mod parse;
mod prepared;
mod reserved;
mod sort;
mod span;
mod stream;
mod timestamp;
mod token;
mod unrecognized;
mod user;

pub use action::Action;
pub use action_log::{
    ActionLog, ActionLogFilter, ActionLogFilterColumns, ActionLogSort, ActionLogSortField, ActionLogSortRow, ActionLogSubject,
    ActionLogValues, NewActionLog, action_log_slot, level_names, python_instant, python_message, translate_action_log,
};
pub use change::{Change, changed_fields};
pub use channel::{ChannelGrant, ChannelId, ChannelIdError};
pub use clock::{Clock, ClockError};
pub use content_type::{ContentType, ContentTypes, parse_content_types};
pub use convert::{ConvertError, ConvertFault, Format, Known, convert, recognize};
pub use draw::{RandomError, draw_bytes, draw_hash_keys, draw_uuid_v7, uuid_v7};
pub use entry::Entry;
pub use erasure::{ErasureOf, ErasureRecord, NewErasure, NotAnErasure, is_evidence};
pub use error::{Fault, FieldError, InputError};
pub use event::{
    Event, EventFilter, EventFilterColumns, EventSort, EventValues, NewEvent, SortField, SortRow, StoredSubject, Subject, slot,
};
pub use interval::Interval;
pub use json::{
    EncodeError, JsonError, JsonKind, JsonString, JsonText, Member, Members, ObjectWriter, index_key, is_integer, push_array,
};
pub use masking::{MaskedValue, MaskingMode, MaskingPolicy, MaskingRule, MaskingRules, MaskingRulesError, TableMaskingRules};
pub use network::{Network, address_of};
pub use object::{ObjectId, canonical_integer};
pub use outcome::Outcome;
pub use page::{CursorError, CursorKey, CursorOrder, CursorScope};
pub use parse::{ParseMode, parse_uuid};
pub use prepared::{FilterColumns, PrepareError, PreparedEntry};
pub use reserved::{ERASE, RESERVED};
pub use sort::{Sort, SortBy, SortKey};
pub use span::{Span, weekday};
pub use stream::Stream;
pub use timestamp::Timestamp;
pub use token::{NewToken, Role, Token, TokenKey};
pub use unrecognized::Unrecognized;
pub use user::{Identity, IdentityText, User, id_number};
/// The crates whose types appear in this one's public functions.
pub use {uuid, validator};

/// Compiles the example of the page for people.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
