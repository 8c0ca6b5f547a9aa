//! The two streams of a channel. Each is a log of its own.

/// One of the two logs of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    /// Audit events.
    Events,
    /// Action logs.
    ActionLogs,
}

impl Stream {
    /// The byte of the stream in a leaf.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Stream::Events => 1,
            Stream::ActionLogs => 2,
        }
    }

    /// The same number, for a database column.
    #[must_use]
    pub const fn number(self) -> i16 {
        self.code() as i16
    }

    /// The name in paths and origins.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Stream::Events => "events",
            Stream::ActionLogs => "action-logs",
        }
    }
}
