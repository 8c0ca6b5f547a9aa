//! What Python's `logging.handlers.HTTPHandler` posts: the attributes of a `LogRecord` as a form, each the `str()` of its value.

use audit_store::domain::{JsonText, ObjectWriter, Timestamp};

use super::{python_format, python_literal};
use crate::params::Params;

/// Fields that stand for members of an action log, which a handler may have set itself in `mapLogRecord`.
const MEMBERS: [&str; 8] = ["uuid", "channel_id", "level", "logger_name", "message", "app_name", "trace", "created_at"];

/// The form as the JSON of an action log. A member that the form has is taken as it is; else it comes from the attribute that
/// means it. Every other field is kept as it is, as a member of its own, which ends up in `extra`.
pub(super) fn to_json(form: &Params) -> String {
    let given = |name: &str| form.last(name).filter(|value| *value != "None");
    let mut used: Vec<&str> = MEMBERS.to_vec();
    let mut out = String::new();
    let mut object = ObjectWriter::new(&mut out);
    let mut member = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            object.text(name, Some(&JsonText::string(&value)));
        }
    };
    for name in ["uuid", "channel_id", "app_name"] {
        member(name, given(name).filter(|value| !value.is_empty()).map(str::to_owned));
    }
    let mut either = |name: &str, attribute: &'static str| {
        used.push(attribute);
        given(name).or_else(|| given(attribute)).map(str::to_owned)
    };
    let (level, logger_name) = (either("level", "levelno"), either("logger_name", "name"));
    let trace = either("trace", "exc_text");
    let created = either("created_at", "created").map(|text| instant(&text).map_or(text, |at| at.to_string()));
    let message = either("message", "msg");
    let args = form.last("args").filter(|args| !matches!(*args, "()" | "None" | "" | "[]" | "{}"));
    let formatted = match (given("message"), given("msg"), args) {
        (None, Some(template), Some(args)) => python_literal::parse(args).and_then(|args| python_format::format(template, &args)),
        _ => None,
    };
    member("level", level);
    member("logger_name", logger_name);
    member("message", formatted.or(message));
    member("trace", trace);
    member("created_at", created);
    if args.is_some() {
        // With arguments the template says more than the message does.
        used.retain(|name| *name != "msg");
    } else {
        used.push("args");
    }
    let mut kept: Vec<&str> = Vec::new();
    for (name, _) in form.iter().filter(|(name, _)| !used.contains(name)) {
        if !kept.contains(&name) {
            member(name, form.last(name).map(str::to_owned));
            kept.push(name);
        }
    }
    object.end();
    out
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

    #[test]
    fn a_record_becomes_an_action_log_and_nothing_is_lost() {
        let form =
            "name=app&msg=a+%25s&args=%28%27b%27%2C%29&levelno=40&exc_text=None&created=1701419156.0883539&lineno=7&lineno=8";
        let json = to_json(&Params::parse(form));
        let expected = r#"{"level":"40","logger_name":"app","message":"a b","created_at":"2023-12-01T08:25:56.088353Z","msg":"a %s","args":"('b',)","lineno":"8"}"#;
        assert_eq!(json, expected);
        let json = to_json(&Params::parse("level=10&message=%25s&trace=t&app_name=shop&msg=x&args=()"));
        assert_eq!(json, r#"{"app_name":"shop","level":"10","message":"%s","trace":"t"}"#);
        assert_eq!(
            to_json(&Params::parse("msg=%25s&args=%28%3CObject%3E%2C%29")),
            r#"{"message":"%s","msg":"%s","args":"(<Object>,)"}"#
        );
    }

    #[test]
    fn what_is_no_instant_is_left_to_be_refused_by_name() {
        for bad in ["", "x", "1.", ".5", "-1", "1e9", "999999999999999999999", "99999999999999"] {
            assert_eq!(instant(bad), None, "{bad}");
        }
        assert_eq!(instant("0").unwrap().to_string(), "1970-01-01T00:00:00Z");
    }
}
