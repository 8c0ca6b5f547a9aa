//! The entries of the log that say which slots were erased. This is the one place that looks them up.

use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::log_key::LogKey;

/// Whether the log says that slots were erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(dead_code, reason = "erasures are not recorded yet, so no log covers or denies one")]
pub(super) enum Cover {
    /// The entry at this position says so.
    By(i64),
    /// No entry does.
    Nothing,
    /// This version does not look.
    Unknown,
}

/// Looks up the entry that says that slots of the entry at a position were erased. As long as there is no
/// such entry, an erased slot counts as erased.
pub(super) fn cover(_: &mut DbConnection, _: LogKey, _position: i64, _slots: &[u8]) -> Result<Cover, StoreError> {
    Ok(Cover::Unknown)
}
