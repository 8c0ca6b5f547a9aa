//! Admits a request before the server works on it: reserves memory for its body, and gives it its
//! turn at the processors.
//!
//! The rule of this module: the requests of one key never decide whether the server serves another
//! key. So all bodies of appends share one budget, of which a key has a quarter ([`Budget`]). Other
//! bodies have budgets of their own, so that an administrator can revoke a key while the append
//! budget is full. Parsing takes turns by key ([`Turns`]).

use std::collections::{HashMap, VecDeque};
use std::fmt::{Debug, Formatter};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use audit_store::{Attached, Budget};
use tokio::sync::oneshot;

use crate::parsers::Parsers;

/// The maximum bytes of a body that is not appended: a parameter of a GET, a token. None of them
/// needs a tenth of this.
pub(crate) const SMALL_BODY_BYTES_MAX: usize = 64 * 1024;

/// The bytes of all bodies of queries, and of all bodies that administrators send.
const SMALL_BODIES_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The parts that all requests share.
pub(crate) struct Admission {
    pub(crate) turns: Turns,
    /// One thread for each turn.
    pub(crate) parsers: Parsers,
    pub(crate) questions: Budget,
    pub(crate) administration: Budget,
}

impl Admission {
    pub(crate) fn new() -> Admission {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Admission {
            turns: Turns::new(processors),
            parsers: Parsers::start(processors),
            questions: Budget::new(SMALL_BODIES_BYTES_MAX),
            administration: Budget::new(SMALL_BODIES_BYTES_MAX),
        }
    }
}

/// The budget for a body, the maximum size of the body, and the key that sends it.
pub(crate) struct Room<'a> {
    pub(crate) budget: &'a Budget,
    pub(crate) key: i64,
    pub(crate) bytes_max: usize,
}

/// A fixed number of turns at once. Waiting requests get them round robin by key, so that a key
/// with a thousand large bodies delays another key by only one of them.
///
/// The entries that were made in a turn count until they are committed. Entries take several times
/// the memory of the body from which they were parsed. So while too many of them wait for the
/// writer, the server does not parse further bodies.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Mutex<State>>);

/// The bytes of entries of all keys above which the server parses no further body, except for a key
/// that holds no entries. This is two batches of the writer.
const HELD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The same limit for one key.
const HELD_BYTES_OF_KEY_MAX: usize = HELD_BYTES_MAX / 2;

struct State {
    free: usize,
    /// The waiting requests, by key. A key without waiting requests is not in the map.
    waiting: HashMap<i64, VecDeque<oneshot::Sender<Turn>>>,
    /// The keys of `waiting`, in the order of their turns.
    order: VecDeque<i64>,
    /// The bytes of entries that are held, by key. A key that holds none is not in the map.
    held: HashMap<i64, usize>,
}

/// A turn. It ends when it is dropped.
pub(crate) struct Turn {
    key: i64,
    turns: Option<Turns>,
}

/// The bytes of the entries that were made in a turn. They count until this value is dropped.
pub(crate) struct Held {
    key: i64,
    bytes: usize,
    turns: Turns,
}

impl Turns {
    pub(crate) fn new(turns: usize) -> Turns {
        Turns(Arc::new(Mutex::new(State { free: turns, waiting: HashMap::new(), order: VecDeque::new(), held: HashMap::new() })))
    }

    /// Waits for a turn of this key.
    pub(crate) async fn take(&self, key: i64) -> Turn {
        let Some(granted) = self.join(key) else { return Turn { key, turns: Some(self.clone()) } };
        // The sender is dropped only with the turns themselves, and then no request can wait for
        // them.
        granted.await.unwrap_or(Turn { key, turns: None })
    }

    /// Takes a free turn and returns `None`, or joins the line of a key.
    fn join(&self, key: i64) -> Option<oneshot::Receiver<Turn>> {
        let mut state = self.state();
        if state.has_turn_for(key) {
            state.free -= 1;
            return None;
        }
        let (grant, granted) = oneshot::channel();
        let line = state.waiting.entry(key).or_default();
        line.push_back(grant);
        if line.len() == 1 {
            state.order.push_back(key);
        }
        Some(granted)
    }

    /// Gives the free turns to the requests that still wait.
    fn grant(&self) {
        loop {
            let Some((key, next)) = self.state().next() else { return };
            if let Err(mut turn) = next.send(Turn { key, turns: Some(self.clone()) }) {
                // The request that waited is gone. The turn must not end by its own drop, because
                // the drop would call this function again.
                turn.turns = None;
                self.state().free += 1;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_turn_for(&self, key: i64) -> bool {
        // A key that holds nothing does not wait for other keys, no matter how much they hold.
        let may_hold_more = |of_key: usize| of_key < HELD_BYTES_OF_KEY_MAX && self.held.values().sum::<usize>() < HELD_BYTES_MAX;
        self.free > 0 && self.held.get(&key).is_none_or(|of_key| may_hold_more(*of_key))
    }

    /// Returns the next waiting request, with a turn that was free.
    fn next(&mut self) -> Option<(i64, oneshot::Sender<Turn>)> {
        let at = self.order.iter().position(|key| self.has_turn_for(*key))?;
        let key = self.order.remove(at)?;
        let line = self.waiting.get_mut(&key)?;
        let next = line.pop_front()?;
        if line.is_empty() {
            self.waiting.remove(&key);
        } else {
            self.order.push_back(key);
        }
        self.free -= 1;
        Some((key, next))
    }
}

impl Turn {
    /// Ends the turn, and counts the bytes of the entries that were made in it.
    pub(crate) fn hold(self, bytes: usize) -> Option<Held> {
        let turns = self.turns.clone()?;
        *turns.state().held.entry(self.key).or_default() += bytes;
        Some(Held { key: self.key, bytes, turns })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.turns.take() {
            turns.state().free += 1;
            turns.grant();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.turns.state();
        if let Some(held) = state.held.get_mut(&self.key) {
            *held -= self.bytes;
            if *held == 0 {
                state.held.remove(&self.key);
            }
        }
        drop(state);
        self.turns.grant();
    }
}

impl Attached for Held {}

impl Debug for Held {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held({} bytes)", self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn turns_go_round_by_key() {
        let turns = Turns::new(1);
        let first = turns.take(1).now_or_never().unwrap();
        let mut line: Vec<_> = [1, 1, 1, 2, 3, 2].into_iter().map(|key| (key, turns.join(key).unwrap())).collect();
        let (mut order, mut turn) = (Vec::new(), Some(first));
        while !line.is_empty() {
            drop(turn.take());
            let at = line
                .iter_mut()
                .position(|(_, granted)| {
                    turn = granted.try_recv().ok();
                    turn.is_some()
                })
                .unwrap();
            order.push(line.remove(at).0);
        }
        assert_eq!(order, [1, 2, 3, 1, 2, 1]);
        drop(turn);
        assert!(turns.take(9).now_or_never().is_some(), "the turn is free again");
    }

    #[test]
    fn who_is_gone_takes_no_turn_along() {
        let turns = Turns::new(1);
        let turn = turns.take(1).now_or_never().unwrap();
        let gone = [1, 2].map(|key| turns.join(key).unwrap());
        let mut waits = turns.join(3).unwrap();
        drop(gone);
        drop(turn);
        drop(waits.try_recv().unwrap());
        let state = turns.state();
        assert_eq!((state.free, state.waiting.len(), state.order.len()), (1, 0, 0));
    }

    #[test]
    fn bodies_wait_while_too_many_entries_are_held() {
        let turns = Turns::new(2);
        let hold = |key, bytes| turns.take(key).now_or_never().unwrap().hold(bytes).unwrap();
        let (half, small) = (hold(1, HELD_BYTES_OF_KEY_MAX), hold(2, 1));
        let mut first = turns.join(1).unwrap();
        let rest = hold(3, HELD_BYTES_MAX - HELD_BYTES_OF_KEY_MAX - 1);
        let mut second = turns.join(2).unwrap();
        drop(small);
        assert!(second.try_recv().is_ok() && first.try_recv().is_err(), "the others have room again");
        drop(half);
        assert!(first.try_recv().is_ok());
        drop(rest);
        let all = hold(1, 2 * HELD_BYTES_MAX);
        let other = hold(2, 1);
        assert!(turns.join(2).unwrap().try_recv().is_err(), "what it holds is more than there is for all");
        drop((all, other));
        let state = turns.state();
        assert_eq!((state.free, state.held.len()), (2, 0), "all is given back");
    }
}
