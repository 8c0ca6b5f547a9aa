//! Cursors: the points at which a query by cursor continues.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::event::EventFilter;

/// The order of a query by cursor. Both orders are total and never change for an event, so a page
/// of the past never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum CursorOrder {
    /// By timestamp, then channel, then position.
    Timestamp,
    /// By position, in one channel.
    Position,
}

/// The last event of a page. The next page starts after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CursorKey {
    /// The timestamp in microseconds; not used in the order of positions.
    pub timestamp: i64,
    /// The channel.
    pub channel_id: i64,
    /// The position.
    pub position: i64,
}

/// The query that a cursor belongs to. The page size is not part of it, so a client may change it
/// between pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CursorScope<F = EventFilter> {
    /// The order.
    pub order: CursorOrder,
    /// Whether large values come first.
    pub descending: bool,
    /// The channels of the query, ascending; `None` for all channels.
    pub channels: Option<Vec<i64>>,
    /// The filter.
    pub filter: F,
}

/// A cursor that is malformed, or belongs to another query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a cursor for this query; send it with the filters and the sort it was issued for")]
pub struct CursorError;

impl<F: Serialize> CursorScope<F> {
    /// Makes the cursor after an event: base64url of the version, a digest of this query, and the
    /// point.
    #[must_use]
    pub fn cursor(&self, point: CursorKey) -> String {
        let mut bytes = Vec::with_capacity(33);
        bytes.push(CURSOR_VERSION);
        bytes.extend_from_slice(&self.digest());
        for number in [point.timestamp, point.channel_id, point.position] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor of this query.
    ///
    /// # Errors
    ///
    /// [`CursorError`] for any other text.
    pub fn point(&self, cursor: &str) -> Result<CursorKey, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| CursorError)?;
        let (head, numbers) = bytes.split_at_checked(9).ok_or(CursorError)?;
        if head[0] != CURSOR_VERSION || head[1..] != self.digest() || numbers.len() != 24 {
            return Err(CursorError);
        }
        let number = |at: usize| numbers[at..at + 8].iter().fold(0u64, |n, byte| n << 8 | u64::from(*byte)).cast_signed();
        Ok(CursorKey { timestamp: number(0), channel_id: number(8), position: number(16) })
    }

    /// Computes a digest of the query. Eight bytes are enough to notice a mistake: a cursor
    /// protects nothing, because the server applies the filter and the grant to every page.
    fn digest(&self) -> [u8; 8] {
        // The digest is of the serialized query and not of its `Hash`: the standard library may
        // change what it feeds a hasher, and cursors outlive an upgrade.
        let canonical = serde_json::to_vec(self).unwrap_or_default();
        let digest: [u8; 32] = Sha256::digest(canonical).into();
        digest.first_chunk().copied().unwrap_or_default()
    }
}

const CURSOR_VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ActionLogFilter;
    use crate::event::EventValues;

    /// Clients keep cursors over an upgrade of the server, so a new field of a filter must not
    /// change the digest of a query that does not use it.
    #[test]
    fn a_cursor_of_an_earlier_version_is_still_one() {
        let filter = EventFilter { action: Some("LOGIN".to_owned()), ..EventFilter::default() };
        let walk = CursorScope { order: CursorOrder::Timestamp, descending: true, channels: Some(vec![1]), filter };
        let point = CursorKey { timestamp: 5, channel_id: 1, position: 7 };
        assert_eq!(walk.point("AXMKbOoId8mIAAAAAAAAAAUAAAAAAAAAAQAAAAAAAAAH"), Ok(point));
        let filter = ActionLogFilter { logger_name: Some("shop".to_owned()), ..ActionLogFilter::default() };
        let walk = CursorScope { order: CursorOrder::Timestamp, descending: true, channels: Some(vec![1]), filter };
        assert_eq!(walk.point("AUD6iRo-FBpXAAAAAAAAAAUAAAAAAAAAAQAAAAAAAAAH"), Ok(point));
    }

    #[test]
    fn a_cursor_belongs_to_its_walk() {
        let walk = CursorScope {
            order: CursorOrder::Position,
            descending: false,
            channels: Some(vec![1]),
            filter: EventFilter::default(),
        };
        let point = CursorKey { timestamp: -5, channel_id: 1, position: 77 };
        let cursor = walk.cursor(point);
        assert_eq!(walk.point(&cursor), Ok(point));
        let filtered = CursorScope { filter: EventFilter { content_type: Some(1), ..EventFilter::default() }, ..walk.clone() };
        for other in [filtered, CursorScope { descending: true, ..walk.clone() }, CursorScope { channels: None, ..walk.clone() }] {
            assert_eq!(other.point(&cursor), Err(CursorError));
        }
        let listed = EventValues { content_type: [1].into(), ..EventValues::default() };
        let (one_of, none_of) = (EventFilter::default(), EventFilter::default());
        let filters = [EventFilter { one_of: listed.clone(), ..one_of }, EventFilter { none_of: listed, ..none_of }];
        for filter in filters {
            assert_eq!(CursorScope { filter, ..walk.clone() }.point(&cursor), Err(CursorError));
        }
        for bad in ["", "x", "%", &cursor[1..], &cursor[..cursor.len() - 1]] {
            assert_eq!(walk.point(bad), Err(CursorError), "{bad:?}");
        }
    }
}
