//! The key of a log.

use audit_domain::Stream;

/// A log: a channel's stream.
pub(crate) type LogKey = (i64, Stream);
