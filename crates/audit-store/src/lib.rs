//! The append-only audit log in a database: SQLite, embedded, or PostgreSQL.
//!
//! The functions are synchronous and need no runtime: a batch job calls them directly, and a server
//! awaits the receipts. The URL selects the database: `sqlite://path/to/audit.db` or
//! `postgres://user@host/database`.
//!
//! ```
//! use audit_store::Store;
//! use audit_store::domain::{EventFilter, NewEvent, User};
//! # let (before, after) = ([("quantity", 1)], [("quantity", 2)]);
//! # let (before, after): (std::collections::BTreeMap<_, _>, std::collections::BTreeMap<_, _>) = (before.into(), after.into());
//! # let dir = tempfile::tempdir()?;
//! # std::env::set_current_dir(&dir)?;
//!
//! let log = Store::open("sqlite://audit.db")?.channel(42)?.events();
//! let receipt = log.append(NewEvent::update("orders.order", 859).by(User::new(7, "zoe")).change(&before, &after)?)?;
//! for event in log.list(EventFilter::object("859")).page(1, 10)? {
//!     println!("{:?} {:?} at position {}", event.user_name(), event.action(), event.position());
//! #   assert_eq!((event.uuid(), event.position()), (receipt.uuid, receipt.position));
//! }
//! # assert_eq!(log.count(&EventFilter::user(7))?, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Store::channel`] gives the [`Logs`] of one channel, [`Store::channels`] those of several. A
//! [`Log`] appends and reads: pages by number ([`List`]), all records one by one ([`CursorQuery`]), counts
//! and summaries.

mod append;
mod backup;
mod config;
mod connection;
mod content_types;
mod copy;
mod dialect;
mod erasure;
mod error;
mod follow;
mod guard;
mod indexer;
mod limit;
mod log;
mod log_key;
mod migrate;
#[cfg(test)]
mod plans;
mod pool;
mod postings;
mod private_file;
mod query;
mod root;
mod row;
mod schema;
mod scrub;
mod sign;
mod sqlite_file;
mod store;
mod tokens;
mod tree;
mod url;
mod watch;
mod witness;

#[cfg(test)]
#[path = "../tests/postgres/mod.rs"]
#[expect(dead_code, unused_imports, reason = "not all of it is needed here")]
mod test_postgres;

pub use append::{
    AppendError, AppendRequest, Attached, Budget, Conflict, Full, NotStored, PendingReceipts, Receipt, ReceiptsFuture, Reservation,
    SkippedConflicts, Unknown,
};
pub use backup::{BackedUp, BackupError, Restored, backup, restore};
pub use config::{Scrubbing, Signing, StoreConfig};
pub use content_types::{ContentTypeTaken, ContentTypesPut};
pub use copy::{Copied, CopyProgress, copy};
pub use erasure::{ErasureError, ErasureState};
pub use error::{CopyError, DatabaseError, OpenError, StoreError, Unusable};
pub use indexer::IndexLag;
pub use limit::Cancel;
pub use log::{CursorQuery, Find, KnownErasures, List, Log, LogTree, Logs, Prepared, Records, RootCheckpoint, RootLog, SignedTree};
pub use migrate::{Inspection, Migrated};
pub use query::{
    ActionLogGroupBy, ActionLogs, CursorPage, Events, Group, GroupBy, GroupKey, Histogram, LogState, LogStream, OtherGroups, Page,
    PageNumber, SpanCount, StreamTypes, Summary,
};
pub use root::Cosignature;
pub use scrub::{
    EntryFault, EntryState, Finding, LastScrub, NotOpened, OwnKeys, Part, ScrubError, ScrubProgress, ScrubRequest, ScrubSummary,
    ScrubbedEntry,
};
pub use sign::{KeyChange, SigningKey, SigningState};
pub use store::{NewOrigin, NewOriginError, Store, WeakStore};
pub use tokens::AdminKeyError;
pub use tree::TreeLag;
pub use url::without_secrets;
pub use witness::{WitnessStore, WitnessedCheckpoint};

/// The crate below.
pub use audit_domain as domain;

/// Compiles the example of the page for people.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
