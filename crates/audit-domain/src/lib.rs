//! Audit events and the evidence for them, as pure types and functions.
//!
//! The crate defines events ([`NewEvent`], [`PreparedEntry`], [`Event`]), action logs
//! ([`NewActionLog`], [`ActionLog`]), the meaning of filters ([`EventFilter::matches`]), and the
//! commitments of the log ([`log`]). It reads no file, opens no socket and knows no database.
//!
//! ```
//! use audit_domain::{Change, ChannelId, FilterColumns, NewEvent, Timestamp};
//! use serde_json::json;
//!
//! let before = json!({"quantity": 1.0, "sku": "A-1"});
//! let after = json!({"quantity": 2.0, "sku": "A-1"});
//! let change = Change::between(&before, &after)?.expect("the quantity differs");
//! let event = NewEvent::new().object("orders.item", 859).change(&change)?.prepare(ChannelId::DEFAULT)?;
//!
//! assert!(matches!(event.filter_columns(), FilterColumns::Event(keys) if keys.action.as_deref() == Some("UPDATE")));
//! println!("{} {}", event.uuid(), event.leaf_hash(0, Timestamp::now()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod action;
mod action_log;
mod change;
mod channel;
mod clock;
mod content_type;
mod draw;
mod entry;
mod error;
mod event;
mod filter_values;
mod find_text;
mod interval;
mod json;
pub mod limits;
pub mod log;
mod object;
mod page;
mod prepared;
mod reading;
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
    ActionLogValues, NewActionLog, action_log_slot, translate_action_log,
};
pub use change::{Change, changed_fields};
pub use channel::{ChannelGrant, ChannelId};
pub use clock::{Clock, ClockError};
pub use content_type::{ContentType, ContentTypes, parse_content_types};
pub use draw::{draw_hash_keys, draw_uuid_v7, uuid_v7};
pub use entry::Entry;
pub use error::{Fault, FieldError, InputError};
pub use event::{
    Event, EventFilter, EventFilterColumns, EventSort, EventValues, NewEvent, SortField, SortRow, StoredSubject, Subject, slot,
};
pub use interval::Interval;
pub use json::{JsonError, JsonKind, JsonString, JsonText, Member, Members, ObjectWriter, index_key, is_integer, push_array};
pub use object::{ObjectId, canonical_integer};
pub use page::{CursorError, CursorKey, CursorOrder, CursorScope};
pub use prepared::{FilterColumns, PrepareError, PreparedEntry};
pub use reading::{ParseMode, parse_uuid};
pub use sort::{Sort, SortBy, SortKey};
pub use span::{Span, weekday};
pub use stream::Stream;
pub use timestamp::Timestamp;
pub use token::{NewToken, Role, Token, TokenKey};
pub use unrecognized::Unrecognized;
pub use user::{Identity, User, id_number};
/// The crates whose types appear in this one's public functions.
pub use {uuid, validator};
