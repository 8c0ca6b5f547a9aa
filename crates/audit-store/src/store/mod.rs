//! The store: one database, its writers, and the connections that read. This file opens, appends
//! and closes. [`crate::log`] has the reads of logs.

mod erasing;
mod followers;
mod health;
mod new_origin;
mod registry;
mod rooting;
mod signing;
mod weak;

use std::sync::Arc;
use std::time::{Duration, Instant};

use audit_domain::{ChannelGrant, Clock, ContentTypes, MaskingPolicy, Stream, limits};

pub use new_origin::{NewOrigin, NewOriginError};
pub use weak::WeakStore;

use self::followers::Start;
use self::rooting::{Rooting, Roots};
use crate::append::{AfterCommit, AppendRequest, Budget, ClockWatch, NotStored, PendingReceipts, Writers};
use crate::config::StoreConfig;
use crate::connection::{DbConnection, Purpose};
use crate::content_types;
use crate::erasure;
use crate::error::{OpenError, StoreError};
use crate::follow::{Following, Grown};
use crate::indexer::{self, Source};
use crate::limit::Cancel;
use crate::pool::{Pool, pool};
use crate::postings::Cache;
use crate::query::{Filter, Table};
use crate::root::Entering;
use crate::scrub::Scrubber;
use crate::sign::{self, Signer};
use crate::tree;
use crate::url::DatabaseUrl;
use crate::watch::{DatabaseWatch, Keeper};
use crate::{dialect, migrate, query};

/// Searches that run at once. The others wait, and fail after waiting for ten seconds.
const SEARCHES_AT_ONCE: u32 = 2;

/// Connections for the threads that index and seal, and for [`Store::index`] and [`Store::seal`].
const FOLLOWER_READERS: u32 = 4;

/// A server does not notice a request to cancel that arrives between two statements of a read, so
/// the store repeats the request after this time.
const CANCEL_AGAIN: Duration = Duration::from_millis(100);

/// The most repetitions: longer than a query takes, unless its time limit is above the default.
const CANCEL_ATTEMPTS_MAX: u32 = 100;

/// An open audit log. Clones share it. It closes when the last clone is dropped, or by
/// [`Store::close`].
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    url: DatabaseUrl,
    indexer: Following,
    sealer: Following,
    /// Only with [`StoreConfig::erasing`].
    eraser: Option<Following>,
    to_erase: Arc<Grown>,
    /// Signs, and refuses logs that went back; only with [`StoreConfig::signing`].
    signer: Option<(Following, Arc<Signer>)>,
    /// Compares everything in the database; only with [`StoreConfig::scrubbing`].
    scrubber: Option<Scrubber>,
    /// Enters the checkpoints of logs into the root log; only with a signer.
    rooting: Option<(Rooting, Roots)>,
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
    masking: MaskingPolicy,
    database: Arc<DatabaseWatch>,
    // Dropped last: until then, one connection is open.
    _keeper: Keeper,
}

impl Inner {
    /// Returns whether all threads ended in time.
    fn close(&self) -> bool {
        // The last round of the root log needs the writers.
        if self.rooting.as_ref().is_some_and(|(rooting, _)| !rooting.close()) {
            tracing::warn!("the last round of the root log still waits for the database; the next start does the rest");
        }
        let followers = || {
            [&self.indexer, &self.sealer]
                .into_iter()
                .chain(&self.eraser)
                .chain(self.signer.as_ref().map(|(following, _)| following))
        };
        followers().for_each(Following::stop);
        // Each of them is closed, also after one that did not end.
        let have_ended = followers().filter(|following| !following.close()).count() == 0;
        let has_ended = self.scrubber.as_ref().is_none_or(Scrubber::close);
        self.writers.close() && have_ended && has_ended
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The threads that follow the logs may share the writers for a moment longer.
        self.close();
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("url", &self.0.url).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a database, creates it if it does not exist (if the configuration allows it), and
    /// brings its schema up to date. On Unix, the created files belong to their owner alone (files
    /// 0600, directories 0700); existing files keep their mode.
    ///
    /// # Errors
    ///
    /// [`OpenError`], one sentence for the person who starts the program: the URL is not valid, the
    /// database is missing and must not be created, it cannot be reached, read, locked or made
    /// durable, it is not an audit log, its schema is of another version, or the role of the
    /// connection has privileges that the configuration refuses.
    pub fn open(config: impl Into<StoreConfig>) -> Result<Store, OpenError> {
        Store::open_with(&config.into())
    }

    fn open_with(config: &StoreConfig) -> Result<Store, OpenError> {
        let url = config.url()?;
        if !config.create_if_missing && !url.exists() {
            return Err(OpenError::Missing { path: url.display() });
        }
        dialect::make_if_missing(&url)?;
        let mut conn = dialect::open(&url, Purpose::Write)?;
        // This comes before the migrations, which may take minutes: a file that replaces this one
        // meanwhile is another one.
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
        // These threads make many short reads, which no checkpoint has to hold back. If the database
        // refuses them a connection, for which no client waits, the next request must not fail.
        let followers = Arc::new(pool(&url, Purpose::PointRead, FOLLOWER_READERS, &Arc::default(), None)?);
        let signing = config.signing.clone();
        if signing.is_some() {
            database.refuse_read_only()?;
        }
        let signer =
            signing.map(|signing| Signer::start(&mut conn, &url.display(), signing, Arc::clone(&followers), &config.clock));
        let signer = signer.transpose()?.map(Arc::new);
        let followers_of = [indexer::FOLLOWER, tree::FOLLOWER, sign::FOLLOWER, erasure::FOLLOWER];
        let [to_index, to_seal, to_sign, to_erase] = followers_of.map(Grown::new).map(Arc::new);
        let noted = [&to_index, &to_seal].map(Arc::clone);
        let after_commit: AfterCommit = Arc::new(move |logs| noted.iter().for_each(|grown| grown.note(logs)));
        let guard = signer.as_ref().map(|signer| signer.guard());
        let writers = Arc::new(Writers::start(&url, conn, config.writers, &watch, &database, guard, &after_commit)?);
        let without_words = config.channels_without_words.clone();
        let index_source = Arc::new(Source { readers: Arc::clone(&followers), without_words });
        let start = Start { place: url.display(), writers: &writers, patience: config.index_patience };
        let indexer = start.indexer(&to_index, &index_source)?;
        let eraser = config.erasing.then(|| start.eraser(&to_erase, &index_source, &config.clock)).transpose()?;
        let sealer = start.sealer(&to_seal, &followers, signer.is_some().then(|| Arc::clone(&to_sign)))?;
        let signer = signer.map(|signer| Ok::<_, OpenError>((start.signer(&to_sign, &signer)?, signer))).transpose()?;
        let scrubber = config.scrubbing.map(|scrubbing| start.scrubber(&followers, config, scrubbing)).transpose()?;
        let rooting = signer.as_ref().map(|(_, signer)| {
            let entering = Arc::new(Entering::new(Arc::clone(&followers), Arc::clone(signer), config.clock.clone()));
            let (signer, readers) = (Arc::clone(signer), Arc::clone(&followers));
            let roots = Roots { entering, signer, readers, to_seal: Arc::clone(&to_seal) };
            Ok::<_, OpenError>((Rooting::start(url.display(), roots.clone(), &writers)?, roots))
        });
        let rooting = rooting.transpose()?;
        let budget = Budget::new(limits::BYTES_IN_FLIGHT_MAX);
        Ok(Store(Arc::new(Inner {
            url,
            indexer,
            sealer,
            eraser,
            to_erase,
            signer,
            scrubber,
            rooting,
            writers,
            index_source,
            readers,
            searchers,
            point_readers,
            budget,
            cache: Cache::new(config.values_at_once),
            content_types: content_types::Cache::default(),
            watch,
            database,
            clock: config.clock.clone(),
            masking: config.masking.clone(),
            _keeper: keeper,
        })))
    }

    /// The place of the database, for messages.
    #[must_use]
    pub fn location(&self) -> String {
        self.0.url.display()
    }

    /// Whether the database is part of this process. A read by key then takes less time than a
    /// change of thread.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.0.url.file().is_some()
    }

    /// The number of queries that have a connection each and may run at once.
    #[must_use]
    pub fn queries_at_once(&self) -> u32 {
        self.0.readers.size()
    }

    /// The number of searches that may run at once. They have connections of their own.
    #[must_use]
    pub fn searches_at_once(&self) -> u32 {
        self.0.searchers.size()
    }

    /// Cancels the reads in the scope of `cancel`, in any thread: they fail with
    /// [`StoreError::Cancelled`]. On an embedded database this returns at once. A database server
    /// gets the request on another connection, repeatedly until the read has ended, and this waits
    /// for that. [`StoreConfig::query_timeout`] ends the statement in two cases: through a
    /// transaction pooler, where the process is not known, and if every connection for this leads
    /// to another host of the URL than the query's.
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

    /// The budget for the bytes of requests in flight.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.0.budget
    }

    /// The registry of object types, which appends fill in from.
    pub(crate) fn object_types(&self) -> Result<Arc<ContentTypes>, StoreError> {
        self.0.content_types.get(|| self.content_types())
    }

    /// What the store masks in new entries.
    pub(crate) fn masking(&self) -> &MaskingPolicy {
        &self.0.masking
    }

    /// The clock of the store.
    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Queues entries for the log, all or none, and returns at once: for servers.
    ///
    /// # Errors
    ///
    /// [`NotStored::Busy`] if the queue or the budget is full, [`NotStored::Closed`] if the store is
    /// closed, and [`NotStored::TooMany`], [`NotStored::TooLarge`] or [`NotStored::TooManyBytes`] if
    /// the request can never be stored. The other outcomes come with the receipts.
    pub fn try_append(&self, mut request: AppendRequest) -> Result<PendingReceipts, NotStored> {
        request.check()?;
        if request.reservation.is_none() {
            let busy = NotStored::Busy { retry_after_seconds: 1 };
            request.reservation =
                Some(self.0.budget.try_reserve(request.memory_bytes().min(limits::BYTES_IN_FLIGHT_MAX)).ok_or(busy)?);
        }
        self.0.writers.try_append(request)
    }

    /// Waits for room in the queue and the budget, and queues entries for the log: for batch jobs,
    /// which have a few requests in flight by holding several [`PendingReceipts`].
    ///
    /// # Errors
    ///
    /// [`NotStored::Closed`] if the store is closed, and [`NotStored::TooMany`],
    /// [`NotStored::TooLarge`] or [`NotStored::TooManyBytes`] if the request can never be stored. The
    /// other outcomes come with the receipts.
    pub fn append(&self, mut request: AppendRequest) -> Result<PendingReceipts, NotStored> {
        request.check()?;
        if request.reservation.is_none() {
            request.reservation = Some(self.0.budget.reserve(request.memory_bytes()));
        }
        self.0.writers.append(request)
    }

    /// Finishes the accepted requests and accepts no more. Reads continue to work.
    pub fn close(&self) {
        self.0.close();
    }

    /// Closes the store, waits until all other clones of it are dropped, and closes the database.
    /// SQLite then moves the rest of its WAL into the file and removes the WAL. A web server drops
    /// its clones a little after it has stopped, and a program that ends before that leaves the WAL
    /// behind, as after a crash: the next start reads it, but the file alone is not the whole log.
    ///
    /// Returns whether the database is closed. If it is not, another clone is still held after
    /// `patience`, or a thread of the store still waits for the database.
    pub fn close_database(self, patience: Duration) -> bool {
        const LOOK_AGAIN: Duration = Duration::from_millis(1);
        let (have_ended, deadline) = (self.0.close(), Instant::now() + patience);
        let mut store = self.0;
        loop {
            match Arc::try_unwrap(store) {
                Ok(last) => {
                    drop(last);
                    return have_ended;
                }
                Err(_) if Instant::now() >= deadline => return false,
                Err(shared) => store = shared,
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Runs a read by key.
    pub(crate) fn point_read<T>(&self, run: impl Fn(&mut DbConnection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.0.point_readers.read(run)
    }

    /// Runs a write between two batches.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.0.writers.run(run)
    }

    /// The cache of what queries read from indexes.
    pub(crate) fn cache(&self) -> &Cache {
        &self.0.cache
    }

    /// Runs a query of unknown length.
    pub(crate) fn read<T>(&self, run: impl Fn(&mut DbConnection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.0.readers.read(run)
    }

    /// Runs a query with a filter. A search may have to read all entries that meet its other
    /// conditions. So searches wait for each other, and never take the connections of other
    /// queries.
    pub(crate) fn read_for<T: Table, R>(
        &self,
        filter: &T::Filter,
        run: impl Fn(&mut DbConnection) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let pool = if filter.reads_values() { &self.0.searchers } else { &self.0.readers };
        pool.read(run)
    }
}

/// All logs.
fn logs(conn: &mut DbConnection) -> Result<Vec<(i64, Stream)>, StoreError> {
    let mut logs = Vec::new();
    for stream in [Stream::Events, Stream::ActionLogs] {
        let heads = query::heads(conn, stream, &ChannelGrant::All)?;
        logs.extend(heads.into_iter().map(|head| (head.channel_id, stream)));
    }
    Ok(logs)
}

/// Notes the logs that are ahead of the clock when a store is opened.
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
