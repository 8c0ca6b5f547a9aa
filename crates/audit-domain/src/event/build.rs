//! How a program builds an event: constructors, and the setters of the members that have no slot of
//! their own.

use serde::Serialize;
use uuid::Uuid;

use super::NewEvent;
use crate::action::Action;
use crate::change::Change;
use crate::channel::ChannelId;
use crate::error::Fault;
use crate::json::{EncodeError, JsonText};
use crate::object::ObjectId;
use crate::outcome::Outcome;
use crate::timestamp::Timestamp;

impl NewEvent {
    /// Makes an empty event. The other methods fill it.
    #[must_use]
    pub fn new() -> NewEvent {
        NewEvent::default()
    }

    /// Makes an event with an action, such as `LOGIN`.
    ///
    /// # Errors
    ///
    /// [`Fault::TooLong`]: the name has more than [`NAME_CHARS_MAX`](crate::limits::NAME_CHARS_MAX)
    /// characters.
    pub fn with_action(action: &str) -> Result<NewEvent, Fault> {
        Ok(NewEvent::new().action(Action::new(action)?))
    }

    /// A user created an object of a table.
    #[must_use]
    pub fn create(table_name: &str, object_id: impl Into<ObjectId>) -> NewEvent {
        NewEvent::new().action(Action::create()).object(table_name, object_id)
    }

    /// A user changed an object of a table.
    #[must_use]
    pub fn update(table_name: &str, object_id: impl Into<ObjectId>) -> NewEvent {
        NewEvent::new().action(Action::update()).object(table_name, object_id)
    }

    /// A user deleted an object of a table.
    #[must_use]
    pub fn delete(table_name: &str, object_id: impl Into<ObjectId>) -> NewEvent {
        NewEvent::new().action(Action::delete()).object(table_name, object_id)
    }

    /// A user looked at an object of a table.
    #[must_use]
    pub fn read(table_name: &str, object_id: impl Into<ObjectId>) -> NewEvent {
        NewEvent::new().action(Action::read()).object(table_name, object_id)
    }

    /// Sets the name of the content type, and the object.
    #[must_use]
    pub fn object(self, table_name: &str, object_id: impl Into<ObjectId>) -> NewEvent {
        self.table_name(table_name).object_id(object_id)
    }

    /// Sets the content to the difference between two states of the object. If they are equal, the
    /// content says so: both of its sides are empty.
    ///
    /// # Errors
    ///
    /// [`EncodeError`]: one of the states cannot be encoded as JSON, or is nested too deeply.
    pub fn change<T: Serialize, U: Serialize>(self, before: &T, after: &U) -> Result<NewEvent, EncodeError> {
        self.with_change(&Change::from_states(before, after)?)
    }

    /// Sets the content to a change, such as [`Change::created`].
    ///
    /// # Errors
    ///
    /// [`EncodeError`]: a side is nested too deeply.
    pub fn with_change(self, change: &Change) -> Result<NewEvent, EncodeError> {
        Ok(self.content(change.to_content()?))
    }

    /// Sets the uuid, with which the event can be sent again.
    #[must_use]
    pub fn uuid(mut self, uuid: Uuid) -> NewEvent {
        self.uuid = Some(uuid);
        self
    }

    /// Sets the channel that the event names. The caller of the log decides whether it counts.
    #[must_use]
    pub fn channel_id(mut self, channel: ChannelId) -> NewEvent {
        self.channel_id = Some(channel);
        self
    }

    /// Sets the time at which the event happened.
    #[must_use]
    pub fn timestamp(mut self, at: Timestamp) -> NewEvent {
        self.timestamp = Some(at);
        self
    }

    /// Sets the action.
    #[must_use]
    pub fn action(mut self, action: Action) -> NewEvent {
        self.action = Some(action);
        self
    }

    /// Sets the number of the content type.
    #[must_use]
    pub fn content_type(mut self, number: i64) -> NewEvent {
        self.content_type = Some(number);
        self
    }

    /// Sets the name of the content type.
    #[must_use]
    pub fn table_name(mut self, name: &str) -> NewEvent {
        self.table_name = Some(JsonText::string(name));
        self
    }

    /// Sets the id of the object.
    #[must_use]
    pub fn object_id(mut self, id: impl Into<ObjectId>) -> NewEvent {
        self.object_id = Some(id.into());
        self
    }

    /// Sets whether the action succeeded.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> NewEvent {
        self.outcome = Some(outcome);
        self
    }

    /// Sets the id of the request, the transaction or the trace. Action logs with the same id are
    /// found with the event.
    #[must_use]
    pub fn correlation_id(mut self, id: &str) -> NewEvent {
        self.correlation_id = Some(JsonText::string(id));
        self
    }

    /// Sets the application.
    #[must_use]
    pub fn source(mut self, application: &str) -> NewEvent {
        self.source = Some(JsonText::string(application));
        self
    }
}
