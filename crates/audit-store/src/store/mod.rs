//! The store: one database, its writer, and the connections that read. Opening, appending and closing are here; what a store answers
//! is in the files below.

mod health;
mod reads;
mod registry;

use std::sync::Arc;
use std::time::Duration;

use audit_domain::{ChannelGrant, ChannelId, Clock, NewActionLog, NewEvent, PreparedEntry, Stream, limits};

use crate::append::{AppendRequest, Budget, ClockWatch, NotStored, PendingReceipts, Writers};
use crate::config::StoreConfig;
use crate::connection::{DbConnection, Purpose};
use crate::content_types;
use crate::error::{OpenError, StoreError};
use crate::limit::Cancel;
use crate::pool::{Pool, pool};
use crate::postings::{Cache, Grown, Indexer, Source};
use crate::url::DatabaseUrl;
use crate::watch::{DatabaseWatch, Keeper};
use crate::{dialect, migrate, query};

/// Searches that run at once; the others wait, and fail when they have waited for ten seconds.
const SEARCHES_AT_ONCE: u32 = 2;

/// Connections for the thread that indexes, and for [`Store::index`].
const INDEX_READERS: u32 = 2;

/// A server that is asked to give up between two statements of a read does not notice: it is asked again after this time.
const CANCEL_AGAIN: Duration = Duration::from_millis(100);

/// How often: longer than a query takes unless its time is set to more than the default.
const CANCEL_ATTEMPTS_MAX: u32 = 100;

/// An open audit log. Clones share it; it closes when the last one is dropped, or by [`Store::close`].
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    url: DatabaseUrl,
    indexer: Indexer,
    writers: Arc<Writers>,
    index_source: Arc<Source>,
    readers: Pool,
    searchers: Pool,
    point_readers: Pool,
    budget: Budget,
    cache: Cache,
    content_types: content_types::Cache,
    watch: Arc<ClockWatch>,
    clock: Clock,
    database: Arc<DatabaseWatch>,
    // The last to go: until then, one connection is open.
    _keeper: Keeper,
}

impl Inner {
    fn close(&self) {
        self.indexer.close();
        self.writers.close();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The thread of the indexer may share the writers for a moment longer.
        self.close();
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("url", &self.0.url).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a database, makes it if there is none (if the configuration allows it), and brings its schema up to date. On Unix, what it
    /// makes is its owner's alone (files 0600, directories 0700); what is there keeps its mode.
    ///
    /// # Errors
    /// [`OpenError`], one sentence for the person who starts the program.
    pub fn open(config: &StoreConfig) -> Result<Store, OpenError> {
        let url = config.url()?;
        if !config.create_if_missing && !url.exists() {
            return Err(OpenError::Missing { path: url.display() });
        }
        dialect::make_if_missing(&url)?;
        let mut conn = dialect::open(&url, Purpose::Write)?;
        // Now, and not after the migrations, which may take minutes: a file that takes its place meanwhile is not this one.
        dialect::remember(&mut conn, &url)?;
        if config.refuse_excess_privileges {
            migrate::check_role_privileges(&mut conn, &url)?;
        }
        migrate::migrate(&mut conn, &url)?;
        let (database, keeper) = DatabaseWatch::start(&url)?;
        let refused = Arc::default();
        let timeout = config.query_timeout;
        let readers = pool(&url, Purpose::Read, config.readers, &refused, timeout)?;
        let searchers = pool(&url, Purpose::Read, SEARCHES_AT_ONCE, &refused, timeout)?;
        let point_readers = pool(&url, Purpose::PointRead, config.point_readers, &refused, timeout)?;
        let watch = Arc::new(ClockWatch::new(config.clock.clone(), config.future_warning));
        watch_heads(&watch, &mut conn).map_err(|error| OpenError::from_database(&url.display(), error.to_string()))?;
        let logs = logs(&mut conn).map_err(|error| OpenError::from_database(&url.display(), error.to_string()))?;
        let grown = Arc::<Grown>::default();
        let writers = Arc::new(Writers::start(&url, conn, config.writers, &watch, &database, &grown)?);
        // It makes many short reads, which no checkpoint has to hold back.
        // A connection that is refused to the indexer, for which nobody waits, must not make the next request fail.
        let index_readers = pool(&url, Purpose::PointRead, INDEX_READERS, &Arc::default(), None)?;
        let index_source = Arc::new(Source { readers: index_readers, without_words: config.channels_without_words.clone() });
        let indexer = Indexer::start(url.display(), &grown, (&index_source, &writers), logs, config.index_patience)?;
        let budget = Budget::new(limits::BYTES_IN_FLIGHT_MAX);
        Ok(Store(Arc::new(Inner {
            url,
            indexer,
            writers,
            index_source,
            readers,
            searchers,
            point_readers,
            budget,
            cache: Cache::default(),
            content_types: content_types::Cache::default(),
            watch,
            database,
            clock: config.clock.clone(),
            _keeper: keeper,
        })))
    }

    /// Where the database is, for messages.
    #[must_use]
    pub fn location(&self) -> String {
        self.0.url.display()
    }

    /// Whether the database is part of this process: a read by key then takes less time than a change of thread.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.0.url.file().is_some()
    }

    /// Queries that have a connection each: as many as may run at once.
    #[must_use]
    pub fn queries_at_once(&self) -> u32 {
        self.0.readers.size()
    }

    /// Queries that look into records, and have connections of their own.
    #[must_use]
    pub fn searches_at_once(&self) -> u32 {
        self.0.searchers.size()
    }

    /// Ends what runs in the scope of `cancel`, in whichever thread: it fails with [`StoreError::Cancelled`]. On an embedded
    /// database this returns at once. A database server is asked on another connection, again and again until it has given up, and
    /// this waits for that. [`StoreConfig::query_timeout`] ends the statement in two cases: behind a transaction pooler, where nobody
    /// knows which process to ask, and when every connection for this leads to another host of the URL than the query's.
    pub fn cancel(&self, cancel: &Cancel) {
        cancel.ask();
        for _ in 0..CANCEL_ATTEMPTS_MAX {
            let asked = self.point_read(|conn| {
                let process = cancel.server_process();
                process.map(|process| dialect::cancel(conn, process)).transpose().map_err(StoreError::from)
            });
            match asked {
                Ok(None) => return,
                Ok(Some(())) => std::thread::sleep(CANCEL_AGAIN),
                Err(error) => return tracing::warn!(%error, "a query of a client that is gone cannot be cancelled"),
            }
        }
    }

    /// The budget that bytes in flight are taken from.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.0.budget
    }

    /// Makes an event ready for the log of a channel, with the number or the name of its object type filled in from the
    /// registry. Whatever appends events prepares them here; [`NewEvent::prepare`] knows no registry.
    ///
    /// It is here because this is the last place that every append passes before it is hashed: an API could forget it, and the
    /// writer, which cannot, comes too late, since salts and commitments are made before the lock.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn prepare(&self, event: NewEvent, channel: ChannelId) -> Result<PreparedEntry, StoreError> {
        let types = self.0.content_types.get(|| self.content_types())?;
        Ok(event.prepare_with(channel, &types, &self.0.clock)?)
    }

    /// Makes an action log ready for the log of a channel.
    ///
    /// # Errors
    /// [`StoreError::Random`], [`StoreError::Clock`], [`StoreError::NilUuid`]
    pub fn prepare_action_log(&self, log: NewActionLog, channel: ChannelId) -> Result<PreparedEntry, StoreError> {
        Ok(log.prepare_at(channel, &self.0.clock)?)
    }

    /// Queues entries for the log, all or none, and returns at once: for servers.
    ///
    /// # Errors
    /// [`NotStored::Busy`] when the queue or the budget is full, and what is wrong with the request itself. The other
    /// outcomes come with the receipts.
    pub fn try_append(&self, mut request: AppendRequest) -> Result<PendingReceipts, NotStored> {
        request.check()?;
        if request.reservation.is_none() {
            let busy = NotStored::Busy { retry_after_seconds: 1 };
            request.reservation =
                Some(self.0.budget.try_reserve(request.memory_bytes().min(limits::BYTES_IN_FLIGHT_MAX)).ok_or(busy)?);
        }
        self.0.writers.try_append(request)
    }

    /// Queues entries for the log, and waits for room in queue and budget: for batch jobs, which keep a few requests on their
    /// way by holding several [`PendingReceipts`].
    ///
    /// # Errors
    /// What is wrong with the request itself, or [`NotStored::Closed`].
    pub fn append(&self, mut request: AppendRequest) -> Result<PendingReceipts, NotStored> {
        request.check()?;
        if request.reservation.is_none() {
            request.reservation = Some(self.0.budget.reserve(request.memory_bytes()));
        }
        self.0.writers.append(request)
    }

    /// Finishes what was accepted and takes no more. Reads go on working.
    pub fn close(&self) {
        self.0.close();
    }

    /// A read by key.
    fn point_read<T>(&self, run: impl Fn(&mut DbConnection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.0.point_readers.read(run)
    }

    /// What was read of indexes.
    fn cache(&self) -> &Cache {
        &self.0.cache
    }

    /// A query of unknown length.
    pub(crate) fn read<T>(&self, run: impl Fn(&mut DbConnection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.0.readers.read(run)
    }
}

/// All logs there are.
fn logs(conn: &mut DbConnection) -> Result<Vec<(i64, Stream)>, StoreError> {
    let mut logs = Vec::new();
    for stream in [Stream::Events, Stream::ActionLogs] {
        let heads = query::heads(conn, stream, &ChannelGrant::All)?;
        logs.extend(heads.into_iter().map(|head| (head.channel_id, stream)));
    }
    Ok(logs)
}

/// Takes note of the logs that are ahead of the clock when a store is opened.
fn watch_heads(watch: &ClockWatch, conn: &mut DbConnection) -> Result<(), StoreError> {
    let Ok(now) = watch.now() else { return Ok(()) };
    for stream in [Stream::Events, Stream::ActionLogs] {
        for head in query::heads(conn, stream, &ChannelGrant::All)? {
            if let Some(last) = head.recorded_at {
                watch.head((head.channel_id, stream), last, now);
            }
        }
    }
    Ok(())
}
