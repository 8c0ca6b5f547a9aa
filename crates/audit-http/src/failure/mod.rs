//! The failures of requests: one type for all APIs, and one table from a failure to its status,
//! code, sentence and time to retry.
//!
//! A handler returns a [`Failure`], and the style of the route renders it: [`crate::problem`] for
//! the native API, [`crate::drf`] for the APIs in the style of Django REST framework, and
//! `inventory`. A renderer replaces a sentence only if its published page prescribes another text.

mod code;
mod from;

pub(crate) use code::Code;

use std::borrow::Cow;

use actix_web::HttpResponseBuilder;
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_ENCODING, RETRY_AFTER, WWW_AUTHENTICATE};
use audit_store::domain::{InputError, limits};

use crate::auth::Forbidden;
use crate::body::{self, BodyError};
use crate::idempotency;

/// The number of faults that a response reports one by one. A client with more faults makes one
/// mistake many times.
pub(crate) const ERRORS_MAX: usize = 100;

/// Seconds after which a client may repeat a query that took too long. The load does not end within
/// one second.
const SLOW_RETRY_AFTER_SECONDS: u64 = 10;

const RETRY_AFTER_SECONDS: u64 = 1;

/// A query parameter that cannot be used.
#[derive(Debug)]
pub(crate) struct InvalidParameter {
    pub(crate) name: String,
    pub(crate) message: String,
    /// Whether the value should be a date-time. The inventory page has a text for this case.
    pub(crate) is_date_time: bool,
}

impl InvalidParameter {
    pub(crate) fn new(name: &str, message: String) -> InvalidParameter {
        InvalidParameter { name: name.to_owned(), message, is_date_time: false }
    }
}

/// A member of a JSON body that cannot be used.
#[derive(Debug)]
pub(crate) struct InvalidMember {
    /// JSON pointer into the body; empty for the body itself.
    pub(crate) pointer: String,
    /// The line of its document in a body of lines, from 1.
    pub(crate) line: Option<usize>,
    pub(crate) message: String,
}

/// The place of a record in a body.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecordPlace {
    /// JSON pointer to the record: empty if the body is the record, otherwise `/` and its index.
    pub(crate) pointer: String,
    /// The line of the record in a body of lines, from 1.
    pub(crate) line: Option<usize>,
}

/// A record of a body that cannot be read.
#[derive(Debug)]
pub(crate) struct InvalidRecord {
    pub(crate) place: RecordPlace,
    pub(crate) error: InputError,
}

impl InvalidRecord {
    /// Keeps only the first faults of a record, because a record may have ten thousand faults.
    pub(crate) fn first(place: RecordPlace, mut error: InputError, faults_max: usize) -> InvalidRecord {
        if let InputError::Fields(errors) = &mut error {
            errors.truncate(faults_max);
        }
        InvalidRecord { place, error }
    }

    /// Returns the number of its faults.
    pub(crate) fn faults(&self) -> usize {
        if let InputError::Fields(errors) = &self.error { errors.len() } else { 1 }
    }
}

/// A uuid of a request that belongs to another record.
#[derive(Debug)]
pub(crate) struct UuidConflict {
    pub(crate) place: RecordPlace,
    /// Whether the uuid was made from an idempotency key, so that the record itself has none.
    pub(crate) of_key: bool,
    pub(crate) message: String,
}

/// The reason why a request does not get the answer that it asks for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The request has no valid key; the text says what is wrong with the header.
    Unauthorized(String),
    /// The token has no role or channel that permits this.
    Forbidden,
    /// The sentence says what does not exist, or what the caller may not see.
    NotFound(Cow<'static, str>),
    /// A page number that a published list does not have.
    InvalidPage,
    /// `allow` lists the methods of the path.
    MethodNotAllowed { method: String, allow: String },
    /// `Accept` excludes JSON at a published API.
    NotAcceptable,
    /// The links of a published list need a host, and the request names no usable host.
    InvalidHost,
    /// A header cannot be used. The sentence names it.
    InvalidHeader(String),
    /// The body has a media type that this path does not accept.
    UnsupportedMediaType { got: String, accepted: &'static str },
    /// The body did not arrive, or the server cannot read its encoding.
    Body(BodyError),
    /// The body is not JSON. The text is that of Python's parser, which the published APIs send.
    NotJson(String),
    /// Query parameters cannot be used.
    Parameters(Vec<InvalidParameter>),
    /// Members of a body that is not a record of a log cannot be used.
    Members(Vec<InvalidMember>),
    /// Records of a body cannot be read.
    Records(Vec<InvalidRecord>),
    /// The record names no channel, and the token may write to several channels, but not to the
    /// default channel.
    ChannelRequired(RecordPlace),
    /// The token may not write to the channel that the record names.
    ChannelNotFound(RecordPlace),
    /// Uuids of the request belong to other records.
    UuidConflict(Vec<UuidConflict>),
    /// The idempotency key of a single record was used for another record.
    KeyReused,
    /// The number or the name of an object type belongs to another type.
    ContentTypeConflict(String),
    /// A body, a record or an answer is too large. The sentence has the limit.
    TooLarge(String),
    /// A record is too large. The text starts with the verb.
    RecordTooLarge(String),
    /// The server has no room for the request.
    Busy { retry_after_seconds: u64 },
    /// The key already uses its share of the queries.
    TooManyQueries,
    /// The client closed its side of the connection, and may still read.
    ClientGone,
    /// A query took longer than the limit.
    QueryTimeout { seconds: u64 },
    /// No signed checkpoint has the record yet.
    NotSigned { channel_id: i64, stream: &'static str, position: i64 },
    /// A part that the server needs does not work. The sentence says which.
    Unavailable(&'static str),
    /// An append stored nothing. The text says why.
    NotStored(&'static str),
    /// It is not known whether an append stored anything. The client may have sent an idempotency key.
    StoredIsUnknown { has_key: bool },
    /// A stored entry differs from the entry that was appended. The sentence says where to look.
    EntryWasChanged(&'static str),
    /// The server has a fault. The client gets a fixed sentence, and the reason is in the server's
    /// log.
    Internal,
}

/// The words of an API for the records of its logs, for use in sentences.
pub(crate) struct RecordNoun {
    /// A subject with its verb: `the events were`.
    were: &'static str,
    /// One record or the records of the request, with the article: `the events`.
    the: &'static str,
    /// The identifiers of the records: `uuids`.
    uuid: &'static str,
    /// The pronoun for the records, where a client must send them again.
    them: &'static str,
}

impl RecordNoun {
    pub(crate) const EVENTS: RecordNoun = RecordNoun { were: "the events were", the: "the events", uuid: "uuids", them: "them" };
    pub(crate) const RECORD: RecordNoun = RecordNoun { were: "the record was", the: "the record", uuid: "uuid", them: "it" };
    pub(crate) const LOG: RecordNoun = RecordNoun { were: "the log was", the: "the log", uuid: "uuid", them: "it" };
}

impl Failure {
    pub(crate) fn not_found(sentence: impl Into<Cow<'static, str>>) -> Failure {
        Failure::NotFound(sentence.into())
    }

    /// Returns the code of the failure, which determines its status.
    pub(crate) fn code(&self) -> Code {
        match self {
            Failure::Unauthorized(_) => Code::Unauthorized,
            Failure::Forbidden => Code::Forbidden,
            Failure::NotFound(_) | Failure::InvalidPage | Failure::ChannelNotFound(_) => Code::NotFound,
            Failure::MethodNotAllowed { .. } => Code::MethodNotAllowed,
            Failure::NotAcceptable => Code::NotAcceptable,
            Failure::InvalidHost | Failure::InvalidHeader(_) | Failure::Parameters(_) => Code::InvalidQuery,
            Failure::UnsupportedMediaType { .. } => Code::UnsupportedMediaType,
            Failure::Body(error) => body_code(error),
            Failure::NotJson(_) | Failure::Members(_) | Failure::Records(_) | Failure::ChannelRequired(_) => Code::InvalidBody,
            Failure::UuidConflict(_) | Failure::KeyReused | Failure::ContentTypeConflict(_) => Code::Conflict,
            Failure::TooLarge(_) | Failure::RecordTooLarge(_) => Code::TooLarge,
            Failure::Busy { .. } | Failure::TooManyQueries => Code::Busy,
            Failure::QueryTimeout { .. } => Code::QueryTimeout,
            Failure::NotSigned { .. } => Code::NotSigned,
            Failure::ClientGone | Failure::Unavailable(_) | Failure::NotStored(_) | Failure::StoredIsUnknown { .. } => {
                Code::Unavailable
            }
            Failure::EntryWasChanged(_) => Code::EntryWasChanged,
            Failure::Internal => Code::Internal,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.code().status()
    }

    /// Returns the sentence for people; `noun` is the API's word for its records.
    pub(crate) fn sentence(&self, noun: &RecordNoun) -> Cow<'_, str> {
        match self {
            Failure::Unauthorized(text) | Failure::NotJson(text) | Failure::TooLarge(text) | Failure::InvalidHeader(text) => {
                text.into()
            }
            Failure::Forbidden => Forbidden.to_string().into(),
            Failure::NotFound(text) => text.as_ref().into(),
            Failure::InvalidPage => "Invalid page.".into(),
            Failure::MethodNotAllowed { method, allow } => format!("{method} is not allowed here; allowed: {allow}.").into(),
            Failure::NotAcceptable => "Could not satisfy the request Accept header.".into(),
            Failure::InvalidHost => "Invalid Host header: send a name or an address, and a port if it is not the default.".into(),
            Failure::UnsupportedMediaType { got, accepted } => {
                format!("A body of type \"{got}\" cannot be read here; accepted: {accepted}.").into()
            }
            Failure::Body(error) => error.to_string().into(),
            Failure::Parameters(_) => "The query cannot be used.".into(),
            Failure::Members(_) | Failure::Records(_) | Failure::ChannelRequired(_) => {
                "The body cannot be used; nothing was stored.".into()
            }
            Failure::ChannelNotFound(_) => "This token has no such channel; nothing was stored.".into(),
            Failure::UuidConflict(conflicts) if conflicts.is_empty() || conflicts.iter().any(|conflict| !conflict.of_key) => {
                "A uuid belongs to another event; nothing was stored.".into()
            }
            Failure::KeyReused | Failure::UuidConflict(_) => {
                format!("This {} was sent with other content before; nothing was stored.", idempotency::HEADER).into()
            }
            Failure::ContentTypeConflict(taken) => format!("{taken}; nothing was changed.").into(),
            Failure::RecordTooLarge(text) => format!("{} {text}.", capitalized(noun.the)).into(),
            Failure::Busy { retry_after_seconds } => format!("The server is busy; retry in {retry_after_seconds} s.").into(),
            Failure::TooManyQueries => {
                "Too many queries of this key are running or waiting, or their answers are not taken; send the same request again \
                 later."
                    .into()
            }
            Failure::ClientGone => "The client closed its side of the connection before the query ended.".into(),
            Failure::QueryTimeout { seconds } => format!(
                "The query did not end within {seconds} s. Ask for less (a range of time, one channel, another filter), or retry \
                 later."
            )
            .into(),
            Failure::NotSigned { channel_id, stream, position } => format!(
                "No signed checkpoint of the log {channel_id}/{stream} has position {position} yet. A server that signs makes one within \
                 a second; retry then."
            )
            .into(),
            Failure::Unavailable(text) | Failure::EntryWasChanged(text) => (*text).into(),
            Failure::NotStored(why) => format!("{why}; nothing was stored. Send {} again later.", noun.the).into(),
            Failure::StoredIsUnknown { has_key } => {
                let RecordNoun { were, uuid, them, .. } = noun;
                let same = if *has_key { idempotency::HEADER } else { uuid };
                format!("Whether {were} stored is not known; send {them} again with the same {same}.").into()
            }
            Failure::Internal => "Something went wrong here; the server's log says what.".into(),
        }
    }

    /// Returns the seconds after which the same request may succeed, or `None` if it never will.
    fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Failure::QueryTimeout { .. } => Some(SLOW_RETRY_AFTER_SECONDS),
            Failure::Busy { retry_after_seconds } => Some(*retry_after_seconds),
            _ => (self.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_SECONDS),
        }
    }

    /// Makes a response with the status and the headers that every style sends.
    pub(crate) fn response(&self) -> HttpResponseBuilder {
        let mut response = HttpResponseBuilder::new(self.status());
        if self.status() == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "Token"));
        }
        if let Failure::Body(BodyError::Encoding(_)) = self {
            response.insert_header((ACCEPT_ENCODING, body::ACCEPTED_ENCODINGS));
        }
        if let Some(seconds) = self.retry_after_seconds() {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        response
    }
}

fn body_code(error: &BodyError) -> Code {
    match error {
        BodyError::TooLarge { .. }
        | BodyError::CompressedTooLarge { .. }
        | BodyError::DecompressedTooLarge { .. }
        | BodyError::Bomb => Code::TooLarge,
        BodyError::Timeout { .. } | BodyError::TooSlow { .. } => Code::Timeout,
        BodyError::Busy | BodyError::KeyBusy => Code::Busy,
        BodyError::Panicked => Code::Internal,
        BodyError::Broken(_) => Code::BrokenBody,
        BodyError::Encoding(_) | BodyError::Charset(_) => Code::UnsupportedMediaType,
        BodyError::NotUtf8 { .. }
        | BodyError::Characters { .. }
        | BodyError::ByteOrderMark(_)
        | BodyError::NotCompressed { .. } => Code::InvalidEncoding,
    }
}

/// Makes the failure of a page by number that is larger than an answer may be.
fn page_too_large(size_that_fits: usize) -> Failure {
    let mib = limits::PAGE_BYTES_MAX / (1024 * 1024);
    Failure::TooLarge(format!("The page has more than {mib} MiB. Ask for smaller pages: limit={size_that_fits} fits here."))
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_ascii_uppercase().to_string()).unwrap_or_default() + chars.as_str()
}
