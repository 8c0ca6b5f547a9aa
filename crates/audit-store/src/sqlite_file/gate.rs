//! Holds new queries back for a moment. SQLite restarts its WAL only when nothing reads from it:
//! without this, queries that overlap without a gap let the WAL grow without limit.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A gate that queries pass and a checkpoint holds.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    held: bool,
    /// The store closes, and queries no longer wait for a checkpoint.
    open_for_good: bool,
}

/// Counts a query as running until this is dropped.
pub(crate) struct Pass<'a>(&'a Gate);

/// While this exists, no query runs and none starts.
pub(crate) struct Held<'a>(&'a Gate);

impl Gate {
    /// Waits while the gate is held, and then counts as a running query.
    pub(crate) fn pass(&self) -> Pass<'_> {
        let state = self.changed.wait_while(self.state(), |state| state.held);
        state.unwrap_or_else(PoisonError::into_inner).running += 1;
        Pass(self)
    }

    /// Lets no new query start, and waits for the running ones. Returns `None` if they still run
    /// after `patience`.
    pub(crate) fn hold(&self, patience: Duration) -> Option<Held<'_>> {
        let mut state = self.state();
        if state.open_for_good {
            return None;
        }
        state.held = true;
        let held = Held(self);
        let waited = self.changed.wait_timeout_while(state, patience, |state| state.running > 0 && !state.open_for_good);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let is_empty = state.running == 0;
        drop(state);
        is_empty.then_some(held)
    }

    /// Ends a hold that waits, and allows no further one.
    pub(crate) fn open_for_good(&self) {
        self.state().open_for_good = true;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.state().running -= 1;
        self.0.changed.notify_all();
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.state().held = false;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_hold_waits_for_running_queries_and_lets_none_start() {
        let gate = Gate::default();
        let running = gate.pass();
        assert!(gate.hold(SOON).is_none(), "one is running");
        drop(running);
        let held = gate.hold(SOON).unwrap();
        let (started, start) = channel();
        std::thread::scope(|scope| {
            let gate = &gate;
            scope.spawn(move || {
                drop(gate.pass());
                started.send(()).unwrap();
            });
            assert!(start.recv_timeout(SOON).is_err(), "the gate is held");
            drop(held);
            start.recv_timeout(LONG).unwrap();
        });
    }

    #[test]
    fn a_store_that_closes_waits_for_no_hold() {
        let gate = Gate::default();
        let _running = gate.pass();
        std::thread::scope(|scope| {
            let hold = scope.spawn(|| gate.hold(LONG).is_none());
            gate.open_for_good();
            assert!(hold.join().unwrap());
        });
        assert!(gate.hold(SOON).is_none());
    }
}
