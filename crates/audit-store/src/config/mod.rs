//! The configuration of a store.

mod scrubbing;
mod signing;

pub use scrubbing::Scrubbing;
pub use signing::Signing;

use std::collections::BTreeSet;
use std::time::Duration;

use audit_domain::{ChannelGrant, Clock, MaskingPolicy};

use crate::error::OpenError;
use crate::url::DatabaseUrl;

/// Commits that this program has open at a PostgreSQL server at once: the program prepares the next
/// batches while the server flushes.
const WRITERS: u32 = 4;

/// A day, which is more than the offset of any time zone that a client could confuse.
const FUTURE_WARNING: Duration = Duration::from_secs(24 * 60 * 60);

/// A minute: a step takes at most a second, and a failed step is repeated after five seconds.
const INDEX_PATIENCE: Duration = Duration::from_secs(60);

/// Some 20 MB of urls.
const VALUES_AT_ONCE: usize = 131_072;

/// How to open a store. `StoreConfig::new(url)` has the defaults, and each field has a setter.
///
/// ```
/// # use audit_store::StoreConfig;
/// let config = StoreConfig::new("sqlite://audit.db").readers(2).create_if_missing(false);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StoreConfig {
    /// `sqlite://path/to/audit.db` or `postgres://user@host/database`
    pub database_url: String,
    /// Whether the URL leads to a pooler that may give each transaction to another server process,
    /// such as pgbouncer in transaction mode. SQLite does not have poolers.
    pub transaction_pooler: bool,
    /// Threads that append, each on its own connection. SQLite always has one.
    pub writers: u32,
    /// Connections for queries of unknown length. This is the number of queries that run at once;
    /// the others wait.
    pub readers: u32,
    /// Connections for reads by key, one for each thread that makes them. They are separate, so
    /// that such a read never waits for a long query.
    pub point_readers: u32,
    /// The longest time of each read, after which it ends with
    /// [`StoreError::QueryTimeout`](crate::StoreError::QueryTimeout). `None` means no limit, which
    /// is right for batch jobs.
    pub query_timeout: Option<Duration>,
    /// Whether a missing database is created. A program that only reads would show an empty log for
    /// a mistyped path.
    pub create_if_missing: bool,
    /// Whether to refuse a database role that could change or delete entries: a superuser, the
    /// owner of the tables, or a role with more rights than reads and appends need. SQLite does not
    /// have roles.
    pub refuse_excess_privileges: bool,
    /// The secrets that are masked before an entry is hashed; those of the standard policy by
    /// default.
    pub masking: MaskingPolicy,
    /// How the store signs the checkpoints of its logs, and where it keeps the newest ones. Without it, it
    /// appends and does neither, as a batch job does beside a server.
    pub signing: Option<Signing>,
    /// How often the store scrubs its database: reads everything in it and compares. A store without it
    /// does not, as a batch job beside a server.
    pub scrubbing: Option<Scrubbing>,
    /// Whether the store works on erasures that have begun, as every store does by default. One that is
    /// opened only to read need not.
    pub erasing: bool,
    /// The clock of the store.
    pub clock: Clock,
    /// The time by which an entry may be ahead of the clock without a warning in its receipt.
    pub future_warning: Duration,
    /// The time by which the search index or the tree of a log may lag before
    /// [`Store::check`](crate::Store::check) warns about it.
    pub index_patience: Duration,
    /// Channels whose search indexes leave words out. Appends cost less, and a search looks at
    /// every entry that meets its other conditions. Existing segments stay as they are until the
    /// index is rebuilt.
    pub channels_without_words: ChannelGrant,
    /// The number of values that a summary counts at once. A grouping by what has more values, such
    /// as the urls of a large log, is counted range by range: that takes longer, and no more memory.
    pub values_at_once: usize,
}

impl StoreConfig {
    /// Makes the configuration for the database at a URL, with few readers.
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
            masking: MaskingPolicy::standard(),
            signing: None,
            scrubbing: None,
            erasing: true,
            clock: Clock::system(),
            future_warning: FUTURE_WARNING,
            index_patience: INDEX_PATIENCE,
            channels_without_words: ChannelGrant::Only(BTreeSet::new()),
            values_at_once: VALUES_AT_ONCE,
        }
    }

    /// Sets whether the store works on erasures that have begun.
    #[must_use]
    pub fn erasing(mut self, erases: bool) -> StoreConfig {
        self.erasing = erases;
        self
    }

    /// Sets which secrets are masked.
    #[must_use]
    pub fn masking(mut self, policy: MaskingPolicy) -> StoreConfig {
        self.masking = policy;
        self
    }

    /// Sets whether the URL leads to a pooler of transactions.
    #[must_use]
    pub fn transaction_pooler(mut self, leads_to_one: bool) -> StoreConfig {
        self.transaction_pooler = leads_to_one;
        self
    }

    /// Sets the number of threads that append.
    #[must_use]
    pub fn writers(mut self, threads: u32) -> StoreConfig {
        self.writers = threads;
        self
    }

    /// Sets the number of connections for queries.
    #[must_use]
    pub fn readers(mut self, connections: u32) -> StoreConfig {
        self.readers = connections;
        self
    }

    /// Sets the number of connections for reads by key.
    #[must_use]
    pub fn point_readers(mut self, connections: u32) -> StoreConfig {
        self.point_readers = connections;
        self
    }

    /// Sets the longest time of each read.
    #[must_use]
    pub fn query_timeout(mut self, longest: Duration) -> StoreConfig {
        self.query_timeout = Some(longest);
        self
    }

    /// Sets whether a missing database is created.
    #[must_use]
    pub fn create_if_missing(mut self, create: bool) -> StoreConfig {
        self.create_if_missing = create;
        self
    }

    /// Sets whether a database role with more privileges than it needs is refused.
    #[must_use]
    pub fn refuse_excess_privileges(mut self, refuse: bool) -> StoreConfig {
        self.refuse_excess_privileges = refuse;
        self
    }

    /// Sets how the store signs.
    #[must_use]
    pub fn signing(mut self, signing: Signing) -> StoreConfig {
        self.signing = Some(signing);
        self
    }

    /// Sets how often the store scrubs its database.
    #[must_use]
    pub fn scrubbing(mut self, scrubbing: Option<Scrubbing>) -> StoreConfig {
        self.scrubbing = scrubbing;
        self
    }

    /// Sets the clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> StoreConfig {
        self.clock = clock;
        self
    }

    /// Sets the time by which an entry may be ahead of the clock without a warning.
    #[must_use]
    pub fn future_warning(mut self, ahead: Duration) -> StoreConfig {
        self.future_warning = ahead;
        self
    }

    /// Sets the time by which a search index or a tree may lag without a warning.
    #[must_use]
    pub fn index_patience(mut self, lag: Duration) -> StoreConfig {
        self.index_patience = lag;
        self
    }

    /// Sets the channels whose search indexes leave words out.
    #[must_use]
    pub fn channels_without_words(mut self, channels: ChannelGrant) -> StoreConfig {
        self.channels_without_words = channels;
        self
    }

    /// Sets the number of values that a summary counts at once.
    #[must_use]
    pub fn values_at_once(mut self, values: usize) -> StoreConfig {
        self.values_at_once = values;
        self
    }

    pub(crate) fn url(&self) -> Result<DatabaseUrl, OpenError> {
        Ok(DatabaseUrl::parse(&self.database_url)?.through_transaction_pooler(self.transaction_pooler))
    }
}

impl From<&str> for StoreConfig {
    fn from(database_url: &str) -> StoreConfig {
        StoreConfig::new(database_url)
    }
}

impl From<String> for StoreConfig {
    fn from(database_url: String) -> StoreConfig {
        StoreConfig::new(database_url)
    }
}

impl From<&StoreConfig> for StoreConfig {
    fn from(config: &StoreConfig) -> StoreConfig {
        config.clone()
    }
}
