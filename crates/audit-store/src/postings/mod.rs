//! An inverted index of each log: which entries have which values, so that a query finds what it asks for without looking at what it
//! does not ask for.
//!
//! It follows the log: an append writes nothing here, and what was appended is indexed after its commit. A query reads the segments
//! and, from the log itself, the rows after the last one, in one snapshot. So it is exact at every moment, and without any segments
//! still right. Everything here can be made from the log again, to the same bytes.

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

/// What is stored is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damaged;

/// Why an index did not answer.
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
