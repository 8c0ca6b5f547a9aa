//! Records in the shape of other loggers: Python's (in [`log_record`]), pino (and bunyan, which has
//! the same member names), and levels that are names, as winston, slog, zap and syslog write them.
//!
//! A number is read as a pino level only if the record looks like pino in other ways too: 30 means
//! WARNING to Python and info to pino.

use super::levels::level_of_name;
use super::log_record;
use crate::json::{JsonKind, JsonText, Member, Members, ObjectWriter};
use crate::limits::LEVEL_MAX;
use crate::timestamp::Timestamp;

/// Translates the members of a record into the native shape. A native record stays as it is. A
/// value that cannot be translated stays too, and the parser of the native shape reports it.
#[must_use]
pub fn translate_action_log(members: Members<'_>) -> Members<'_> {
    translate(members).0
}

/// The names of members that were translated: in the native shape, and as the client sent them.
pub(super) type SentNames = &'static [(&'static str, &'static str)];

/// Translates a record as [`translate_action_log`] does, and says how its members were sent.
pub(super) fn translate(members: Members<'_>) -> (Members<'_>, SentNames) {
    if log_record::is_log_record(&members) {
        (log_record::translate(members), &log_record::NAMES)
    } else if is_pino(&members) {
        (pino(members), &[("message", "msg"), ("logger_name", "name"), ("created_at", "time")])
    } else {
        (with_native_names(members), &[])
    }
}

/// A record with `msg` and without `message` needs one more member of pino. A record without a
/// message needs both: the time, and the process id or the host name.
fn is_pino(members: &Members<'_>) -> bool {
    let kind = |name: &str| members.last(name).map(JsonText::kind);
    let has_time = kind("time") == Some(JsonKind::Number);
    let has_process = kind("pid").is_some() || kind("hostname").is_some();
    let is_marked = if kind("msg").is_some() { has_time || has_process } else { has_time && has_process };
    kind("message").is_none() && kind("level").is_some() && is_marked
}

/// Renames pino's members to their native names and puts all others into `extra`. An application
/// may log a `uuid` or an `id` of its own, which must not become the identity of the record.
fn pino(members: Members<'_>) -> Members<'_> {
    let (mut native, mut others) = (Vec::new(), Vec::new());
    for member in members {
        let is_text = member.value.kind() == JsonKind::String;
        match member.name.as_str() {
            "msg" => native.push(named("message", member.value)),
            "name" if is_text => native.push(named("logger_name", member.value)),
            "time" if is_text => native.push(named("created_at", member.value)),
            "time" => native.push(named("created_at", instant(&member.value).unwrap_or(member.value))),
            "level" => {
                let (level, says_all) = pino_level(&member.value).unwrap_or_else(|| (member.value.clone(), true));
                native.push(named("level", level));
                if !says_all {
                    others.push(member);
                }
            }
            "app_name" => native.push(member),
            "correlation_id" if is_text => native.push(member),
            _ => others.push(member),
        }
    }
    if !others.is_empty() {
        native.push(named("extra", extra(&others)));
    }
    with_message(native)
}

/// Adds or converts the message. These loggers also write records without a message and messages
/// that are not texts: winston writes an `Error` as its level alone.
fn with_message(mut native: Vec<Member<'_>>) -> Members<'_> {
    if native.iter().all(|member| member.name != "message") {
        native.push(named("message", JsonText::string("")));
    }
    for member in native.iter_mut().filter(|member| member.name == "message" && member.value.kind() != JsonKind::String) {
        member.value = JsonText::string(if member.value.kind() == JsonKind::Null { "" } else { member.value.as_str() });
    }
    native.into_iter().collect()
}

/// Replaces a level name by its number, keeps a name that says more than the number, and renames
/// `msg` and the time of a record without `message`: slog, zap and logrus write these names, and
/// pino does with times and levels as texts.
fn with_native_names(members: Members<'_>) -> Members<'_> {
    let level = members.last("level").and_then(|level| Some((level.clone(), level_of_name(level)?)));
    let members = match (is_message_in_msg(&members), &level) {
        (true, _) => with_msg(members),
        (false, Some(_)) => members,
        (false, None) => return members,
    };
    let Some((name, (number, says_all))) = level else { return with_message(members.into_iter().collect()) };
    let has_extra = members.last("extra").is_some_and(|extra| extra.kind() == JsonKind::Object);
    let mut native: Vec<Member<'_>> = Vec::new();
    for member in members {
        let value = match member.name.as_str() {
            "level" => JsonText::from_trusted(number.to_string()),
            "extra" if !says_all && has_extra => with_first(Some(&member.value), "level_name", &name),
            _ => member.value,
        };
        native.push(Member { value, ..member });
    }
    if !says_all && !has_extra {
        native.push(Member { key: "\"level_name\"", ..named("level_name", name) });
    }
    with_message(native)
}

/// Whether a record has a level, `msg`, and no `message`. The level of such a record is Python's if
/// it is a number: `msg` alone does not say that it is pino's.
fn is_message_in_msg(members: &Members<'_>) -> bool {
    let has = |name: &str| members.last(name).is_some_and(|value| value.kind() != JsonKind::Null);
    has("level") && has("msg") && !has("message")
}

/// Renames `msg`, and the first of `time` and `ts` that can be read as an instant. A value that
/// cannot stays where it is, so that it goes to `extra`: the record is not refused for it.
fn with_msg(members: Members<'_>) -> Members<'_> {
    let mut has_time = members.last("created_at").is_some_and(|at| at.kind() != JsonKind::Null);
    let mut native: Vec<Member<'_>> = Vec::new();
    for member in members {
        let is_null = member.value.kind() == JsonKind::Null;
        match member.name.as_str() {
            "message" | "created_at" if is_null => {}
            "msg" => native.push(named("message", member.value)),
            "time" | "ts" if !has_time => match Timestamp::from_json(&member.value) {
                Ok(at) => {
                    has_time = true;
                    native.push(named("created_at", JsonText::string(&at.to_string())));
                }
                Err(_) => native.push(member),
            },
            _ => native.push(member),
        }
    }
    native.into_iter().collect()
}

pub(super) fn named<'a>(name: &str, value: JsonText) -> Member<'a> {
    Member { key: "", name: name.to_owned(), value }
}

/// Translates a pino level: a number (10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal) or
/// a name. The flag is true if the result says as much as the given level.
fn pino_level(given: &JsonText) -> Option<(JsonText, bool)> {
    let (level, says_all) = match given.kind() {
        JsonKind::Number if given.is_integer() => {
            let number: i64 = given.as_str().parse().ok()?;
            let level = if number < 20 { number / 2 } else { number - 10 };
            (level.clamp(0, LEVEL_MAX), number % 10 == 0 && (10..=60).contains(&number))
        }
        _ => level_of_name(given)?,
    };
    Some((JsonText::from_trusted(level.to_string()), says_all))
}

/// Converts a time to a date-time. pino writes milliseconds since the epoch, unless it is set to
/// write seconds (`stdTimeFunctions.unixTime`), which the number of digits says.
fn instant(time: &JsonText) -> Option<JsonText> {
    if let Ok(at) = Timestamp::from_json(time) {
        return Some(JsonText::string(&at.to_string()));
    }
    millis(time)
}

fn millis(millis: &JsonText) -> Option<JsonText> {
    let millis: i64 = if millis.is_integer() { millis.as_str().parse().ok()? } else { return None };
    Some(JsonText::string(&Timestamp::from_micros(millis.checked_mul(1000)?)?.to_string()))
}

/// Inserts a member as the first one of an object, if there is an object, and otherwise makes one.
pub(super) fn with_first(object: Option<&JsonText>, name: &str, value: &JsonText) -> JsonText {
    let rest = object.and_then(|object| object.as_str().strip_prefix('{')).unwrap_or("}");
    let comma = if rest.trim_start() == "}" { "" } else { "," };
    JsonText::from_trusted(format!("{{\"{name}\":{value}{comma}{rest}"))
}

/// Writes members as one object.
pub(super) fn extra(others: &[Member<'_>]) -> JsonText {
    let mut out = String::new();
    let mut object = ObjectWriter::new(&mut out);
    for member in others {
        object.raw_key(member.key, member.value.as_str());
    }
    object.end();
    JsonText::from_trusted(out)
}

#[cfg(test)]
mod tests {
    use crate::{Fault, InputError, NewActionLog, ParseMode};

    fn read(text: &str) -> NewActionLog {
        NewActionLog::parse(text, ParseMode::NATIVE).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn extra(log: &NewActionLog) -> Option<&str> {
        log.extra.as_ref().map(|extra| extra.as_str())
    }

    #[test]
    fn a_record_of_pino_is_read_in_pinos_scale() {
        let log = read(r#"{"level":30,"time":1531171074631,"pid":657,"hostname":"h","name":"shop","msg":"hello"}"#);
        assert_eq!((log.level, log.message.as_str(), log.logger_name.unwrap().as_str()), (20, "\"hello\"", "\"shop\""));
        assert_eq!(log.created_at.unwrap().to_string(), "2018-07-09T21:17:54.631000Z");
        assert_eq!(log.extra.unwrap().as_str(), r#"{"pid":657,"hostname":"h"}"#);
        for (pino, level, kept) in [
            (10, 5, false),
            (20, 10, false),
            (30, 20, false),
            (35, 25, true),
            (40, 30, false),
            (50, 40, false),
            (60, 50, false),
            (70, 50, true),
            (0, 0, true),
            (-5, 0, true),
        ] {
            let log = read(&format!(r#"{{"level":{pino},"time":0,"msg":"m"}}"#));
            let wanted = kept.then(|| format!(r#"{{"level":{pino}}}"#));
            assert_eq!((log.level, extra(&log)), (level, wanted.as_deref()), "{pino}");
        }
        for (time, at) in [
            ("1531171074", "2018-07-09T21:17:54Z"),
            ("1531171074631", "2018-07-09T21:17:54.631000Z"),
            ("1531171074631.25", "2018-07-09T21:17:54.631250Z"),
            ("5", "1970-01-01T00:00:00.005000Z"),
        ] {
            let log = read(&format!(r#"{{"level":30,"time":{time},"msg":"m"}}"#));
            assert_eq!(log.created_at.unwrap().to_string(), at, "{time}");
        }
        let bunyan = read(r#"{"name":"app","hostname":"h","pid":1,"level":40,"msg":"m","time":"2012-01-04T18:46:23.851Z","v":0}"#);
        assert_eq!((bunyan.level, bunyan.created_at.unwrap().to_string().as_str()), (30, "2012-01-04T18:46:23.851000Z"));
    }

    #[test]
    fn what_an_application_logs_through_pino_decides_nothing() {
        let log = read(
            r#"{"level":30,"time":0,"msg":"m","uuid":"ord-17","channel_id":99,"trace":"t","id":5,"extra":[1],"app_name":"a"}"#,
        );
        assert_eq!((log.uuid, log.channel_id, log.trace.as_ref(), log.app_name.is_some()), (None, None, None, true));
        assert_eq!(extra(&log), Some(r#"{"uuid":"ord-17","channel_id":99,"trace":"t","id":5,"extra":[1]}"#));
    }

    #[test]
    fn a_record_without_a_text_message_is_kept() {
        for (sent, message, kept) in [
            (r#"{"level":30,"time":0,"pid":1,"hostname":"h","a":1}"#, "\"\"", Some(r#"{"pid":1,"hostname":"h","a":1}"#)),
            (r#"{"level":30,"time":0,"pid":1,"msg":{"a":"b"}}"#, r#""{\"a\":\"b\"}""#, Some(r#"{"pid":1}"#)),
            (r#"{"level":"error"}"#, "\"\"", None),
            (r#"{"level":"info","message":42}"#, "\"42\"", None),
            (r#"{"level":"info","message":null,"a":1}"#, "\"\"", Some(r#"{"a":1}"#)),
        ] {
            let log = read(sent);
            assert_eq!((log.message.as_str(), extra(&log)), (message, kept), "{sent}");
        }
        for native in [r#"{"level":20}"#, r#"{"level":20,"message":42}"#, r#"{"time":0,"pid":1,"msg":"m"}"#] {
            assert!(NewActionLog::parse(native, ParseMode::NATIVE).is_err(), "{native}");
        }
    }

    #[test]
    fn a_number_is_pythons_unless_the_record_is_pinos() {
        for native in [
            r#"{"level":30,"message":"m"}"#,
            r#"{"level":30,"message":"m","msg":"x","time":5}"#,
            r#"{"level":30,"message":"m","pid":5,"hostname":"h"}"#,
        ] {
            assert_eq!(read(native).level, 30, "{native}");
        }
        let log = read(r#"{"level":30,"msg":"m"}"#);
        assert_eq!((log.level, log.message.as_str()), (30, "\"m\""), "nothing says that it is pino's");
    }

    #[test]
    fn msg_is_the_message_where_there_is_no_other() {
        for (sent, level, message, at, kept) in [
            (
                r#"{"time":"2022-11-08T15:28:26-05:00","level":"INFO","msg":"hello"}"#,
                20,
                "hello",
                Some("2022-11-08T20:28:26Z"),
                None,
            ),
            (
                r#"{"level":"info","time":"2018-07-09T21:17:54.000Z","msg":"hello"}"#,
                20,
                "hello",
                Some("2018-07-09T21:17:54Z"),
                None,
            ),
            (
                r#"{"level":"info","ts":1531171074.63,"msg":"zap","n":1}"#,
                20,
                "zap",
                Some("2018-07-09T21:17:54.630000Z"),
                Some(r#"{"n":1}"#),
            ),
            (r#"{"level":"info","message":null,"msg":"y"}"#, 20, "y", None, None),
            (r#"{"level":"info","msg":{"a":1}}"#, 20, r#"{\"a\":1}"#, None, None),
            (r#"{"level":"emerg","msg":"e"}"#, 50, "e", None, Some(r#"{"level_name":"emerg"}"#)),
            (r#"{"level":"info","time":"noon","msg":"m"}"#, 20, "m", None, Some(r#"{"time":"noon"}"#)),
            (r#"{"level":"info","ts":5,"msg":"m"}"#, 20, "m", None, Some(r#"{"ts":5}"#)),
            (
                r#"{"level":"info","ts":1531171074,"created_at":"2023-10-16T09:00:00Z","msg":"m"}"#,
                20,
                "m",
                Some("2023-10-16T09:00:00Z"),
                Some(r#"{"ts":1531171074}"#),
            ),
            (r#"{"level":30,"ts":1531171074,"msg":"m"}"#, 30, "m", Some("2018-07-09T21:17:54Z"), None),
            (r#"{"level":"info","message":"m","msg":"x","ts":5}"#, 20, "m", None, Some(r#"{"msg":"x","ts":5}"#)),
        ] {
            let log = read(sent);
            let created_at = log.created_at.map(|at| at.to_string());
            let said = (log.level, log.message.as_str(), created_at.as_deref(), extra(&log));
            assert_eq!(said, (level, format!("\"{message}\"").as_str(), at, kept), "{sent}");
        }
    }

    #[test]
    fn levels_by_name_are_those_of_winston_syslog_and_python() {
        for (name, level) in [
            ("silly", 5),
            ("trace", 5),
            ("debug", 10),
            ("verbose", 15),
            ("http", 17),
            ("info", 20),
            ("Information", 20),
            ("notice", 25),
            ("warn", 30),
            ("WARNING", 30),
            ("err", 40),
            ("Error", 40),
            ("crit", 50),
            ("CRITICAL", 50),
            ("fatal", 50),
            ("alert", 50),
            ("emerg", 50),
        ] {
            assert_eq!(read(&format!(r#"{{"level":"{name}","message":"m"}}"#)).level, level, "{name}");
            assert_eq!(read(&format!(r#"{{"level":"{name}","time":0,"msg":"m"}}"#)).level, level, "{name}");
        }
        assert_eq!(extra(&read(r#"{"level":"info","message":"m"}"#)), None);
        assert_eq!(extra(&read(r#"{"level":"emerg","message":"m"}"#)), Some(r#"{"level_name":"emerg"}"#));
        let beside = read(r#"{"level":"alert","message":"m","extra":{"a":1}}"#);
        assert_eq!(extra(&beside), Some(r#"{"level_name":"alert","a":1}"#));
        assert_eq!(extra(&read(r#"{"level":"alert","message":"m","extra":{ }}"#)), Some(r#"{"level_name":"alert" }"#));
    }

    #[test]
    fn a_fault_is_named_as_it_was_sent() {
        for (sent, named) in [
            (r#"{"level":30,"time":"yesterday","pid":1,"msg":"m"}"#, vec!["time"]),
            (r#"{"levelno":"high","name":"shop","msg":"m"}"#, vec!["levelno"]),
            (
                r#"{"levelno":20.5,"name":5,"msg":"m","created":"noon","exc_text":[1]}"#,
                vec!["levelno", "name", "created", "exc_text"],
            ),
            (r#"{"level":"loud","msg":"m"}"#, vec!["level"]),
            (r#"{"level":20,"message":"m","created_at":"noon","logger_name":5}"#, vec!["created_at", "logger_name"]),
        ] {
            let Err(InputError::Fields(errors)) = NewActionLog::parse(sent, ParseMode::NATIVE) else { panic!("{sent}") };
            assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), named, "{sent}");
        }
    }

    #[test]
    fn what_is_no_level_and_no_time_is_refused_by_name() {
        let faults = |text: &str| match NewActionLog::parse(text, ParseMode::NATIVE) {
            Err(InputError::Fields(errors)) => errors.into_iter().map(|e| (e.field, e.fault)).collect::<Vec<_>>(),
            other => panic!("{text}: {other:?}"),
        };
        for bad in ["\"loud\"", "30.5", "true", "99999999999999999999", "\"30\""] {
            assert_eq!(
                faults(&format!(r#"{{"level":{bad},"time":0,"msg":"m"}}"#)),
                [("level".to_owned(), Fault::NotALevel)],
                "{bad}"
            );
        }
        for bad in ["1e30", "9223372036854775807", "\"yesterday\"", "null"] {
            let found = NewActionLog::parse(&format!(r#"{{"level":30,"time":{bad},"pid":1,"msg":"m"}}"#), ParseMode::NATIVE);
            assert!(bad == "null" || found.is_err(), "{bad}");
        }
        assert_eq!(faults(r#"{"level":30,"level":40,"time":0,"msg":"m"}"#), [("level".to_owned(), Fault::Repeated)]);
    }
}
