//! An event before it is in the log: the client's statement, without a position.

use uuid::Uuid;

use crate::action::Action;
use crate::channel::ChannelId;
use crate::error::{Fault, FieldError, InputError};
use crate::json::{JsonText, Members};
use crate::object::ObjectId;
use crate::parse::{FromMembers, ParseMode, integer, object, read, recognize, string, timestamp, uuid};
use crate::timestamp::Timestamp;
use crate::user::User;

/// The members of one event, as the client sent them. All are optional.
/// [`NewEvent::prepare`](crate::NewEvent::prepare) fills in some of the missing ones; the others
/// stay null.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewEvent {
    /// The idempotency key in a channel.
    pub uuid: Option<Uuid>,
    /// The channel.
    pub channel_id: Option<ChannelId>,
    /// The time at which the event happened.
    pub timestamp: Option<Timestamp>,
    /// The action; derived from `content` if it is absent.
    pub action: Option<Action>,
    /// The number that the client uses for the content type.
    pub content_type: Option<i64>,
    /// The name that the client uses for the content type, a JSON string.
    pub table_name: Option<JsonText>,
    /// The object.
    pub object_id: Option<ObjectId>,
    /// The user who did the action.
    pub user: Option<User>,
    /// The remote address, a JSON string.
    pub remote_addr: Option<JsonText>,
    /// The address that the user called, a JSON string.
    pub url: Option<JsonText>,
    /// A description for people, a JSON string.
    pub description: Option<JsonText>,
    /// Any JSON.
    pub query_params: Option<JsonText>,
    /// Any JSON.
    pub post_data: Option<JsonText>,
    /// Any JSON.
    pub headers: Option<JsonText>,
    /// Any JSON; usually `{"old_data":…,"new_data":…}`.
    pub content: Option<JsonText>,
    /// Unknown members, as one JSON object.
    pub extra: Option<JsonText>,
}

impl NewEvent {
    /// Parses one event in the native shape.
    ///
    /// # Errors
    ///
    /// [`InputError`]: the text is not a JSON object, is too large, is not an event at all, or has
    /// faulty members, all of which are listed.
    pub fn parse(text: &str, mode: ParseMode) -> Result<NewEvent, InputError> {
        let members = mode.members(text)?;
        recognize::<NewEvent>(&members, mode)?;
        NewEvent::from_members(members, mode).map_err(InputError::Fields)
    }

    /// Reads the members of one event. A null member counts as absent.
    ///
    /// # Errors
    ///
    /// Every faulty member, in order of arrival.
    pub fn from_members(members: Members<'_>, mode: ParseMode) -> Result<NewEvent, Vec<FieldError>> {
        let (event, errors) = read(members, mode);
        if errors.is_empty() { Ok(event) } else { Err(errors) }
    }

    /// The action that the log hashes: the given one, otherwise the one derived from the content.
    #[must_use]
    pub fn effective_action(&self) -> Option<Action> {
        self.action.clone().or_else(|| self.content.as_ref().and_then(Action::derive))
    }
}

impl FromMembers for NewEvent {
    const NEEDS: &'static str = "an event needs at least one known member, such as action, object_id, table_name, user, url or \
         content; the log keeps unknown members as they are, inside `extra` or next to a known member";

    const READ_ONLY: &'static [&'static str] = &["position", "recorded_at", "leaf_hash", "producer_id"];

    const KNOWN: &'static [&'static str] = &[
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

    fn set(&mut self, name: &str, value: Option<JsonText>) -> Result<(), Fault> {
        match name {
            "uuid" => self.uuid = value.as_ref().map(uuid).transpose()?,
            "channel_id" => self.channel_id = value.as_ref().map(ChannelId::from_json).transpose()?,
            "timestamp" => self.timestamp = value.as_ref().map(timestamp).transpose()?,
            "action" => self.action = value.map(Action::from_json).transpose()?,
            "content_type" => self.content_type = value.as_ref().map(integer).transpose()?,
            "table_name" => self.table_name = value.map(string).transpose()?,
            "object_id" => self.object_id = value.as_ref().map(ObjectId::from_json).transpose()?,
            "user" => self.user = value.map(User::from_json).transpose()?,
            "remote_addr" => self.remote_addr = value.map(string).transpose()?,
            "url" => self.url = value.map(string).transpose()?,
            "description" => self.description = value.map(string).transpose()?,
            "query_params" => self.query_params = value,
            "post_data" => self.post_data = value,
            "headers" => self.headers = value,
            "content" => self.content = value,
            _ => self.extra = value.map(object).transpose()?,
        }
        Ok(())
    }

    fn extra(&mut self) -> &mut Option<JsonText> {
        &mut self.extra
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonKind;

    fn faults(text: &str, mode: ParseMode) -> Vec<(String, Fault)> {
        match NewEvent::parse(text, mode) {
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
        assert_eq!(faults(text, ParseMode::NATIVE), expected.map(|(field, fault)| (field.to_owned(), fault)));
    }

    #[test]
    fn read_only_members_are_refused_or_dropped() {
        let text = r#"{"position":3,"leaf_hash":"00"}"#;
        assert_eq!(faults(text, ParseMode::NATIVE).len(), 2);
        assert_eq!(NewEvent::parse(text, ParseMode::IMPORT), Ok(NewEvent::new()));
        assert!(NewEvent::parse(r#"{"position":null}"#, ParseMode::NATIVE).is_ok());
    }

    #[test]
    fn a_repeated_member_is_refused_or_the_last_one_counts() {
        let text = r#"{"content_type":"x","content_type":1,"content_type":2}"#;
        assert_eq!(faults(text, ParseMode::NATIVE).iter().filter(|(_, f)| *f == Fault::Repeated).count(), 2);
        assert_eq!(NewEvent::parse(text, ParseMode::PUBLISHED).unwrap().content_type, Some(2));
    }

    #[test]
    fn unknown_members_are_kept_in_order_and_not_beside_extra() {
        let event = NewEvent::parse(r#"{"b" : 1,"url":"/","a":null,"b":[ 2 ]}"#, ParseMode::NATIVE).unwrap();
        assert_eq!(event.extra.unwrap().as_str(), r#"{"b":1,"a":null,"b":[ 2 ]}"#);
        assert_eq!(faults(r#"{"extra":{},"a\"\u0062":1}"#, ParseMode::NATIVE), [("a\"b".to_owned(), Fault::BesideExtra)]);
        assert_eq!(faults(r#"{"extra":[]}"#, ParseMode::NATIVE), [("extra".to_owned(), Fault::NotAnObject(JsonKind::Array))]);
    }
}
