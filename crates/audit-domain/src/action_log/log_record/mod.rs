//! Records of Python's `logging`: the attributes of a `LogRecord` as JSON, or as the texts that
//! `logging.handlers.HTTPHandler` makes of their values.

mod format;
mod literal;
mod repr;

use super::foreign::{extra, named};
use crate::json::{JsonKind, JsonText, Members};
use crate::limits::{EVENT_BYTES_MAX, LEVEL_MAX};
use crate::timestamp::Timestamp;
use literal::Literal;

/// The attributes that every record has, and that an action log does not have.
const MARKS: [&str; 3] = ["levelno", "name", "msg"];

/// The attributes that become members of an action log.
pub(super) const NAMES: [(&str, &str); 5] =
    [("message", "msg"), ("level", "levelno"), ("logger_name", "name"), ("trace", "exc_text"), ("created_at", "created")];

/// Whether the members are a `LogRecord` and not an action log. With all marks as the texts of a form
/// they are one in any case. JSON may have the marks beside the level and the message of an action
/// log, and is then not translated: its other members are those of an action log, too.
pub(super) fn is_log_record(members: &Members<'_>) -> bool {
    let kind = |name: &str| members.last(name).map(JsonText::kind).filter(|kind| *kind != JsonKind::Null);
    let is_form = kind("levelno") == Some(JsonKind::String);
    let is_action_log = kind("level").is_some() && kind("message").is_some();
    MARKS.iter().all(|mark| members.last(mark).is_some()) && (is_form || !is_action_log)
}

/// Translates a record. Its own attributes count, and every other member goes into `extra`, even a
/// member with the name of one of an action log: it came from `logging`'s `extra=` and has the
/// application's own meaning, such as the uuid of an order or a sales channel.
///
/// Three members that are not attributes count too. Python itself sets `message` after a formatter
/// has seen the record. `app_name` and `correlation_id` have one meaning wherever they stand;
/// filters of Django and ASGI applications set the latter.
pub(super) fn translate(members: Members<'_>) -> Members<'_> {
    let message = Message::of(&members);
    let (mut native, mut others) = (vec![named("message", message.text)], Vec::new());
    for member in members {
        match member.name.as_str() {
            "levelno" => {
                let (level, is_same) = level(&member.value);
                native.push(named("level", level));
                if !is_same {
                    others.push(member);
                }
            }
            "name" => native.push(named("logger_name", member.value)),
            "exc_text" | "created" if !has_value(&member.value) => {}
            "exc_text" => native.push(named("trace", member.value)),
            "created" => native.push(named("created_at", created_at(&member.value).unwrap_or(member.value))),
            "app_name" | "correlation_id" if !has_value(&member.value) => {}
            "app_name" | "correlation_id" if member.value.kind() == JsonKind::String => native.push(member),
            "message" if message.is_given => {}
            "msg" if !message.keeps_template => {}
            "args" if !has_arguments(&member.value) => {}
            _ => others.push(member),
        }
    }
    if !others.is_empty() {
        native.push(named("extra", extra(&others)));
    }
    native.into_iter().collect()
}

/// The message of a record, and what it leaves of the attributes that it is made from.
struct Message {
    text: JsonText,
    /// Whether it is the member `message`.
    is_given: bool,
    /// Whether `msg` says something that the message does not say.
    keeps_template: bool,
}

impl Message {
    fn of(members: &Members<'_>) -> Message {
        let template = members.last("msg").map_or_else(|| JsonText::string(""), as_text);
        if let Some(given) = members.last("message").filter(|given| given.kind() == JsonKind::String) {
            return Message { text: given.clone(), is_given: true, keeps_template: *given != template };
        }
        // The message must not make the record larger than a record may be.
        let bytes: usize = members.iter().map(|member| member.key.len() + member.value.as_str().len() + 2).sum();
        let formatted = members.last("args").filter(|args| has_arguments(args)).and_then(|args| {
            let (is_large, args) = (repr::is_large(args), repr::arguments(args));
            let room = EVENT_BYTES_MAX.saturating_sub(bytes);
            let template = template.decoded()?.to_text();
            let message = if is_large { beside(&template, &args, room) } else { python_message(&template, &args, room) };
            Some(JsonText::string(&message)).filter(|message| message.as_str().len() <= room)
        });
        let keeps_template = formatted.as_ref().is_some_and(|message| *message != template);
        Message { text: formatted.unwrap_or(template), is_given: false, keeps_template }
    }
}

/// Formats a message as Python's `logging` does: a template, and the `str()` of its arguments. An
/// object that is not a literal appears as its `repr()`, the only text that arrives of it.
///
/// If the message cannot be formatted, as when Python could not format it either, the arguments
/// follow the template. The message is the template alone if both have more than `bytes_max` bytes.
#[must_use]
pub fn python_message(template: &str, args: &str, bytes_max: usize) -> String {
    let formatted = Literal::parse(args).and_then(|args| format::format(template, args, bytes_max));
    formatted.unwrap_or_else(|| beside(template, args, bytes_max))
}

/// The arguments after the template, if both fit.
fn beside(template: &str, args: &str, bytes_max: usize) -> String {
    let fits = template.len() + 1 + args.len() <= bytes_max;
    if fits { format!("{template} {args}") } else { template.to_owned() }
}

/// Reads `created` of a record: Unix seconds with a fraction, cut to microseconds.
#[must_use]
pub fn python_instant(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(seconds) || !is_digits(fraction) {
        return None;
    }
    let micros: i64 = format!("{fraction:0<6}")[..6].parse().ok()?;
    Timestamp::from_micros(seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)?)
}

fn created_at(created: &JsonText) -> Option<JsonText> {
    Some(JsonText::string(&python_instant(&plain(created)?)?.to_string()))
}

/// Returns the level of action logs that is nearest to one of Python's levels, and whether it is
/// the same. The log takes a level outside its range with the nearest one, because Python's handler
/// would not report a refusal to anybody. What is not an integer stays, and is refused by name.
fn level(levelno: &JsonText) -> (JsonText, bool) {
    let text = plain(levelno).unwrap_or_default();
    let digits = text.strip_prefix('-').unwrap_or(&text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return (levelno.clone(), true);
    }
    // Python has integers of any length.
    let beyond = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    let level = text.parse().unwrap_or(beyond);
    let nearest = level.clamp(0, LEVEL_MAX);
    (JsonText::from_trusted(nearest.to_string()), nearest == level)
}

/// Returns the text of a number or a string.
fn plain(value: &JsonText) -> Option<String> {
    match value.kind() {
        JsonKind::Number => Some(value.as_str().to_owned()),
        _ => value.decoded()?.as_str().map(str::to_owned),
    }
}

/// Returns the value as the JSON string of what `str()` makes of it.
fn as_text(value: &JsonText) -> JsonText {
    match value.kind() {
        JsonKind::String => value.clone(),
        JsonKind::Null => JsonText::string("None"),
        _ => JsonText::string(value.as_str()),
    }
}

/// Whether the value is neither null nor the `None` of a form.
fn has_value(value: &JsonText) -> bool {
    !matches!(value.as_str(), "null" | "\"None\"")
}

fn has_arguments(args: &JsonText) -> bool {
    let text = plain(args).unwrap_or_else(|| args.as_str().split_ascii_whitespace().collect());
    !matches!(text.as_str(), "" | "()" | "[]" | "{}" | "null" | "None")
}

#[cfg(test)]
mod tests {
    use crate::{Fault, InputError, NewActionLog, ParseMode};

    /// What is stored of a record.
    fn read(text: &str) -> NewActionLog {
        NewActionLog::parse(text, ParseMode::NATIVE).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn extra(log: &NewActionLog) -> Option<&str> {
        log.extra.as_ref().map(|extra| extra.as_str())
    }

    #[test]
    fn the_attributes_of_a_record_are_its_members() {
        let form = read(
            r#"{"name":"shop","msg":"a %s","args":"('b',)","levelno":"40","exc_text":"None","created":"1701419156.0883539","lineno":"7"}"#,
        );
        let json = read(
            r#"{"name":"shop","msg":"a %s","args":["b"],"levelno":40,"exc_text":null,"created":1701419156.0883539,"lineno":7}"#,
        );
        for log in [&form, &json] {
            assert_eq!((log.level, log.message.as_str(), log.trace.as_ref()), (40, "\"a b\"", None));
            assert_eq!(log.logger_name.as_ref().unwrap().as_str(), "\"shop\"");
            assert_eq!(log.created_at.unwrap().to_string(), "2023-12-01T08:25:56.088353Z");
        }
        assert_eq!(extra(&form), Some(r#"{"msg":"a %s","args":"('b',)","lineno":"7"}"#));
        assert_eq!(extra(&json), Some(r#"{"msg":"a %s","args":["b"],"lineno":7}"#));
        let failed = read(
            r#"{"name":"n","msg":"m","args":null,"levelno":20,"exc_text":"Traceback","app_name":"shop","correlation_id":"c-1"}"#,
        );
        assert_eq!(failed.trace.as_ref().unwrap().as_str(), "\"Traceback\"");
        assert_eq!((failed.app_name.is_some(), failed.correlation_id.is_some(), extra(&failed)), (true, true, None));
    }

    #[test]
    fn no_name_of_extra_is_a_member_of_the_log() {
        for (name, value) in [
            ("uuid", "\"x\""),
            ("uuid", "\"5f0c0a52-5d1e-4a4e-9c39-0c2f6f1f9a11\""),
            ("channel_id", "99"),
            ("level", "\"INFO\""),
            ("logger_name", "\"other\""),
            ("created_at", "\"yesterday\""),
            ("trace", "\"4bf9\""),
            ("extra", "\"abc\""),
            ("masked", "true"),
            ("id", "5"),
            ("position", "5"),
            ("leaf_hash", "\"x\""),
            ("timestamp", "1"),
            ("time", "1"),
            ("pid", "1"),
            ("app_name", "7"),
            ("correlation_id", "7"),
        ] {
            for mode in [ParseMode::NATIVE, ParseMode::PUBLISHED, ParseMode::IMPORT] {
                let text = format!(r#"{{"name":"n","msg":"m","args":"()","levelno":20,"{name}":{value}}}"#);
                let log = NewActionLog::parse(&text, mode).unwrap_or_else(|error| panic!("{text}: {error}"));
                let same = NewActionLog { extra: None, ..log.clone() };
                assert_eq!(same, read(r#"{"name":"n","msg":"m","levelno":20}"#), "{name}");
                assert_eq!(extra(&log), Some(format!("{{\"{name}\":{value}}}").as_str()));
            }
        }
        // Without one of the three, the members count.
        assert!(NewActionLog::parse(r#"{"name":"n","msg":"m","level":20,"message":"m","uuid":"x"}"#, ParseMode::NATIVE).is_err());
    }

    #[test]
    fn arguments_always_appear_in_the_message() {
        for (msg, args, message) in [
            ("%s logged in", r#""(<User: bob>,)""#, "<User: bob> logged in"),
            ("%s of %d", r#"["a", 5]"#, "a of 5"),
            ("%(user)s did %(what)s", r#"{"user": "zoe", "what": ["x", null]}"#, "zoe did ['x', None]"),
            ("too few %s %s", r#""('x',)""#, "too few %s %s ('x',)"),
            ("%d items", r#"["five"]"#, "%d items ('five',)"),
            ("%s", r#""(<broken, 1)""#, "%s (<broken, 1)"),
            ("100%", r#""()""#, "100%"),
            ("100%", "[]", "100%"),
            ("100%", "{ }", "100%"),
        ] {
            let log = read(&format!(r#"{{"name":"n","msg":"{msg}","args":{args},"levelno":20}}"#));
            assert_eq!(log.message.decoded().unwrap().to_text(), message, "{msg} {args}");
            let kept = (msg != message).then(|| format!(r#"{{"msg":"{msg}","args":{args}}}"#));
            assert_eq!(extra(&log), kept.as_deref());
        }
    }

    /// A handler of one's own may send the members of an action log beside the attributes.
    #[test]
    fn json_with_its_own_level_and_message_is_an_action_log() {
        let uuid = "44444444-0000-4000-8000-000000000001";
        for marks in [r#""levelno":40,"name":"n","msg":"x""#, r#""levelno":null,"name":null,"msg":null"#] {
            let log = read(&format!(r#"{{"level":20,"message":"m","uuid":"{uuid}","channel_id":2,{marks}}}"#));
            assert_eq!((log.level, log.uuid.map(|uuid| uuid.to_string()).as_deref()), (20, Some(uuid)));
            assert_eq!((log.channel_id.map(|id| id.get()), log.message.as_str()), (Some(2), r#""m""#));
        }
        // A form has texts only, and its clashing names come from `extra=`.
        let form = read(r#"{"level":"x","message":"m","uuid":"u","levelno":"40","name":"n","msg":"m"}"#);
        assert_eq!((form.level, form.uuid), (40, None));
    }

    #[test]
    fn a_formatted_message_and_other_values_stand_for_themselves() {
        for (members, message, kept) in [
            (r#""msg":"a %s","args":"('b',)","message":"a b""#, "a b", Some(r#"{"msg":"a %s","args":"('b',)"}"#)),
            (r#""msg":"a","message":"a""#, "a", None),
            (r#""msg":"a","message":5"#, "a", Some(r#"{"message":5}"#)),
            (r#""msg":{"event":"x"}"#, r#"{"event":"x"}"#, None),
            (r#""msg":null"#, "None", None),
            (r#""msg":"None""#, "None", None),
        ] {
            let log = read(&format!(r#"{{"name":"n","levelno":20,{members}}}"#));
            assert_eq!((log.message.decoded().unwrap().to_text().as_str(), extra(&log)), (message, kept), "{members}");
        }
        let lone = read(r#"{"name":"n","levelno":20,"msg":"\ud83d"}"#);
        assert_eq!(lone.message.as_str(), r#""\ud83d""#, "byte for byte");
    }

    #[test]
    fn a_message_makes_a_record_no_larger_than_it_may_be() {
        let long = "\\u0001".repeat(100_000);
        let log = read(&format!(r#"{{"name":"n","levelno":20,"msg":"%s","args":["{long}"]}}"#));
        assert_eq!(log.message.as_str(), "\"%s\"", "600 KB are in args already");
        let args = extra(&log).unwrap();
        assert!(args.starts_with(r#"{"args":["#) && args.len() > 600_000);
    }

    #[test]
    fn a_level_beyond_those_of_logs_becomes_the_nearest_and_is_kept() {
        let nines = "9".repeat(40);
        let below = format!("-{nines}");
        for (levelno, level) in [("60", 50), ("51", 50), ("-5", 0), (nines.as_str(), 50), (below.as_str(), 0)] {
            for sent in [levelno.to_owned(), format!("\"{levelno}\"")] {
                let log = read(&format!(r#"{{"name":"n","msg":"m","levelno":{sent}}}"#));
                assert_eq!((log.level, extra(&log)), (level, Some(format!("{{\"levelno\":{sent}}}").as_str())));
            }
        }
        for bad in ["\"INFO\"", "\"-\"", "1.5", "\"+60\"", "[]"] {
            match NewActionLog::parse(&format!(r#"{{"name":"n","msg":"m","levelno":{bad}}}"#), ParseMode::NATIVE) {
                Err(InputError::Fields(errors)) => assert_eq!(errors[0].fault, Fault::NotALevel),
                other => panic!("{bad}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_instant_is_refused_by_name() {
        for bad in ["", "x", "1.", ".5", "-1", "1e9", "999999999999999999999", "99999999999999"] {
            assert_eq!(super::python_instant(bad), None, "{bad}");
            let text = format!(r#"{{"name":"n","msg":"m","levelno":20,"created":"{bad}"}}"#);
            assert!(matches!(NewActionLog::parse(&text, ParseMode::NATIVE), Err(InputError::Fields(_))), "{bad}");
        }
        assert_eq!(super::python_instant("0").unwrap().to_string(), "1970-01-01T00:00:00Z");
    }
}
