//! The append-only audit log in a database: SQLite, embedded, or PostgreSQL.
//!
//! The functions are synchronous and need no runtime: a batch job calls them directly, and a server
//! awaits the receipts. The URL selects the database: `sqlite://path/to/audit.db` or
//! `postgres://user@host/database`.
//!
//! ```
//! use audit_store::domain::{ChannelGrant, ChannelId, NewEvent, ParseMode};
//! use audit_store::{AppendRequest, Store, StoreConfig};
//!
//! # let dir = tempfile::tempdir()?;
//! # let url = format!("sqlite://{}/audit.db", dir.path().display());
//! let store = Store::open(&StoreConfig::new(url))?;
//! let event = NewEvent::parse(r#"{"action":"LOGIN","user":7}"#, ParseMode::NATIVE)?;
//! let event = store.prepare(event, ChannelId::DEFAULT)?;
//! let uuid = event.uuid();
//! let receipts = store.append(AppendRequest::import(vec![event]))?.wait()?;
//! assert_eq!(receipts[0].position, 0);
//! assert!(store.get(&ChannelGrant::All, ChannelId::DEFAULT, uuid)?.is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod append;
mod config;
mod connection;
mod content_types;
mod copy;
mod dialect;
mod error;
mod limit;
mod migrate;
mod pool;
mod postings;
mod query;
mod row;
mod schema;
mod store;
mod tokens;
mod url;
mod watch;

#[cfg(test)]
#[path = "../tests/postgres/mod.rs"]
#[expect(dead_code, unused_imports, reason = "not all of it is needed here")]
mod test_postgres;

pub use append::{
    AppendError, AppendRequest, Attached, Budget, Conflict, Full, NotStored, PendingReceipts, Receipt, ReceiptsFuture, Reservation,
    Unknown,
};
pub use config::StoreConfig;
pub use content_types::{ContentTypeTaken, ContentTypesPut};
pub use copy::{Copied, CopyProgress, copy};
pub use error::{CopyError, OpenError, StoreError, Unusable};
pub use limit::Cancel;
pub use migrate::{Inspection, Migrated};
pub use postings::IndexLag;
pub use query::{
    ActionLogGroupBy, ActionLogListQuery, CursorPage, CursorQuery, Group, GroupBy, GroupKey, Histogram, ListPage, ListQuery,
    LogState, OtherGroups, PageNumber, SliceQuery, SpanCount, Summary,
};
pub use store::Store;
pub use tokens::AdminKeyError;
pub use url::without_secrets;

/// The crate below.
pub use audit_domain as domain;
