//! The store: one database, its writer, and the connections that read.

use std::sync::Arc;
use std::time::Duration;

use audit_domain::uuid::Uuid;
use audit_domain::{
    ActionLog, ActionLogFilter, ChannelGrant, ChannelId, Clock, ClockError, ContentType, Event, EventFilter, NewActionLog,
    NewEvent, NewToken, PreparedEntry, Stream, Timestamp, Token, TokenKey, limits,
};

use crate::append::{AppendRequest, Budget, ClockWatch, NotStored, PendingReceipts, Writers};
use crate::config::StoreConfig;
use crate::connection::{DbConnection, Purpose};
use crate::content_types::{self, ContentTypeTaken, ContentTypesPut};
use crate::dialect::Powers;
use crate::error::{OpenError, StoreError};
use crate::limit::Cancel;
use crate::pool::{Pool, pool};
use crate::query::{
    self, ActionLogGroupBy, ActionLogListQuery, ActionLogs, Events, GroupBy, ListPage, ListQuery, LogHead, SliceQuery, Summary,
    Table, WalkPage, WalkQuery,
};
use crate::tokens::{self, AdminKeyError};
use crate::url::DatabaseUrl;
use crate::watch::{DatabaseWatch, Keeper};
use crate::{counters, dialect, migrate};

/// Searches that run at once; the others wait, and are told to come back when they have waited for ten seconds.
const SEARCHES_AT_ONCE: u32 = 2;

/// A server that is asked to give up between two statements of a read does not notice: it is asked again after this time.
const CANCEL_AGAIN: Duration = Duration::from_millis(100);

/// How often: longer than a query takes unless its time is set to more than the default.
const CANCEL_ATTEMPTS_MAX: u32 = 100;

/// An open audit log. Clones share it; it closes when the last one is dropped, or by [`Store::close`].
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    url: DatabaseUrl,
    writers: Writers,
    readers: Pool,
    searchers: Pool,
    point_readers: Pool,
    budget: Budget,
    content_types: content_types::Cache,
    watch: Arc<ClockWatch>,
    clock: Clock,
    database: Arc<DatabaseWatch>,
    // The last to go: until then, one connection is open.
    _keeper: Keeper,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("url", &self.0.url).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a database, makes it if there is none (unless told not to), and brings its schema up to date. On Unix, what it
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
        if config.refuse_powerful_roles {
            migrate::refuse_powerful_role(&mut conn, &url)?;
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
        let writers = Writers::start(&url, conn, config.writers, &watch, &database)?;
        let budget = Budget::new(limits::BYTES_IN_FLIGHT_MAX);
        Ok(Store(Arc::new(Inner {
            url,
            writers,
            readers,
            searchers,
            point_readers,
            budget,
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
    /// this waits for that; behind a transaction pooler nobody knows which process to ask, and [`StoreConfig::query_timeout`] ends
    /// the statement.
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

    /// What the role of the database's connections may do that the program does not need, in words: with it, the role could change or
    /// delete entries. Nothing for a role made as `docs/operations.md` says, and for SQLite, whose guards are triggers.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn powers(&self) -> Result<Vec<String>, StoreError> {
        let powers = self.point_read(|conn| Ok(dialect::powers(conn)?))?;
        Ok(powers.map(Powers::into_sentences).unwrap_or_default())
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

    /// The registered object types, by number.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn content_types(&self) -> Result<Vec<ContentType>, StoreError> {
        self.point_read(content_types::all)
    }

    /// Registers and renames object types, all or none; of several with one number the last one counts. What is in the log
    /// already keeps what it was given.
    ///
    /// # Errors
    /// [`StoreError`]; inside, [`ContentTypeTaken`] when a name would belong to two numbers.
    pub fn put_content_types(&self, types: Vec<ContentType>) -> Result<Result<ContentTypesPut, ContentTypeTaken>, StoreError> {
        let put = self.0.writers.run(move |conn| content_types::put(conn, &types));
        self.0.content_types.clear();
        put
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
            request.reservation = Some(self.0.budget.try_reserve(request.bytes()).ok_or(busy)?);
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
            request.reservation = Some(self.0.budget.reserve(request.bytes()));
        }
        self.0.writers.append(request)
    }

    /// The event of a uuid. It is unique inside a channel; in several, `first` comes first, then the lowest.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Changed`] when the stored event does not match its leaf hash or its filter columns.
    pub fn get(&self, channels: &ChannelGrant, first: ChannelId, uuid: Uuid) -> Result<Option<Event>, StoreError> {
        self.find::<Events>(channels, first, uuid)
    }

    /// The action log of a uuid, found and checked in the same way.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn get_action_log(&self, channels: &ChannelGrant, first: ChannelId, uuid: Uuid) -> Result<Option<ActionLog>, StoreError> {
        self.find::<ActionLogs>(channels, first, uuid)
    }

    fn find<T: Table>(&self, channels: &ChannelGrant, first: ChannelId, uuid: Uuid) -> Result<Option<T::Record>, StoreError> {
        match channels {
            ChannelGrant::Only(ids) if ids.len() <= 1 => self.point_read(|conn| match ids.first() {
                Some(channel) => T::find_checked(conn, channel.get(), uuid),
                None => Ok(None),
            }),
            several => self.read(|conn| query::find_in_several::<T>(conn, several, first.get(), uuid)),
        }
    }

    /// The action log at a position, checked in the same way.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn action_log_at(&self, channel: ChannelId, position: i64) -> Result<Option<ActionLog>, StoreError> {
        self.point_read(|conn| ActionLogs::at_checked(conn, channel.get(), position))
    }

    /// A page of events by number and the exact count, of one snapshot.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn list(&self, query: &ListQuery) -> Result<ListPage<Event>, StoreError> {
        self.read(|conn| query::list::<Events>(conn, query))
    }

    /// A page of action logs by number and the exact count, of one snapshot.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn list_action_logs(&self, query: &ActionLogListQuery) -> Result<ListPage<ActionLog>, StoreError> {
        self.read_action_logs(&query.filter, |conn| query::list::<ActionLogs>(conn, query))
    }

    /// A stretch of a list of events, without its count.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn slice(&self, query: &SliceQuery) -> Result<Vec<Event>, StoreError> {
        let SliceQuery { channels, filter, sort, skip, size } = query;
        self.read(|conn| query::slice::<Events>(conn, channels, filter, sort, (*skip, *size)))
    }

    /// A page of events by cursor.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn walk(&self, query: &WalkQuery) -> Result<WalkPage<Event>, StoreError> {
        self.read(|conn| query::walk::<Events>(conn, query))
    }

    /// A page of action logs by cursor.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn walk_action_logs(&self, query: &WalkQuery<ActionLogFilter>) -> Result<WalkPage<ActionLog>, StoreError> {
        self.read_action_logs(&query.walk.filter, |conn| query::walk::<ActionLogs>(conn, query))
    }

    /// Counts of events by group, for each of the groupings, of one snapshot.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn summaries(&self, channels: &ChannelGrant, filter: &EventFilter, by: &[GroupBy]) -> Result<Vec<Summary>, StoreError> {
        self.read(|conn| query::summaries(conn, channels, filter, by))
    }

    /// Counts of action logs by group, for each of the groupings, of one snapshot.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn action_log_summaries(
        &self,
        channels: &ChannelGrant,
        filter: &ActionLogFilter,
        by: &[ActionLogGroupBy],
    ) -> Result<Vec<Summary>, StoreError> {
        self.read_action_logs(filter, |conn| query::summaries(conn, channels, filter, by))
    }

    /// The logs of a stream in the granted channels, and how far they go.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn logs(&self, stream: Stream, channels: &ChannelGrant) -> Result<Vec<LogHead>, StoreError> {
        self.read(|conn| query::heads(conn, stream, channels))
    }

    /// The token of a key, revoked and expired ones included.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn find_token(&self, key: &TokenKey) -> Result<Option<Token>, StoreError> {
        self.point_read(|conn| tokens::find(conn, key.digest()))
    }

    /// All tokens, oldest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.read(tokens::all)
    }

    /// Makes a token and its key, which is not stored: nobody can show it again.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn create_token(&self, token: NewToken) -> Result<(Token, TokenKey), StoreError> {
        let key = TokenKey::draw().map_err(|error| StoreError::Random(error.to_string()))?;
        let digest = key.digest();
        let token = self.0.writers.run(move |conn| tokens::insert(conn, &token, digest))?;
        Ok((token, key))
    }

    /// Ends a token of which `within` covers every channel. `false` when there is none, or it was revoked before.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn revoke_token(&self, id: i64, within: ChannelGrant) -> Result<bool, StoreError> {
        self.0.writers.run(move |conn| tokens::revoke(conn, id, &within))
    }

    /// Makes sure that a key from outside opens everything.
    ///
    /// # Errors
    /// [`StoreError`]; inside, [`AdminKeyError`] when the key is taken by a token that does not.
    pub fn ensure_admin(&self, key: TokenKey) -> Result<Result<Token, AdminKeyError>, StoreError> {
        self.0.writers.run(move |conn| tokens::ensure_admin(conn, &key))
    }

    /// Makes the counters anew from the log, log by log, and tells how many there are. Appends to the log at hand wait meanwhile: on
    /// SQLite all of this store's, elsewhere and on PostgreSQL they are refused after ten seconds. Reads see the old counters.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn rebuild_counters(&self) -> Result<i64, StoreError> {
        self.0.writers.run_long(counters::rebuild)
    }

    /// The present, by the store's clock.
    ///
    /// # Errors
    /// [`ClockError`]
    pub fn now(&self) -> Result<Timestamp, ClockError> {
        self.0.watch.now()
    }

    /// Whether the store can work: its writers run, the clock can be right, the files are the ones that were opened, the database
    /// answers a read, and a write can be done (one is tried and taken back, unless there was one in the last seconds); with what is strange about the clock all the same, a
    /// sentence each: it jumped ahead, or the last entry of a log is ahead of it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn check(&self) -> Result<Vec<String>, StoreError> {
        if let Some(message) = self.writer_panic() {
            return Err(StoreError::WriterPanicked(message));
        }
        if !self.0.writers.are_running() {
            return Err(StoreError::Closed);
        }
        self.now()?;
        self.0.database.check_place()?;
        self.point_read(query::ping)?;
        self.0.database.check_writes()?;
        Ok(self.0.watch.warnings())
    }

    /// What a thread that writes panicked with. It cannot be started again: whoever embeds the store opens it anew, or ends the
    /// process, as the server does. The requests that it had in hand are [`Unknown`](crate::Unknown); all later ones are
    /// [`NotStored::Closed`].
    #[must_use]
    pub fn writer_panic(&self) -> Option<String> {
        self.0.writers.panic()
    }

    /// How far the last entry of a log is ahead of the clock, at most; 0 where none is.
    #[must_use]
    pub fn log_ahead_of_clock(&self) -> Duration {
        self.0.watch.log_ahead()
    }

    /// Refuses a database that cannot be written, for programs that append: a write is tried and taken back.
    ///
    /// # Errors
    /// [`OpenError::ReadOnly`]; [`OpenError::Locked`] when another process was writing for ten seconds.
    pub fn refuse_read_only(&self) -> Result<(), OpenError> {
        self.0.database.refuse_read_only()
    }

    /// Bytes of the file that keeps the newest entries of an embedded database (`-wal`); `None` on a server.
    #[must_use]
    pub fn wal_bytes(&self) -> Option<u64> {
        dialect::wal_bytes(&self.0.url)
    }

    /// How large the database is, in bytes: what it holds and what it has free, without what is only on its way into it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn database_bytes(&self) -> Result<i64, StoreError> {
        self.read(|conn| Ok(dialect::database_bytes(conn)?))
    }

    /// Finishes what was accepted and takes no more. Reads go on working.
    pub fn close(&self) {
        self.0.writers.close();
    }

    /// A read by key.
    fn point_read<T>(&self, run: impl Fn(&mut DbConnection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.0.point_readers.read(run)
    }

    /// A query of action logs. One that looks into the records reads all that its other conditions leave over, so these wait
    /// for each other and never for the connections of all other queries.
    fn read_action_logs<T>(
        &self,
        filter: &ActionLogFilter,
        run: impl Fn(&mut DbConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let pool = if filter.search.is_some() { &self.0.searchers } else { &self.0.readers };
        pool.read(run)
    }

    /// A query of unknown length.
    pub(crate) fn read<T>(&self, run: impl Fn(&mut DbConnection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.0.readers.read(run)
    }
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
