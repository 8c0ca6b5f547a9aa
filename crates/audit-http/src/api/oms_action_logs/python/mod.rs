//! Reads the forms of Python's `logging.handlers.HTTPHandler`: the attributes of a `LogRecord`,
//! each as the `str()` of its value.

mod fit;
mod format;
mod literal;

pub(super) use fit::fit;

use audit_store::domain::{JsonText, ObjectWriter, Timestamp, limits};

use crate::params::Params;
use literal::Literal;

/// Members of an action log for which a record does not have an attribute.
const MEMBERS: [&str; 3] = ["uuid", "channel_id", "app_name"];

/// The other members, each with the attribute that gives its value if the form does not have the
/// member itself.
const ATTRIBUTES: [(&str, &str); 5] =
    [("level", "levelno"), ("logger_name", "name"), ("message", "msg"), ("trace", "exc_text"), ("created_at", "created")];

/// Fields in which `None` is a text. In other fields `None` means that there is no value.
const TEXTS: [&str; 3] = ["message", "msg", "name"];

/// The members of an action log that a record may have too. Python itself sets `message` after a
/// formatter has seen the record, and it does not set the application. Any other field with the
/// name of a member came from `logging`'s `extra=` and has the application's own meaning: the uuid
/// of an order, the id of a trace, a sales channel.
const MEMBERS_OF_RECORDS: [&str; 2] = ["message", "app_name"];

/// Whether the form is a `LogRecord` and not an action log.
pub(super) fn is_record(form: &Params) -> bool {
    ["levelno", "name", "msg"].iter().all(|attribute| form.last(attribute).is_some())
}

/// Converts a form into the JSON of an action log. For a record, the attributes count, and every
/// other field goes into `extra`, even a field with the name of a member. For another form, a
/// member in the form counts as it is; otherwise the value comes from the attribute with the same
/// meaning. Every other field goes into `extra`.
///
/// It does not format the message from its arguments if the message would have more than
/// `message_bytes_max` bytes.
pub(super) fn to_json(form: &Params, message_bytes_max: usize) -> String {
    let is_record = is_record(form);
    let given = |name: &str| form.last(name).filter(|value| TEXTS.contains(&name) || *value != "None");
    let member = |name: &str| given(name).filter(|_| !is_record || MEMBERS_OF_RECORDS.contains(&name));
    let args = given("args").filter(|args| !matches!(*args, "()" | ""));
    let mut said: Vec<&str> = Vec::new();
    let mut say = |name: &'static str| {
        if !is_record || MEMBERS_OF_RECORDS.contains(&name) {
            said.push(name);
        }
    };
    let mut out = String::new();
    let mut object = ObjectWriter::new(&mut out);
    for name in MEMBERS {
        say(name);
        // An empty text may be a name, but it is neither a uuid nor a channel.
        if let Some(value) = member(name).filter(|value| name == "app_name" || !value.is_empty()) {
            object.text(name, Some(&JsonText::string(value)));
        }
    }
    let mut kept: Vec<&str> = Vec::new();
    for (name, attribute) in ATTRIBUTES {
        say(name);
        let (member, value) = (member(name), given(attribute));
        let Some(text) = member.or(value) else { continue };
        let better = match attribute {
            "created" => instant(text).map(|at| at.to_string()),
            "levelno" if is_record => level_of_logs(text),
            "msg" if member.is_none() => args.and_then(|args| format::format(text, Literal::parse(args)?, message_bytes_max)),
            _ => None,
        };
        // `extra` keeps an attribute whose value differs from the stored one, and a template that
        // has arguments.
        let says_more = attribute == "msg" && args.is_some() || attribute == "levelno" && better.is_some();
        if says_more || member.is_some() && value.is_some() && member != value {
            kept.push(attribute);
        }
        object.text(name, Some(&JsonText::string(better.as_deref().unwrap_or(text))));
    }
    said.extend(ATTRIBUTES.map(|(_, attribute)| attribute).into_iter().filter(|attribute| !kept.contains(attribute)));
    if args.is_none() {
        said.push("args");
    }
    if form.iter().any(|(name, _)| !said.contains(&name)) {
        object.nested("extra", |out| write_others(form, &mut said, out));
    }
    object.end();
    out
}

/// Returns the level of action logs that is nearest to one of Python's levels outside their range,
/// or `None` for a level inside it. The log takes such a record with the nearest level, because
/// Python's handler would not report a refusal to anybody.
fn level_of_logs(text: &str) -> Option<String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Python has integers of any length.
    let beyond = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    let level = text.parse().unwrap_or(beyond);
    let nearest = level.clamp(0, limits::LEVEL_MAX);
    (nearest != level).then(|| nearest.to_string())
}

/// Writes the fields that are not written yet. If a field is repeated, the last one counts.
fn write_others<'a>(form: &'a Params, said: &mut Vec<&'a str>, out: &mut String) {
    let mut object = ObjectWriter::new(out);
    for (name, _) in form.iter() {
        if !said.contains(&name) {
            object.text(name, form.last(name).map(JsonText::string).as_ref());
            said.push(name);
        }
    }
    object.end();
}

/// Reads `created`: Unix seconds with a fraction, cut to microseconds.
fn instant(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(seconds) || !is_digits(fraction) {
        return None;
    }
    let micros: i64 = format!("{fraction:0<6}")[..6].parse().ok()?;
    Timestamp::from_micros(seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(form: &str) -> String {
        to_json(&Params::parse(form), 100)
    }

    #[test]
    fn a_record_becomes_an_action_log_and_nothing_is_lost() {
        let form =
            "name=app&msg=a+%25s&args=%28%27b%27%2C%29&levelno=40&exc_text=None&created=1701419156.0883539&lineno=7&lineno=8";
        let expected = r#"{"level":"40","logger_name":"app","message":"a b","created_at":"2023-12-01T08:25:56.088353Z","extra":{"msg":"a %s","args":"('b',)","lineno":"8"}}"#;
        assert_eq!(json(form), expected);
        let form = "levelno=20&name=None&msg=None&args=%28%29&id=5&extra=x";
        assert_eq!(json(form), r#"{"level":"20","logger_name":"None","message":"None","extra":{"id":"5","extra":"x"}}"#);
        let unknown = "msg=%25s&args=%28%3CObject%3E%2C%29";
        assert_eq!(json(unknown), r#"{"message":"%s","extra":{"msg":"%s","args":"(<Object>,)"}}"#);
        let too_long = "msg=%25200s&args=%281%2C%29";
        assert_eq!(json(too_long), r#"{"message":"%200s","extra":{"msg":"%200s","args":"(1,)"}}"#);
    }

    #[test]
    fn members_override_attributes_and_differences_are_kept() {
        let same = "level=10&message=%25s&trace=t&app_name=&msg=%25s&args=()&levelno=10&uuid=&created_at=0&exc_text=None";
        let expected = r#"{"app_name":"","level":"10","message":"%s","trace":"t","created_at":"1970-01-01T00:00:00Z"}"#;
        assert_eq!(json(same), expected);
        let other = "level=10&levelno=20&message=m&msg=x&logger_name=None";
        assert_eq!(json(other), r#"{"level":"10","message":"m","extra":{"levelno":"20","msg":"x"}}"#);
    }

    #[test]
    fn standard_attributes_decide_and_extra_ones_are_kept() {
        let record = "name=shop&msg=m&args=()&levelno=20&created=0&exc_text=None";
        let own = r#""level":"20","logger_name":"shop","message":"m","created_at":"1970-01-01T00:00:00Z""#;
        assert_eq!(json(record), format!("{{{own}}}"));
        for extra in [
            "uuid",
            "channel_id",
            "level",
            "logger_name",
            "created_at",
            "trace",
            "id",
            "position",
            "extra",
            "timestamp",
            "leaf_hash",
            "recorded_at",
            "producer_id",
            "record_id",
            "levelname",
        ] {
            assert_eq!(json(&format!("{record}&{extra}=7")), format!("{{{own},\"extra\":{{\"{extra}\":\"7\"}}}}"), "{extra}");
        }
        let formatted = "name=n&msg=a+%25s&args=('b',)&levelno=20&message=a+b&app_name=shop";
        let wanted = r#"{"app_name":"shop","level":"20","logger_name":"n","message":"a b","extra":{"msg":"a %s","args":"('b',)"}}"#;
        assert_eq!(json(formatted), wanted);
    }

    #[test]
    fn a_level_beyond_those_of_logs_becomes_the_nearest_and_is_kept() {
        for (levelno, level) in
            [("60", "50"), ("51", "50"), ("-5", "0"), (&"9".repeat(40), "50"), (&format!("-{}", "9".repeat(40)), "0")]
        {
            let wanted = format!(r#"{{"level":"{level}","logger_name":"n","message":"m","extra":{{"levelno":"{levelno}"}}}}"#);
            assert_eq!(json(&format!("name=n&msg=m&levelno={levelno}")), wanted);
        }
        for kept in ["0", "50", "INFO", "-", "1.5", "+60"] {
            assert_eq!(
                json(&format!("name=n&msg=m&levelno={}", kept.replace('+', "%2B"))),
                format!(r#"{{"level":"{kept}","logger_name":"n","message":"m"}}"#)
            );
        }
        assert_eq!(json("msg=m&levelno=60"), r#"{"level":"60","message":"m"}"#, "not a record, so it is refused");
    }

    #[test]
    fn what_is_no_instant_is_left_to_be_refused_by_name() {
        for bad in ["", "x", "1.", ".5", "-1", "1e9", "999999999999999999999", "99999999999999"] {
            assert_eq!(instant(bad), None, "{bad}");
        }
        assert_eq!(instant("0").unwrap().to_string(), "1970-01-01T00:00:00Z");
    }
}
