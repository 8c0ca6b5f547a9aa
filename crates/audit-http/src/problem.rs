//! Renders failures as the native API sends them: RFC 9457 problem details with a stable `code`.

use actix_web::HttpResponse;
use actix_web::http::header::ALLOW;
use audit_store::domain::{InputError, ObjectWriter, push_array};

use crate::auth::ChannelError;
use crate::failure::{ERRORS_MAX, Failure, InvalidRecord, RecordNoun, UuidConflict};
use crate::routes::{ApiStyle, Resource};

/// The known outcome of an append that was not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    NotStored,
    Unknown,
}

impl Outcome {
    pub(crate) const ALL: [Outcome; 2] = [Outcome::NotStored, Outcome::Unknown];

    /// Returns the name that the API sends.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Outcome::NotStored => "not_stored",
            Outcome::Unknown => "unknown",
        }
    }

    fn of_append(failure: &Failure) -> Option<Outcome> {
        match failure {
            Failure::NotStored(_) => Some(Outcome::NotStored),
            Failure::StoredIsUnknown => Some(Outcome::Unknown),
            _ => None,
        }
    }
}

/// A place in the request and its error.
pub(crate) struct Detail {
    /// `pointer` is a JSON pointer into the body. `parameter` is the name of a query parameter.
    kind: &'static str,
    place: String,
    /// The line of the record in a body of lines, from 1.
    line: Option<usize>,
    detail: String,
}

impl Detail {
    fn at_pointer(pointer: &str, detail: impl Into<String>) -> Detail {
        Detail { kind: "pointer", place: pointer.to_owned(), line: None, detail: detail.into() }
    }

    fn on_line(self, line: Option<usize>) -> Detail {
        Detail { line, ..self }
    }

    /// The faults of a record.
    pub(crate) fn of_record(record: &InvalidRecord) -> Vec<Detail> {
        record_details(record)
    }

    /// The reason why a record has no channel to go to.
    pub(crate) fn of_channel(error: ChannelError, record: &str, line: Option<usize>) -> Detail {
        let detail = match error {
            ChannelError::Required => format!("channel_id {error}"),
            ChannelError::NotFound => "This token has no such channel.".to_owned(),
        };
        Detail::at_pointer(&format!("{record}/channel_id"), detail).on_line(line)
    }

    pub(crate) fn of_conflict(conflict: &UuidConflict, line: Option<usize>) -> Detail {
        Detail::at_pointer(&conflict.pointer, &conflict.message).on_line(line)
    }

    pub(crate) fn write(&self, out: &mut String) {
        let mut item = ObjectWriter::new(out);
        item.string(self.kind, &self.place).string("detail", &self.detail);
        if let Some(line) = self.line {
            item.integer("line", Some(line as i64));
        }
        item.end();
    }
}

fn details(failure: &Failure) -> Vec<Detail> {
    match failure {
        Failure::Parameters(invalid) => {
            let detail = |invalid: &crate::failure::InvalidParameter| Detail {
                kind: "parameter",
                place: invalid.name.clone(),
                line: None,
                detail: invalid.message.clone(),
            };
            invalid.iter().map(detail).collect()
        }
        Failure::Members(invalid) => invalid.iter().map(|invalid| Detail::at_pointer(&invalid.pointer, &invalid.message)).collect(),
        Failure::Records(records) => records.iter().flat_map(record_details).collect(),
        Failure::ChannelRequired { pointer } => {
            vec![Detail::of_channel(ChannelError::Required, pointer, None)]
        }
        Failure::UuidConflict(conflicts) => conflicts.iter().map(|conflict| Detail::of_conflict(conflict, None)).collect(),
        _ => Vec::new(),
    }
}

fn record_details(record: &InvalidRecord) -> Vec<Detail> {
    let InvalidRecord { pointer, line, error } = record;
    let at = |pointer: &str, detail: String| Detail::at_pointer(pointer, detail).on_line(*line);
    match error {
        InputError::Fields(errors) => errors
            .iter()
            .map(|error| at(&format!("{pointer}{}", error.pointer()), format!("{} {}", error.field, error.fault)))
            .collect(),
        error => vec![at(pointer, error.to_string())],
    }
}

/// The style of the native API.
const STYLE: ApiStyle = ApiStyle::new(render, false);

/// Makes a path of the native API.
pub(crate) fn resource(path: &'static str) -> Resource {
    Resource::new(path, STYLE)
}

/// Renders a failure as the native API sends it.
pub(crate) fn render(failure: &Failure) -> HttpResponse {
    let code = failure.code();
    let mut body = String::new();
    let mut object = ObjectWriter::new(&mut body);
    object
        .string("type", &format!("/docs/errors#{}", code.name()))
        .string("title", code.status().canonical_reason().unwrap_or("Error"))
        .integer("status", Some(i64::from(code.status().as_u16())))
        .string("code", code.name())
        .string("detail", &failure.sentence(&RecordNoun::EVENTS));
    if let Some(outcome) = Outcome::of_append(failure) {
        object.string("outcome", outcome.name());
    }
    let mut details = details(failure);
    details.truncate(ERRORS_MAX);
    if !details.is_empty() {
        object.nested("errors", |out| push_array(out, &details, Detail::write));
    }
    object.end();
    let mut response = failure.response();
    if let Failure::MethodNotAllowed { allow, .. } = failure {
        response.insert_header((ALLOW, allow.as_str()));
    }
    response.content_type("application/problem+json").body(body)
}
