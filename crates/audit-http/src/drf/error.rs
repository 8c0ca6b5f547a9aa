//! Errors in DRF's words.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use audit_store::domain::{Fault, FieldError, InputError, JsonError, JsonKind, JsonText, ObjectWriter, push_array};
use audit_store::{AppendError, NotStored, StoreError};

use crate::auth::{AuthError, ChannelError, Forbidden};
use crate::blocking::{NotDone, NotRun};
use crate::body::BodyError;
use crate::changed;
use crate::problem::{CLIENT_GONE, ERRORS_MAX, SLOW_RETRY_AFTER_SECONDS, TOO_MANY_QUERIES, page_too_large, too_slow};

/// An error of a published API.
#[derive(Debug)]
pub(crate) enum DrfError {
    Unauthorized(AuthError),
    Forbidden(Forbidden),
    NotFound,
    InvalidPage,
    MethodNotAllowed(String),
    NotAcceptable,
    InvalidHost,
    UnsupportedMediaType(String),
    Body(BodyError),
    /// `{"detail":…}` with 400: a body that is no JSON.
    Parse(String),
    /// `{"field":["text"]}`, all at once.
    Fields(Vec<(String, String)>),
    /// A uuid that belongs to another event.
    Conflict,
    TooLarge(String),
    Busy,
    Unavailable(&'static str),
    /// A stored entry that is not what was appended.
    Changed(&'static str),
    /// A query that did not end within so many seconds.
    QueryTimeout(u64),
    Internal,
}

impl DrfError {
    fn status(&self) -> StatusCode {
        match self {
            DrfError::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            DrfError::Forbidden(_) => StatusCode::FORBIDDEN,
            DrfError::NotFound | DrfError::InvalidPage => StatusCode::NOT_FOUND,
            DrfError::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            DrfError::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            DrfError::UnsupportedMediaType(_) | DrfError::Body(BodyError::Encoding(_) | BodyError::Charset(_)) => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            DrfError::TooLarge(_) | DrfError::Body(BodyError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            DrfError::Body(BodyError::Timeout { .. } | BodyError::TooSlow { .. }) => StatusCode::REQUEST_TIMEOUT,
            DrfError::InvalidHost
            | DrfError::Parse(_)
            | DrfError::Fields(_)
            | DrfError::Body(BodyError::Broken(_) | BodyError::Characters { .. } | BodyError::ByteOrderMark(_)) => {
                StatusCode::BAD_REQUEST
            }
            DrfError::Conflict => StatusCode::CONFLICT,
            DrfError::Busy
            | DrfError::Unavailable(_)
            | DrfError::QueryTimeout(_)
            | DrfError::Body(BodyError::Busy | BodyError::KeyBusy) => StatusCode::SERVICE_UNAVAILABLE,
            DrfError::Changed(_) | DrfError::Internal | DrfError::Body(BodyError::Panicked) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn detail(&self) -> String {
        match self {
            DrfError::Unauthorized(error) => error.to_string(),
            DrfError::Forbidden(error) => error.to_string(),
            DrfError::NotFound => "Not found.".to_owned(),
            DrfError::InvalidPage => "Invalid page.".to_owned(),
            DrfError::MethodNotAllowed(method) => format!("Method \"{method}\" not allowed."),
            DrfError::NotAcceptable => "Could not satisfy the request Accept header.".to_owned(),
            DrfError::InvalidHost => "Invalid Host header: a name or an address, and a port.".to_owned(),
            DrfError::UnsupportedMediaType(got) => format!("Unsupported media type \"{got}\" in request."),
            DrfError::Internal | DrfError::Body(BodyError::Panicked) => "A server error occurred.".to_owned(),
            DrfError::Body(error) => error.to_string(),
            DrfError::Parse(why) => format!("JSON parse error - {why}"),
            DrfError::TooLarge(why) => why.clone(),
            DrfError::Busy => "Too busy; send the same request again later.".to_owned(),
            DrfError::Unavailable(why) | DrfError::Changed(why) => (*why).to_owned(),
            DrfError::QueryTimeout(seconds) => too_slow(*seconds),
            DrfError::Fields(_) | DrfError::Conflict => String::new(),
        }
    }

    /// When to come back, of an error that goes away.
    fn retry_after_seconds(&self) -> u64 {
        if matches!(self, DrfError::QueryTimeout(_)) { SLOW_RETRY_AFTER_SECONDS } else { 1 }
    }

    pub(crate) fn to_response(&self) -> HttpResponse {
        let mut body = String::new();
        let mut object = ObjectWriter::new(&mut body);
        match self {
            DrfError::Fields(errors) => write_fields(&mut object, errors),
            DrfError::Conflict => {
                let text = "A record with this uuid already exists, and it is another one.";
                write_fields(&mut object, &[("uuid".to_owned(), text.to_owned())]);
            }
            error => {
                object.string("detail", &error.detail());
            }
        }
        object.end();
        let status = self.status();
        let mut response = HttpResponse::build(status);
        match status {
            StatusCode::UNAUTHORIZED => response.insert_header((WWW_AUTHENTICATE, "Token")),
            StatusCode::SERVICE_UNAVAILABLE => response.insert_header((RETRY_AFTER, self.retry_after_seconds().to_string())),
            _ => &mut response,
        };
        super::json(response, body)
    }
}

/// Several texts of one field become one list; fields beyond the first hundred are one client's one mistake.
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

/// Faulty fields of an event, as DRF's serializers word them.
pub(crate) fn field_errors(errors: Vec<FieldError>) -> DrfError {
    DrfError::Fields(errors.into_iter().map(|error| (error.field, text(&error.fault))).collect())
}

fn text(fault: &Fault) -> String {
    match fault {
        Fault::Required => "This field is required.".to_owned(),
        Fault::NotAnInteger(_) | Fault::NotAnObjectId(_) | Fault::NotAUser(_) | Fault::NotAChannel => {
            "A valid integer is required.".to_owned()
        }
        Fault::NotAString(_) => "Not a valid string.".to_owned(),
        Fault::NotALevel => "A valid level is required: an integer from 0 to 50.".to_owned(),
        Fault::NotADateTime => {
            "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
                .to_owned()
        }
        Fault::NotAUuid => "Must be a valid UUID.".to_owned(),
        Fault::TooLong { max, .. } => format!("Ensure this field has no more than {max} characters."),
        other => format!("This field {other}."),
    }
}

impl From<AuthError> for DrfError {
    fn from(error: AuthError) -> DrfError {
        match error {
            AuthError::Store(error) => error.into(),
            AuthError::NotDone(error) => error.into(),
            error => DrfError::Unauthorized(error),
        }
    }
}

impl From<Forbidden> for DrfError {
    fn from(error: Forbidden) -> DrfError {
        DrfError::Forbidden(error)
    }
}

impl From<ChannelError> for DrfError {
    fn from(error: ChannelError) -> DrfError {
        match error {
            ChannelError::Required => field_errors(vec![FieldError::new("channel_id", Fault::Required)]),
            ChannelError::NotFound => DrfError::NotFound,
        }
    }
}

impl From<BodyError> for DrfError {
    fn from(error: BodyError) -> DrfError {
        DrfError::Body(error)
    }
}

impl From<InputError> for DrfError {
    fn from(error: InputError) -> DrfError {
        match error {
            InputError::Fields(errors) => field_errors(errors),
            InputError::TooLarge { .. } => DrfError::TooLarge(format!("The record {error}.")),
            InputError::Json(error) => error.into(),
            InputError::Unrecognized(error) => {
                DrfError::Fields(vec![("non_field_errors".to_owned(), format!("Invalid data: {error}."))])
            }
        }
    }
}

impl From<JsonError> for DrfError {
    fn from(error: JsonError) -> DrfError {
        match error {
            JsonError::NotAnObject(kind) => {
                let got = match kind {
                    JsonKind::Array => "list",
                    JsonKind::String => "str",
                    JsonKind::Bool => "bool",
                    JsonKind::Null => "NoneType",
                    JsonKind::Number => "number",
                    JsonKind::Object => "dict",
                };
                let text = format!("Invalid data. Expected a dictionary, but got {got}.");
                DrfError::Fields(vec![("non_field_errors".to_owned(), text)])
            }
            error => DrfError::Parse(error.to_string()),
        }
    }
}

impl From<StoreError> for DrfError {
    fn from(error: StoreError) -> DrfError {
        if let Some(detail) = changed::report(&error) {
            return DrfError::Changed(detail);
        }
        match error {
            StoreError::QueryTimeout { seconds } => return DrfError::QueryTimeout(seconds),
            StoreError::PageTooLarge { size_that_fits } => return DrfError::TooLarge(page_too_large(size_that_fits)),
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
            | StoreError::Late => DrfError::Unavailable("The database cannot be used; try again later."),
            StoreError::Random(_) => DrfError::Unavailable("The operating system has no random bytes; try again later."),
            StoreError::Clock(_) => DrfError::Unavailable("The clock of the server is wrong; try again later."),
            _ => DrfError::Internal,
        }
    }
}

impl From<NotRun> for DrfError {
    fn from(error: NotRun) -> DrfError {
        match error {
            NotRun::TooMany => DrfError::Unavailable(TOO_MANY_QUERIES),
            NotRun::Gone => DrfError::Unavailable(CLIENT_GONE),
            NotRun::NotDone(error) => error.into(),
        }
    }
}

impl From<NotDone> for DrfError {
    fn from(error: NotDone) -> DrfError {
        match error {
            NotDone::Stopping => DrfError::Unavailable("The server is shutting down; try again later."),
            NotDone::Late => BodyError::Busy.into(),
            NotDone::Panicked => DrfError::Internal,
        }
    }
}

impl From<AppendError> for DrfError {
    fn from(error: AppendError) -> DrfError {
        let error = match error {
            AppendError::NotStored(error) => error,
            AppendError::Unknown(error) => {
                tracing::error!(%error, "append");
                return DrfError::Unavailable("Whether the record was stored is not known; send it again with the same uuid.");
            }
        };
        match error {
            NotStored::Busy { .. } => DrfError::Busy,
            NotStored::Conflict(_) => DrfError::Conflict,
            NotStored::TooMany(_) | NotStored::TooLarge { .. } | NotStored::TooManyBytes(_) => {
                DrfError::TooLarge(error.to_string())
            }
            NotStored::Clock(_) => {
                tracing::error!(%error, "append");
                DrfError::Unavailable("The clock of the server is wrong; nothing was stored. Send the record again later.")
            }
            NotStored::Database(_) | NotStored::Closed => {
                tracing::error!(%error, "append");
                DrfError::Unavailable("The database cannot be written; nothing was stored. Send the record again later.")
            }
        }
    }
}
