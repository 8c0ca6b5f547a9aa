//! Decides which queries run: a fixed number at once, shared fairly between keys.
//!
//! A query may take seconds, holds a thread and a connection, and makes an answer of many
//! megabytes. So a key has at most half of the places. A limited number of its further queries may
//! wait, and the server refuses the others and asks the client to retry. The keys get places in
//! turn, so a key with many queries waits only for itself. Requests that are not queries
//! (authentication, appends, the check whether the server is ready) never wait here.
//!
//! The queue holds the queries themselves. The thread that ends a query runs the next one, without
//! a detour through the worker that waits for it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// The maximum number of queries of one key that wait for a place. A waiting query costs a few
/// hundred bytes and delays no other key. An application sends queries over a hundred connections
/// with the one key that it has.
const WAITING_OF_A_KEY_MAX: usize = 128;

/// The bytes of answers that clients have not taken yet: of all keys, and of one key. Above these
/// limits no further query starts, except the only query of a key. Small answers do not count.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
const ANSWER_BYTES_OF_A_KEY_MAX: usize = ANSWER_BYTES_MAX / 2;

/// Answers of up to this many bytes do not count, because the server sends them as soon as they are
/// there.
pub(crate) const SMALL_ANSWER_BYTES: usize = 64 * 1024;

/// The bytes assumed for an answer of a key before its first answer. So two queries of the key
/// start at once until the first one has ended.
const ANSWER_BYTES_UNKNOWN: usize = ANSWER_BYTES_OF_A_KEY_MAX / 2;

/// The key has too many queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany;

/// A query, with the type of its outcome erased.
trait Query: Send {
    /// Whether a client waits for the outcome.
    fn is_wanted(&self) -> bool;

    fn run(self: Box<Self>);
}

struct WithOutcome<T, F> {
    run: F,
    started: Arc<AtomicBool>,
    outcome: oneshot::Sender<T>,
}

impl<T: Send, F: FnOnce() -> T + Send> Query for WithOutcome<T, F> {
    fn is_wanted(&self) -> bool {
        !self.outcome.is_closed()
    }

    fn run(self: Box<Self>) {
        self.started.store(true, Ordering::SeqCst);
        // A waiter that gives up first closes the channel and then checks whether the query has
        // started. So one of the two sides sees the other.
        if !self.outcome.is_closed() {
            drop(self.outcome.send((self.run)()));
        }
    }
}

/// A query that waits or runs. Dropping this value takes a waiting query out of the queue. A
/// running query goes on.
pub(crate) struct Asked<T> {
    started: Arc<AtomicBool>,
    outcome: oneshot::Receiver<T>,
    is_over: bool,
}

impl<T> Asked<T> {
    /// Whether the query has had its place.
    pub(crate) fn has_started(&self) -> bool {
        self.started.load(Ordering::SeqCst)
    }

    /// Gives the query up, so that it does not start any more. Returns `true` if it had already
    /// started.
    pub(crate) fn give_up(&mut self) -> bool {
        self.outcome.close();
        self.has_started()
    }

    /// Waits for the outcome, which comes once. Returns an error if the query did not run to its
    /// end. A caller that stops waiting may wait again.
    pub(crate) async fn outcome(&mut self) -> Result<T, oneshot::error::RecvError> {
        let outcome = (&mut self.outcome).await;
        self.is_over = true;
        outcome
    }

    /// Whether the outcome has come.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }
}

/// Places for queries. Clones share them.
#[derive(Clone)]
pub(crate) struct Queries(Arc<Shared>);

struct Shared {
    places: usize,
    places_of_a_key: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: usize,
    answer_bytes: usize,
    keys: HashMap<i64, OfKey>,
    /// The keys with waiting queries, in the order of their turns.
    turns: VecDeque<i64>,
}

#[derive(Default)]
struct OfKey {
    running: usize,
    answer_bytes: usize,
    /// The expected bytes of an answer: the largest of the last answers, each of which counts half
    /// as much as the answer after it. The next answers may be like them.
    answer_bytes_expected: Option<usize>,
    waiting: VecDeque<Box<dyn Query>>,
}

impl OfKey {
    /// Whether a query of the key may start, if a place is free.
    fn may_start(&self, places: usize) -> bool {
        let expected = self.running * self.answer_bytes_expected.unwrap_or(ANSWER_BYTES_UNKNOWN);
        self.running < places && self.answer_bytes + expected < ANSWER_BYTES_OF_A_KEY_MAX
    }

    fn is_idle(&self) -> bool {
        self.running == 0 && self.answer_bytes == 0 && self.waiting.is_empty()
    }
}

/// A query that has its place, and its key.
struct Admitted {
    key: i64,
    query: Box<dyn Query>,
}

impl Queries {
    /// Makes this many places.
    pub(crate) fn new(places: u32) -> Queries {
        let places = usize::try_from(places).unwrap_or(usize::MAX).max(1);
        Queries(Arc::new(Shared { places, places_of_a_key: (places / 2).max(1), state: Mutex::default() }))
    }

    /// Runs a query of a key (by the id of its token) as soon as a place is free for it.
    pub(crate) fn ask<T: Send + 'static>(&self, key: i64, run: impl FnOnce() -> T + Send + 'static) -> Result<Asked<T>, TooMany> {
        let started = Arc::new(AtomicBool::new(false));
        let (send, outcome) = oneshot::channel();
        let query = WithOutcome { run, started: Arc::clone(&started), outcome: send };
        let admitted = self.admit(key, Box::new(query))?;
        self.start(admitted);
        Ok(Asked { started, outcome, is_over: false })
    }

    /// Runs queries that have their places, each in a thread for blocking work.
    fn start(&self, admitted: impl IntoIterator<Item = Admitted>) {
        for first in admitted {
            let queries = self.clone();
            match Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn_blocking(move || queries.work(first))),
                // This is an answer whose connection ended with its runtime. The threads of the
                // runtime are gone, and so are the handlers that wait for them.
                Err(_) => drop(QueryPermit { queries: self, key: first.key }),
            }
        }
    }

    /// Runs a query, and then the queries that get its place, one after another.
    fn work(&self, first: Admitted) {
        let mut next = Some(first);
        while let Some(Admitted { key, query }) = next {
            let place = QueryPermit { queries: self, key };
            query.run();
            next = place.pass_on();
        }
    }

    /// Gives a query its place, or keeps it until a place is free.
    fn admit(&self, key: i64, query: Box<dyn Query>) -> Result<Option<Admitted>, TooMany> {
        let mut state = self.lock();
        let (is_free, all_answer_bytes) = (state.running < self.0.places, state.answer_bytes);
        let of_key = state.keys.entry(key).or_default();
        of_key.waiting.retain(|waiting| waiting.is_wanted());
        if of_key.waiting.len() >= WAITING_OF_A_KEY_MAX {
            return Err(TooMany);
        }
        if is_free && of_key.waiting.is_empty() && self.may_start(all_answer_bytes, of_key) {
            of_key.running += 1;
            state.running += 1;
            return Ok(Some(Admitted { key, query }));
        }
        of_key.waiting.push_back(query);
        if !state.turns.contains(&key) {
            state.turns.push_back(key);
        }
        Ok(None)
    }

    /// Frees a place of a key, and gives it to the next query.
    fn leave(&self, key: i64) -> Vec<Admitted> {
        let mut state = self.lock();
        state.running -= 1;
        if let Some(of_key) = state.keys.get_mut(&key) {
            of_key.running -= 1;
        }
        self.give_all(&mut state)
    }

    /// Whether a query of a key may start. A key without running queries and without pending
    /// answers always may. So it does not wait for the clients of other keys to take their answers.
    fn may_start(&self, all_answer_bytes: usize, of_key: &OfKey) -> bool {
        let has_nothing = of_key.running == 0 && of_key.answer_bytes == 0;
        of_key.may_start(self.0.places_of_a_key) && (has_nothing || all_answer_bytes < ANSWER_BYTES_MAX)
    }

    /// Gives all free places to the waiting queries.
    fn give_all(&self, state: &mut State) -> Vec<Admitted> {
        let mut all = Vec::new();
        while state.running < self.0.places
            && let Some(admitted) = self.give(state)
        {
            all.push(admitted);
        }
        state.keys.retain(|_, of_key| !of_key.is_idle());
        all
    }

    /// Gives a place to the next key that may have one.
    fn give(&self, state: &mut State) -> Option<Admitted> {
        for _ in 0..state.turns.len() {
            let key = state.turns.pop_front()?;
            let all_answer_bytes = state.answer_bytes;
            let Some(of_key) = state.keys.get_mut(&key) else { continue };
            of_key.waiting.retain(|waiting| waiting.is_wanted());
            let query = if self.may_start(all_answer_bytes, of_key) { of_key.waiting.pop_front() } else { None };
            if query.is_some() {
                of_key.running += 1;
            }
            if !of_key.waiting.is_empty() {
                state.turns.push_back(key);
            }
            if let Some(query) = query {
                state.running += 1;
                return Some(Admitted { key, query });
            }
        }
        None
    }

    /// Counts the bytes of an answer of a key until the client has taken them.
    pub(crate) fn hold(&self, key: i64, bytes: usize) -> Held {
        let counted = if bytes > SMALL_ANSWER_BYTES { bytes } else { 0 };
        let mut state = self.lock();
        state.answer_bytes += counted;
        let of_key = state.keys.entry(key).or_default();
        of_key.answer_bytes += counted;
        of_key.answer_bytes_expected = Some(of_key.answer_bytes_expected.map_or(bytes, |before| bytes.max(before / 2)));
        Held { queries: self.clone(), key, bytes: counted }
    }

    /// Stops counting the bytes of an answer.
    fn release(&self, key: i64, bytes: usize) -> Vec<Admitted> {
        let mut state = self.lock();
        state.answer_bytes -= bytes;
        if let Some(of_key) = state.keys.get_mut(&key) {
            of_key.answer_bytes -= bytes;
        }
        self.give_all(&mut state)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place for a query. The next query gets it when this value is dropped, also by a panic.
struct QueryPermit<'a> {
    queries: &'a Queries,
    key: i64,
}

impl QueryPermit<'_> {
    /// Leaves the place, and returns the query that is to run next in this thread.
    fn pass_on(self) -> Option<Admitted> {
        let mut admitted = self.queries.leave(self.key).into_iter();
        let next = admitted.next();
        self.queries.start(admitted);
        std::mem::forget(self);
        next
    }
}

impl Drop for QueryPermit<'_> {
    fn drop(&mut self) {
        let admitted = self.queries.leave(self.key);
        self.queries.start(admitted);
    }
}

/// The bytes of an answer that is on its way to the client.
pub(crate) struct Held {
    queries: Queries,
    key: i64,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        // A small answer was counted only as an estimate of the next answer.
        if self.bytes > 0 {
            let admitted = self.queries.release(self.key, self.bytes);
            self.queries.start(admitted);
        }
    }
}

#[cfg(test)]
#[path = "queries_tests.rs"]
mod tests;
