//! The memory that requests may take before their commit, shared by all of them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A number of bytes to share. Clones share the same one.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    free: Mutex<usize>,
    returned: Condvar,
    whole: usize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Budget {
        Budget(Arc::new(Shared { free: Mutex::new(bytes), returned: Condvar::new(), whole: bytes }))
    }

    /// Takes a share, unless that many bytes are not free.
    #[must_use]
    pub fn try_reserve(&self, bytes: usize) -> Option<Reservation> {
        let mut free = self.free();
        *free = free.checked_sub(bytes)?;
        Some(Reservation { budget: self.clone(), bytes })
    }

    /// Takes a share, and waits for it. More than the whole budget counts as all of it.
    #[must_use]
    pub fn reserve(&self, bytes: usize) -> Reservation {
        let bytes = bytes.min(self.0.whole);
        let mut free = self.free();
        while *free < bytes {
            free = self.0.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= bytes;
        Reservation { budget: self.clone(), bytes }
    }

    fn free(&self) -> MutexGuard<'_, usize> {
        self.0.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A share of a [`Budget`], given back when it is dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    bytes: usize,
}

impl Reservation {
    /// Takes more; `false`, and the share stays as it was, when that many bytes are not free.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let mut free = self.budget.free();
        let Some(rest) = free.checked_sub(bytes) else { return false };
        *free = rest;
        self.bytes += bytes;
        true
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        *self.budget.free() += self.bytes;
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
        assert!(first.grow(4) && !first.grow(1));
        let waiter = std::thread::spawn({
            let budget = budget.clone();
            move || drop(budget.reserve(100))
        });
        drop(first);
        waiter.join().unwrap();
        assert!(budget.try_reserve(10).is_some());
    }
}
