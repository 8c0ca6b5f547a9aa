//! How an event that a client sends is parsed.

use super::NewEvent;
use crate::action::Action;
use crate::channel::ChannelId;
use crate::convert;
use crate::error::{Fault, FieldError, InputError};
use crate::json::{JsonText, Members};
use crate::object::ObjectId;
use crate::outcome::Outcome;
use crate::parse::{FromMembers, ParseMode, integer, read, recognize, string, timestamp, uuid};
use crate::reserved::reserved;
use crate::unrecognized::Foreign;

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
        let (event, mut errors): (NewEvent, _) = read(members, mode);
        let action = event.action.as_ref().map(Action::json);
        errors.extend(reserved(action, mode).map(|fault| FieldError::new("action", fault)));
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

    const KNOWN: &'static [&'static str] = NewEvent::MEMBERS;

    const ADDED: &'static [&'static str] = &["outcome", "correlation_id", "source", "impersonator", "masked"];

    fn set(&mut self, name: &str, value: Option<JsonText>) -> Result<(), Fault> {
        match name {
            "uuid" => self.uuid = value.as_ref().map(uuid).transpose()?,
            "channel_id" => self.channel_id = value.as_ref().map(ChannelId::from_json).transpose()?,
            "timestamp" => self.timestamp = value.as_ref().map(timestamp).transpose()?,
            "action" => self.action = value.map(Action::from_json).transpose()?,
            "content_type" => self.content_type = value.as_ref().map(integer).transpose()?,
            "table_name" => self.table_name = value.map(string).transpose()?,
            "object_id" => self.object_id = value.as_ref().map(ObjectId::from_json).transpose()?,
            "outcome" => self.outcome = value.map(Outcome::from_json).transpose()?,
            "correlation_id" => self.correlation_id = value.map(string).transpose()?,
            "source" => self.source = value.map(string).transpose()?,
            _ => self.set_slot(name, value)?,
        }
        Ok(())
    }

    fn extra(&mut self) -> &mut Option<JsonText> {
        &mut self.extra
    }

    fn looks_like(members: &Members<'_>) -> Option<Foreign> {
        let known = convert::recognize(members)?;
        Some(Foreign { text: format!("is not a native event: {known}"), format: known.format().map(convert::Format::name) })
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
        let text = r#"{"uuid":"x","timestamp":"5","content_type":9223372036854775808,"user":[1],"url":{},"action":null}"#;
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
