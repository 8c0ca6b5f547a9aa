//! How a store is opened.

use std::collections::BTreeSet;
use std::time::Duration;

use audit_domain::{ChannelGrant, Clock};

use crate::error::OpenError;
use crate::url::DatabaseUrl;

/// Commits that a PostgreSQL server has in hand at once for one of ours: the next batches are prepared while it flushes.
const WRITERS: u32 = 4;

/// A day: whatever the offset of a time zone that somebody mistook, it is less.
const FUTURE_WARNING: Duration = Duration::from_secs(24 * 60 * 60);

/// A minute: a step takes a second at most, and one that failed is done again after five.
const INDEX_PATIENCE: Duration = Duration::from_secs(60);

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// `sqlite://path/to/audit.db` or `postgres://user@host/database`
    pub database_url: String,
    /// Whether the URL leads to a pooler that may give every transaction to another server process, such as pgbouncer in transaction
    /// mode. SQLite has none.
    pub transaction_pooler: bool,
    /// Threads that append, each on a connection of its own; SQLite always has one.
    pub writers: u32,
    /// Connections for queries of unknown length: as many as may run at once; the others wait.
    pub readers: u32,
    /// Connections for reads by key, kept apart so that they never wait for a long query: as many as there are threads
    /// that make them.
    pub point_readers: u32,
    /// How long each read may take, after which it ends with [`StoreError::QueryTimeout`](crate::StoreError::QueryTimeout); `None`
    /// for as long as it takes, which is what batch jobs want.
    pub query_timeout: Option<Duration>,
    /// Whether a database that is not there is made; a program that only reads would show an empty log for a mistyped path.
    pub create_if_missing: bool,
    /// Whether a role that could change or delete entries is refused: a superuser, the owner of the tables, or one that has more
    /// rights than reads and appends need. SQLite has no roles.
    pub refuse_excess_privileges: bool,
    /// What time it is.
    pub clock: Clock,
    /// How far ahead of the clock an entry may happen without a warning in its receipt.
    pub future_warning: Duration,
    /// How long the search index of a log may be behind before [`Store::check`](crate::Store::check) warns of it.
    pub index_patience: Duration,
    /// Channels whose search indexes leave words out: appends cost less, and a search looks at every entry that its other conditions leave
    /// over. What is indexed stays as it is until the index is rebuilt.
    pub channels_without_words: ChannelGrant,
}

impl StoreConfig {
    /// The database at a URL, for a few readers.
    #[must_use]
    pub fn new(database_url: impl Into<String>) -> StoreConfig {
        StoreConfig {
            database_url: database_url.into(),
            transaction_pooler: false,
            writers: WRITERS,
            readers: 8,
            point_readers: 4,
            query_timeout: None,
            create_if_missing: true,
            refuse_excess_privileges: false,
            clock: Clock::system(),
            future_warning: FUTURE_WARNING,
            index_patience: INDEX_PATIENCE,
            channels_without_words: ChannelGrant::Only(BTreeSet::new()),
        }
    }

    pub(crate) fn url(&self) -> Result<DatabaseUrl, OpenError> {
        Ok(DatabaseUrl::parse(&self.database_url)?.through_transaction_pooler(self.transaction_pooler))
    }
}
