//! The errors of reading a body.

use audit_store::Full;

use super::{RATE_BYTES_MIN, RATE_WINDOW, encoding};
use crate::not_done::NotDone;

/// The reason why a request does not have a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("The request body has more than {max} bytes.")]
    TooLarge { max: usize },
    #[error("The request body did not arrive within {seconds} s.")]
    Timeout { seconds: u64 },
    #[error("The request body arrives too slowly: {bytes} bytes in {} s, at least {RATE_BYTES_MIN} are needed.", RATE_WINDOW.as_secs())]
    TooSlow { bytes: usize },
    #[error("The server is busy; retry in 1 s.")]
    Busy,
    #[error("Too many requests of this key are in progress; retry in 1 s.")]
    KeyBusy,
    #[error("The request body could not be decoded.")]
    Panicked,
    /// `position` is that of the first byte that cannot be read.
    #[error("The body is not UTF-8: byte {position} cannot be read.")]
    NotUtf8 { position: usize, byte: u8 },
    #[error("The request body broke off: {0}")]
    Broken(String),
    #[error("Unsupported content encoding \"{0}\" in request: send {accepted}, or the body as it is.", accepted = encoding::ACCEPTED)]
    Encoding(String),
    #[error("The request body is not {encoding}: {reason}.")]
    NotCompressed { encoding: &'static str, reason: String },
    #[error("A compressed request body may have at most {max} bytes: send several requests, or the body as it is.")]
    CompressedTooLarge { max: usize },
    #[error("The request body has more than {max} bytes when it is decompressed.")]
    DecompressedTooLarge { max: usize },
    #[error(
        "The request body grows to more than {} times its size when it is decompressed: send it in smaller parts, or as it is.",
        encoding::RATIO_MAX
    )]
    Bomb,
    #[error("Unsupported charset \"{0}\" in request: send UTF-8.")]
    Charset(String),
    #[error("The request body is not {charset}: it has bytes that are no character there.")]
    Characters { charset: &'static str },
    #[error("The request body starts with the byte order mark of {0}: send UTF-8 without a byte order mark.")]
    ByteOrderMark(&'static str),
}

impl From<NotDone> for BodyError {
    fn from(error: NotDone) -> BodyError {
        match error {
            NotDone::Stopping | NotDone::Late => BodyError::Busy,
            NotDone::Panicked => BodyError::Panicked,
        }
    }
}

impl From<Full> for BodyError {
    fn from(full: Full) -> BodyError {
        match full {
            Full::Budget => BodyError::Busy,
            Full::Key => BodyError::KeyBusy,
        }
    }
}
