//! Records of a file: which kinds there are, and how a line of each is read.

use audit_http::store::domain::uuid::Uuid;
use audit_http::store::domain::{ChannelId, InputError, NewActionLog, NewEvent, PreparedEntry, Reading};
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

/// A record that was read.
pub(crate) enum Record {
    Event(Box<NewEvent>),
    ActionLog(Box<NewActionLog>),
}

impl Record {
    /// Reads the text of a record; members that only the server sets are dropped.
    pub(crate) fn parse(kind: Kind, text: &str) -> Result<Record, InputError> {
        match kind {
            Kind::Events => NewEvent::parse(text, Reading::IMPORT).map(Box::new).map(Record::Event),
            Kind::Inventory => audit_http::parse_inventory_log(text).map(Box::new).map(Record::Event),
            Kind::ActionLogs => NewActionLog::parse(text, Reading::IMPORT).map(Box::new).map(Record::ActionLog),
        }
    }

    /// Gives it a uuid unless it has one.
    pub(crate) fn or_uuid(&mut self, uuid: impl FnOnce() -> Uuid) {
        let given = match self {
            Record::Event(event) => &mut event.uuid,
            Record::ActionLog(log) => &mut log.uuid,
        };
        given.get_or_insert_with(uuid);
    }

    /// Makes it ready for the log of the channel it names, else of this one.
    pub(crate) fn prepare(self, store: &Store, channel: ChannelId) -> Result<PreparedEntry, StoreError> {
        match self {
            Record::Event(event) => {
                let channel = event.channel_id.unwrap_or(channel);
                store.prepare(*event, channel)
            }
            Record::ActionLog(log) => {
                let channel = log.channel_id.unwrap_or(channel);
                store.prepare_action_log(*log, channel)
            }
        }
    }
}
