//! What a request gets before it is worked on: room for its body, and its turn at the processors.
//!
//! The rule behind all of it: what one key asks for never decides whether another is served. So bodies that are appended share one
//! budget of which a key has a quarter ([`Budget`]); bodies that are not appended have room of their own, so that an administrator can
//! revoke a key while appends have no room left; and parsing goes round by key ([`Turns`]).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use audit_store::Budget;
use tokio::sync::oneshot;

use crate::Api;
use crate::auth::Caller;

/// Bytes of a body that is not appended, at most: a parameter of a GET, a token. None of them is a tenth as large.
pub(crate) const SMALL_BODY_BYTES_MAX: usize = 64 * 1024;

/// Bytes of all bodies that questions carry, and of all that administrators send.
const SMALL_BODIES_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The parts that all requests share.
pub(crate) struct Admission {
    pub(crate) turns: Turns,
    questions: Budget,
    administration: Budget,
}

impl Admission {
    pub(crate) fn new() -> Admission {
        Admission {
            turns: Turns::new(std::thread::available_parallelism().map_or(1, usize::from)),
            questions: Budget::new(SMALL_BODIES_BYTES_MAX),
            administration: Budget::new(SMALL_BODIES_BYTES_MAX),
        }
    }
}

/// Where a body may go, how large it may be, and who sends it.
pub(crate) struct Room<'a> {
    pub(crate) budget: &'a Budget,
    pub(crate) key: i64,
    pub(crate) bytes_max: usize,
}

impl<'a> Room<'a> {
    /// For what is appended.
    pub(crate) fn for_append(api: &'a Api, caller: &Caller, bytes_max: usize) -> Room<'a> {
        Room { budget: api.store.budget(), key: caller.token.id, bytes_max }
    }

    /// For the body of a request that only asks.
    pub(crate) fn for_question(api: &'a Api, caller: &Caller) -> Room<'a> {
        Room { budget: &api.admission.questions, key: caller.token.id, bytes_max: SMALL_BODY_BYTES_MAX }
    }

    /// For what an administrator sends.
    pub(crate) fn for_administration(api: &'a Api, caller: &Caller, bytes_max: usize) -> Room<'a> {
        Room { budget: &api.admission.administration, key: caller.token.id, bytes_max }
    }
}

/// So many turns at once. Who waits gets one round robin by key, so that a key with a thousand large bodies delays another by one.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Mutex<State>>);

struct State {
    free: usize,
    /// Who waits, by key; a key without anybody is not in here.
    waiting: HashMap<i64, VecDeque<oneshot::Sender<Turn>>>,
    /// The keys of `waiting`, in the order of their turns.
    order: VecDeque<i64>,
}

/// A turn, which ends when it is dropped.
pub(crate) struct Turn(Option<Turns>);

impl Turns {
    pub(crate) fn new(turns: usize) -> Turns {
        Turns(Arc::new(Mutex::new(State { free: turns, waiting: HashMap::new(), order: VecDeque::new() })))
    }

    /// Waits for a turn of this key.
    pub(crate) async fn take(&self, key: i64) -> Turn {
        let Some(granted) = self.join(key) else { return Turn(Some(self.clone())) };
        // The sender is only dropped with the turns themselves, and nobody can wait for them then.
        granted.await.unwrap_or(Turn(None))
    }

    /// A place in the line of a key, unless a turn is free.
    fn join(&self, key: i64) -> Option<oneshot::Receiver<Turn>> {
        let mut state = self.state();
        if state.free > 0 {
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

    /// Gives a turn on to the next one that still waits.
    fn pass_on(&self) {
        while let Some(next) = self.state().next() {
            match next.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // Who waited is gone. The turn must not end here: it is given on by this loop.
                Err(mut turn) => turn.0 = None,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Who is next; if there is nobody, the turn is free.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let Some(key) = self.order.pop_front() else {
            self.free += 1;
            return None;
        };
        let line = self.waiting.get_mut(&key)?;
        let next = line.pop_front();
        if line.is_empty() {
            self.waiting.remove(&key);
        } else {
            self.order.push_back(key);
        }
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.pass_on();
        }
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
}
