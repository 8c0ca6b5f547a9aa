//! An action log on its way into the log: one record of an application's logger.

use uuid::Uuid;

use crate::channel::ChannelId;
use crate::error::{Fault, FieldError, InputError};
use crate::json::{JsonKind, JsonText, Members, ObjectWriter};
use crate::log::Slots;
use crate::new_event::{Reading, beside_extra, extra_slot, integer, object, string, timestamp, uuid};
use crate::timestamp::Timestamp;

/// The slots of the stream `action-logs`.
#[expect(missing_docs, reason = "the table of docs/log-format.md, by name")]
pub mod action_log_slot {
    pub const SUBJECT: u8 = 0;
    pub const MESSAGE: u8 = 1;
    pub const TRACE: u8 = 2;
    pub const EXTRA: u8 = 9;
}

/// What a client says about one log record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewActionLog {
    /// The idempotency key inside a channel.
    pub uuid: Option<Uuid>,
    /// The tenant.
    pub channel_id: Option<ChannelId>,
    /// When it happened.
    pub created_at: Option<Timestamp>,
    /// Python's levels: 0, 10, 20, 30, 40, 50, and any integer between.
    pub level: i64,
    /// The logger, a JSON string.
    pub logger_name: Option<JsonText>,
    /// The application, a JSON string.
    pub app_name: Option<JsonText>,
    /// The message, a JSON string.
    pub message: JsonText,
    /// The traceback, a JSON string.
    pub trace: Option<JsonText>,
    /// Members that are not known here, one JSON object.
    pub extra: Option<JsonText>,
}

impl NewActionLog {
    /// Reads one record in the native shape; `level` and `message` are required.
    ///
    /// # Errors
    /// [`InputError`]: no JSON object, too large, or the list of all faulty members.
    pub fn parse(text: &str, reading: Reading) -> Result<NewActionLog, InputError> {
        NewActionLog::from_members(reading.members(text)?, reading).map_err(InputError::Fields)
    }

    fn from_members(members: Members<'_>, reading: Reading) -> Result<NewActionLog, Vec<FieldError>> {
        let mut log = Partial::default();
        let (mut errors, mut seen, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        for member in members {
            let value = (member.value.kind() != JsonKind::Null).then(|| member.value.clone());
            let Some(result) = log.set(&member.name, value, reading) else {
                unknown.push((member.key.to_owned(), member.value));
                continue;
            };
            if seen.contains(&member.name) {
                if !reading.last_repeated_counts {
                    errors.push(FieldError::new(member.name, Fault::Repeated));
                    continue;
                }
                errors.retain(|error: &FieldError| error.field != member.name);
            }
            seen.push(member.name.clone());
            if let Err(fault) = result {
                errors.push(FieldError::new(member.name, fault));
            }
        }
        log.finish(unknown, errors)
    }

    /// Cuts the slots and draws their salts.
    ///
    /// # Errors
    /// When the operating system has no random bytes to give.
    pub fn to_slots(&self) -> Result<Slots, getrandom::Error> {
        let mut subject = String::new();
        let mut writer = ObjectWriter::new(&mut subject);
        if let Some(app_name) = &self.app_name {
            writer.text("app_name", Some(app_name));
        }
        writer.integer("level", Some(self.level));
        if let Some(logger_name) = &self.logger_name {
            writer.text("logger_name", Some(logger_name));
        }
        writer.end();
        Slots::seal([
            (action_log_slot::SUBJECT, Some(JsonText::from_trusted(subject))),
            (action_log_slot::MESSAGE, Some(self.message.clone())),
            (action_log_slot::TRACE, self.trace.clone()),
            (action_log_slot::EXTRA, self.extra.clone()),
        ])
    }
}

#[derive(Default)]
struct Partial {
    uuid: Option<Uuid>,
    channel_id: Option<ChannelId>,
    created_at: Option<Timestamp>,
    level: Option<i64>,
    logger_name: Option<JsonText>,
    app_name: Option<JsonText>,
    message: Option<JsonText>,
    trace: Option<JsonText>,
    extra: Option<JsonText>,
}

impl Partial {
    /// Sets a known member; `None` for an unknown one.
    fn set(&mut self, name: &str, value: Option<JsonText>, reading: Reading) -> Option<Result<(), Fault>> {
        let set = || -> Result<(), Fault> {
            match name {
                "uuid" => self.uuid = value.as_ref().map(uuid).transpose()?,
                "channel_id" => self.channel_id = value.as_ref().map(ChannelId::from_json).transpose()?,
                "created_at" => self.created_at = value.as_ref().map(timestamp).transpose()?,
                "level" => self.level = value.as_ref().map(level).transpose()?,
                "logger_name" => self.logger_name = value.map(string).transpose()?,
                "app_name" => self.app_name = value.map(string).transpose()?,
                "message" => self.message = value.map(string).transpose()?,
                "trace" => self.trace = value.map(string).transpose()?,
                "extra" => self.extra = value.map(object).transpose()?,
                _ if value.is_some() && !reading.drops_read_only => return Err(Fault::ReadOnly),
                _ => {}
            }
            Ok(())
        };
        const MEMBERS: [&str; 14] = [
            "uuid",
            "channel_id",
            "created_at",
            "level",
            "logger_name",
            "app_name",
            "message",
            "trace",
            "extra",
            "id",
            "position",
            "recorded_at",
            "leaf_hash",
            "producer_id",
        ];
        MEMBERS.contains(&name).then(set)
    }

    fn finish(mut self, unknown: Vec<(String, JsonText)>, mut errors: Vec<FieldError>) -> Result<NewActionLog, Vec<FieldError>> {
        if !unknown.is_empty() {
            match self.extra {
                Some(_) => errors.extend(unknown.iter().map(|(key, _)| beside_extra(key))),
                None => self.extra = Some(extra_slot(&unknown)),
            }
        }
        for (field, missing) in [("level", self.level.is_none()), ("message", self.message.is_none())] {
            if missing && errors.iter().all(|error| error.field != field) {
                errors.push(FieldError::new(field, Fault::Required));
            }
        }
        match (self.level, self.message) {
            (Some(level), Some(message)) if errors.is_empty() => Ok(NewActionLog {
                uuid: self.uuid,
                channel_id: self.channel_id,
                created_at: self.created_at,
                level,
                logger_name: self.logger_name,
                app_name: self.app_name,
                message,
                trace: self.trace,
                extra: self.extra,
            }),
            _ => Err(errors),
        }
    }
}

fn level(json: &JsonText) -> Result<i64, Fault> {
    match integer(json) {
        Ok(level) if (0..=50).contains(&level) => Ok(level),
        _ => Err(Fault::NotALevel),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_and_message_are_required_and_faults_are_named() {
        let faults = |text: &str| match NewActionLog::parse(text, Reading::NATIVE) {
            Err(InputError::Fields(errors)) => errors.into_iter().map(|e| (e.field, e.fault)).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(faults("{}"), [("level".into(), Fault::Required), ("message".into(), Fault::Required)]);
        assert_eq!(
            faults(r#"{"level":51,"message":"x","id":1}"#),
            [("level".into(), Fault::NotALevel), ("id".into(), Fault::ReadOnly)]
        );
        assert_eq!(faults(r#"{"level":1,"level":2,"message":"x"}"#), [("level".into(), Fault::Repeated)]);
    }
}
