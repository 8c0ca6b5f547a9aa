//! How a value of another format becomes the value of a native member.

use super::path::{Attributes, find};
use super::table::How;
use crate::error::Fault;
use crate::json::{JsonKind, JsonString, JsonText, ObjectWriter, is_integer, raw_members};
use crate::timestamp::Timestamp;

/// Digits of a fraction of a second that the log keeps.
const FRACTION_DIGITS: usize = 6;

/// The value of a native member.
#[derive(Debug)]
pub(super) struct Converted {
    /// The value, as JSON.
    pub(super) json: String,
    /// Whether it says all that the value of the field says.
    pub(super) is_all: bool,
}

fn all(json: &str) -> Option<Converted> {
    Some(Converted { json: json.to_owned(), is_all: true })
}

fn part(json: String) -> Option<Converted> {
    Some(Converted { json, is_all: false })
}

fn name(text: &str) -> Option<Converted> {
    part(JsonText::string(text).to_string())
}

/// Converts a value. `null` and an empty string count as absent.
///
/// # Errors
///
/// [`Fault`]: the value has a type or a form that the native member does not take.
pub(super) fn converted(how: &How, value: &str, cache: &Attributes) -> Result<Option<Converted>, Fault> {
    if value == "null" || value == "\"\"" {
        return Ok(None);
    }
    Ok(match how {
        How::Any => all(value),
        How::Text => all(string(value)?),
        How::DateTime => date_time(value)?,
        How::Millis => Some(instant(value, 1_000, "milliseconds since 1970 in the years 1 to 9999, as an integer")?),
        How::Nanos => nanos(value)?,
        How::Names(names) => {
            let text = JsonString::decode(string(value)?);
            let known = names.iter().find(|(own, _)| text.as_ref().and_then(JsonString::as_str) == Some(*own));
            known.map_or_else(|| all(value), |(_, native)| name(native))
        }
        How::Codes(codes) => {
            let code = integer(value)?;
            codes.iter().find(|(own, _)| *own == code).and_then(|(_, native)| name(native))
        }
        How::Present(text) => name(text),
        How::HttpStatus => name(if integer(value)? >= 400 { "failure" } else { "success" }),
        How::Joined { parts, needed } => joined(value, parts, needed, cache),
        How::Identity { ids, names } => identity(value, ids, names, cache)?,
        How::TraceId => trace_id(value),
    })
}

fn string(value: &str) -> Result<&str, Fault> {
    match JsonKind::from_text(value) {
        JsonKind::String => Ok(value),
        other => Err(Fault::NotAString(other)),
    }
}

fn integer(value: &str) -> Result<i64, Fault> {
    let number = if is_integer(value) { value.parse().ok() } else { None };
    number.ok_or(Fault::NotAnInteger(JsonKind::from_text(value)))
}

/// A date-time in a form that the native API accepts. Digits after the sixth of its fraction are
/// kept elsewhere.
fn date_time(value: &str) -> Result<Option<Converted>, Fault> {
    let text = JsonString::decode(value).ok_or(Fault::NotADateTime)?;
    let text = text.as_str().ok_or(Fault::NotADateTime)?;
    Timestamp::parse(text)?;
    let fraction = text.split_once(['.', ',']).map_or("", |(_, fraction)| fraction);
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    Ok(Some(Converted { json: value.to_owned(), is_all: digits <= FRACTION_DIGITS }))
}

/// An integer, or a string of one, as OTLP writes 64 bits. 0 is a time that is not known.
fn nanos(value: &str) -> Result<Option<Converted>, Fault> {
    let digits = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    if digits == "0" {
        return Ok(None);
    }
    let accepted = "nanoseconds since 1970 in the years 1 to 9999, as an integer or a string of one";
    let nanos: i128 = if is_integer(digits) { digits.parse().ok() } else { None }.ok_or(Fault::NotOneOf(accepted))?;
    let micros = i64::try_from(nanos.div_euclid(1_000)).ok();
    let at = micros.and_then(Timestamp::from_micros).ok_or(Fault::NotOneOf(accepted))?;
    Ok(Some(Converted { json: JsonText::string(&at.to_string()).to_string(), is_all: nanos.rem_euclid(1_000) == 0 }))
}

fn instant(value: &str, micros: i64, accepted: &'static str) -> Result<Converted, Fault> {
    let number: Option<i64> = if is_integer(value) { value.parse().ok() } else { None };
    let at = number.and_then(|number| Timestamp::from_micros(number.checked_mul(micros)?)).ok_or(Fault::NotOneOf(accepted))?;
    Ok(Converted { json: JsonText::string(&at.to_string()).to_string(), is_all: true })
}

/// The strings of an object, joined by `/` with the spelling that they have.
fn joined(value: &str, parts: &[&str], needed: &str, cache: &Attributes) -> Option<Converted> {
    let text = |path: &&str| find(value, path, cache).and_then(spelled);
    text(&needed)?;
    let texts: Vec<&str> = parts.iter().filter_map(text).collect();
    part(format!("\"{}\"", texts.join("/")))
}

/// What is between the quotes of a string that is not empty.
fn spelled(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"').filter(|text| !text.is_empty())
}

/// A user. An object stays whole, so that erasing the user erases all of it; the last `pk` and
/// `username` are the ones that count.
fn identity(value: &str, ids: &[&str], names: &[&str], cache: &Attributes) -> Result<Option<Converted>, Fault> {
    let is_array = JsonKind::from_text(value) == JsonKind::Array;
    let members = if is_array { Vec::new() } else { raw_members(value).map_err(|_| not_an_object(value))? };
    let found =
        |paths: &[&str], accepts: fn(&str) -> bool| paths.iter().find_map(|path| find(value, path, cache).filter(|v| accepts(v)));
    let id = found(ids, |value| spelled(value).is_some() || is_integer(value));
    let username = found(names, |value| spelled(value).is_some());
    if id.is_none() && username.is_none() {
        return Ok(None);
    }
    let mut json = String::new();
    let mut object = ObjectWriter::new(&mut json);
    for member in &members {
        object.raw_key(member.key, member.value);
    }
    for (name, wanted) in [("pk", id), ("username", username)] {
        let own = members.iter().rev().find(|member| member.is(name)).map(|member| member.value);
        // A `pk` of the application must not become the id.
        if own.is_some() || wanted.is_some() {
            let wanted = wanted.unwrap_or("null");
            if own != Some(wanted) {
                object.raw(name, wanted);
            }
        }
    }
    object.end();
    Ok(Some(Converted { json, is_all: !is_array }))
}

fn not_an_object(value: &str) -> Fault {
    match JsonKind::from_text(value) {
        JsonKind::Object => Fault::NotOneOf("an object of at most 10000 members"),
        other => Fault::NotAnObject(other),
    }
}

/// The second field of a `traceparent`: 32 hex digits, not all zero. Another text has no trace id.
fn trace_id(value: &str) -> Option<Converted> {
    let text = JsonString::decode(value)?;
    let trace = text.as_str()?.split('-').nth(1)?;
    let is_trace = trace.len() == 32 && trace.bytes().all(|b| b.is_ascii_hexdigit()) && trace.bytes().any(|b| b != b'0');
    if is_trace { name(trace) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(how: &How, value: &str) -> Result<Option<Converted>, Fault> {
        super::converted(how, value, &Attributes::default())
    }

    fn shown(how: &How, value: &str) -> Option<(String, bool)> {
        converted(how, value).unwrap_or_else(|fault| panic!("{value}: {fault}")).map(|c| (c.json, c.is_all))
    }

    fn taken(json: &str, is_all: bool) -> Option<(String, bool)> {
        Some((json.to_owned(), is_all))
    }

    #[test]
    fn instants_are_cut_to_microseconds_and_say_so() {
        assert_eq!(shown(&How::Nanos, "\"1544712660300000000\""), taken("\"2018-12-13T14:51:00.300000Z\"", true));
        assert_eq!(shown(&How::Nanos, "1544712660300000001"), taken("\"2018-12-13T14:51:00.300000Z\"", false));
        assert_eq!(shown(&How::Nanos, "\"0\""), None);
        assert_eq!(shown(&How::Millis, "-1"), taken("\"1969-12-31T23:59:59.999000Z\"", true));
        assert_eq!(
            shown(&How::DateTime, "\"2023-10-16T09:00:00.123456+03:00\""),
            taken("\"2023-10-16T09:00:00.123456+03:00\"", true)
        );
        for longer in ["\"2023-10-16T09:00:00.1234567Z\"", "\"20231016T090000,1234567Z\""] {
            assert!(!converted(&How::DateTime, longer).unwrap().unwrap().is_all, "{longer}");
        }
        for (how, bad) in [
            (How::Nanos, "\"now\""),
            (How::Nanos, "99999999999999999999999"),
            (How::Nanos, "1.5"),
            (How::Millis, "1631047050642854"),
            (How::Millis, "\"1631047050642\""),
            (How::DateTime, "1631047050642"),
            (How::DateTime, "\"yesterday\""),
        ] {
            assert!(converted(&how, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_user_stays_whole_and_its_own_pk_does_not_count() {
        let how = How::Identity { ids: &["uid", "username"], names: &["username"] };
        for (value, user) in [
            (r#"{"username": "a","groups":[ 1 ]}"#, r#"{"username":"a","groups":[ 1 ],"pk":"a"}"#),
            (r#"{"uid":"7","username":"a","pk":"x"}"#, r#"{"uid":"7","username":"a","pk":"x","pk":"7"}"#),
            (r#"{"uid":7,"pk":7}"#, r#"{"uid":7,"pk":7}"#),
            (r#"{"uid":[],"username":"\u0061"}"#, r#"{"uid":[],"username":"\u0061","pk":"\u0061"}"#),
        ] {
            assert_eq!(shown(&how, value), taken(user, true));
        }
        assert_eq!(shown(&how, r#"{"groups":[]}"#), None);
        assert_eq!(shown(&how, "{}"), None);
        let of_attributes = shown(&how, r#"[{"key":"uid","value":{"intValue":"7"}}]"#);
        assert_eq!(of_attributes, taken(r#"{"pk":"7"}"#, false));
        assert_eq!(converted(&how, "5").unwrap_err(), Fault::NotAnObject(JsonKind::Number));
    }

    #[test]
    fn names_parts_and_trace_ids() {
        let how = How::Joined { parts: &["a", "b"], needed: "b" };
        assert_eq!(shown(&how, r#"{"a":"x","b":"\u0079"}"#), taken(r#""x/\u0079""#, false));
        assert_eq!(shown(&how, r#"{"a":"","b":"y"}"#), taken(r#""y""#, false));
        assert_eq!(shown(&how, r#"{"a":"x","b":""}"#), None);
        assert_eq!(shown(&How::Names(&[("get", "READ")]), r#""g\u0065t""#), taken("\"READ\"", false));
        assert_eq!(shown(&How::Names(&[("get", "READ")]), "\"escalate\""), taken("\"escalate\"", true));
        let trace = "\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"";
        assert_eq!(shown(&How::TraceId, trace), taken("\"0af7651916cd43dd8448eb211c80319c\"", false));
        for none in ["\"00-00000000000000000000000000000000-b7ad6b7169203331-01\"", "\"x\"", "5", "null", "\"\""] {
            assert_eq!(shown(&How::TraceId, none), None, "{none}");
        }
    }
}
