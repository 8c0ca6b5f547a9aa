//! Reads bodies as DRF's parsers and serializer fields read them.

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use audit_store::domain::{Fault, FieldError, InputError, JsonError, JsonKind, JsonString, JsonText, Member, Members, Timestamp};
use encoding_rs::Encoding;

use super::Decimal;
use crate::failure::Failure;
use crate::params::Params;

/// Returns the JSON object of a body that has at least one member. DRF reads an empty body as `{}`,
/// and none of the fields of an event is required. Any fault in a client that loses the body would
/// then store an event without values, so this is an error, in DRF's words for a body of `null`.
pub(crate) fn members_given(text: &str) -> Result<Members<'_>, Failure> {
    let members = body_members(if text.is_empty() { "{}" } else { text })?;
    if members.iter().next().is_none() { Err(JsonError::NotAnObject(JsonKind::Null).into()) } else { Ok(members) }
}

/// Returns the JSON object of a body. A body of blanks is not JSON.
pub(crate) fn body_members(text: &str) -> Result<Members<'_>, Failure> {
    if text.bytes().all(|byte| b" \t\n\r".contains(&byte)) {
        return Err(Failure::NotJson(expecting_value(text)));
    }
    Ok(Members::parse_limited(text)?)
}

/// Makes the message of Python's `json` about a text that ends before its value begins.
fn expecting_value(blank: &str) -> String {
    let lines = blank.bytes().filter(|byte| *byte == b'\n').count();
    let column = blank.len() - blank.rfind('\n').map_or(0, |at| at + 1);
    format!("Expecting value: line {} column {} (char {})", lines + 1, column + 1, blank.len())
}

/// The maximum number of fields of a form, as in Django. The smallest fields take two bytes each,
/// and fifty times that in memory.
const FORM_FIELDS_MAX: usize = 1_000;

/// Reads the fields of a form in a charset.
pub(crate) fn form(bytes: &[u8], charset: &'static Encoding) -> Result<Params, Failure> {
    if bytes.split(|byte| *byte == b'&').take(FORM_FIELDS_MAX + 1).count() > FORM_FIELDS_MAX {
        return Err(Failure::TooLarge(format!("The form has more than {FORM_FIELDS_MAX} fields.")));
    }
    Ok(Params::form(bytes, charset)?)
}

/// Makes the failure of a media type that the API does not accept.
pub(crate) fn unsupported_media_type(request: &HttpRequest, accepted: &'static str) -> Failure {
    let got = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    Failure::UnsupportedMediaType { got: got.unwrap_or("").to_owned(), accepted }
}

/// Reads a record after it has read each of its fields with the tolerance of DRF's fields. Reports
/// all faults at once.
pub(crate) fn read_tolerantly<R>(
    members: Members<'_>,
    field: impl Fn(&str, JsonText) -> Result<JsonText, Fault>,
    read: impl FnOnce(Members<'_>) -> Result<R, Vec<FieldError>>,
) -> Result<R, Failure> {
    let mut errors: Vec<FieldError> = Vec::new();
    let mut tolerated = Vec::new();
    for Member { key, name, value } in members {
        // If a member is repeated, the last one counts, faults included.
        errors.retain(|error| error.field != name);
        let kept = value.clone();
        let value = field(&name, value).unwrap_or_else(|fault| {
            errors.push(FieldError::new(name.clone(), fault));
            kept
        });
        tolerated.push(Member { key, name, value });
    }
    match read(tolerated.into_iter().collect()) {
        Ok(record) if errors.is_empty() => Ok(record),
        Ok(_) => Err(InputError::Fields(errors).into()),
        Err(others) => {
            let others = others.into_iter().filter(|other| errors.iter().all(|error| error.field != other.field));
            Err(InputError::Fields(errors.iter().cloned().chain(others).collect()).into())
        }
    }
}

/// Reads a value as DRF's `IntegerField`: an integer within 64 bits, also as a string or with a
/// zero fraction. Only a number may have an exponent, because Python reads the number before the
/// field sees it.
pub(crate) fn integer_field(value: JsonText) -> Result<JsonText, Fault> {
    if value.kind() == JsonKind::Null {
        return Ok(value);
    }
    let fault = Fault::NotAnInteger(value.kind());
    let text = match value.kind() {
        JsonKind::Number => match Decimal::parse(value.as_str()) {
            Some(Decimal::Whole(number)) => number.to_string(),
            _ => return Err(fault),
        },
        JsonKind::String => value.decoded().and_then(|d| d.as_str().map(str::to_owned)).ok_or(fault.clone())?,
        _ => return Err(fault),
    };
    let text = text.trim();
    let whole = text.split_once('.').filter(|(_, zeros)| zeros.bytes().all(|b| b == b'0')).map_or(text, |(whole, _)| whole);
    let number: i64 = whole.parse().map_err(|_| fault)?;
    Ok(JsonText::from_trusted(number.to_string()))
}

/// Reads a value as DRF's `DateTimeField`, which takes fewer forms than the log.
pub(crate) fn instant_field(value: JsonText) -> Result<JsonText, Fault> {
    if value.kind() == JsonKind::Null {
        return Ok(value);
    }
    let text = value.decoded();
    let at = Timestamp::parse_django(text.as_ref().and_then(JsonString::as_str).ok_or(Fault::NotADateTime)?)?;
    Ok(JsonText::string(&at.to_string()))
}

/// Reads a value as DRF's `CharField`: a number becomes the text that the client wrote.
pub(crate) fn text_field(value: JsonText) -> JsonText {
    if value.kind() == JsonKind::Number { JsonText::string(value.as_str()) } else { value }
}
