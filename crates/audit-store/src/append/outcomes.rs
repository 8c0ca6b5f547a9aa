//! The outcomes of the requests of a batch.

use super::AppendRequest;
use super::batch::Outcome;
use super::error::{AppendError, NotStored, Unknown};
use crate::error::StoreError;

/// The requests of a batch and the outcomes that are known.
pub(super) struct Outcomes<'a> {
    pub(super) requests: Vec<&'a AppendRequest>,
    settled: Vec<Option<Outcome>>,
    /// Marks the requests with an unconfirmed commit. Only a confirmed commit shows their outcome.
    doubtful: Vec<bool>,
}

impl<'a> Outcomes<'a> {
    pub(super) fn new(requests: Vec<&'a AppendRequest>) -> Outcomes<'a> {
        let (settled, doubtful) = (requests.iter().map(|_| None).collect(), vec![false; requests.len()]);
        Outcomes { requests, settled, doubtful }
    }

    /// The indexes of the requests without an outcome.
    pub(super) fn open(&self) -> Vec<usize> {
        (0..self.settled.len()).filter(|index| !self.is_settled(*index)).collect()
    }

    pub(super) fn is_settled(&self, index: usize) -> bool {
        self.settled.get(index).is_some_and(Option::is_some)
    }

    pub(super) fn settle(&mut self, indexes: &[usize], outcomes: Vec<Outcome>) {
        for (index, outcome) in indexes.iter().zip(outcomes) {
            self.settled[*index] = Some(outcome);
        }
    }

    /// Marks requests as having an unconfirmed commit.
    pub(super) fn doubt(&mut self, indexes: &[usize]) {
        indexes.iter().for_each(|index| self.doubtful[*index] = true);
    }

    /// Ends a request with an error. The request counts as not stored, unless an earlier commit of
    /// it may have succeeded.
    pub(super) fn fail(&mut self, index: usize, error: &StoreError) {
        let outcome: AppendError = if let StoreError::Displaced(what) = error {
            Unknown::Displaced(what.clone()).into()
        } else if self.doubtful[index] {
            Unknown::Unconfirmed(error.to_string()).into()
        } else if let StoreError::Clock(error) = error {
            NotStored::Clock(*error).into()
        } else {
            NotStored::Database(error.to_string()).into()
        };
        self.settled[index] = Some(Err(outcome));
    }

    /// Refuses the requests that an error concerns if the error is not caused by a request: all
    /// requests if the database cannot be reached or written, or the requests to a locked log.
    /// Returns `false` if there is no such request.
    pub(super) fn refuse_concerned(&mut self, error: &StoreError) -> bool {
        let open = self.open();
        let concerned: Vec<usize> = match error {
            StoreError::LogLocked { channel_id, stream, .. } => {
                open.into_iter().filter(|index| self.requests[*index].goes_to(*channel_id, *stream)).collect()
            }
            StoreError::Clock(_) => open,
            error if error.concerns_the_whole_database() => open,
            _ => Vec::new(),
        };
        if !concerned.is_empty() {
            tracing::error!(%error, requests = concerned.len(), "requests were not appended");
        }
        concerned.iter().for_each(|index| self.fail(*index, error));
        !concerned.is_empty()
    }

    /// Returns all outcomes, in the order of the requests.
    pub(super) fn into_all(self) -> Vec<Outcome> {
        self.settled.into_iter().map(|outcome| outcome.unwrap_or(Err(Unknown::WriterEnded.into()))).collect()
    }
}
