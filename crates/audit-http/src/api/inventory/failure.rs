//! Renders failures of the inventory API: `{"status":"error",…}`, with the texts of its published
//! page if the page has one.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use audit_store::domain::{Fault, InputError, JsonText, ObjectWriter, push_array};

use crate::auth::ChannelError;
use crate::body::BodyError;
use crate::failure::{ERRORS_MAX, Failure, RecordNoun};

/// The members of an error as the API sends it.
struct Body {
    /// The text of the error for programs.
    error: String,
    /// A message for people, if there is more to say.
    message: Option<String>,
    /// The fields or parameters that the error is about.
    fields: Vec<String>,
}

impl Body {
    /// Makes an error with the name that HTTP gives the status.
    fn from_status(status: StatusCode, message: String) -> Body {
        Body { error: status.canonical_reason().unwrap_or("Error").to_owned(), message: Some(message), fields: Vec::new() }
    }

    /// Makes an error without a message.
    fn not_found(error: &str) -> Body {
        Body { error: error.to_owned(), message: None, fields: Vec::new() }
    }

    fn invalid_json(message: String) -> Body {
        Body { error: "Invalid JSON".to_owned(), message: Some(message), fields: Vec::new() }
    }

    fn missing(fields: Vec<String>, message: Option<String>) -> Body {
        Body { error: "Missing required fields".to_owned(), message, fields }
    }

    /// Makes the error of all unusable fields or parameters at once.
    fn invalid<'a>(invalid: impl Iterator<Item = (&'a str, String, bool)>) -> Body {
        let invalid: Vec<_> = invalid.take(ERRORS_MAX).collect();
        let is_date_time = invalid.iter().all(|(_, _, is_date_time)| *is_date_time);
        let error = if is_date_time { "Invalid date format" } else { "Invalid value" };
        let message = invalid.iter().map(|(_, message, _)| message.as_str()).collect::<Vec<_>>().join("; ");
        let mut fields: Vec<String> = invalid.iter().map(|(field, _, _)| (*field).to_owned()).collect();
        fields.dedup();
        Body { error: error.to_owned(), message: Some(message), fields }
    }

    fn from_failure(failure: &Failure) -> Body {
        let sentence = failure.sentence(&RecordNoun::LOG);
        match failure {
            Failure::NotFound(what) => Body::not_found(what),
            Failure::ChannelNotFound(_) => Body::not_found("Channel not found"),
            Failure::ChannelRequired(_) => {
                Body::missing(vec!["channel_id".to_owned()], Some(format!("channel_id {}", ChannelError::Required)))
            }
            Failure::Body(
                BodyError::NotUtf8 { .. } | BodyError::Broken(_) | BodyError::Characters { .. } | BodyError::ByteOrderMark(_),
            ) => Body::invalid_json(sentence.into_owned()),
            Failure::Parameters(invalid) => {
                Body::invalid(invalid.iter().map(|invalid| (&*invalid.name, invalid.message.clone(), invalid.is_date_time)))
            }
            Failure::Records(records) => {
                records.first().map_or_else(|| Body::invalid_json(sentence.into_owned()), |record| Body::from_record(&record.error))
            }
            Failure::UuidConflict(_) => Body {
                fields: vec!["uuid".to_owned()],
                ..Body::from_status(failure.status(), "uuid belongs to another audit log already; nothing was stored.".to_owned())
            },
            other => Body::from_status(other.status(), sentence.into_owned()),
        }
    }

    fn from_record(error: &InputError) -> Body {
        let InputError::Fields(errors) = error else { return Body::invalid_json(error.to_string()) };
        let missing: Vec<String> = errors.iter().filter(|e| e.fault == Fault::Required).map(|e| e.field.clone()).collect();
        if !missing.is_empty() {
            return Body::missing(missing, None);
        }
        let is_date_time = |fault: &Fault| matches!(fault, Fault::NotADateTime | Fault::OutOfYears | Fault::UnclearEpoch);
        Body::invalid(errors.iter().map(|error| (&*error.field, error.to_string(), is_date_time(&error.fault))))
    }

    fn write(&self, status: StatusCode) -> String {
        let mut body = String::new();
        let mut object = ObjectWriter::new(&mut body);
        object.string("status", "error");
        // On the published page an error has a `code` if its text is the name of the status. 400
        // and 404 have texts of their own.
        if !matches!(status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND) {
            object.integer("code", Some(i64::from(status.as_u16())));
        }
        object.string("error", &self.error);
        if let Some(message) = &self.message {
            object.string("message", message);
        }
        if !self.fields.is_empty() {
            object
                .nested("fields", |out| push_array(out, &self.fields, |field, out| out.push_str(JsonText::string(field).as_str())));
        }
        object.end();
        body
    }
}

/// Renders a failure as this API sends it.
pub(in super::super) fn render(failure: &Failure) -> HttpResponse {
    super::json(failure.response(), body(failure))
}

/// Makes the body.
pub(super) fn body(failure: &Failure) -> String {
    Body::from_failure(failure).write(failure.status())
}
