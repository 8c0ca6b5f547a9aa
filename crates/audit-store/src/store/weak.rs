//! A handle that does not keep a store open.

use std::sync::{Arc, Weak};

use super::{Inner, Store};

/// A handle of a store that may be closed and dropped meanwhile: for threads that wait for something else.
#[derive(Clone)]
pub struct WeakStore(Weak<Inner>);

impl std::fmt::Debug for WeakStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WeakStore").finish_non_exhaustive()
    }
}

impl Store {
    /// A handle that does not keep the store open.
    #[must_use]
    pub fn downgrade(&self) -> WeakStore {
        WeakStore(Arc::downgrade(&self.0))
    }
}

impl WeakStore {
    /// The store, if it is still open.
    #[must_use]
    pub fn upgrade(&self) -> Option<Store> {
        self.0.upgrade().map(Store)
    }
}
