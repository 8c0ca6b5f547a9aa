//! The two streams of a channel. Each is a log of its own, with slots of its own. A third one is the root
//! log of a database.

/// One of the two logs of a channel, or the root log of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    /// Audit events.
    Events,
    /// Action logs.
    ActionLogs,
    /// Checkpoints of the other logs: the root log, which belongs to no channel. Its entries have no slots.
    Checkpoints,
}

impl Stream {
    /// The byte of the stream in a leaf.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Stream::Events => 1,
            Stream::ActionLogs => 2,
            Stream::Checkpoints => 3,
        }
    }

    /// The same number, for a database column.
    #[must_use]
    pub const fn number(self) -> i16 {
        self.code() as i16
    }

    /// The stream of a number of the database.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Stream> {
        [Stream::Events, Stream::ActionLogs, Stream::Checkpoints].into_iter().find(|stream| stream.number() == number)
    }

    /// The name in paths and origins.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Stream::Events => "events",
            Stream::ActionLogs => "action-logs",
            Stream::Checkpoints => "checkpoints",
        }
    }

    /// The stream of a channel with a byte, as a leaf has it.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Stream> {
        [Stream::Events, Stream::ActionLogs].into_iter().find(|stream| stream.code() == code)
    }

    /// The stream of a channel with a name, as an origin has it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Stream> {
        [Stream::Events, Stream::ActionLogs].into_iter().find(|stream| stream.name() == name)
    }

    /// The name of a slot in the native shape; `subject` for slot 0. `None` if the stream has no slot
    /// with this number.
    #[must_use]
    pub fn slot_name(self, number: u8) -> Option<&'static str> {
        self.slots().iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
    }

    /// The number of the slot with a name in the native shape. `None` if the stream has no such slot.
    #[must_use]
    pub fn slot_number(self, name: &str) -> Option<u8> {
        self.slots().iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
    }

    /// The numbers of all slots, ascending.
    pub fn slot_numbers(self) -> impl Iterator<Item = u8> {
        self.slots().iter().map(|(number, _)| *number)
    }

    /// The names of all slots, in the order of their numbers.
    pub fn slot_names(self) -> impl Iterator<Item = &'static str> {
        self.slots().iter().map(|(_, name)| *name)
    }

    /// The slots by number, as in the table of docs/log-format.md. No number is ever used again.
    const fn slots(self) -> &'static [(u8, &'static str)] {
        match self {
            Stream::Events => &[
                (0, "subject"),
                (1, "user"),
                (2, "remote_addr"),
                (3, "url"),
                (4, "query_params"),
                (5, "post_data"),
                (6, "headers"),
                (7, "content"),
                (8, "description"),
                (9, "extra"),
                (10, "impersonator"),
                (11, "masked"),
            ],
            Stream::ActionLogs => &[(0, "subject"), (1, "message"), (2, "trace"), (9, "extra"), (11, "masked")],
            Stream::Checkpoints => &[],
        }
    }
}

/// The number of a slot, for constants: the program does not compile if the stream has no slot with
/// this name.
pub(crate) const fn slot_number(stream: Stream, name: &str) -> u8 {
    let (slots, mut at) = (stream.slots(), 0);
    while !is_same(slots[at].1.as_bytes(), name.as_bytes()) {
        at += 1;
    }
    slots[at].0
}

const fn is_same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}
