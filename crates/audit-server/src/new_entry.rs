//! Records of a file: the kinds, and the parser of a line for each.

use audit_http::store::domain::uuid::Uuid;
use audit_http::store::domain::{
    ChannelId, InputError, JsonText, MaskedValue, MaskingPolicy, Members, NewActionLog, NewEvent, ParseMode, PrepareError,
    PreparedEntry,
};
use audit_http::store::{Prepared, Store, StoreError};
use clap::ValueEnum;

/// The kind of the records of a file.
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
    /// A value that goes into the uuids of lines besides the line: the same line of another kind is
    /// another record.
    pub(crate) fn salt(self) -> &'static str {
        match self {
            Kind::Events => "",
            Kind::ActionLogs => "\0action-logs",
            Kind::Inventory => "\0inventory",
        }
    }
}

/// A record from a line.
pub(crate) enum NewEntry {
    Event(Box<NewEvent>),
    ActionLog(Box<NewActionLog>),
}

impl NewEntry {
    /// The mode that refuses an object without any known member, and the record of another system.
    pub(crate) const STRICT: ParseMode = ParseMode { refuses_unrecognized: true, ..ParseMode::IMPORT };

    /// Parses the text of a record, in [`ParseMode::IMPORT`] or [`NewEntry::STRICT`].
    pub(crate) fn parse(kind: Kind, text: &str, mode: ParseMode) -> Result<NewEntry, InputError> {
        match kind {
            Kind::Events => NewEvent::parse(text, mode).map(Box::new).map(NewEntry::Event),
            Kind::Inventory => audit_http::parse_inventory_log(text).map(Box::new).map(NewEntry::Event),
            Kind::ActionLogs => NewActionLog::parse(text, mode).map(Box::new).map(NewEntry::ActionLog),
        }
    }

    /// The kind that the text of a record seems to have although it was parsed as an event. An
    /// event needs no member and accepts any member that it does not know, so the mistake would be
    /// permanent.
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

    /// Sets the uuid, if the function returns one, unless the record has one.
    pub(crate) fn or_uuid(&mut self, uuid: impl FnOnce() -> Option<Uuid>) {
        let given = match self {
            NewEntry::Event(event) => &mut event.uuid,
            NewEntry::ActionLog(log) => &mut log.uuid,
        };
        *given = given.or_else(uuid);
    }

    /// The table of the object that the record is about; empty if it names none.
    pub(crate) fn table_name(&self) -> String {
        match self {
            NewEntry::Event(event) => {
                let name = event.table_name.as_ref().and_then(JsonText::decoded);
                name.map(|name| name.to_text()).unwrap_or_default()
            }
            NewEntry::ActionLog(_) => String::new(),
        }
    }

    /// Masks the record, and returns the value of slot 11.
    pub(crate) fn mask(&mut self, policy: &MaskingPolicy) -> Option<JsonText> {
        match self {
            NewEntry::Event(event) => event.mask(policy),
            NewEntry::ActionLog(log) => log.mask(policy),
        }
    }

    /// Lists what a policy would mask, and why.
    pub(crate) fn explain_masking(&self, policy: &MaskingPolicy) -> Vec<MaskedValue> {
        match self {
            NewEntry::Event(event) => event.explain_masking(policy),
            NewEntry::ActionLog(log) => log.explain_masking(policy),
        }
    }

    /// Prepares the record without a store: nothing is masked or looked up.
    pub(crate) fn prepare_alone(self, channel: ChannelId) -> Result<PreparedEntry, PrepareError> {
        match self {
            NewEntry::Event(event) => event.prepare(channel),
            NewEntry::ActionLog(log) => log.prepare(channel),
        }
    }

    /// Prepares the record for the log of the channel that it names, otherwise of the given one.
    pub(crate) fn prepare(self, store: &Store, channel: ChannelId) -> Result<Prepared, StoreError> {
        match self {
            NewEntry::Event(event) => {
                let channel = event.channel_id.unwrap_or(channel);
                store.channels(channel).events().prepare(*event)
            }
            NewEntry::ActionLog(log) => {
                let channel = log.channel_id.unwrap_or(channel);
                store.channels(channel).action_logs().prepare(*log)
            }
        }
    }
}
