//! What a batch adds to the counters.

use std::collections::BTreeMap;

use audit_domain::{PreparedEntry, Stream};

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
    /// Counts an entry.
    pub(crate) fn add(&mut self, entry: &PreparedEntry) {
        let (channel, stream): (i64, Stream) = (entry.channel_id().get(), entry.stream());
        let hour = hour_of(entry.timestamp().micros());
        for (dimension, key) in Dimension::of(entry.keys()) {
            let key = (channel, stream.number(), dimension.number(), key);
            if dimension.is_hourly() {
                *self.by_hour.entry((key.clone(), hour)).or_default() += 1;
            }
            *self.all_time.entry(key).or_default() += 1;
        }
    }
}
