//! What Python's `logging.handlers.HTTPHandler` posts: the attributes of a `LogRecord` as a form, each the `str()` of its value.

use audit_store::domain::{JsonText, ObjectWriter, Timestamp};

use super::python_format;
use super::python_literal::Literal;
use crate::params::Params;

/// Members of an action log that a record has no attribute for, and which a handler may add in its `mapLogRecord`.
const MEMBERS: [&str; 3] = ["uuid", "channel_id", "app_name"];

/// The other members, and the attribute that each is taken from where it is not given itself.
const ATTRIBUTES: [(&str, &str); 5] =
    [("level", "levelno"), ("logger_name", "name"), ("message", "msg"), ("trace", "exc_text"), ("created_at", "created")];

/// Fields in which `None` is a text: elsewhere it says that there is none.
const TEXTS: [&str; 3] = ["message", "msg", "name"];

/// The form as the JSON of an action log. A member that the form has is taken as it is; else it comes from the attribute that
/// means it. Every other field goes into `extra`: those of a record may be called anything, `id` and `position` included.
///
/// A message of more bytes than `message_bytes_max` is not put together from its arguments.
pub(super) fn to_json(form: &Params, message_bytes_max: usize) -> String {
    let given = |name: &str| form.last(name).filter(|value| TEXTS.contains(&name) || *value != "None");
    let args = given("args").filter(|args| !matches!(*args, "()" | ""));
    let mut said: Vec<&str> = MEMBERS.to_vec();
    let mut out = String::new();
    let mut object = ObjectWriter::new(&mut out);
    for name in MEMBERS {
        // An empty text may be a name, but neither a uuid nor a channel.
        if let Some(value) = given(name).filter(|value| name == "app_name" || !value.is_empty()) {
            object.text(name, Some(&JsonText::string(value)));
        }
    }
    for (name, attribute) in ATTRIBUTES {
        said.push(name);
        let (member, value) = (given(name), given(attribute));
        // An attribute that says something else than the member is kept, and so is a template that has arguments.
        let says_more = attribute == "msg" && args.is_some();
        if !says_more && (member.is_none() || value.is_none() || member == value) {
            said.push(attribute);
        }
        let Some(text) = member.or(value) else { continue };
        let better = match attribute {
            "created" => instant(text).map(|at| at.to_string()),
            "msg" if member.is_none() => {
                args.and_then(|args| python_format::format(text, Literal::parse(args)?, message_bytes_max))
            }
            _ => None,
        };
        object.text(name, Some(&JsonText::string(better.as_deref().unwrap_or(text))));
    }
    if args.is_none() {
        said.push("args");
    }
    if form.iter().any(|(name, _)| !said.contains(&name)) {
        object.nested("extra", |out| write_others(form, &mut said, out));
    }
    object.end();
    out
}

/// The fields that were not said yet; of a repeated one, the last.
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
/// `created`: Unix seconds with a fraction, cut to microseconds.
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
    fn a_member_counts_before_an_attribute_which_is_kept_where_it_says_something_else() {
        let same = "level=10&message=%25s&trace=t&app_name=&msg=%25s&args=()&levelno=10&uuid=&created_at=0&exc_text=None";
        let expected = r#"{"app_name":"","level":"10","message":"%s","trace":"t","created_at":"1970-01-01T00:00:00Z"}"#;
        assert_eq!(json(same), expected);
        let other = "level=10&levelno=20&message=m&msg=x&logger_name=None&name=n";
        assert_eq!(json(other), r#"{"level":"10","logger_name":"n","message":"m","extra":{"levelno":"20","msg":"x"}}"#);
    }

    #[test]
    fn what_is_no_instant_is_left_to_be_refused_by_name() {
        for bad in ["", "x", "1.", ".5", "-1", "1e9", "999999999999999999999", "99999999999999"] {
            assert_eq!(instant(bad), None, "{bad}");
        }
        assert_eq!(instant("0").unwrap().to_string(), "1970-01-01T00:00:00Z");
    }
}
