//! Exact counts that no query has to scan for: moved in the transaction of each append, read in the snapshot of each count, and
//! made anew from the log by [`rebuild`]. What has many values (objects, urls, a user in a range of time) is not counted here but
//! from its index.

mod delta;
mod dimension;
mod hour;
mod read;
mod rebuild;

pub(crate) use delta::{CounterKey, Delta};
pub(crate) use dimension::Dimension;
pub(crate) use hour::{HOUR_MICROS, Hours, hour_of};
pub(crate) use read::{Tally, by_hour, groups, hours_behind, whole};
pub(crate) use rebuild::rebuild;
