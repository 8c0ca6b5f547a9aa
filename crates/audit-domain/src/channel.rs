//! Channels: the tenants of the log. Each channel has its own positions, uuids and tree.

use std::collections::BTreeSet;
use std::convert::Infallible;

use serde::{Serialize, Serializer};

use crate::error::Fault;
use crate::json::JsonText;

/// A channel id: an integer from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId(i64);

impl ChannelId {
    /// The channel of an installation that does not use channels.
    pub const DEFAULT: ChannelId = ChannelId(1);

    /// Makes a channel id. Returns `None` for a negative number.
    #[must_use]
    pub fn new(id: i64) -> Option<ChannelId> {
        (id >= 0).then_some(ChannelId(id))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    pub(crate) fn from_json(json: &JsonText) -> Result<ChannelId, Fault> {
        let number: Option<i64> = if json.is_integer() { json.as_str().parse().ok() } else { None };
        number.and_then(ChannelId::new).ok_or(Fault::NotAChannel)
    }
}

/// A number that is not the id of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a channel must be an integer from 0 to 9223372036854775807 (got {0})")]
pub struct ChannelIdError(i128);

/// A channel id that is one already needs no check, and functions take both.
impl From<Infallible> for ChannelIdError {
    fn from(never: Infallible) -> ChannelIdError {
        match never {}
    }
}

impl TryFrom<i64> for ChannelId {
    type Error = ChannelIdError;

    fn try_from(id: i64) -> Result<ChannelId, ChannelIdError> {
        ChannelId::new(id).ok_or(ChannelIdError(id.into()))
    }
}

impl TryFrom<u64> for ChannelId {
    type Error = ChannelIdError;

    fn try_from(id: u64) -> Result<ChannelId, ChannelIdError> {
        i64::try_from(id).ok().and_then(ChannelId::new).ok_or(ChannelIdError(id.into()))
    }
}

impl TryFrom<u32> for ChannelId {
    type Error = ChannelIdError;

    fn try_from(id: u32) -> Result<ChannelId, ChannelIdError> {
        ChannelId::try_from(i64::from(id))
    }
}

/// The type of a literal that nothing else decides.
impl TryFrom<i32> for ChannelId {
    type Error = ChannelIdError;

    fn try_from(id: i32) -> Result<ChannelId, ChannelIdError> {
        ChannelId::try_from(i64::from(id))
    }
}

impl std::fmt::Display for ChannelId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for ChannelId {
    type Err = Fault;
    fn from_str(text: &str) -> Result<Self, Fault> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = if digits { text.parse().ok() } else { None };
        number.and_then(ChannelId::new).ok_or(Fault::NotAChannel)
    }
}

/// The channels that a token may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelGrant {
    /// `*`: every channel that exists now or later.
    All,
    /// Only these channels.
    Only(BTreeSet<ChannelId>),
}

impl ChannelGrant {
    /// Whether the grant covers a channel.
    #[must_use]
    pub fn allows(&self, channel: ChannelId) -> bool {
        match self {
            ChannelGrant::All => true,
            ChannelGrant::Only(set) => set.contains(&channel),
        }
    }

    /// Whether this grant covers every channel that `other` covers.
    #[must_use]
    pub fn covers(&self, other: &ChannelGrant) -> bool {
        match (self, other) {
            (ChannelGrant::All, _) => true,
            (ChannelGrant::Only(_), ChannelGrant::All) => false,
            (ChannelGrant::Only(mine), ChannelGrant::Only(theirs)) => theirs.is_subset(mine),
        }
    }

    /// Formats the grant as the database stores it and a command line takes it: `*` or `1,2,3`.
    #[must_use]
    pub fn to_list(&self) -> String {
        match self {
            ChannelGrant::All => "*".to_owned(),
            ChannelGrant::Only(set) => set.iter().map(ChannelId::to_string).collect::<Vec<_>>().join(","),
        }
    }
}

impl From<ChannelId> for ChannelGrant {
    fn from(channel: ChannelId) -> ChannelGrant {
        ChannelGrant::Only([channel].into())
    }
}

/// Serializes the grant as [`ChannelGrant::to_list`] writes it, for the messages of a validator
/// about a faulty value.
impl Serialize for ChannelGrant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_list())
    }
}

impl std::str::FromStr for ChannelGrant {
    type Err = Fault;
    /// Parses the text that [`ChannelGrant::to_list`] writes.
    fn from_str(text: &str) -> Result<Self, Fault> {
        if text.trim() == "*" {
            return Ok(ChannelGrant::All);
        }
        let set: BTreeSet<ChannelId> = text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>()?;
        Ok(ChannelGrant::Only(set))
    }
}
