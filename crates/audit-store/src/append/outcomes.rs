//! What became of the requests of a batch, one by one.

use super::AppendRequest;
use super::batch::Outcome;
use super::error::{AppendError, NotStored, Unknown};
use crate::error::StoreError;

/// The requests of a batch and, as far as they are known, their outcomes.
pub(super) struct Outcomes<'a> {
    pub(super) requests: Vec<&'a AppendRequest>,
    settled: Vec<Option<Outcome>>,
    /// Those with a commit that was not confirmed: only a commit that is confirmed tells what became of them.
    doubtful: Vec<bool>,
}

impl<'a> Outcomes<'a> {
    pub(super) fn new(requests: Vec<&'a AppendRequest>) -> Outcomes<'a> {
        let (settled, doubtful) = (requests.iter().map(|_| None).collect(), vec![false; requests.len()]);
        Outcomes { requests, settled, doubtful }
    }

    /// The indexes of those that have no outcome yet.
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

    /// A commit of these was not confirmed.
    pub(super) fn doubt(&mut self, indexes: &[usize]) {
        indexes.iter().for_each(|index| self.doubtful[*index] = true);
    }

    /// Ends one with an error: as not stored, unless an earlier commit of it may have been done.
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

    /// Refuses those that an error concerns which no request is to blame for: all of them if the database cannot be reached or
    /// written, those that go to a log which is locked. `false` where that is none.
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

    /// All of them, in the order of the requests.
    pub(super) fn into_all(self) -> Vec<Outcome> {
        self.settled.into_iter().map(|outcome| outcome.unwrap_or(Err(Unknown::WriterEnded.into()))).collect()
    }
}
