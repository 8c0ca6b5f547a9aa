//! Erasures that go on.

use std::time::{Duration, Instant};

use audit_domain::{ChannelId, Stream};

use super::Store;
use crate::erasure;
use crate::error::StoreError;
use crate::log_key::LogKey;

/// The pause between two looks at an erasure that goes on.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Store {
    /// Waits until every erasure of a log has ended, which an open store works on by itself. Returns
    /// whether they have, within the time.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn wait_for_erasures(&self, channel: ChannelId, stream: Stream, patience: Duration) -> Result<bool, StoreError> {
        let deadline = Instant::now() + patience;
        let log: LogKey = (channel.get(), stream);
        while self.point_read(|conn| erasure::is_pending(conn, log))? {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(true)
    }

    /// Has the thread that erases look at a log.
    pub(crate) fn note_erasure(&self, log: LogKey) {
        self.0.to_erase.note(&[log].into());
    }
}
