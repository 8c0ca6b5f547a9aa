//! What a scrub finds, and where.

use std::fmt::{self, Display, Formatter};

use audit_domain::Stream;
use audit_domain::uuid::Uuid;

use crate::log_key::name_of;

/// Something in the database that is not what the log wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The channel and the number of the stream; `None` for the tables of the whole database.
    pub log: Option<(i64, i16)>,
    /// What was changed.
    pub part: Part,
    /// What differs, in words, without a value of an entry.
    pub what: String,
}

/// A part of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// An entry.
    Entry {
        /// Its position.
        position: i64,
        /// Its uuid, unless the entry is missing or has none.
        uuid: Option<Uuid>,
        /// What of it.
        fault: EntryFault,
    },
    /// The row of the log: its size and the time of its last entry.
    Head,
    /// The row of the tree: its size, its root and its log name.
    Tree,
    /// A tile of the tree.
    Tile {
        /// Its level; 0 has the leaf hashes.
        level: i16,
        /// Its number.
        tile: i64,
        /// The hash in it; `None` for the tile as a whole.
        index: Option<u16>,
    },
    /// The checkpoint of the log under a name.
    Checkpoint {
        /// The number of the name.
        log_name: i64,
    },
    /// A checkpoint that somebody kept.
    Kept {
        /// Its name, such as that of its file.
        name: String,
    },
    /// A row of the search index.
    Index {
        /// The table.
        table: &'static str,
        /// The first position of its segment.
        first: i64,
        /// The number of the row among those of the segment.
        row: i64,
    },
    /// The row of an erasure.
    Erasure {
        /// The position of its entry.
        position: i64,
    },
    /// Rows of a log that does not exist.
    Stray {
        /// Their table.
        table: &'static str,
    },
    /// A row of the names of the logs.
    LogName {
        /// Its number.
        number: i64,
    },
    /// A row of the public keys.
    SigningKey {
        /// Its number.
        number: i64,
    },
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryFault {
    /// No row has its position.
    Missing,
    /// It is at a position that the log does not have.
    BeyondHead,
    /// Its row cannot be read as an entry.
    Unreadable,
    /// Its slots, its salts or its columns are not those of its leaf hash.
    Contents,
    /// Its leaf hash is not the one in the tree, and its contents are.
    LeafHash,
    /// It is complete in itself, and another entry than the one in the tree.
    Replaced,
    /// A filter column is not what the slots say.
    FilterColumn(&'static str),
    /// It was recorded before the entry at the position before it.
    Order,
    /// Its uuid leads to another position.
    Uuid,
    /// Slots are erased, and no entry of the log says so; or an erasure has erased slots that have values.
    Erasure,
}

impl EntryFault {
    /// The name, as JSON has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EntryFault::Missing => "missing",
            EntryFault::BeyondHead => "beyond_head",
            EntryFault::Unreadable => "unreadable",
            EntryFault::Contents => "contents",
            EntryFault::LeafHash => "leaf_hash",
            EntryFault::Replaced => "replaced",
            EntryFault::FilterColumn(_) => "filter_column",
            EntryFault::Order => "order",
            EntryFault::Uuid => "uuid",
            EntryFault::Erasure => "erasure",
        }
    }
}

impl Finding {
    /// The name of the stream; `None` for one that this version does not know.
    #[must_use]
    pub fn stream(&self) -> Option<Stream> {
        self.log.and_then(|(_, stream)| Stream::from_number(stream))
    }
}

impl Part {
    /// The name, as JSON has it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Part::Entry { .. } => "entry",
            Part::Head => "head",
            Part::Tree => "tree",
            Part::Tile { .. } => "tile",
            Part::Checkpoint { .. } => "checkpoint",
            Part::Kept { .. } => "kept_checkpoint",
            Part::Index { .. } => "index",
            Part::Erasure { .. } => "erasure",
            Part::Stray { .. } => "stray",
            Part::LogName { .. } => "log_name",
            Part::SigningKey { .. } => "signing_key",
        }
    }
}

/// Formats the place: the log, and the part of it.
impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some((channel_id, stream)) = self.log {
            match Stream::from_number(stream) {
                Some(stream) => write!(f, "{} ", name_of((channel_id, stream)))?,
                None => write!(f, "{channel_id}/(stream {stream}) ")?,
            }
        }
        write!(f, "{}: {}", self.part, self.what)
    }
}

impl Display for Part {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Part::Entry { position, uuid: Some(uuid), .. } => write!(f, "position {position} {uuid}"),
            Part::Entry { position, uuid: None, .. } => write!(f, "position {position}"),
            Part::Head => f.write_str("row of the log"),
            Part::Tree => f.write_str("tree"),
            Part::Tile { level, tile, index: Some(index) } => write!(f, "tile {level}/{tile} hash {index}"),
            Part::Tile { level, tile, index: None } => write!(f, "tile {level}/{tile}"),
            Part::Checkpoint { log_name } => write!(f, "checkpoint under name {log_name}"),
            Part::Kept { name } => write!(f, "checkpoint `{name}`"),
            Part::Index { table, first, row } => write!(f, "{table} of the segment from {first}, row {row}"),
            Part::Erasure { position } => write!(f, "the erasure of position {position}"),
            Part::Stray { table } => write!(f, "rows of {table}"),
            Part::LogName { number } => write!(f, "log name {number}"),
            Part::SigningKey { number } => write!(f, "public key {number}"),
        }
    }
}

/// What is said about an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryState {
    /// It is as it was appended.
    Ok,
    /// It is in the log, and some of its slots were erased.
    Erased,
    /// No row has its position.
    Missing,
    /// It is not what was appended.
    Tampered,
}

impl EntryState {
    /// The name, as in the other kinds of verification.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EntryState::Ok => "ok",
            EntryState::Erased => "erased",
            EntryState::Missing => "missing",
            EntryState::Tampered => "tampered",
        }
    }
}
