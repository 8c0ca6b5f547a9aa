//! How a program builds an action log: a constructor, and a setter for each other member.

use uuid::Uuid;

use super::NewActionLog;
use crate::channel::ChannelId;
use crate::error::Fault;
use crate::json::JsonText;
use crate::limits::LEVEL_MAX;
use crate::parse::object;
use crate::timestamp::Timestamp;

impl NewActionLog {
    /// Makes a record of a level and a message.
    ///
    /// # Errors
    ///
    /// [`Fault::NotOneOf`]: the level is not from 0 to 50. A program that has higher ones keeps them
    /// in [`NewActionLog::extra`].
    pub fn new(level: i64, message: &str) -> Result<NewActionLog, Fault> {
        if !(0..=LEVEL_MAX).contains(&level) {
            return Err(Fault::NotOneOf("a level from 0 to 50"));
        }
        Ok(NewActionLog {
            uuid: None,
            channel_id: None,
            created_at: None,
            level,
            logger_name: None,
            app_name: None,
            correlation_id: None,
            message: JsonText::string(message),
            trace: None,
            extra: None,
            masked: None,
        })
    }

    /// Sets the uuid, with which the record can be sent again.
    #[must_use]
    pub fn uuid(mut self, uuid: Uuid) -> NewActionLog {
        self.uuid = Some(uuid);
        self
    }

    /// Sets the channel that the record names. The caller of the log decides whether it counts.
    #[must_use]
    pub fn channel_id(mut self, channel: ChannelId) -> NewActionLog {
        self.channel_id = Some(channel);
        self
    }

    /// Sets the time at which the record was made.
    #[must_use]
    pub fn created_at(mut self, at: Timestamp) -> NewActionLog {
        self.created_at = Some(at);
        self
    }

    /// Sets the name of the logger.
    #[must_use]
    pub fn logger_name(mut self, name: &str) -> NewActionLog {
        self.logger_name = Some(JsonText::string(name));
        self
    }

    /// Sets the name of the application.
    #[must_use]
    pub fn app_name(mut self, name: &str) -> NewActionLog {
        self.app_name = Some(JsonText::string(name));
        self
    }

    /// Sets the id of the request, the transaction or the trace. Events with the same id are found
    /// with the record.
    #[must_use]
    pub fn correlation_id(mut self, id: &str) -> NewActionLog {
        self.correlation_id = Some(JsonText::string(id));
        self
    }

    /// Sets the traceback.
    #[must_use]
    pub fn trace(mut self, text: &str) -> NewActionLog {
        self.trace = Some(JsonText::string(text));
        self
    }

    /// Sets the members that this version does not know, as one object.
    ///
    /// # Errors
    ///
    /// [`Fault::NotAnObject`]: the value is not an object.
    pub fn extra(mut self, members: JsonText) -> Result<NewActionLog, Fault> {
        self.extra = Some(object(members)?);
        Ok(self)
    }
}
