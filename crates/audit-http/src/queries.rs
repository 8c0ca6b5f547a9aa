//! Which queries run: so many at once, and fair between keys.
//!
//! A query may take seconds, holds a thread and a connection, and makes an answer of many megabytes. So a key has half of the
//! places at most, a few more may wait, and the rest is told to come back. Places go to the keys in turn: one that asks for much
//! waits for itself. What is not a query (who somebody is, appends, whether the server is ready) never waits here.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// Queries of one key that wait for a place. One that waits costs a few hundred bytes and delays no other key, and an application
/// asks over a hundred connections with the one key that it has.
const WAITING_OF_A_KEY_MAX: usize = 128;

/// How long a query waits for a place.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Bytes of answers that are not taken yet, and those of one key: with so many, no further query starts, but for the only one of a
/// key. What is small does not count.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
const ANSWER_BYTES_OF_A_KEY_MAX: usize = ANSWER_BYTES_MAX / 2;

/// Answers of up to so many bytes are on their way to the client as soon as they are there, and do not count.
pub(crate) const SMALL_ANSWER_BYTES: usize = 64 * 1024;

/// What an answer of a key takes as long as nothing is known of it: two of its queries start at once until the first one has ended.
const ANSWER_BYTES_UNKNOWN: usize = ANSWER_BYTES_OF_A_KEY_MAX / 2;

/// There are enough queries of this key, or it waited in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany;

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
    /// The keys that wait, in the order of their turns.
    turns: VecDeque<i64>,
}

#[derive(Default)]
struct OfKey {
    running: usize,
    answer_bytes: usize,
    /// Of the largest of the last answers, each of which counts half as much as the one after it: the next ones may be like them.
    answer_bytes_expected: Option<usize>,
    waiting: VecDeque<oneshot::Sender<Place>>,
}

impl OfKey {
    /// Whether a query of the key may start, if there is a place at all.
    fn may_start(&self, places: usize) -> bool {
        let expected = self.running * self.answer_bytes_expected.unwrap_or(ANSWER_BYTES_UNKNOWN);
        self.running < places && self.answer_bytes + expected < ANSWER_BYTES_OF_A_KEY_MAX
    }

    fn is_idle(&self) -> bool {
        self.running == 0 && self.answer_bytes == 0 && self.waiting.is_empty()
    }
}

impl Queries {
    /// So many places.
    pub(crate) fn new(places: u32) -> Queries {
        let places = usize::try_from(places).unwrap_or(usize::MAX).max(1);
        Queries(Arc::new(Shared { places, places_of_a_key: (places / 2).max(1), state: Mutex::default() }))
    }

    /// A place for a query of a key, by the number of its token. Whoever stops waiting leaves the queue.
    pub(crate) async fn place(&self, key: i64) -> Result<Place, TooMany> {
        let given = match self.ask(key)? {
            Asked::Given(place) => return Ok(place),
            Asked::Waits(given) => given,
        };
        match tokio::time::timeout(WAIT_MAX, given).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(TooMany),
        }
    }

    fn ask(&self, key: i64) -> Result<Asked, TooMany> {
        let mut state = self.lock();
        let (is_free, all_answer_bytes) = (state.running < self.0.places, state.answer_bytes);
        let of_key = state.keys.entry(key).or_default();
        of_key.waiting.retain(|waiting| !waiting.is_closed());
        if of_key.waiting.len() >= WAITING_OF_A_KEY_MAX {
            return Err(TooMany);
        }
        if is_free && of_key.waiting.is_empty() && self.may_start(all_answer_bytes, of_key) {
            of_key.running += 1;
            state.running += 1;
            return Ok(Asked::Given(Place { queries: Some(self.clone()), key }));
        }
        let (give, given) = oneshot::channel();
        of_key.waiting.push_back(give);
        if !state.turns.contains(&key) {
            state.turns.push_back(key);
        }
        Ok(Asked::Waits(given))
    }

    fn leave(&self, key: i64) {
        let mut state = self.lock();
        state.running -= 1;
        if let Some(of_key) = state.keys.get_mut(&key) {
            of_key.running -= 1;
        }
        self.give_all(&mut state);
    }

    /// Whether a query of a key may start. A key that has nothing on its way always gets one: whatever others do not take, it does not
    /// wait for them.
    fn may_start(&self, all_answer_bytes: usize, of_key: &OfKey) -> bool {
        let has_nothing = of_key.running == 0 && of_key.answer_bytes == 0;
        of_key.may_start(self.0.places_of_a_key) && (has_nothing || all_answer_bytes < ANSWER_BYTES_MAX)
    }

    /// Gives all places there are to those who wait for them.
    fn give_all(&self, state: &mut State) {
        while state.running < self.0.places && self.give(state) {}
        state.keys.retain(|_, of_key| !of_key.is_idle());
    }

    /// Gives a place to the next key that may have one; `false` when there is none.
    fn give(&self, state: &mut State) -> bool {
        for _ in 0..state.turns.len() {
            let Some(key) = state.turns.pop_front() else { return false };
            let all_answer_bytes = state.answer_bytes;
            let Some(of_key) = state.keys.get_mut(&key) else { continue };
            of_key.waiting.retain(|waiting| !waiting.is_closed());
            let given = self.may_start(all_answer_bytes, of_key) && self.give_to(key, of_key);
            if !of_key.waiting.is_empty() {
                state.turns.push_back(key);
            }
            if given {
                state.running += 1;
                return true;
            }
        }
        false
    }

    fn give_to(&self, key: i64, of_key: &mut OfKey) -> bool {
        while let Some(waiting) = of_key.waiting.pop_front() {
            // It comes back when nobody waits for it any more, and must not leave what it never had.
            match waiting.send(Place { queries: Some(self.clone()), key }) {
                Ok(()) => {
                    of_key.running += 1;
                    return true;
                }
                Err(mut place) => drop(place.queries.take()),
            }
        }
        false
    }

    /// Counts the bytes of an answer of a key until they are taken.
    pub(crate) fn hold(&self, key: i64, bytes: usize) -> Held {
        let counted = if bytes > SMALL_ANSWER_BYTES { bytes } else { 0 };
        let mut state = self.lock();
        state.answer_bytes += counted;
        let of_key = state.keys.entry(key).or_default();
        of_key.answer_bytes += counted;
        of_key.answer_bytes_expected = Some(of_key.answer_bytes_expected.map_or(bytes, |before| bytes.max(before / 2)));
        Held { queries: self.clone(), key, bytes: counted }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Asked {
    Given(Place),
    Waits(oneshot::Receiver<Place>),
}

/// A place for a query. The next one gets it when this is dropped.
pub(crate) struct Place {
    queries: Option<Queries>,
    key: i64,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(queries) = self.queries.take() {
            queries.leave(self.key);
        }
    }
}

/// Bytes of an answer that is on its way.
pub(crate) struct Held {
    queries: Queries,
    key: i64,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.queries.lock();
        state.answer_bytes -= self.bytes;
        if let Some(of_key) = state.keys.get_mut(&self.key) {
            of_key.answer_bytes -= self.bytes;
        }
        self.queries.give_all(&mut state);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn place(queries: &Queries, key: i64) -> Place {
        queries.place(key).now_or_never().expect("a free place").expect("a place")
    }

    #[tokio::test]
    async fn a_key_has_half_of_the_places_and_the_others_the_rest() {
        let queries = Queries::new(4);
        let first = [place(&queries, 1), place(&queries, 1)];
        let mut third = Box::pin(queries.place(1));
        assert!(third.as_mut().now_or_never().is_none());
        let others = [place(&queries, 2), place(&queries, 3)];
        assert!(queries.place(4).now_or_never().is_none());
        drop(others);
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        assert!(third.await.is_ok());
    }

    #[tokio::test]
    async fn a_key_that_waits_for_too_much_is_told_so_and_the_gone_do_not_count() {
        let queries = Queries::new(1);
        let running = place(&queries, 1);
        let mut waiting: Vec<_> = (0..WAITING_OF_A_KEY_MAX).map(|_| Box::pin(queries.place(1))).collect();
        assert!(waiting.iter_mut().all(|waiting| waiting.as_mut().now_or_never().is_none()));
        assert_eq!(queries.place(1).now_or_never().map(|place| place.err()), Some(Some(TooMany)));
        let mut last = waiting.pop().unwrap();
        drop(waiting);
        let mut other = Box::pin(queries.place(1));
        assert!(other.as_mut().now_or_never().is_none());
        drop(running);
        drop(last.as_mut().now_or_never().unwrap().unwrap());
        assert!(other.await.is_ok());
        assert!(queries.lock().keys.is_empty());
    }

    #[tokio::test]
    async fn places_go_to_the_keys_in_turn() {
        let queries = Queries::new(1);
        let mut running = place(&queries, 1);
        let mut waiting: Vec<_> = [1, 1, 1, 2, 3].map(|key| (key, Box::pin(queries.place(key)))).into();
        assert!(waiting.iter_mut().all(|(_, waiting)| waiting.as_mut().now_or_never().is_none()));
        let mut order = Vec::new();
        while !waiting.is_empty() {
            drop(running);
            let given = waiting.iter_mut().enumerate().find_map(|(at, (_, waiting))| Some((at, waiting.as_mut().now_or_never()?)));
            let (at, given) = given.expect("somebody gets the place");
            order.push(waiting.remove(at).0);
            running = given.expect("a place");
        }
        assert_eq!(order, [1, 2, 3, 1, 1]);
    }

    #[tokio::test]
    async fn a_place_that_was_given_to_somebody_who_left_goes_on() {
        let queries = Queries::new(1);
        let running = place(&queries, 1);
        let mut gone = Box::pin(queries.place(2));
        let mut next = Box::pin(queries.place(3));
        assert!(gone.as_mut().now_or_never().is_none() && next.as_mut().now_or_never().is_none());
        drop(running);
        drop(gone);
        assert!(next.await.is_ok());
    }

    #[tokio::test]
    async fn a_key_that_does_not_take_its_answers_waits_until_it_does() {
        let queries = Queries::new(4);
        let held = queries.hold(1, ANSWER_BYTES_OF_A_KEY_MAX);
        let mut first = Box::pin(queries.place(1));
        assert!(first.as_mut().now_or_never().is_none());
        drop(place(&queries, 2));
        let other = queries.hold(2, ANSWER_BYTES_OF_A_KEY_MAX);
        let mut third = Box::pin(queries.place(3));
        let mut second = Box::pin(queries.place(2));
        assert!(second.as_mut().now_or_never().is_none(), "it has its share, and so have all together");
        let third = third.as_mut().now_or_never().expect("whatever others hold, a key has one query").expect("a place");
        let mut fourth = Box::pin(queries.place(3));
        assert!(fourth.as_mut().now_or_never().is_none(), "but not two");
        drop(other);
        assert!(fourth.await.is_ok() && second.await.is_ok() && first.as_mut().now_or_never().is_none());
        drop(third);
        drop(held);
        assert!(first.await.is_ok());
        assert!(queries.lock().keys.is_empty());
    }
}
