//! Forms: the members of an action log, or the attributes of a record of Python's `logging`, which
//! `logging.handlers.HTTPHandler` posts, each as the `str()` of its value.

mod fit;

use audit_store::domain::{InputError, JsonText, ObjectWriter, limits, python_instant, python_message};
use encoding_rs::Encoding;

use crate::body::BodyError;
use crate::drf;
use crate::failure::{Failure, InvalidMember};
use crate::params::Params;

/// The bytes of the largest form. The server stores a record that Python's handler posts in any
/// case, cut to the size that an action log may have.
pub(crate) const FORM_BYTES_MAX: usize = 8 * limits::EVENT_BYTES_MAX;

/// A form as the JSON of an action log.
pub(crate) struct Form {
    pub(crate) json: String,
    is_record: bool,
}

/// Reads the form of the native API: a record of Python. The members of an action log are sent as
/// JSON there.
pub(super) fn log_record(body: &[u8], charset: &'static Encoding) -> Result<String, Failure> {
    let form = Form::read(body, charset)?;
    if form.is_record {
        return Ok(form.json);
    }
    let message = "a form must be a record of Python's logging, with levelno, name and msg; send other action logs as JSON";
    Err(Failure::Members(vec![InvalidMember { pointer: String::new(), line: None, message: message.to_owned() }]))
}

impl Form {
    /// Reads a form in a charset. A record of Python stays a record: the parser of action logs
    /// translates it, as it translates a record that was sent as JSON.
    pub(crate) fn read(body: &[u8], charset: &'static Encoding) -> Result<Form, Failure> {
        let max = limits::EVENT_BYTES_MAX;
        let form = drf::form(body, charset)?;
        let is_record = ["levelno", "name", "msg"].iter().all(|attribute| form.last(attribute).is_some());
        let json = if is_record {
            object(&fit::fit(form, max))
        } else if body.len() > max {
            return Err(BodyError::TooLarge { max }.into());
        } else {
            // The formatted message must not make the whole record too large.
            let json = to_json(&form, max.saturating_sub(body.len()));
            if json.len() > max { to_json(&form, 0) } else { json }
        };
        if json.len() > max {
            return Err(InputError::TooLarge { bytes: json.len() }.into());
        }
        Ok(Form { json, is_record })
    }
}

/// Writes the fields of a form as an object of texts. If a field is repeated, the last one counts.
fn object(form: &Params) -> String {
    let mut out = String::new();
    write_others(form, &mut Vec::new(), &mut out);
    out
}

/// Members of an action log for which a record does not have an attribute.
const MEMBERS: [&str; 4] = ["uuid", "channel_id", "app_name", "correlation_id"];

/// The other members, each with the attribute that gives its value if the form does not have the
/// member itself.
const ATTRIBUTES: [(&str, &str); 5] =
    [("level", "levelno"), ("logger_name", "name"), ("message", "msg"), ("trace", "exc_text"), ("created_at", "created")];

/// Fields in which `None` is a text. In the other fields `None` is an absent value.
const TEXTS: [&str; 3] = ["message", "msg", "name"];

/// Converts a form that is not a record into the JSON of an action log. A member in the form counts
/// as it is; otherwise the value comes from the attribute with the same meaning. Every other field
/// goes into `extra`.
fn to_json(form: &Params, message_bytes_max: usize) -> String {
    let given = |name: &str| form.last(name).filter(|value| TEXTS.contains(&name) || *value != "None");
    let args = given("args").filter(|args| !matches!(*args, "()" | ""));
    let mut said: Vec<&str> = MEMBERS.to_vec();
    let mut out = String::new();
    let mut object = ObjectWriter::new(&mut out);
    for name in MEMBERS {
        // An empty text may be a name, but it is neither a uuid nor a channel.
        if let Some(value) = given(name).filter(|value| name == "app_name" || !value.is_empty()) {
            object.text(name, Some(&JsonText::string(value)));
        }
    }
    let mut kept: Vec<&str> = Vec::new();
    for (name, attribute) in ATTRIBUTES {
        said.push(name);
        let (member, value) = (given(name), given(attribute));
        let Some(text) = member.or(value) else { continue };
        let better = match attribute {
            "created" => python_instant(text).map(|at| at.to_string()),
            "msg" if member.is_none() => args.map(|args| python_message(text, args, message_bytes_max)),
            _ => None,
        };
        let shown = better.as_deref().unwrap_or(text);
        // `extra` keeps an attribute that a member overrides, and a template.
        let says_more = if member.is_some() { value.is_some() && member != value } else { attribute == "msg" && shown != text };
        if says_more {
            kept.push(attribute);
        }
        object.text(name, Some(&JsonText::string(shown)));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn json(form: &str) -> String {
        to_json(&Params::parse(form), 100)
    }

    #[test]
    fn members_override_attributes_and_differences_are_kept() {
        let same = "level=10&message=%25s&trace=t&app_name=&msg=%25s&args=()&levelno=10&uuid=&created_at=0&exc_text=None";
        let expected = r#"{"app_name":"","level":"10","message":"%s","trace":"t","created_at":"1970-01-01T00:00:00Z"}"#;
        assert_eq!(json(same), expected);
        let other = "level=10&levelno=20&message=m&msg=x&logger_name=None&correlation_id=c-1";
        assert_eq!(json(other), r#"{"correlation_id":"c-1","level":"10","message":"m","extra":{"levelno":"20","msg":"x"}}"#);
    }

    #[test]
    fn attributes_stand_for_missing_members() {
        let form = "msg=a+%25s&args=%28%27b%27%2C%29&levelno=40&exc_text=None&created=1701419156.0883539&lineno=7&lineno=8";
        let expected = r#"{"level":"40","message":"a b","created_at":"2023-12-01T08:25:56.088353Z","extra":{"msg":"a %s","args":"('b',)","lineno":"8"}}"#;
        assert_eq!(json(form), expected);
        let object = "msg=%25s&args=%28%3CObject%3E%2C%29";
        assert_eq!(json(object), r#"{"message":"<Object>","extra":{"msg":"%s","args":"(<Object>,)"}}"#);
        let too_long = format!("msg=%25200s&args=%281%2C{}%29", "+".repeat(100));
        assert!(json(&too_long).starts_with(r#"{"message":"%200s","extra":{"args":"(1,"#), "{}", json(&too_long));
        assert_eq!(json("msg=m&levelno=60"), r#"{"level":"60","message":"m"}"#, "not a record, so it is refused");
    }

    #[test]
    fn a_record_keeps_its_fields_as_texts() {
        let read = |form: &str| Form::read(form.as_bytes(), encoding_rs::UTF_8).unwrap();
        let record = read("levelno=20&name=None&msg=None&args=%28%29&uuid=x&id=5&id=6");
        assert_eq!(record.json, r#"{"levelno":"20","name":"None","msg":"None","args":"()","uuid":"x","id":"6"}"#);
        assert!(record.is_record && !read("levelno=20&msg=m").is_record);
    }
}
