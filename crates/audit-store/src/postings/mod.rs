//! An inverted index of each log: it maps values to entries, so that a query finds the matching
//! entries without looking at the others.
//!
//! The index follows the log: an append writes nothing here, and entries are indexed after their
//! commit. A query reads the segments and, from the log itself, the rows after the last segment, in
//! one snapshot. So it is exact at every moment, also without any segment. The whole index can be
//! rebuilt from the log, to the same bytes.

mod bits;
mod block;
mod building;
mod bytes;
mod cache;
mod condition;
mod counts;
mod feed;
mod find;
mod index;
mod indexer;
mod lag;
mod narrow;
mod page;
mod ranks;
mod search;
mod segment;
mod statements;
mod stored;
mod term;
mod tiers;
mod times;
mod waiting;
mod words;

pub(crate) use building::Building;
pub(crate) use cache::Cache;
pub(crate) use condition::Condition;
#[cfg(test)]
pub(crate) use feed::Step;
pub(crate) use feed::{Progress, Source, step};
pub(crate) use find::{candidates, find, narrow, next_places, places, places_by_position};
pub(crate) use indexer::{Grown, Indexer};
pub use lag::IndexLag;
pub(crate) use lag::lags;
pub(crate) use narrow::Values;
pub(crate) use page::Found;
pub(crate) use stored::drop_index;
pub(crate) use term::{Dimension, Term};
pub(crate) use times::Point;

use crate::error::StoreError;

/// The stored index differs from what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damaged;

/// The reason why an index gives no answer.
#[derive(Debug)]
pub(crate) enum IndexError {
    Store(StoreError),
    Damaged,
}

impl From<StoreError> for IndexError {
    fn from(error: StoreError) -> IndexError {
        IndexError::Store(error)
    }
}

impl From<diesel::result::Error> for IndexError {
    fn from(error: diesel::result::Error) -> IndexError {
        IndexError::Store(error.into())
    }
}

impl From<Damaged> for IndexError {
    fn from(_: Damaged) -> IndexError {
        IndexError::Damaged
    }
}
