//! The members of a new event, and the slots of those that have one. A slot takes its number in
//! [`Stream`](crate::Stream), one row of the table here, a setter and an accessor below, and a
//! column in the store.

use uuid::Uuid;

use super::Event;
use crate::action::Action;
use crate::channel::ChannelId;
use crate::error::Fault;
use crate::json::{JsonText, ObjectWriter};
use crate::object::ObjectId;
use crate::outcome::Outcome;
use crate::parse::{masked, object, string};
use crate::timestamp::Timestamp;
use crate::user::User;

/// Makes [`NewEvent`] of its members, and what follows from the table of slots: their numbers, the
/// parsing of members, the values that the log hashes and the native shape.
macro_rules! members {
    (
        $(#[$about:meta])* NewEvent { $($(#[$fixed_about:meta])* $fixed:ident: $fixed_type:ty,)+ }
        slots { $($(#[$slot_about:meta])* $name:ident: $type:ty = $slot:ident, $parse:path;)+ }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct NewEvent {
            $($(#[$fixed_about])* pub $fixed: Option<$fixed_type>,)+
            $($(#[$slot_about])* pub $name: Option<$type>,)+
        }

        /// The slots of the stream `events`.
        #[expect(missing_docs, reason = "the table of docs/log-format.md, by name")]
        pub mod slot {
            use crate::stream::{Stream, slot_number};

            pub const SUBJECT: u8 = slot_number(Stream::Events, "subject");
            $(pub const $slot: u8 = slot_number(Stream::Events, stringify!($name));)+
        }

        impl NewEvent {
            /// The names of all members.
            pub(super) const MEMBERS: &'static [&'static str] = &[$(stringify!($fixed),)+ $(stringify!($name),)+];

            /// Parses and sets a member that has a slot.
            pub(super) fn set_slot(&mut self, name: &str, value: Option<JsonText>) -> Result<(), Fault> {
                match name {
                    $(stringify!($name) => self.$name = value.map($parse).transpose()?,)+
                    _ => debug_assert!(false, "the parser passes known members only"),
                }
                Ok(())
            }

            /// The values of the slots, ascending by number.
            pub(crate) fn into_slots(self, subject: Option<JsonText>) -> [(u8, Option<JsonText>); SLOTS] {
                let mut slots = [(slot::SUBJECT, subject), $((slot::$slot, self.$name.map(JsonText::from)),)+];
                slots.sort_unstable_by_key(|(number, _)| *number);
                slots
            }
        }

        const SLOTS: usize = [slot::SUBJECT, $(slot::$slot),+].len();

        impl Event {
            /// Appends the members that have a slot, null if absent, as received.
            pub(super) fn write_slots(&self, object: &mut ObjectWriter<'_>) {
                $(object.text(stringify!($name), self.entry.slots.value(slot::$slot));)+
            }
        }
    };
}

members! {
    /// The members of one event, as the client sent them. All are optional.
    /// [`NewEvent::prepare`](crate::NewEvent::prepare) fills in some of the missing ones; the
    /// others stay null.
    NewEvent {
        /// The idempotency key in a channel.
        uuid: Uuid,
        /// The channel.
        channel_id: ChannelId,
        /// The time at which the event happened.
        timestamp: Timestamp,
        /// The action; derived from `content` if it is absent.
        action: Action,
        /// The number that the client uses for the content type.
        content_type: i64,
        /// The name that the client uses for the content type, a JSON string.
        table_name: JsonText,
        /// The object.
        object_id: ObjectId,
        /// Whether the action succeeded.
        outcome: Outcome,
        /// The id of the request, the transaction or the trace, a JSON string.
        correlation_id: JsonText,
        /// The application, a JSON string.
        source: JsonText,
    }
    slots {
        /// The user who did the action.
        user: User = USER, User::from_json;
        /// The user who really acted, if `user` is another.
        impersonator: User = IMPERSONATOR, User::from_json;
        /// The remote address, a JSON string.
        remote_addr: JsonText = REMOTE_ADDR, string;
        /// The address that the user called, a JSON string.
        url: JsonText = URL, string;
        /// A description for people, a JSON string.
        description: JsonText = DESCRIPTION, string;
        /// Any JSON.
        query_params: JsonText = QUERY_PARAMS, Ok;
        /// Any JSON.
        post_data: JsonText = POST_DATA, Ok;
        /// Any JSON.
        headers: JsonText = HEADERS, Ok;
        /// Any JSON; usually `{"old_data":…,"new_data":…}`.
        content: JsonText = CONTENT, Ok;
        /// Unknown members, as one JSON object.
        extra: JsonText = EXTRA, object;
        /// What was masked before the event was hashed: the policy, and pointers to the values.
        masked: JsonText = MASKED, masked;
    }
}

impl NewEvent {
    /// Sets the user who did the action.
    #[must_use]
    pub fn by(mut self, user: User) -> NewEvent {
        self.user = Some(user);
        self
    }

    /// Sets the user who really acted, if the action counts as another user's.
    #[must_use]
    pub fn impersonator(mut self, user: User) -> NewEvent {
        self.impersonator = Some(user);
        self
    }

    /// Sets the remote address.
    #[must_use]
    pub fn remote_addr(mut self, address: &str) -> NewEvent {
        self.remote_addr = Some(JsonText::string(address));
        self
    }

    /// Sets the address that the user called.
    #[must_use]
    pub fn url(mut self, url: &str) -> NewEvent {
        self.url = Some(JsonText::string(url));
        self
    }

    /// Sets the description for people.
    #[must_use]
    pub fn description(mut self, text: &str) -> NewEvent {
        self.description = Some(JsonText::string(text));
        self
    }

    /// Sets the parameters of the request. [`JsonText::encode`] makes the text of any value.
    #[must_use]
    pub fn query_params(mut self, params: JsonText) -> NewEvent {
        self.query_params = Some(params);
        self
    }

    /// Sets the data of the request.
    #[must_use]
    pub fn post_data(mut self, data: JsonText) -> NewEvent {
        self.post_data = Some(data);
        self
    }

    /// Sets the headers of the request.
    #[must_use]
    pub fn headers(mut self, headers: JsonText) -> NewEvent {
        self.headers = Some(headers);
        self
    }

    /// Sets the content, usually a change: see [`NewEvent::change`].
    #[must_use]
    pub fn content(mut self, content: JsonText) -> NewEvent {
        self.content = Some(content);
        self
    }

    /// Sets the members that this version does not know, as one object.
    ///
    /// # Errors
    ///
    /// [`Fault::NotAnObject`]: the value is not an object.
    pub fn extra(mut self, members: JsonText) -> Result<NewEvent, Fault> {
        self.extra = Some(object(members)?);
        Ok(self)
    }
}

impl Event {
    /// The user who did the action.
    #[must_use]
    pub fn user(&self) -> Option<User> {
        self.entry.slots.value(slot::USER).and_then(|json| User::from_json(json.clone()).ok())
    }

    /// The user who really acted, if `user` is another.
    #[must_use]
    pub fn impersonator(&self) -> Option<User> {
        self.entry.slots.value(slot::IMPERSONATOR).and_then(|json| User::from_json(json.clone()).ok())
    }

    /// The remote address.
    #[must_use]
    pub fn remote_addr(&self) -> Option<String> {
        self.entry.decoded(slot::REMOTE_ADDR).map(|text| text.to_text())
    }

    /// The address that the user called.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        self.entry.decoded(slot::URL).map(|text| text.to_text())
    }

    /// The description for people.
    #[must_use]
    pub fn description(&self) -> Option<String> {
        self.entry.decoded(slot::DESCRIPTION).map(|text| text.to_text())
    }

    /// The parameters of the request, as received.
    #[must_use]
    pub fn query_params(&self) -> Option<&JsonText> {
        self.entry.slots.value(slot::QUERY_PARAMS)
    }

    /// The data of the request, as received.
    #[must_use]
    pub fn post_data(&self) -> Option<&JsonText> {
        self.entry.slots.value(slot::POST_DATA)
    }

    /// The headers of the request, as received.
    #[must_use]
    pub fn headers(&self) -> Option<&JsonText> {
        self.entry.slots.value(slot::HEADERS)
    }

    /// The content, as received; usually `{"old_data":…,"new_data":…}`.
    #[must_use]
    pub fn content(&self) -> Option<&JsonText> {
        self.entry.slots.value(slot::CONTENT)
    }

    /// The unknown members, as one object.
    #[must_use]
    pub fn extra(&self) -> Option<&JsonText> {
        self.entry.slots.value(slot::EXTRA)
    }

    /// What was masked before the event was hashed: the policy, and pointers to the values.
    #[must_use]
    pub fn masked(&self) -> Option<&JsonText> {
        self.entry.slots.value(slot::MASKED)
    }
}
