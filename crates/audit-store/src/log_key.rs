//! The key of a log, and that of the root log.

use audit_domain::Stream;

/// A log: a channel's stream.
pub(crate) type LogKey = (i64, Stream);

/// The root log. It belongs to no channel: ids of channels are not negative.
pub(crate) const ROOT: LogKey = (-1, Stream::Checkpoints);

/// The name of a log in messages.
pub(crate) fn name_of(log: LogKey) -> String {
    if log == ROOT { "root".to_owned() } else { format!("{}/{}", log.0, log.1.name()) }
}
