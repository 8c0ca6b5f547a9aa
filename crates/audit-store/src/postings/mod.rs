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
mod compare;
mod condition;
mod counts;
mod days;
mod index;
mod narrow;
mod page;
mod pattern;
mod ranks;
mod search;
mod segment;
mod statements;
mod stored;
mod term;
pub(crate) mod tiers;
mod times;
mod value_range;
mod words;

pub(crate) use building::Building;
pub(crate) use cache::Cache;
pub(crate) use compare::{RowDifference, StoredRows};
pub(crate) use condition::{Condition, numbers_of, one_text, texts_of};
pub(crate) use index::{Index, Matches};
pub(crate) use narrow::{Values, Whole};
pub(crate) use page::{Found, Key, OfLog};
pub(crate) use pattern::Pattern;
pub(crate) use search::Candidates;
pub(crate) use segment::Segment;
pub(crate) use stored::{Stored, delete, drop_index, put, read};
pub(crate) use term::{Dimension, Term};
pub(crate) use times::Point;
pub(crate) use value_range::ValueRange;
pub(crate) use words::Search;

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
