//! What a batch adds to the counters.

use std::collections::BTreeMap;

use audit_domain::{Keys, Stream};

use super::{Dimension, hour_of};

/// Channel, stream, dimension and key of a counter, as they are stored. Ordered: two servers that add to the same counters take
/// their rows in the same order.
pub(crate) type CounterKey = (i64, i16, i16, String);

/// How much is added to each counter, summed up over a batch.
#[derive(Debug, Default)]
pub(crate) struct Delta {
    pub(crate) all_time: BTreeMap<CounterKey, i64>,
    pub(crate) by_hour: BTreeMap<(CounterKey, i64), i64>,
}

impl Delta {
    /// Counts an entry, by when it happened and what it is filtered by.
    pub(crate) fn add(&mut self, channel: i64, stream: Stream, time: i64, keys: &Keys) {
        let hour = hour_of(time);
        for (dimension, key) in Dimension::of(keys) {
            let key = (channel, stream.number(), dimension.number(), key);
            if dimension.is_hourly() {
                *self.by_hour.entry((key.clone(), hour)).or_default() += 1;
            }
            *self.all_time.entry(key).or_default() += 1;
        }
    }
}
