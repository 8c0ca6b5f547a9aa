//! Renders failures as the native API sends them: RFC 9457 problem details with a stable `code`.

use actix_web::HttpResponse;
use actix_web::http::header::ALLOW;
use audit_store::domain::{InputError, ObjectWriter, push_array};

use crate::failure::{ERRORS_MAX, Failure, InvalidRecord, RecordNoun};
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
struct Detail {
    /// `pointer` is a JSON pointer into the body. `parameter` is the name of a query parameter.
    kind: &'static str,
    place: String,
    detail: String,
}

impl Detail {
    fn at_pointer(pointer: &str, detail: impl Into<String>) -> Detail {
        Detail { kind: "pointer", place: pointer.to_owned(), detail: detail.into() }
    }

    fn write(&self, out: &mut String) {
        let mut item = ObjectWriter::new(out);
        item.string(self.kind, &self.place).string("detail", &self.detail);
        item.end();
    }
}

fn details(failure: &Failure) -> Vec<Detail> {
    match failure {
        Failure::Parameters(invalid) => {
            let detail = |invalid: &crate::failure::InvalidParameter| Detail {
                kind: "parameter",
                place: invalid.name.clone(),
                detail: invalid.message.clone(),
            };
            invalid.iter().map(detail).collect()
        }
        Failure::Members(invalid) => invalid.iter().map(|invalid| Detail::at_pointer(&invalid.pointer, &invalid.message)).collect(),
        Failure::Records(records) => records.iter().flat_map(record_details).collect(),
        Failure::ChannelRequired { pointer } => {
            vec![Detail::at_pointer(
                &format!("{pointer}/channel_id"),
                format!("channel_id {}", crate::auth::ChannelError::Required),
            )]
        }
        Failure::UuidConflict(conflicts) => {
            conflicts.iter().map(|conflict| Detail::at_pointer(&conflict.pointer, &conflict.message)).collect()
        }
        _ => Vec::new(),
    }
}

fn record_details(record: &InvalidRecord) -> Vec<Detail> {
    let InvalidRecord { pointer, error } = record;
    match error {
        InputError::Fields(errors) => errors
            .iter()
            .map(|error| Detail::at_pointer(&format!("{pointer}{}", error.pointer()), format!("{} {}", error.field, error.fault)))
            .collect(),
        error => vec![Detail::at_pointer(pointer, error.to_string())],
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
