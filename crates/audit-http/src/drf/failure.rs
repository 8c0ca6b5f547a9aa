//! Renders failures in the words of Django REST framework.

use actix_web::HttpResponse;
use audit_store::domain::{Fault, FieldError, InputError, JsonError, JsonKind, JsonText, ObjectWriter, limits, push_array};

use crate::body::BodyError;
use crate::failure::{ERRORS_MAX, Failure, InvalidRecord, RecordNoun};

/// Renders a failure as a published API in this style sends it.
pub(crate) fn render(failure: &Failure) -> HttpResponse {
    super::json(failure.response(), body(failure))
}

/// Makes the body: `{"detail":…}`, or `{"field":["text"]}` with all fields at once.
pub(crate) fn body(failure: &Failure) -> String {
    let mut body = String::new();
    let mut object = ObjectWriter::new(&mut body);
    match fields(failure) {
        Some(fields) => write_fields(&mut object, &fields),
        None => {
            object.string("detail", &detail(failure));
        }
    }
    object.end();
    body
}

fn detail(failure: &Failure) -> String {
    match failure {
        Failure::NotFound(_) | Failure::ChannelNotFound(_) => "Not found.".to_owned(),
        Failure::MethodNotAllowed { method, .. } => format!("Method \"{method}\" not allowed."),
        Failure::UnsupportedMediaType { got, .. } => format!("Unsupported media type \"{got}\" in request."),
        Failure::Body(BodyError::NotUtf8 { position, byte }) => {
            parse_error(&format!("'utf-8' codec can't decode byte {byte:#04x} in position {position}: invalid UTF-8"))
        }
        Failure::NotJson(why) => parse_error(why),
        // These APIs take one record a request.
        Failure::Records(records) if !records.is_empty() => record_detail(&records[0]),
        Failure::Internal => "A server error occurred.".to_owned(),
        other => other.sentence(&RecordNoun::RECORD).into_owned(),
    }
}

fn parse_error(why: &str) -> String {
    format!("JSON parse error - {why}")
}

/// Returns the detail of a record that does not have fields to name.
fn record_detail(record: &InvalidRecord) -> String {
    match &record.error {
        // These APIs take no NDJSON, and Python's text does not look like an offer of it.
        InputError::Json(JsonError::SecondValue { line, column, offset }) => {
            parse_error(&format!("Extra data: line {line} column {column} (char {offset})"))
        }
        InputError::Json(error) => parse_error(&error.to_string()),
        error => error.to_string(),
    }
}

/// Returns the faults by field, or `None` if the failure is not about fields.
fn fields(failure: &Failure) -> Option<Vec<(String, String)>> {
    match failure {
        Failure::Parameters(invalid) => Some(invalid.iter().map(|i| (i.name.clone(), i.message.clone())).collect()),
        Failure::Records(records) => records.iter().find_map(|record| record_fields(&record.error)),
        Failure::ChannelRequired(_) => Some(vec![field(&FieldError::new("channel_id", Fault::Required))]),
        Failure::UuidConflict(_) => {
            Some(vec![("uuid".to_owned(), "A record with this uuid already exists, and it is another one.".to_owned())])
        }
        Failure::KeyReused => Some(vec![("non_field_errors".to_owned(), failure.sentence(&RecordNoun::RECORD).into_owned())]),
        _ => None,
    }
}

fn record_fields(error: &InputError) -> Option<Vec<(String, String)>> {
    let whole = |text: String| Some(vec![("non_field_errors".to_owned(), text)]);
    match error {
        InputError::Fields(errors) => Some(errors.iter().map(field).collect()),
        InputError::Json(JsonError::NotAnObject(JsonKind::Null)) => whole("No data provided".to_owned()),
        InputError::Json(JsonError::NotAnObject(kind)) => {
            whole(format!("Invalid data. Expected a dictionary, but got {}.", python_type(*kind)))
        }
        InputError::Unrecognized(error) => whole(format!("Invalid data: {error}.")),
        _ => None,
    }
}

fn python_type(kind: JsonKind) -> &'static str {
    match kind {
        JsonKind::Array => "list",
        JsonKind::String => "str",
        JsonKind::Bool => "bool",
        JsonKind::Null => "NoneType",
        JsonKind::Number => "number",
        JsonKind::Object => "dict",
    }
}

/// Writes the fields. Several texts of one field become one list. Fields after the first hundred
/// are left out, because they come from one mistake of one client.
fn write_fields(object: &mut ObjectWriter<'_>, errors: &[(String, String)]) {
    let mut fields: Vec<(&str, Vec<&str>)> = Vec::new();
    for (field, text) in errors.iter().take(ERRORS_MAX) {
        match fields.iter_mut().find(|(name, _)| name == field) {
            Some((_, texts)) => texts.push(text),
            None => fields.push((field, vec![text])),
        }
    }
    for (field, texts) in fields {
        object.nested(field, |out| push_array(out, texts, |text, out| out.push_str(JsonText::string(text).as_str())));
    }
}

/// Returns a field and its fault, in the words of DRF's serializers.
fn field(error: &FieldError) -> (String, String) {
    let text = match &error.fault {
        Fault::Required => "This field is required.".to_owned(),
        Fault::NotAnInteger(_) | Fault::NotAnObjectId(_) | Fault::NotAUser(_) | Fault::NotAChannel => {
            "A valid integer is required.".to_owned()
        }
        Fault::NotAString(_) => "Not a valid string.".to_owned(),
        Fault::NotALevel => {
            format!("A valid level is required: an integer from 0 to {}, or a name such as info.", limits::LEVEL_SENT_MAX)
        }
        Fault::NotADateTime => {
            "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
                .to_owned()
        }
        Fault::OutOfYears => "Datetime value out of range.".to_owned(),
        Fault::NotAUuid => "Must be a valid UUID.".to_owned(),
        Fault::TooLong { max, .. } => format!("Ensure this field has no more than {max} characters."),
        other => format!("This field {other}."),
    };
    (error.field.clone(), text)
}
