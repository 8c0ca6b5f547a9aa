//! Errors of the native API: RFC 9457 problem details with a stable `code`.

mod code;

pub(crate) use code::Code;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use audit_store::domain::{InputError, ObjectWriter, limits, push_array};
use audit_store::{AppendError, NotStored, StoreError};

use crate::auth::{AuthError, ChannelError, Forbidden};
use crate::blocking::{NotDone, NotRun};
use crate::body::BodyError;
use crate::changed;

/// Places that are reported one by one; a client that has more has one fault, not many.
pub(crate) const ERRORS_MAX: usize = 100;

/// When to come back with a query that took too long.
pub(crate) const SLOW_RETRY_AFTER_SECONDS: u64 = 10;

/// What is said of a query that took too long, by every API.
pub(crate) fn too_slow(seconds: u64) -> String {
    format!(
        "The query did not end within {seconds} s. Ask for less (a range of time, one channel, another filter), or again later."
    )
}

/// What is said of a page by number that is too large, by every API that has such pages.
pub(crate) fn page_too_large(size_that_fits: usize) -> String {
    let mib = limits::PAGE_BYTES_MAX / (1024 * 1024);
    format!("The page has more than {mib} MiB. Ask for smaller pages: limit={size_that_fits} fits here.")
}

/// The answer to a key that asks for more than its share.
pub(crate) const TOO_MANY_QUERIES: &str =
    "Too many queries of this key are running or waiting, or their answers are not taken; send the same request again later.";

/// What is said to nobody, or to a client that closed its side of the connection and still listens.
pub(crate) const CLIENT_GONE: &str = "The client closed its side of the connection before the query ended.";

/// One place in a request and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Detail {
    /// JSON pointer into the body, or the name of a query parameter.
    pub(crate) place: ErrorLocation,
    pub(crate) detail: String,
}

impl Detail {
    fn write(&self, out: &mut String) {
        let mut item = ObjectWriter::new(out);
        match &self.place {
            ErrorLocation::Pointer(pointer) => item.string("pointer", pointer),
            ErrorLocation::Parameter(name) => item.string("parameter", name),
        };
        item.string("detail", &self.detail);
        item.end();
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ErrorLocation {
    Pointer(String),
    Parameter(String),
}

/// An error of the native API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    code: Code,
    detail: String,
    errors: Vec<Detail>,
    allow: Option<&'static str>,
    retry_after_seconds: Option<u64>,
    /// Of an append that is `unavailable`: whether it stored anything.
    outcome: Option<Outcome>,
}

/// What is known of an append that was not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    NotStored,
    Unknown,
}

impl Outcome {
    pub(crate) const ALL: [Outcome; 2] = [Outcome::NotStored, Outcome::Unknown];

    /// As it is sent.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Outcome::NotStored => "not_stored",
            Outcome::Unknown => "unknown",
        }
    }
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Problem {
        let retry_after_seconds = (code.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
        Problem { code, detail: detail.into(), errors: Vec::new(), allow: None, retry_after_seconds, outcome: None }
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(Code::NotFound, detail)
    }

    pub(crate) fn method_not_allowed(method: &str, allow: &'static str) -> Problem {
        let detail = format!("{method} is not allowed here; allowed: {allow}.");
        Problem { allow: Some(allow), ..Problem::new(Code::MethodNotAllowed, detail) }
    }

    /// Query parameters that cannot be used.
    pub(crate) fn invalid_query(errors: Vec<(String, String)>) -> Problem {
        let errors: Vec<Detail> =
            errors.into_iter().map(|(name, detail)| Detail { place: ErrorLocation::Parameter(name), detail }).collect();
        Problem { errors, ..Problem::new(Code::InvalidQuery, "The query cannot be used.") }
    }

    /// A body whose members cannot be used.
    pub(crate) fn invalid_body(errors: Vec<(String, String)>) -> Problem {
        let errors: Vec<Detail> =
            errors.into_iter().map(|(pointer, detail)| Detail { place: ErrorLocation::Pointer(pointer), detail }).collect();
        Problem { errors, ..Problem::new(Code::InvalidBody, "The body cannot be used; nothing was stored.") }
    }

    pub(crate) fn unsupported_media_type(got: &str, accepted: &str) -> Problem {
        let detail = format!("A body of type \"{got}\" cannot be read here; accepted: {accepted}.");
        Problem::new(Code::UnsupportedMediaType, detail)
    }

    /// A fault of ours: the client gets a fixed text, the log the reason.
    fn internal(error: &dyn std::fmt::Display) -> Problem {
        tracing::error!(%error, "internal error");
        Problem::new(Code::Internal, "Something went wrong here; the server's log says what.")
    }

    fn unavailable(error: &dyn std::fmt::Display, detail: &str) -> Problem {
        tracing::error!(%error, "unavailable");
        Problem::new(Code::Unavailable, detail)
    }

    /// A client that comes back at once would find the same load.
    fn query_timeout(seconds: u64) -> Problem {
        let problem = Problem::new(Code::QueryTimeout, too_slow(seconds));
        Problem { retry_after_seconds: Some(SLOW_RETRY_AFTER_SECONDS), ..problem }
    }

    fn busy(retry_after_seconds: u64) -> Problem {
        let problem = Problem::new(Code::Busy, "Too busy; send the same request again later.");
        Problem { retry_after_seconds: Some(retry_after_seconds), ..problem }
    }

    fn to_json(&self) -> String {
        let mut out = String::new();
        let mut object = ObjectWriter::new(&mut out);
        object
            .string("type", &format!("/docs/errors#{}", self.code.name()))
            .string("title", self.code.status().canonical_reason().unwrap_or("Error"))
            .integer("status", Some(i64::from(self.code.status().as_u16())))
            .string("code", self.code.name())
            .string("detail", &self.detail);
        if let Some(outcome) = self.outcome {
            object.string("outcome", outcome.name());
        }
        if !self.errors.is_empty() {
            object.nested("errors", |out| push_array(out, &self.errors, Detail::write));
        }
        object.end();
        out
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.code.status());
        response.content_type("application/problem+json");
        if self.code == Code::Unauthorized {
            response.insert_header((WWW_AUTHENTICATE, "Token"));
        }
        if let Some(allow) = self.allow {
            response.insert_header((ALLOW, allow));
        }
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        response.body(self.to_json())
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Problem {
        match error {
            AuthError::Store(error) => error.into(),
            AuthError::NotDone(error) => error.into(),
            error => Problem::new(Code::Unauthorized, error.to_string()),
        }
    }
}

impl From<Forbidden> for Problem {
    fn from(error: Forbidden) -> Problem {
        Problem::new(Code::Forbidden, error.to_string())
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Problem {
        let code = match error {
            BodyError::TooLarge { .. } => Code::TooLarge,
            BodyError::Timeout { .. } | BodyError::TooSlow { .. } => Code::Timeout,
            BodyError::Busy => return Problem::busy(1),
            BodyError::Panicked => return NotDone::Panicked.into(),
            BodyError::KeyBusy => return Problem { retry_after_seconds: Some(1), ..Problem::new(Code::Busy, error.to_string()) },
            BodyError::Broken(_) => Code::BrokenBody,
            BodyError::Encoding(_) | BodyError::Charset(_) => Code::UnsupportedMediaType,
            BodyError::Characters { .. } | BodyError::ByteOrderMark(_) => Code::InvalidEncoding,
        };
        Problem::new(code, error.to_string())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        if let Some(detail) = changed::report(&error) {
            return Problem::new(Code::EntryWasChanged, detail);
        }
        match error {
            StoreError::Pool(_)
            | StoreError::Closed
            | StoreError::WriterPanicked(_)
            | StoreError::Unreachable(_)
            | StoreError::Unconfirmed(_)
            | StoreError::Unusable(_)
            | StoreError::Displaced(_)
            | StoreError::LogLocked { .. }
            | StoreError::Late => Problem::unavailable(&error, "The database cannot be used; try again later."),
            StoreError::QueryTimeout { seconds } => Problem::query_timeout(seconds),
            StoreError::Cancelled => NotRun::Gone.into(),
            StoreError::PageTooLarge { size_that_fits } => Problem::new(Code::TooLarge, page_too_large(size_that_fits)),
            StoreError::Random(_) => Problem::unavailable(&error, "The operating system has no random bytes; try again later."),
            StoreError::Clock(_) => Problem::unavailable(&error, "The clock of the server is wrong; try again later."),
            error => Problem::internal(&error),
        }
    }
}

impl From<NotRun> for Problem {
    fn from(error: NotRun) -> Problem {
        match error {
            NotRun::TooMany => Problem::new(Code::Busy, TOO_MANY_QUERIES),
            NotRun::Gone => Problem::new(Code::Unavailable, CLIENT_GONE),
            NotRun::NotDone(error) => error.into(),
        }
    }
}

impl From<NotDone> for Problem {
    fn from(error: NotDone) -> Problem {
        match error {
            NotDone::Stopping => Problem::unavailable(&error, "The server is shutting down; try again later."),
            NotDone::Late => BodyError::Busy.into(),
            NotDone::Panicked => Problem::internal(&error),
        }
    }
}

impl Problem {
    /// Why events were not appended. `is_single`: the body is the event, not a list of events.
    pub(crate) fn not_appended(error: AppendError, is_single: bool) -> Problem {
        let error = match error {
            AppendError::NotStored(error) => error,
            AppendError::Unknown(error) => {
                let detail = "Whether the events were stored is not known; send them again with the same uuids.";
                return Problem { outcome: Some(Outcome::Unknown), ..Problem::unavailable(&error, detail) };
            }
        };
        match error {
            NotStored::Busy { retry_after_seconds } => Problem::busy(retry_after_seconds),
            NotStored::Conflict(conflicts) => {
                let errors = conflicts.into_iter().map(|conflict| {
                    let other = if conflict.within_request { "earlier in this request" } else { "in the log" };
                    let detail = format!("{} belongs to another event {other}", conflict.uuid);
                    let pointer = if is_single { "/uuid".to_owned() } else { format!("/{}/uuid", conflict.index) };
                    Detail { place: ErrorLocation::Pointer(pointer), detail }
                });
                let detail = "A uuid belongs to another event; nothing was stored.";
                Problem { errors: errors.collect(), ..Problem::new(Code::Conflict, detail) }
            }
            NotStored::TooMany(_) | NotStored::TooLarge { .. } | NotStored::TooManyBytes(_) => {
                Problem::new(Code::TooLarge, error.to_string())
            }
            NotStored::Clock(_) => {
                let detail = "The clock of the server is wrong; nothing was stored. Send the events again later.";
                Problem { outcome: Some(Outcome::NotStored), ..Problem::unavailable(&error, detail) }
            }
            NotStored::Database(_) | NotStored::Closed => {
                let detail = "The database cannot be written; nothing was stored. Send the events again later.";
                Problem { outcome: Some(Outcome::NotStored), ..Problem::unavailable(&error, detail) }
            }
        }
    }
}

/// What is wrong with one record of a body; `prefix` is the pointer to it, empty for the body itself.
pub(crate) fn input_errors(prefix: &str, error: InputError) -> Vec<(String, String)> {
    match error {
        InputError::Fields(errors) => errors
            .into_iter()
            .map(|error| (format!("{prefix}{}", error.pointer()), format!("{} {}", error.field, error.fault)))
            .collect(),
        error => vec![(prefix.to_owned(), error.to_string())],
    }
}

/// Where an event cannot go, as an error of the native API.
pub(crate) fn channel_problem(prefix: &str, error: ChannelError) -> Problem {
    match error {
        ChannelError::Required => Problem::invalid_body(vec![(format!("{prefix}/channel_id"), format!("channel_id {error}"))]),
        ChannelError::NotFound => Problem::not_found("There is no such channel for this token; nothing was stored."),
    }
}
