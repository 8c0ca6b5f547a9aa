//! Request bodies: read within a size, a time and the budget that all requests share.

use std::time::Duration;

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::{HttpRequest, web};
use audit_store::Reservation;
use futures_util::StreamExt;

use crate::{Api, charset};

/// A body that arrived whole. Its share of the budget lives as long as it, and goes on with what is appended.
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    pub(crate) reservation: Reservation,
}

/// Why there is no body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("The request body has more than {max} bytes.")]
    TooLarge { max: usize },
    #[error("The request body did not arrive within {seconds} s.")]
    Timeout { seconds: u64 },
    #[error("Too many requests are on their way: come back in 1 s.")]
    Busy,
    #[error("The request body broke off: {0}")]
    Broken(String),
    #[error("Unsupported content encoding \"{0}\" in request.")]
    Encoding(String),
    #[error("Unsupported charset \"{0}\" in request: send UTF-8.")]
    Charset(String),
    #[error("The request body is not {charset}: it has bytes that are no character there.")]
    Characters { charset: &'static str },
    #[error("The request body starts with the byte order mark of {0}: send UTF-8 without a byte order mark.")]
    ByteOrderMark(&'static str),
}

impl Body {
    /// Reads a body of up to `max` bytes. A length that is announced is refused before anything is read.
    pub(crate) async fn read(api: &Api, request: &HttpRequest, payload: web::Payload, max: usize) -> Result<Body, BodyError> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        if let Some(encoding) = header(CONTENT_ENCODING).filter(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
            return Err(BodyError::Encoding(encoding.to_owned()));
        }
        let announced: Option<usize> = header(CONTENT_LENGTH).and_then(|length| length.parse().ok());
        if announced.is_some_and(|length| length > max) {
            return Err(BodyError::TooLarge { max });
        }
        let timeout: Duration = api.config.body_timeout;
        match tokio::time::timeout(timeout, collect(api, payload, announced.unwrap_or(0), max)).await {
            Ok(body) => body?.in_utf8(request),
            Err(_) => Err(BodyError::Timeout { seconds: timeout.as_secs() }),
        }
    }

    /// The same in UTF-8, whatever charset it came in. A form stays as it is: its escapes are of its charset too, and are read
    /// with it.
    fn in_utf8(mut self, request: &HttpRequest) -> Result<Body, BodyError> {
        let charset = charset::of(request)?;
        if media_type(request) == FORM {
            return if charset::is_of_forms(charset) { Ok(self) } else { Err(BodyError::Charset(charset.name().to_owned())) };
        }
        if charset == encoding_rs::UTF_8 {
            return charset::marked_utf16(&self.bytes).map_or(Ok(self), |utf16| Err(BodyError::ByteOrderMark(utf16)));
        }
        let bytes = charset::decode(charset, &self.bytes)?.into_bytes();
        if !self.reservation.grow(bytes.len().saturating_sub(self.bytes.len())) {
            return Err(BodyError::Busy);
        }
        self.bytes = bytes;
        Ok(self)
    }
}

/// The media type of forms.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// The budget is taken as the bytes arrive: what is only announced takes no memory, and must not keep others out.
async fn collect(api: &Api, mut payload: web::Payload, announced: usize, max: usize) -> Result<Body, BodyError> {
    let mut reservation = api.store.budget().try_reserve(0).ok_or(BodyError::Busy)?;
    let mut bytes = Vec::with_capacity(announced.min(FIRST_BYTES_MAX));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| BodyError::Broken(error.to_string()))?;
        if bytes.len() + chunk.len() > max {
            return Err(BodyError::TooLarge { max });
        }
        if !reservation.grow(chunk.len()) {
            return Err(BodyError::Busy);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Body { bytes, reservation })
}

/// Memory that a body gets before its first byte.
const FIRST_BYTES_MAX: usize = 64 * 1024;

/// The media type of a body in lower case, without parameters; empty when the request names none.
pub(crate) fn media_type(request: &HttpRequest) -> String {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}
