//! The append budget: the memory that requests may take before their commit. All requests share it,
//! and no single key gets all of it.
//!
//! A key has a quarter of a budget. A single request may be larger than that, so one request of a
//! key at a time may exceed the quarter if it leaves a quarter to the others. So a key that takes
//! as much as it can never keeps the others out. See
//! `docs/decisions/0036-a-quarter-of-the-budget.md`.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A number of bytes to share. Clones share the same budget.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    returned: Condvar,
    whole: usize,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// The shares of each key. A key without a share is not in the map.
    keys: HashMap<i64, Key>,
}

/// The shares of the requests of a key.
#[derive(Debug, Default)]
struct Key {
    requests: usize,
    /// Bytes, without those of its large request.
    bytes: usize,
    /// Whether one of its requests exceeds the quarter.
    has_large: bool,
}

/// The reason why there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// All requests together hold the whole budget.
    Budget,
    /// The requests of this key hold their quarter.
    Key,
}

impl Budget {
    /// Makes a budget of this many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Budget {
        let state = State { free: bytes, keys: HashMap::new() };
        Budget(Arc::new(Shared { state: Mutex::new(state), returned: Condvar::new(), whole: bytes }))
    }

    /// Takes a share that belongs to no key. Returns `None` if that many bytes are not free.
    #[must_use]
    pub fn try_reserve(&self, bytes: usize) -> Option<Reservation> {
        let mut state = self.state();
        state.free = state.free.checked_sub(bytes)?;
        Some(Reservation { budget: self.clone(), key: None, bytes, is_large: false, attached: None })
    }

    /// The number of free bytes.
    #[must_use]
    pub fn free(&self) -> usize {
        self.state().free
    }

    /// Makes an empty share for a request of a key; `key` is the id of a token.
    #[must_use]
    pub fn share_of(&self, key: i64) -> Reservation {
        self.state().keys.entry(key).or_default().requests += 1;
        Reservation { budget: self.clone(), key: Some(key), bytes: 0, is_large: false, attached: None }
    }

    /// Waits for a share and takes it. More than the whole budget counts as all of it.
    #[must_use]
    pub fn reserve(&self, bytes: usize) -> Reservation {
        let bytes = bytes.min(self.0.whole);
        let mut state = self.state();
        while state.free < bytes {
            state = self.0.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.free -= bytes;
        Reservation { budget: self.clone(), key: None, bytes, is_large: false, attached: None }
    }

    fn quarter(&self) -> usize {
        self.0.whole / 4
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A share of a [`Budget`]. Dropping it gives the bytes back.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    key: Option<i64>,
    bytes: usize,
    /// Whether this is the request of its key that exceeds the quarter.
    is_large: bool,
    /// A value that is dropped together with the share.
    attached: Option<Box<dyn Attached>>,
}

/// A value that can be dropped together with a share.
pub trait Attached: Debug + Send + Sync {}

impl Reservation {
    /// Attaches a value that is dropped together with the share, as soon as the request is
    /// committed or refused.
    pub fn attach(&mut self, attached: impl Attached + 'static) {
        self.attached = Some(Box::new(attached));
    }

    /// Takes more bytes.
    ///
    /// # Errors
    ///
    /// [`Full`]; the share then stays as it was.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let quarter = self.budget.quarter();
        let mut state = self.budget.state();
        let rest = state.free.checked_sub(bytes).ok_or(Full::Budget)?;
        if let Some(key) = self.key {
            let key = state.keys.entry(key).or_default();
            if self.is_large {
                if rest < quarter {
                    return Err(Full::Budget);
                }
            } else if key.bytes + bytes <= quarter {
                key.bytes += bytes;
            } else if key.has_large {
                return Err(Full::Key);
            } else if rest < quarter {
                return Err(Full::Budget);
            } else {
                // From now on the other requests of the key have the quarter.
                key.bytes -= self.bytes;
                key.has_large = true;
                self.is_large = true;
            }
        }
        state.free = rest;
        self.bytes += bytes;
        Ok(())
    }

    /// Sets the share to the bytes that the request really holds. It gives back the excess. If
    /// bytes are missing, it takes as many as are free, because the request does not give up the
    /// memory that it holds already.
    pub fn settle(&mut self, bytes: usize) {
        let quarter = self.budget.quarter();
        let mut state = self.budget.state();
        let State { free, keys } = &mut *state;
        let mut of_key = self.key.filter(|_| !self.is_large).and_then(|key| keys.get_mut(&key));
        let room = match &of_key {
            Some(key) => (*free).min(quarter.saturating_sub(key.bytes)),
            None if self.is_large => free.saturating_sub(quarter),
            None => *free,
        };
        let settled = bytes.min(self.bytes + room);
        *free = *free + self.bytes - settled;
        if let Some(key) = &mut of_key {
            key.bytes = key.bytes + settled - self.bytes;
        }
        drop(state);
        self.bytes = settled;
        self.budget.0.returned.notify_all();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut state = self.budget.state();
        state.free += self.bytes;
        if let Some(number) = self.key
            && let Some(key) = state.keys.get_mut(&number)
        {
            key.requests -= 1;
            if self.is_large {
                key.has_large = false;
            } else {
                key.bytes -= self.bytes;
            }
            if key.requests == 0 {
                state.keys.remove(&number);
            }
        }
        drop(state);
        self.budget.0.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_given_back_and_never_exceed_the_whole() {
        let budget = Budget::new(10);
        let mut first = budget.try_reserve(6).unwrap();
        assert!(budget.try_reserve(5).is_none());
        assert_eq!((first.grow(4), first.grow(1)), (Ok(()), Err(Full::Budget)));
        let waiter = std::thread::spawn({
            let budget = budget.clone();
            move || drop(budget.reserve(100))
        });
        drop(first);
        waiter.join().unwrap();
        assert!(budget.try_reserve(10).is_some());
    }

    fn share(budget: &Budget, key: i64, bytes: usize) -> Result<Reservation, Full> {
        let mut share = budget.share_of(key);
        share.grow(bytes).map(|()| share)
    }

    #[test]
    fn a_key_has_a_quarter_and_one_request_beyond_it() {
        let budget = Budget::new(64);
        let small: Vec<Reservation> = (0..4).map(|_| share(&budget, 1, 4).unwrap()).collect();
        let large = share(&budget, 1, 32).unwrap();
        assert_eq!(share(&budget, 1, 1).unwrap_err(), Full::Key, "its quarter and its large request are taken");
        let others = share(&budget, 2, 16).unwrap();
        assert_eq!(share(&budget, 2, 1).unwrap_err(), Full::Budget);
        drop((small, others));
        let beside = share(&budget, 1, 16).unwrap();
        assert_eq!(share(&budget, 1, 1).unwrap_err(), Full::Key, "the quarter is for what is beside the large one");
        drop((large, beside));
        assert!(share(&budget, 1, 48).is_ok());
        assert!(budget.try_reserve(64).is_some() && budget.state().keys.is_empty(), "all is given back");
    }

    #[test]
    fn a_share_is_settled_within_what_its_key_may_have() {
        let budget = Budget::new(64);
        let mut small = share(&budget, 1, 10).unwrap();
        small.settle(4);
        assert_eq!((small.bytes, budget.free()), (4, 60));
        let beside = share(&budget, 1, 10).unwrap();
        small.settle(20);
        assert_eq!((small.bytes, share(&budget, 1, 1).unwrap().is_large), (6, true), "the quarter is full");
        let mut large = share(&budget, 2, 20).unwrap();
        large.settle(60);
        assert_eq!((large.bytes, budget.free()), (32, 16), "it leaves a quarter to the others");
        large.settle(1);
        let mut of_no_key = budget.try_reserve(1).unwrap();
        of_no_key.settle(100);
        assert_eq!((of_no_key.bytes, budget.free()), (47, 0));
        let waiter = std::thread::spawn({
            let budget = budget.clone();
            move || drop(budget.reserve(40))
        });
        of_no_key.settle(1);
        waiter.join().unwrap();
        drop((small, beside, large, of_no_key));
        assert!(budget.try_reserve(64).is_some() && budget.state().keys.is_empty(), "all is given back");
    }

    #[test]
    fn a_large_request_leaves_a_quarter_to_the_others() {
        let budget = Budget::new(64);
        let mut large = budget.share_of(1);
        assert_eq!((large.grow(48), large.grow(1)), (Ok(()), Err(Full::Budget)));
        assert_eq!(share(&budget, 2, 17).unwrap_err(), Full::Budget, "beyond a quarter, what is left is not enough");
        assert!(share(&budget, 2, 16).is_ok());
        // A share that grew within the quarter keeps its bytes when it exceeds the quarter.
        drop(large);
        let mut grown = share(&budget, 1, 16).unwrap();
        assert_eq!(grown.grow(16), Ok(()));
        let _beside = share(&budget, 1, 16).unwrap();
        assert_eq!(budget.state().free, 16);
    }
}
