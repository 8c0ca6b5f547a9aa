//! Renders failures as the native API sends them: RFC 9457 problem details with a stable `code`.

use actix_web::HttpResponse;
use actix_web::http::header::ALLOW;
use audit_store::domain::{FieldError, InputError, ObjectWriter, push_array};

use crate::auth::ChannelError;
use crate::body::BodyError;
use crate::failure::{ERRORS_MAX, Failure, InvalidMember, InvalidRecord, RecordNoun, RecordPlace, UuidConflict};
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
            Failure::StoredIsUnknown { .. } => Some(Outcome::Unknown),
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
    fn of_member(InvalidMember { pointer, line, message }: &InvalidMember) -> Detail {
        Detail { kind: "pointer", place: pointer.clone(), line: *line, detail: message.clone() }
    }

    /// `member` is the pointer from the record to the member; empty for the record itself.
    fn in_record(RecordPlace { pointer, line }: &RecordPlace, member: &str, detail: impl Into<String>) -> Detail {
        Detail { kind: "pointer", place: format!("{pointer}{member}"), line: *line, detail: detail.into() }
    }

    /// The faults of a record.
    pub(crate) fn of_record(record: &InvalidRecord) -> Vec<Detail> {
        record_details(record)
    }

    /// The reason why a line is not a text.
    pub(crate) fn of_line(error: &BodyError, record: &RecordPlace) -> Detail {
        let detail = match error {
            BodyError::NotUtf8 { position, .. } => format!("is not UTF-8: byte {position} of the line cannot be read"),
            error => error.to_string(),
        };
        Detail::in_record(record, "", detail)
    }

    /// The reason why a record has no channel to go to.
    pub(crate) fn of_channel(error: ChannelError, record: &RecordPlace) -> Detail {
        let detail = match error {
            ChannelError::Required => format!("channel_id {error}"),
            ChannelError::NotFound => "This token has no such channel.".to_owned(),
        };
        Detail::in_record(record, "/channel_id", detail)
    }

    pub(crate) fn of_conflict(UuidConflict { place, of_key, message }: &UuidConflict) -> Detail {
        Detail::in_record(place, if *of_key { "" } else { "/uuid" }, message)
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
        Failure::Members(invalid) => invalid.iter().map(Detail::of_member).collect(),
        Failure::Records(records) => records.iter().flat_map(record_details).collect(),
        Failure::ChannelRequired(record) => vec![Detail::of_channel(ChannelError::Required, record)],
        Failure::ChannelNotFound(record) => vec![Detail::of_channel(ChannelError::NotFound, record)],
        Failure::UuidConflict(conflicts) => conflicts.iter().map(Detail::of_conflict).collect(),
        _ => Vec::new(),
    }
}

fn record_details(record: &InvalidRecord) -> Vec<Detail> {
    let InvalidRecord { place, error } = record;
    match error {
        InputError::Fields(errors) => {
            let of_field =
                |error: &FieldError| Detail::in_record(place, &error.pointer(), format!("{} {}", error.field, error.fault));
            errors.iter().map(of_field).collect()
        }
        error => vec![Detail::in_record(place, "", error.to_string())],
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
