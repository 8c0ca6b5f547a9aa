//! Records of a file: which kinds there are, and how a line of each is read.

use audit_http::store::domain::uuid::Uuid;
use audit_http::store::domain::{ChannelId, InputError, Members, NewActionLog, NewEvent, ParseMode, PreparedEntry};
use audit_http::store::{Store, StoreError};
use clap::ValueEnum;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Events in the shape of the native API
    Events,
    /// Action logs in the shape of the native API
    ActionLogs,
    /// Logs in the shape of the inventory API
    Inventory,
}

impl Kind {
    /// What uuids of lines are made with beside the line: the same line of another kind is another record.
    pub(crate) fn salt(self) -> &'static str {
        match self {
            Kind::Events => "",
            Kind::ActionLogs => "\0action-logs",
            Kind::Inventory => "\0inventory",
        }
    }
}

/// A record that was read.
pub(crate) enum NewEntry {
    Event(Box<NewEvent>),
    ActionLog(Box<NewActionLog>),
}

impl NewEntry {
    /// Reads the text of a record; members that only the server sets are dropped.
    pub(crate) fn parse(kind: Kind, text: &str) -> Result<NewEntry, InputError> {
        match kind {
            Kind::Events => NewEvent::parse(text, ParseMode::IMPORT).map(Box::new).map(NewEntry::Event),
            Kind::Inventory => audit_http::parse_inventory_log(text).map(Box::new).map(NewEntry::Event),
            Kind::ActionLogs => NewActionLog::parse(text, ParseMode::IMPORT).map(Box::new).map(NewEntry::ActionLog),
        }
    }

    /// The kind that the text of a record is of although it was read as an event: an event needs no member, and would take whatever
    /// it does not know as members of its own, for good.
    pub(crate) fn meant(&self, text: &str) -> Option<&'static str> {
        let NewEntry::Event(event) = self else { return None };
        event.extra.as_ref()?;
        let members = Members::parse(text).ok()?;
        let has = |names: [&str; 2]| names.iter().all(|name| members.last(name).is_some());
        match members.last("extra") {
            None if has(["level", "message"]) || has(["level", "msg"]) => Some("action-logs"),
            None if has(["user_id", "record_id"]) => Some("inventory"),
            _ => None,
        }
    }

    /// Whether it has a uuid.
    pub(crate) fn has_uuid(&self) -> bool {
        match self {
            NewEntry::Event(event) => event.uuid.is_some(),
            NewEntry::ActionLog(log) => log.uuid.is_some(),
        }
    }

    /// Gives it a uuid, if there is one to give, unless it has one.
    pub(crate) fn or_uuid(&mut self, uuid: impl FnOnce() -> Option<Uuid>) {
        let given = match self {
            NewEntry::Event(event) => &mut event.uuid,
            NewEntry::ActionLog(log) => &mut log.uuid,
        };
        *given = given.or_else(uuid);
    }

    /// Makes it ready for the log of the channel it names, else of this one.
    pub(crate) fn prepare(self, store: &Store, channel: ChannelId) -> Result<PreparedEntry, StoreError> {
        match self {
            NewEntry::Event(event) => {
                let channel = event.channel_id.unwrap_or(channel);
                store.prepare(*event, channel)
            }
            NewEntry::ActionLog(log) => {
                let channel = log.channel_id.unwrap_or(channel);
                store.prepare_action_log(*log, channel)
            }
        }
    }
}
