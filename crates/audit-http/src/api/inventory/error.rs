//! Errors of the inventory API: `{"status":"error",…}`, with the texts of its page where it has one.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use audit_store::domain::{Fault, InputError, JsonText, ObjectWriter, push_array};
use audit_store::{AppendError, NotStored, StoreError};

use crate::auth::{AuthError, ChannelError, Forbidden};
use crate::blocking::{NotDone, NotRun};
use crate::body::BodyError;
use crate::changed;
use crate::problem::{CLIENT_GONE, ERRORS_MAX, SLOW_RETRY_AFTER_SECONDS, TOO_MANY_QUERIES, page_too_large, too_slow};

/// One field or parameter and what it has to be.
#[derive(Debug)]
pub(super) struct InvalidField {
    pub(super) field: String,
    pub(super) message: String,
    pub(super) is_date: bool,
}

/// An error of this API.
#[derive(Debug)]
pub(super) struct InventoryError {
    status: StatusCode,
    /// What happened, for programs.
    error: &'static str,
    /// The same for people, where there is more to say.
    message: Option<String>,
    /// The fields or parameters it is about.
    fields: Vec<String>,
    retry_after_seconds: u64,
}

impl InventoryError {
    fn new(status: StatusCode, error: &'static str, message: Option<String>) -> InventoryError {
        InventoryError { status, error, message, fields: Vec::new(), retry_after_seconds: 1 }
    }

    /// An error that is called as HTTP calls its status.
    fn from_status(status: StatusCode, message: impl Into<String>) -> InventoryError {
        InventoryError::new(status, status.canonical_reason().unwrap_or("Error"), Some(message.into()))
    }

    pub(super) fn not_found(error: &'static str) -> InventoryError {
        InventoryError::new(StatusCode::NOT_FOUND, error, None)
    }

    pub(super) fn method(method: &str, allow: &str) -> InventoryError {
        InventoryError::from_status(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not allowed here; allowed: {allow}."))
    }

    pub(super) fn media_type(got: &str) -> InventoryError {
        let message = format!("A body of type \"{got}\" cannot be read here; accepted: application/json.");
        InventoryError::from_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    }

    pub(super) fn not_utf8(byte: usize) -> InventoryError {
        InventoryError::invalid_json(format!("The body is no UTF-8: byte {byte} cannot be read."))
    }

    fn invalid_json(message: String) -> InventoryError {
        InventoryError::new(StatusCode::BAD_REQUEST, "Invalid JSON", Some(message))
    }

    /// Fields or parameters that cannot be used, all at once.
    pub(super) fn invalid(mut invalid: Vec<InvalidField>) -> InventoryError {
        invalid.truncate(ERRORS_MAX);
        let error = if invalid.iter().all(|invalid| invalid.is_date) { "Invalid date format" } else { "Invalid value" };
        let message = invalid.iter().map(|invalid| invalid.message.as_str()).collect::<Vec<_>>().join("; ");
        let mut fields: Vec<String> = invalid.into_iter().map(|invalid| invalid.field).collect();
        fields.dedup();
        InventoryError { fields, ..InventoryError::new(StatusCode::BAD_REQUEST, error, Some(message)) }
    }

    fn missing(fields: Vec<String>, message: Option<String>) -> InventoryError {
        InventoryError { fields, ..InventoryError::new(StatusCode::BAD_REQUEST, "Missing required fields", message) }
    }

    fn internal() -> InventoryError {
        InventoryError::from_status(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here; the server's log says what.")
    }

    fn busy(retry_after_seconds: u64) -> InventoryError {
        let busy = InventoryError::from_status(StatusCode::SERVICE_UNAVAILABLE, "Too busy; send the same request again later.");
        InventoryError { retry_after_seconds, ..busy }
    }

    /// The published page has a `code` where the error is that of the status; 400 and 404 have texts of their own.
    fn has_code(&self) -> bool {
        !matches!(self.status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND)
    }

    pub(super) fn to_response(&self) -> HttpResponse {
        let mut body = String::new();
        let mut object = ObjectWriter::new(&mut body);
        object.string("status", "error");
        if self.has_code() {
            object.integer("code", Some(i64::from(self.status.as_u16())));
        }
        object.string("error", self.error);
        if let Some(message) = &self.message {
            object.string("message", message);
        }
        if !self.fields.is_empty() {
            object
                .nested("fields", |out| push_array(out, &self.fields, |field, out| out.push_str(JsonText::string(field).as_str())));
        }
        object.end();
        let mut response = HttpResponse::build(self.status);
        match self.status {
            StatusCode::UNAUTHORIZED => response.insert_header((WWW_AUTHENTICATE, "Token")),
            StatusCode::SERVICE_UNAVAILABLE => response.insert_header((RETRY_AFTER, self.retry_after_seconds.to_string())),
            _ => &mut response,
        };
        super::json(response, body)
    }
}

impl From<AuthError> for InventoryError {
    fn from(error: AuthError) -> InventoryError {
        match error {
            AuthError::Store(error) => error.into(),
            AuthError::NotDone(error) => error.into(),
            error => InventoryError::from_status(StatusCode::UNAUTHORIZED, error.to_string()),
        }
    }
}

impl From<Forbidden> for InventoryError {
    fn from(error: Forbidden) -> InventoryError {
        InventoryError::from_status(StatusCode::FORBIDDEN, error.to_string())
    }
}

impl From<ChannelError> for InventoryError {
    fn from(error: ChannelError) -> InventoryError {
        match error {
            ChannelError::Required => InventoryError::missing(vec!["channel_id".to_owned()], Some(format!("channel_id {error}"))),
            ChannelError::NotFound => InventoryError::not_found("Channel not found"),
        }
    }
}

impl From<BodyError> for InventoryError {
    fn from(error: BodyError) -> InventoryError {
        let status = match error {
            BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::Timeout { .. } | BodyError::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            BodyError::Busy => return InventoryError::busy(1),
            BodyError::Panicked => return InventoryError::internal(),
            BodyError::KeyBusy => StatusCode::SERVICE_UNAVAILABLE,
            BodyError::Broken(_) | BodyError::Characters { .. } | BodyError::ByteOrderMark(_) => {
                return InventoryError::invalid_json(error.to_string());
            }
            BodyError::Encoding(_) | BodyError::Charset(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        };
        InventoryError::from_status(status, error.to_string())
    }
}

impl From<InputError> for InventoryError {
    fn from(error: InputError) -> InventoryError {
        let errors = match error {
            InputError::Fields(errors) => errors,
            InputError::TooLarge { .. } => {
                return InventoryError::from_status(StatusCode::PAYLOAD_TOO_LARGE, format!("The log {error}."));
            }
            InputError::Json(error) => return InventoryError::invalid_json(error.to_string()),
            InputError::Unrecognized(error) => return InventoryError::invalid_json(error.to_string()),
        };
        let is_missing = |fault: &Fault| *fault == Fault::Required;
        let missing: Vec<String> = errors.iter().filter(|e| is_missing(&e.fault)).map(|e| e.field.clone()).collect();
        if !missing.is_empty() {
            return InventoryError::missing(missing, None);
        }
        let invalid = errors.into_iter().map(|error| InvalidField {
            message: error.to_string(),
            is_date: error.fault == Fault::NotADateTime,
            field: error.field,
        });
        InventoryError::invalid(invalid.collect())
    }
}

impl From<StoreError> for InventoryError {
    fn from(error: StoreError) -> InventoryError {
        if let Some(message) = changed::report(&error) {
            return InventoryError::from_status(StatusCode::INTERNAL_SERVER_ERROR, message);
        }
        match error {
            StoreError::QueryTimeout { seconds } => {
                let slow = InventoryError::from_status(StatusCode::SERVICE_UNAVAILABLE, too_slow(seconds));
                return InventoryError { retry_after_seconds: SLOW_RETRY_AFTER_SECONDS, ..slow };
            }
            StoreError::PageTooLarge { size_that_fits } => {
                return InventoryError::from_status(StatusCode::PAYLOAD_TOO_LARGE, page_too_large(size_that_fits));
            }
            StoreError::Cancelled => return NotRun::Gone.into(),
            _ => tracing::error!(%error, "store"),
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
            | StoreError::Late => {
                InventoryError::from_status(StatusCode::SERVICE_UNAVAILABLE, "The database cannot be used; try again later.")
            }
            StoreError::Random(_) => InventoryError::from_status(
                StatusCode::SERVICE_UNAVAILABLE,
                "The operating system has no random bytes; try again later.",
            ),
            StoreError::Clock(_) => {
                InventoryError::from_status(StatusCode::SERVICE_UNAVAILABLE, "The clock of the server is wrong; try again later.")
            }
            _ => InventoryError::internal(),
        }
    }
}

impl From<NotRun> for InventoryError {
    fn from(error: NotRun) -> InventoryError {
        match error {
            NotRun::TooMany => InventoryError::from_status(StatusCode::SERVICE_UNAVAILABLE, TOO_MANY_QUERIES),
            NotRun::Gone => InventoryError::from_status(StatusCode::SERVICE_UNAVAILABLE, CLIENT_GONE),
            NotRun::NotDone(error) => error.into(),
        }
    }
}

impl From<NotDone> for InventoryError {
    fn from(error: NotDone) -> InventoryError {
        match error {
            NotDone::Stopping => {
                InventoryError::from_status(StatusCode::SERVICE_UNAVAILABLE, "The server is shutting down; try again later.")
            }
            NotDone::Late => BodyError::Busy.into(),
            NotDone::Panicked => InventoryError::internal(),
        }
    }
}

impl From<AppendError> for InventoryError {
    fn from(error: AppendError) -> InventoryError {
        let unavailable = |error: &dyn std::fmt::Display, message: &str| {
            tracing::error!(%error, "append");
            InventoryError::from_status(StatusCode::SERVICE_UNAVAILABLE, message)
        };
        let error = match error {
            AppendError::NotStored(error) => error,
            AppendError::Unknown(error) => {
                return unavailable(&error, "Whether the log was stored is not known; send it again with the same uuid.");
            }
        };
        match error {
            NotStored::Busy { retry_after_seconds } => InventoryError::busy(retry_after_seconds),
            NotStored::Conflict(_) => {
                let message = "uuid belongs to another audit log already; nothing was stored.";
                InventoryError { fields: vec!["uuid".to_owned()], ..InventoryError::from_status(StatusCode::CONFLICT, message) }
            }
            NotStored::TooMany(_) | NotStored::TooLarge { .. } | NotStored::TooManyBytes(_) => {
                InventoryError::from_status(StatusCode::PAYLOAD_TOO_LARGE, error.to_string())
            }
            NotStored::Clock(_) => {
                unavailable(&error, "The clock of the server is wrong; nothing was stored. Send the log again later.")
            }
            NotStored::Database(_) | NotStored::Closed => {
                unavailable(&error, "The database cannot be written; nothing was stored. Send the log again later.")
            }
        }
    }
}
