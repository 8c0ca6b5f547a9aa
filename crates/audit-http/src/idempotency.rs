//! The header `Idempotency-Key`: with it, a client can send a request again whose records have no
//! uuids.
//!
//! The server makes the uuid of such a record from the key and the place of the record in the
//! request. So a retry is recognized as one with uuids is, whichever server gets it and however
//! late, and no list of keys has to be kept.

use actix_web::HttpRequest;
use audit_store::domain::uuid::Uuid;

use crate::auth::Caller;

/// The name of the header, as messages and the OpenAPI document write it.
pub(crate) const HEADER: &str = "Idempotency-Key";

/// The maximum characters of a key.
pub(crate) const CHARS_MAX: usize = 255;

/// The namespace of the uuids that are made from keys: a random UUID that never changes, because a
/// retry must give the same uuids.
const NAMESPACE: Uuid = Uuid::from_u128(0x4f0d_9c55_6c1e_4b51_9d5f_b9d1_7f6e_02a3);

/// The reason why a header is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{HEADER} must be given once, and have 1 to {CHARS_MAX} visible ASCII characters but `\"` and `\\`, such as a UUID.")]
pub(crate) struct NotAKey;

/// The key of a request, for one token. Two tokens may use the same key for different requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IdempotencyKey(Uuid);

impl IdempotencyKey {
    /// The key that the request names, if any.
    pub(crate) fn from_request(request: &HttpRequest, caller: &Caller) -> Result<Option<IdempotencyKey>, NotAKey> {
        let mut values = request.headers().get_all(HEADER);
        let Some(value) = values.next() else { return Ok(None) };
        let text = value.to_str().ok().map(unquoted);
        match (text, values.next()) {
            (Some(text), None) if is_key(text) => {
                let of_token = format!("{}\n{text}", caller.token.id);
                Ok(Some(IdempotencyKey(Uuid::new_v5(&NAMESPACE, of_token.as_bytes()))))
            }
            _ => Err(NotAKey),
        }
    }

    /// The uuid of the record at a place of the request that has no uuid of its own.
    pub(crate) fn uuid(&self, index: usize) -> Uuid {
        Uuid::new_v5(&self.0, &(index as u64).to_be_bytes())
    }
}

/// Whether a text is a key. Blanks, quotes and backslashes would make it depend on how a client writes
/// the header.
fn is_key(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    (1..=CHARS_MAX).contains(&text.len()) && text.bytes().all(is_plain)
}

/// A key without the quotes of a string of structured fields (RFC 9651). Clients send both forms.
fn unquoted(value: &str) -> &str {
    let value = value.trim();
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}
