//! An action log before it is in the log: one record of an application's logger.

use uuid::Uuid;

use super::foreign::{translate, with_first};
use crate::channel::ChannelId;
use crate::convert;
use crate::error::{Fault, FieldError, InputError};
use crate::json::{JsonText, Members};
use crate::limits::{LEVEL_MAX, LEVEL_SENT_MAX};
use crate::parse::{FromMembers, ParseMode, integer, masked, object, read, recognize, string, timestamp, uuid};
use crate::reserved::reserved;
use crate::timestamp::Timestamp;
use crate::unrecognized::Foreign;

/// The members of one log record, as the client sent them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewActionLog {
    /// The idempotency key in a channel.
    pub uuid: Option<Uuid>,
    /// The channel.
    pub channel_id: Option<ChannelId>,
    /// The time at which the record was made.
    pub created_at: Option<Timestamp>,
    /// Python's levels: 0, 10, 20, 30, 40, 50, and any integer between. A parsed record with a
    /// higher level has 50 here, and the level in `extra`.
    pub level: i64,
    /// The name of the logger, a JSON string.
    pub logger_name: Option<JsonText>,
    /// The name of the application, a JSON string.
    pub app_name: Option<JsonText>,
    /// The id of the request, the transaction or the trace, a JSON string.
    pub correlation_id: Option<JsonText>,
    /// The message, a JSON string.
    pub message: JsonText,
    /// The traceback, a JSON string.
    pub trace: Option<JsonText>,
    /// Unknown members, as one JSON object.
    pub extra: Option<JsonText>,
    /// What was masked before the record was hashed: the policy, and pointers to the values.
    pub masked: Option<JsonText>,
}

impl NewActionLog {
    /// Parses one record in the native shape or in the shape of another logger, see
    /// [`translate_action_log`](crate::translate_action_log). `level` and `message` are required.
    ///
    /// # Errors
    ///
    /// [`InputError`]: the text is not a JSON object, is too large, is not an action log at all, or
    /// has faulty members, all of which are listed under the names that the client sent.
    pub fn parse(text: &str, mode: ParseMode) -> Result<NewActionLog, InputError> {
        let (members, names) = translate(mode.members(text)?);
        recognize::<Partial>(&members, mode)?;
        NewActionLog::from_members(members, mode).map_err(|mut errors| {
            for error in &mut errors {
                if let Some((_, sent)) = names.iter().find(|(native, _)| *native == error.field) {
                    (*sent).clone_into(&mut error.field);
                }
            }
            InputError::Fields(errors)
        })
    }

    /// Reads the members of one record. A null member counts as absent.
    ///
    /// # Errors
    ///
    /// Every faulty member in order of arrival, then the missing ones.
    pub fn from_members(members: Members<'_>, mode: ParseMode) -> Result<NewActionLog, Vec<FieldError>> {
        let (partial, mut errors) = read::<Partial>(members, mode);
        errors.extend(reserved(partial.logger_name.as_ref(), mode).map(|fault| FieldError::new("logger_name", fault)));
        partial.complete(errors)
    }
}

/// A record that may still lack required members.
#[derive(Default)]
struct Partial {
    uuid: Option<Uuid>,
    channel_id: Option<ChannelId>,
    created_at: Option<Timestamp>,
    level: Option<i64>,
    logger_name: Option<JsonText>,
    app_name: Option<JsonText>,
    correlation_id: Option<JsonText>,
    message: Option<JsonText>,
    trace: Option<JsonText>,
    extra: Option<JsonText>,
    masked: Option<JsonText>,
}

impl FromMembers for Partial {
    const NEEDS: &'static str = "an action log needs level and message";

    const KNOWN: &'static [&'static str] = &[
        "uuid",
        "channel_id",
        "created_at",
        "level",
        "logger_name",
        "app_name",
        "correlation_id",
        "message",
        "trace",
        "extra",
        "masked",
    ];

    const ADDED: &'static [&'static str] = &["correlation_id", "masked"];

    const READ_ONLY: &'static [&'static str] = &["id", "position", "recorded_at", "leaf_hash", "producer_id"];

    fn set(&mut self, name: &str, value: Option<JsonText>) -> Result<(), Fault> {
        match name {
            "uuid" => self.uuid = value.as_ref().map(uuid).transpose()?,
            "channel_id" => self.channel_id = value.as_ref().map(ChannelId::from_json).transpose()?,
            "created_at" => self.created_at = value.as_ref().map(timestamp).transpose()?,
            "level" => self.level = value.as_ref().map(level).transpose()?,
            "logger_name" => self.logger_name = value.map(string).transpose()?,
            "app_name" => self.app_name = value.map(string).transpose()?,
            "correlation_id" => self.correlation_id = value.map(string).transpose()?,
            "message" => self.message = value.map(string).transpose()?,
            "trace" => self.trace = value.map(string).transpose()?,
            "masked" => self.masked = value.map(masked).transpose()?,
            _ => self.extra = value.map(object).transpose()?,
        }
        Ok(())
    }

    fn extra(&mut self) -> &mut Option<JsonText> {
        &mut self.extra
    }

    fn looks_like(members: &Members<'_>) -> Option<Foreign> {
        let known = convert::recognize(members)?;
        let format = known.format()?;
        let text =
            format!("is not an action log: it looks like {}, which are appended as events in the format {format}", known.name());
        Some(Foreign { text, format: None })
    }
}

impl Partial {
    fn complete(mut self, mut errors: Vec<FieldError>) -> Result<NewActionLog, Vec<FieldError>> {
        if let Some(level) = self.level.filter(|level| *level > LEVEL_MAX) {
            self.level = Some(LEVEL_MAX);
            let has_level = self.extra.as_ref().and_then(|extra| extra.pick(&["level"])).is_some_and(|[level]| level.is_some());
            let name = if has_level { "sent_level" } else { "level" };
            self.extra = Some(with_first(self.extra.as_ref(), name, &JsonText::from_trusted(level.to_string())));
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
                correlation_id: self.correlation_id,
                message,
                trace: self.trace,
                extra: self.extra,
                masked: self.masked,
            }),
            _ => Err(errors),
        }
    }
}

fn level(json: &JsonText) -> Result<i64, Fault> {
    match integer(json) {
        Ok(level) if (0..=LEVEL_SENT_MAX).contains(&level) => Ok(level),
        _ => Err(Fault::NotALevel),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_and_message_are_required_and_faults_are_named() {
        let faults = |text: &str| match NewActionLog::parse(text, ParseMode::NATIVE) {
            Err(InputError::Fields(errors)) => errors.into_iter().map(|e| (e.field, e.fault)).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(faults(r#"{"trace":"t"}"#), [("level".into(), Fault::Required), ("message".into(), Fault::Required)]);
        assert_eq!(
            faults(r#"{"level":101,"message":"x","id":1}"#),
            [("level".into(), Fault::NotALevel), ("id".into(), Fault::ReadOnly)]
        );
        assert_eq!(faults(r#"{"level":1,"level":2,"message":"x"}"#), [("level".into(), Fault::Repeated)]);
    }

    #[test]
    fn a_level_above_pythons_is_stored_as_critical_and_kept() {
        for (members, extra) in [
            (r#""level":50"#, None),
            (r#""level":51"#, Some(r#"{"level":51}"#)),
            (r#""a":1,"level":55,"b":2"#, Some(r#"{"level":55,"a":1,"b":2}"#)),
            (r#""level":60,"extra":{"a":1}"#, Some(r#"{"level":60,"a":1}"#)),
            (r#""level":100,"extra":{ }"#, Some(r#"{"level":100 }"#)),
        ] {
            for mode in [ParseMode::NATIVE, ParseMode::PUBLISHED, ParseMode::IMPORT] {
                let log = NewActionLog::parse(&format!(r#"{{"message":"m",{members}}}"#), mode).unwrap();
                assert_eq!((log.level, log.extra.as_ref().map(JsonText::as_str)), (50, extra), "{members}");
            }
        }
    }
}
