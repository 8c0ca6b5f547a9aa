//! An event on its way into the log: what a client says, before it has a position.

use uuid::Uuid;

use crate::action::Action;
use crate::change::Change;
use crate::channel::ChannelId;
use crate::error::{Fault, FieldError, InputError};
use crate::json::{Decoded, JsonError, JsonKind, JsonText, Member, Members, ObjectWriter};
use crate::limits::{EVENT_BYTES_ADDED_MAX, EVENT_BYTES_MAX, NESTING_ADDED_MAX, NESTING_MAX};
use crate::object::ObjectId;
use crate::timestamp::Timestamp;
use crate::user::User;

/// What a client says about one event. Everything is optional; what is left out is filled in by
/// [`NewEvent::prepare`](crate::NewEvent::prepare) or stays null.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewEvent {
    /// The idempotency key inside a channel.
    pub uuid: Option<Uuid>,
    /// The tenant.
    pub channel_id: Option<ChannelId>,
    /// When it happened.
    pub timestamp: Option<Timestamp>,
    /// What was done; derived from `content` when absent.
    pub action: Option<Action>,
    /// The client's numeric object type.
    pub content_type: Option<i64>,
    /// The client's named object type, a JSON string.
    pub table_name: Option<JsonText>,
    /// The object.
    pub object_id: Option<ObjectId>,
    /// Who did it.
    pub user: Option<User>,
    /// From where, a JSON string.
    pub remote_addr: Option<JsonText>,
    /// The address that was called, a JSON string.
    pub url: Option<JsonText>,
    /// For people, a JSON string.
    pub description: Option<JsonText>,
    /// Any JSON.
    pub query_params: Option<JsonText>,
    /// Any JSON.
    pub post_data: Option<JsonText>,
    /// Any JSON.
    pub headers: Option<JsonText>,
    /// Any JSON; usually `{"old_data":…,"new_data":…}`.
    pub content: Option<JsonText>,
    /// Members that are not known here, one JSON object.
    pub extra: Option<JsonText>,
}

/// How strictly an object is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Whether members that only the server sets are dropped, instead of refused.
    pub drops_read_only: bool,
    /// Whether the last of several members of one name counts, instead of being refused.
    pub last_repeated_counts: bool,
}

impl Reading {
    /// The native API.
    pub const NATIVE: Reading = Reading { drops_read_only: false, last_repeated_counts: false };
    /// The published APIs: as Django reads an object.
    pub const PUBLISHED: Reading = Reading { drops_read_only: false, last_repeated_counts: true };
    /// An export that is read back in.
    pub const IMPORT: Reading = Reading { drops_read_only: true, last_repeated_counts: false };

    /// Cuts a record within the limits into its members. What this log exported may be larger than what it was sent.
    pub(crate) fn members(self, text: &str) -> Result<Members<'_>, InputError> {
        let (bytes_added, levels_added) = if self.drops_read_only { (EVENT_BYTES_ADDED_MAX, NESTING_ADDED_MAX) } else { (0, 0) };
        if text.len() > EVENT_BYTES_MAX + bytes_added {
            return Err(InputError::TooLarge { bytes: text.len() });
        }
        Ok(Members::parse_within(text, NESTING_MAX + levels_added)?)
    }
}

impl NewEvent {
    /// An empty event, to be filled by the methods below.
    #[must_use]
    pub fn new() -> NewEvent {
        NewEvent::default()
    }

    /// Reads one event in the native shape.
    ///
    /// # Errors
    /// [`InputError`]: no JSON object, too large, or the list of all faulty members.
    pub fn parse(text: &str, reading: Reading) -> Result<NewEvent, InputError> {
        NewEvent::from_members(reading.members(text)?, reading).map_err(InputError::Fields)
    }

    /// Reads the members of one event; a null member is an absent one.
    ///
    /// # Errors
    /// Every faulty member, in order of arrival.
    pub fn from_members(members: Members<'_>, reading: Reading) -> Result<NewEvent, Vec<FieldError>> {
        let mut reader = Reader { reading, ..Reader::default() };
        for member in members {
            reader.take(member);
        }
        reader.finish()
    }

    /// Sets the object type by name and the object.
    #[must_use]
    pub fn object(mut self, table_name: &str, object_id: impl Into<ObjectId>) -> NewEvent {
        self.table_name = Some(JsonText::string(table_name));
        self.object_id = Some(object_id.into());
        self
    }

    /// Sets who did it.
    #[must_use]
    pub fn user(mut self, user: User) -> NewEvent {
        self.user = Some(user);
        self
    }

    /// Sets what was done.
    #[must_use]
    pub fn action(mut self, action: Action) -> NewEvent {
        self.action = Some(action);
        self
    }

    /// Sets what changed.
    ///
    /// # Errors
    /// When a side is nested too deeply.
    pub fn change(mut self, change: &Change) -> Result<NewEvent, JsonError> {
        self.content = Some(change.to_content().map_err(|_| JsonError::TooDeep)?);
        Ok(self)
    }

    /// The action that is hashed: the one given, else the one the content stands for.
    #[must_use]
    pub fn effective_action(&self) -> Option<Action> {
        self.action.clone().or_else(|| self.content.as_ref().and_then(Action::derive))
    }
}

#[derive(Default)]
struct Reader {
    reading: Reading,
    event: NewEvent,
    seen: Vec<String>,
    unknown: Vec<(String, JsonText)>,
    errors: Vec<FieldError>,
}

impl Default for Reading {
    fn default() -> Self {
        Reading::NATIVE
    }
}

/// Members that only the server sets.
const READ_ONLY: [&str; 4] = ["position", "recorded_at", "leaf_hash", "producer_id"];

/// Members that a client may give.
const KNOWN: [&str; 16] = [
    "uuid",
    "channel_id",
    "timestamp",
    "action",
    "content_type",
    "table_name",
    "object_id",
    "user",
    "remote_addr",
    "url",
    "description",
    "query_params",
    "post_data",
    "headers",
    "content",
    "extra",
];

impl Reader {
    fn take(&mut self, member: Member<'_>) {
        let Member { key, name, value } = member;
        let read_only = READ_ONLY.contains(&name.as_str());
        if !read_only && !KNOWN.contains(&name.as_str()) {
            self.unknown.push((key.to_owned(), value));
            return;
        }
        if self.seen.contains(&name) {
            if !self.reading.last_repeated_counts {
                return self.errors.push(FieldError::new(name, Fault::Repeated));
            }
            // The last one counts, faults included.
            self.errors.retain(|error| error.field != name);
        }
        self.seen.push(name.clone());
        let value = (value.kind() != JsonKind::Null).then_some(value);
        if read_only {
            if value.is_some() && !self.reading.drops_read_only {
                self.errors.push(FieldError::new(name, Fault::ReadOnly));
            }
            return;
        }
        if let Err(fault) = self.set(&name, value) {
            self.errors.push(FieldError::new(name, fault));
        }
    }

    fn set(&mut self, name: &str, value: Option<JsonText>) -> Result<(), Fault> {
        let event = &mut self.event;
        match name {
            "uuid" => event.uuid = value.as_ref().map(uuid).transpose()?,
            "channel_id" => event.channel_id = value.as_ref().map(ChannelId::from_json).transpose()?,
            "timestamp" => event.timestamp = value.as_ref().map(timestamp).transpose()?,
            "action" => event.action = value.map(Action::from_json).transpose()?,
            "content_type" => event.content_type = value.as_ref().map(integer).transpose()?,
            "table_name" => event.table_name = value.map(string).transpose()?,
            "object_id" => event.object_id = value.as_ref().map(ObjectId::from_json).transpose()?,
            "user" => event.user = value.map(User::from_json).transpose()?,
            "remote_addr" => event.remote_addr = value.map(string).transpose()?,
            "url" => event.url = value.map(string).transpose()?,
            "description" => event.description = value.map(string).transpose()?,
            "query_params" => event.query_params = value,
            "post_data" => event.post_data = value,
            "headers" => event.headers = value,
            "content" => event.content = value,
            _ => event.extra = value.map(object).transpose()?,
        }
        Ok(())
    }

    fn finish(mut self) -> Result<NewEvent, Vec<FieldError>> {
        if !self.unknown.is_empty() {
            if self.event.extra.is_some() {
                self.errors.extend(self.unknown.iter().map(|(key, _)| beside_extra(key)));
            } else {
                self.event.extra = Some(extra_slot(&self.unknown));
            }
        }
        if self.errors.is_empty() { Ok(self.event) } else { Err(self.errors) }
    }
}

/// An unknown member, by its key as received, that came although `extra` is given.
pub(crate) fn beside_extra(key: &str) -> FieldError {
    let name = Decoded::of(key).map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned());
    FieldError::new(name.unwrap_or_default(), Fault::BesideExtra)
}

/// `{` + key text as received + `:` + value text, joined by `,` + `}`, in order of arrival.
pub(crate) fn extra_slot(unknown: &[(String, JsonText)]) -> JsonText {
    let mut out = String::new();
    let mut object = ObjectWriter::new(&mut out);
    for (key, value) in unknown {
        object.raw_key(key, value.as_str());
    }
    object.end();
    JsonText::from_trusted(out)
}

pub(crate) fn uuid(json: &JsonText) -> Result<Uuid, Fault> {
    let text = json.decoded().ok_or(Fault::NotAUuid)?;
    text.as_str().and_then(parse_uuid).ok_or(Fault::NotAUuid)
}

/// A UUID in hyphenated or plain form, either case. Braces and `urn:` are for other places.
#[must_use]
pub fn parse_uuid(text: &str) -> Option<Uuid> {
    if text.len() != 36 && text.len() != 32 {
        return None;
    }
    Uuid::try_parse(text).ok()
}

pub(crate) fn timestamp(json: &JsonText) -> Result<Timestamp, Fault> {
    let text = json.decoded().ok_or(Fault::NotADateTime)?;
    Timestamp::parse(text.as_str().ok_or(Fault::NotADateTime)?)
}

pub(crate) fn integer(json: &JsonText) -> Result<i64, Fault> {
    let number = if json.is_integer() { json.as_str().parse().ok() } else { None };
    number.ok_or(Fault::NotAnInteger(json.kind()))
}

pub(crate) fn string(json: JsonText) -> Result<JsonText, Fault> {
    if json.kind() == JsonKind::String { Ok(json) } else { Err(Fault::NotAString(json.kind())) }
}

pub(crate) fn object(json: JsonText) -> Result<JsonText, Fault> {
    if json.kind() == JsonKind::Object { Ok(json) } else { Err(Fault::NotAnObject(json.kind())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str, reading: Reading) -> Vec<(String, Fault)> {
        match NewEvent::parse(text, reading) {
            Err(InputError::Fields(errors)) => errors.into_iter().map(|e| (e.field, e.fault)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reports_every_faulty_member_at_once() {
        let text = r#"{"uuid":"x","timestamp":5,"content_type":9223372036854775808,"user":[1],"url":{},"action":null}"#;
        let expected = [
            ("uuid", Fault::NotAUuid),
            ("timestamp", Fault::NotADateTime),
            ("content_type", Fault::NotAnInteger(JsonKind::Number)),
            ("user", Fault::NotAUser(JsonKind::Array)),
            ("url", Fault::NotAString(JsonKind::Object)),
        ];
        assert_eq!(faults(text, Reading::NATIVE), expected.map(|(field, fault)| (field.to_owned(), fault)));
    }

    #[test]
    fn read_only_members_are_refused_or_dropped() {
        let text = r#"{"position":3,"leaf_hash":"00"}"#;
        assert_eq!(faults(text, Reading::NATIVE).len(), 2);
        assert_eq!(NewEvent::parse(text, Reading::IMPORT), Ok(NewEvent::new()));
        assert!(NewEvent::parse(r#"{"position":null}"#, Reading::NATIVE).is_ok());
    }

    #[test]
    fn a_repeated_member_is_refused_or_the_last_one_counts() {
        let text = r#"{"content_type":"x","content_type":1,"content_type":2}"#;
        assert_eq!(faults(text, Reading::NATIVE).iter().filter(|(_, f)| *f == Fault::Repeated).count(), 2);
        assert_eq!(NewEvent::parse(text, Reading::PUBLISHED).unwrap().content_type, Some(2));
    }

    #[test]
    fn unknown_members_are_kept_in_order_and_not_beside_extra() {
        let event = NewEvent::parse(r#"{"b" : 1,"a":null,"b":[ 2 ]}"#, Reading::NATIVE).unwrap();
        assert_eq!(event.extra.unwrap().as_str(), r#"{"b":1,"a":null,"b":[ 2 ]}"#);
        assert_eq!(faults(r#"{"extra":{},"a\"\u0062":1}"#, Reading::NATIVE), [("a\"b".to_owned(), Fault::BesideExtra)]);
        assert_eq!(faults(r#"{"extra":[]}"#, Reading::NATIVE), [("extra".to_owned(), Fault::NotAnObject(JsonKind::Array))]);
    }
}
