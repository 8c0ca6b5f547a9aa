//! The search indexes of the logs, which a thread brings up to date.

mod feed;
mod lag;

#[cfg(test)]
pub(crate) use feed::Step;
pub(crate) use feed::{Source, rebuilt, step};
pub use lag::IndexLag;
pub(crate) use lag::{lagging, lags};

use crate::follow::Follower;

pub(crate) const FOLLOWER: Follower = Follower {
    thread: "audit-indexer",
    what: "search index",
    consequence: "queries are exact, and slower with each append",
    section: "An index that is behind",
};
