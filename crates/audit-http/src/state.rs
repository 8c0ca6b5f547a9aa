//! The state that every handler needs, and the budgets for its bodies.

use audit_store::Store;

use crate::admission::{Admission, Room, SMALL_BODY_BYTES_MAX};
use crate::auth::Caller;
use crate::config::ApiConfig;
use crate::queries::Queries;

/// The store, the settings, and the parts that requests share.
pub(crate) struct Api {
    pub(crate) store: Store,
    pub(crate) config: ApiConfig,
    pub(crate) queries: Queries,
    /// Queries that read the values of records. They have connections of their own.
    pub(crate) searches: Queries,
    pub(crate) admission: Admission,
}

impl Api {
    pub(crate) fn new(store: Store, config: ApiConfig) -> Api {
        let (queries, searches) = (Queries::new(store.queries_at_once()), Queries::new(store.searches_at_once()));
        Api { store, config, queries, searches, admission: Admission::new() }
    }
}

impl<'a> Room<'a> {
    /// The room for a body that is appended.
    pub(crate) fn for_append(api: &'a Api, caller: &Caller, bytes_max: usize) -> Room<'a> {
        Room { budget: api.store.budget(), key: caller.token.id, bytes_max }
    }

    /// The room for the body of a request that only reads.
    pub(crate) fn for_question(api: &'a Api, caller: &Caller) -> Room<'a> {
        Room { budget: &api.admission.questions, key: caller.token.id, bytes_max: SMALL_BODY_BYTES_MAX }
    }

    /// The room for a body that an administrator sends.
    pub(crate) fn for_administration(api: &'a Api, caller: &Caller, bytes_max: usize) -> Room<'a> {
        Room { budget: &api.admission.administration, key: caller.token.id, bytes_max }
    }
}
