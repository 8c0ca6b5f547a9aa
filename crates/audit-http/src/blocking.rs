//! Runs the calls of the store. The store blocks its thread. A call that takes less time than a
//! switch to another thread runs in place.
//!
//! actix has a few hundred threads for blocking work. Queries take at most as many of them at once
//! as [`Queries`] has places, so other blocking work always finds a thread.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, MessageBody};
use audit_store::domain::ChannelGrant;
use audit_store::domain::uuid::Uuid;
use audit_store::{AppendError, AppendRequest, Cancel, Find, LogStream, Receipt, Store, StoreError, Unknown};
use bytes::Bytes;

use crate::admission::Turn;
use crate::auth::Caller;
use crate::not_done::{NotDone, panicked};
use crate::queries::{Asked, Held, Queries, SMALL_ANSWER_BYTES, TooMany};
use crate::state::Api;
use crate::witnesses;

/// The maximum bytes of a body that the server parses and hashes in place. More bytes could keep a
/// worker from its other connections for over a millisecond: the smallest event takes three bytes
/// and half a dozen hashes.
const IN_PLACE_BYTES_MAX: usize = 4 * 1024;

/// The maximum bytes of a body that the parser threads parse. A blocking thread parses larger
/// bodies. It may write a large page next, and then uses the same memory for both.
const PARSED_APART_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The reason why a query, or a body that waits for its turn, does not have an outcome.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotRun {
    #[error("too many queries of this key are running or waiting, or their answers are not taken")]
    TooMany,
    #[error("the client closed its side of the connection before the server was done")]
    Gone,
    #[error(transparent)]
    NotDone(#[from] NotDone),
}

/// The metric that counts queries that got no place because their key already uses its share.
const REFUSED: &str = "audit_http_queries_refused_total";

/// The metric that counts queries whose client was gone before they ended.
const CANCELLED: &str = "audit_http_queries_cancelled_total";

/// The maximum time that a query waits for its place, and a body for its turn. With a database that
/// commits nothing, no more turns become free.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// The interval at which a query checks whether its client still waits.
const LOOK: Duration = Duration::from_millis(250);

/// Runs work that ends soon and does not wait for any query: a write, a read by key. `web::block`
/// does the same, but its error does not distinguish a panic from the end of the server.
pub(crate) async fn block<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Result<T, NotDone> {
    actix_web::rt::task::spawn_blocking(run).await.map_err(|error| match error.try_into_panic() {
        Ok(panic) => panicked(&*panic),
        Err(_) => NotDone::Stopping,
    })
}

/// Changes something other than the log. The writer makes the change between two batches.
pub(crate) async fn write<T: Send + 'static>(api: &Api, run: impl FnOnce(&Store) -> T + Send + 'static) -> Result<T, NotDone> {
    let store = api.store.clone();
    block(move || run(&store)).await
}

/// Checks whether the store can work. Returns its warnings.
pub(crate) async fn check(api: &Api) -> Result<Result<Vec<String>, StoreError>, NotDone> {
    let store = api.store.clone();
    let witnesses = api.config.witnesses.clone();
    // Witnesses never make a server not ready: it appends and signs without them.
    block(move || {
        let mut warnings = store.check()?;
        warnings.extend(witnesses::warning(&witnesses::ages(&store, &witnesses)?));
        Ok(warnings)
    })
    .await
}

/// Runs a query of unknown length: a list by number or by cursor, or counts. The query waits for
/// its turn, and ends when its client is gone.
pub(crate) async fn query<T: Send + 'static>(
    api: &Api,
    caller: &Caller,
    run: impl FnOnce(&Store) -> T + Send + 'static,
) -> Result<T, NotRun> {
    in_turn(api, &api.queries, caller, run).await
}

/// Runs a query that also writes the page of an answer. An event may have a hundred thousand
/// members, so writing a page can keep a thread as long as finding its events.
pub(crate) async fn page<E: Send + 'static>(
    api: &Api,
    caller: &Caller,
    reads_values: bool,
    run: impl FnOnce(&Store) -> Result<String, E> + Send + 'static,
) -> Result<Result<Page, E>, NotRun> {
    let queries = if reads_values { &api.searches } else { &api.queries };
    let (counts, key) = (queries.clone(), caller.token.id);
    // The answer is counted before the place is free, so that the next query takes it into account.
    let counted = move |body: String| Page { _held: counts.hold(key, body.len()), bytes: Bytes::from(body) };
    in_turn(api, queries, caller, move |store| run(store).map(counted)).await
}

async fn in_turn<T: Send + 'static>(
    api: &Api,
    queries: &Queries,
    caller: &Caller,
    run: impl FnOnce(&Store) -> T + Send + 'static,
) -> Result<T, NotRun> {
    let (store, cancel) = (api.store.clone(), Cancel::new());
    let work = {
        let (store, cancel) = (store.clone(), cancel.clone());
        move || catch_unwind(AssertUnwindSafe(|| cancel.scope(|| run(&store)))).map_err(|panic| panicked(&*panic))
    };
    let asked = queries.ask(caller.token.id, work).map_err(|TooMany| too_many())?;
    let mut waiting = Waiting { asked, store, cancel };
    let start = Instant::now();
    loop {
        match tokio::time::timeout(LOOK, waiting.asked.outcome()).await {
            Ok(outcome) => return Ok(outcome.map_err(|_| NotDone::Stopping)??),
            Err(_) if caller.is_gone() => return Err(NotRun::Gone),
            Err(_) if start.elapsed() > WAIT_MAX && !waiting.asked.has_started() => return Err(too_many()),
            Err(_) => {}
        }
    }
}

fn too_many() -> NotRun {
    metrics::counter!(REFUSED).increment(1);
    NotRun::TooMany
}

/// A query and the handler that waits for it. actix drops a handler whose connection broke, and the
/// query is then cancelled.
struct Waiting<T> {
    asked: Asked<T>,
    store: Store,
    cancel: Cancel,
}

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        if self.asked.is_over() || !self.asked.give_up() {
            return;
        }
        self.cancel.ask();
        metrics::counter!(CANCELLED).increment(1);
        // A database server needs a request to cancel the query, which takes a round trip.
        if !self.store.is_embedded()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (store, cancel) = (self.store.clone(), self.cancel.clone());
            drop(runtime.spawn_blocking(move || store.cancel(&cancel)));
        }
    }
}

/// Makes the buffer for a page of about this many bytes.
///
/// The buffer of a large page has a capacity of more than 32 MiB, of which only the written part
/// takes memory. glibc maps such a large buffer each time and returns it to the system at once. It
/// keeps a smaller buffer for the next page, one in each thread that ever wrote a page.
pub(crate) fn page_buffer(bytes: usize) -> String {
    const MAPPED_BYTES_MIN: usize = 33 * 1024 * 1024;
    String::with_capacity(if bytes > SMALL_ANSWER_BYTES { bytes.max(MAPPED_BYTES_MIN) } else { bytes })
}

/// The body of an answer that may be large. While its key has too many bytes that the clients have
/// not taken, the key cannot start a further query.
pub(crate) struct Page {
    bytes: Bytes,
    _held: Held,
}

impl MessageBody for Page {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.bytes.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
    }
}

/// Runs a read by unique key, of a record of about this many bytes. A read of a small record takes
/// about 20 µs on an embedded database, less than a switch to another thread. A database server may
/// not answer at all.
pub(crate) async fn point_read<T: Send + 'static>(
    api: &Api,
    bytes: usize,
    run: impl FnOnce(&Store) -> T + Send + 'static,
) -> Result<T, NotDone> {
    if api.store.is_embedded() && bytes <= IN_PLACE_BYTES_MAX {
        return Ok(run(&api.store));
    }
    let store = api.store.clone();
    block(move || run(&store)).await
}

/// Runs work of a key (by the id of its token) on this many bytes. The work may look something up
/// by key. Long work waits for a turn: parsing takes many times the memory of a body, and all
/// processors that it can get.
pub(crate) async fn compute<T: Send + 'static>(
    api: &Api,
    key: i64,
    bytes: usize,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NotDone> {
    // The turn belongs to the work, not to its caller, so a client that hangs up does not make room
    // for more work.
    let work = move |_turn: Option<Turn>| run();
    if bytes <= IN_PLACE_BYTES_MAX {
        return at_once(api, work).await;
    }
    let turn = tokio::time::timeout(WAIT_MAX, api.admission.turns.take(key)).await.map_err(|_| NotDone::Late)?;
    with_turn(api, turn, bytes, work).await
}

/// Does the same for work that keeps its turn for the next step, if it needs a turn. A client that
/// hangs up while it waits loses its place, and its body goes.
pub(crate) async fn compute_in_turn<T: Send + 'static>(
    api: &Api,
    caller: &Caller,
    bytes: usize,
    run: impl FnOnce(Option<Turn>) -> T + Send + 'static,
) -> Result<T, NotRun> {
    if bytes <= IN_PLACE_BYTES_MAX {
        return Ok(at_once(api, run).await?);
    }
    let (mut waiting, start) = (pin!(api.admission.turns.take(caller.token.id)), Instant::now());
    let turn = loop {
        match tokio::time::timeout(LOOK, waiting.as_mut()).await {
            Ok(turn) => break turn,
            Err(_) if caller.is_gone() => return Err(NotRun::Gone),
            Err(_) if start.elapsed() > WAIT_MAX => return Err(NotDone::Late.into()),
            Err(_) => {}
        }
    };
    Ok(with_turn(api, turn, bytes, run).await?)
}

/// Runs short work, which needs no turn.
async fn at_once<T: Send + 'static>(api: &Api, run: impl FnOnce(Option<Turn>) -> T + Send + 'static) -> Result<T, NotDone> {
    if api.store.is_embedded() { Ok(run(None)) } else { block(move || run(None)).await }
}

async fn with_turn<T: Send + 'static>(
    api: &Api,
    turn: Turn,
    bytes: usize,
    run: impl FnOnce(Option<Turn>) -> T + Send + 'static,
) -> Result<T, NotDone> {
    let work = move || run(Some(turn));
    if bytes > PARSED_APART_BYTES_MAX { block(work).await } else { api.admission.parsers.run(work).await }
}

/// Writes a record of this many bytes that was read or appended.
pub(crate) async fn write_record<T: Send + 'static>(
    bytes: usize,
    write: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NotDone> {
    if bytes <= IN_PLACE_BYTES_MAX { Ok(write()) } else { block(write).await }
}

/// Appends, and waits for the commit as long as a client may have to wait, as
/// [`wait_for`](audit_store::PendingReceipts::wait_for) does.
pub(crate) async fn append(api: &Api, request: AppendRequest) -> Result<Vec<Receipt>, AppendError> {
    let receipts = api.store.try_append(request)?.into_future();
    actix_web::rt::time::timeout(api.config.append_timeout, receipts).await.unwrap_or(Err(Unknown::Late.into()))
}

/// Reads one record that a client asks for, from one channel. A small record of an embedded
/// database is read in place. A larger record keeps a thread for a few milliseconds, and a database
/// server keeps a connection, so such a read waits for its turn as a query does.
pub(crate) async fn read_by_key<S: LogStream>(
    api: &Api,
    caller: &Caller,
    mut find: Find<S>,
) -> Result<Result<Option<S::Stored>, StoreError>, NotRun> {
    if api.store.is_embedded() {
        find = find.bytes_max(Some(IN_PLACE_BYTES_MAX));
        match find.get() {
            // The record is larger, or does not exist.
            Ok(None) => find = find.bytes_max(None),
            outcome => return Ok(outcome),
        }
    }
    query(api, caller, move |_| find.get()).await
}

/// Reads a record by its uuid: in one channel as a read by key, in several channels as a query.
pub(crate) async fn find<S: LogStream>(
    api: &Api,
    caller: &Caller,
    channels: ChannelGrant,
    uuid: Uuid,
) -> Result<Result<Option<S::Stored>, StoreError>, NotRun> {
    let first = api.config.default_channel;
    let is_one = matches!(&channels, ChannelGrant::Only(ids) if ids.len() <= 1);
    let found = api.store.channels(channels).log::<S>().find(uuid).first_in(first);
    if is_one { read_by_key(api, caller, found).await } else { query(api, caller, move |_| found.get()).await }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    use super::*;

    /// The messages that are logged at error, a line for each field.
    #[derive(Clone, Default)]
    struct Errors(Arc<Mutex<String>>);

    impl Subscriber for Errors {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() == Level::ERROR
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn event(&self, event: &Event<'_>) {
            event.record(&mut self.clone());
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    impl Visit for Errors {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            *self.0.lock().unwrap() += &format!("{}: {value:?}\n", field.name());
        }
    }

    #[tokio::test]
    async fn the_log_has_what_a_panic_says() {
        let errors = Errors::default();
        let _logged = tracing::subscriber::set_default(errors.clone());
        let done = block(|| panic!("the tape is torn")).await;
        assert!(matches!(done, Err::<(), _>(NotDone::Panicked)));
        let done = block(|| panic!("tape {} is torn", 7)).await;
        assert!(matches!(done, Err::<(), _>(NotDone::Panicked)));
        let logged = errors.0.lock().unwrap().clone();
        assert!(logged.contains("panic: \"the tape is torn\"\n") && logged.contains("panic: \"tape 7 is torn\"\n"), "{logged}");
        assert_eq!(block(|| 7).await.unwrap(), 7);
    }
}
