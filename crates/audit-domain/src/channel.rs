//! Channels: the tenants of the log. Each has its own positions, its own uuids and its own tree.

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};

use crate::error::Fault;
use crate::json::JsonText;

/// A channel: an integer from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId(i64);

impl ChannelId {
    /// The channel of an installation that never asked for one.
    pub const DEFAULT: ChannelId = ChannelId(1);

    /// A channel id; `None` below zero.
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

/// The channels a token may touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelGrant {
    /// `*`: every channel there is or will be.
    All,
    /// Only these.
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

    /// Whether everything `other` covers is covered by this one.
    #[must_use]
    pub fn covers(&self, other: &ChannelGrant) -> bool {
        match (self, other) {
            (ChannelGrant::All, _) => true,
            (ChannelGrant::Only(_), ChannelGrant::All) => false,
            (ChannelGrant::Only(mine), ChannelGrant::Only(theirs)) => theirs.is_subset(mine),
        }
    }

    /// The grant as it is stored and written on a command line: `*` or `1,2,3`.
    #[must_use]
    pub fn to_list(&self) -> String {
        match self {
            ChannelGrant::All => "*".to_owned(),
            ChannelGrant::Only(set) => set.iter().map(ChannelId::to_string).collect::<Vec<_>>().join(","),
        }
    }
}

/// As [`ChannelGrant::to_list`] writes it: what a validator says a faulty value was.
impl Serialize for ChannelGrant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_list())
    }
}

impl std::str::FromStr for ChannelGrant {
    type Err = Fault;
    /// Reads what [`ChannelGrant::to_list`] writes.
    fn from_str(text: &str) -> Result<Self, Fault> {
        if text.trim() == "*" {
            return Ok(ChannelGrant::All);
        }
        let set: BTreeSet<ChannelId> = text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>()?;
        Ok(ChannelGrant::Only(set))
    }
}
