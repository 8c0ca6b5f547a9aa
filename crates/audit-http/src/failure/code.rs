//! The codes of problems. Programs use them to distinguish the errors of the native API.

use actix_web::http::StatusCode;

/// The kind of a failure. Each code in [`Code::ALL`] has a section of its name on the page of
/// errors, `/docs/errors`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidQuery,
    InvalidBody,
    InvalidEncoding,
    BrokenBody,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Timeout,
    Conflict,
    TooLarge,
    UnsupportedMediaType,
    Internal,
    EntryWasChanged,
    Busy,
    QueryTimeout,
    NotSigned,
    Unavailable,
    /// Only published APIs answer with this kind, and they send no code. It must stay the last
    /// variant.
    NotAcceptable,
}

impl Code {
    /// All codes of the native API, by status. The OpenAPI document and the test of the page of
    /// errors use this list.
    pub(crate) const ALL: [Code; 18] = [
        Code::InvalidQuery,
        Code::InvalidBody,
        Code::InvalidEncoding,
        Code::BrokenBody,
        Code::Unauthorized,
        Code::Forbidden,
        Code::NotFound,
        Code::MethodNotAllowed,
        Code::Timeout,
        Code::Conflict,
        Code::TooLarge,
        Code::UnsupportedMediaType,
        Code::Internal,
        Code::EntryWasChanged,
        Code::Busy,
        Code::QueryTimeout,
        Code::NotSigned,
        Code::Unavailable,
    ];

    /// Returns the code as the native API sends it. A name never changes its meaning.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Code::InvalidQuery => "invalid_query",
            Code::InvalidBody => "invalid_body",
            Code::InvalidEncoding => "invalid_encoding",
            Code::BrokenBody => "broken_body",
            Code::Unauthorized => "unauthorized",
            Code::Forbidden => "forbidden",
            Code::NotFound => "not_found",
            Code::MethodNotAllowed => "method_not_allowed",
            Code::Timeout => "timeout",
            Code::Conflict => "conflict",
            Code::TooLarge => "too_large",
            Code::UnsupportedMediaType => "unsupported_media_type",
            Code::Internal => "internal",
            Code::EntryWasChanged => "entry_was_changed",
            Code::Busy => "busy",
            Code::QueryTimeout => "query_timeout",
            Code::NotSigned => "not_signed",
            Code::Unavailable => "unavailable",
            Code::NotAcceptable => "not_acceptable",
        }
    }

    /// Returns the status, which is always the same for a code.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Code::InvalidQuery | Code::InvalidBody | Code::InvalidEncoding | Code::BrokenBody => StatusCode::BAD_REQUEST,
            Code::Unauthorized => StatusCode::UNAUTHORIZED,
            Code::Forbidden => StatusCode::FORBIDDEN,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Code::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Code::Timeout => StatusCode::REQUEST_TIMEOUT,
            Code::Conflict => StatusCode::CONFLICT,
            Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::Internal | Code::EntryWasChanged => StatusCode::INTERNAL_SERVER_ERROR,
            Code::Busy | Code::QueryTimeout | Code::NotSigned | Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A variant that is declared and not listed moves the last variant away from the end of the
    /// list.
    #[test]
    fn every_code_is_in_the_list() {
        for (at, code) in Code::ALL.into_iter().enumerate() {
            assert_eq!(code as usize, at, "{code:?}");
        }
        assert_eq!(Code::NotAcceptable as usize, Code::ALL.len(), "new codes go before the last one, here and in the list");
    }
}
