//! Authentication: the `Authorization` header, the token of its key, and the rights of this token.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::error::ErrorInternalServerError;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use audit_store::domain::{ChannelGrant, ChannelId, Role, Timestamp, Token, TokenKey};
use base64::Engine;

use crate::connections::Connection;

/// The reason why a request does not have a caller. The texts are those of Django REST framework.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthError {
    #[error("Authentication credentials were not provided.")]
    NotProvided,
    #[error("Invalid token.")]
    InvalidToken,
    #[error("Invalid token header. No credentials provided.")]
    NoCredentials,
    #[error("Invalid token header. Token string should not contain spaces.")]
    Spaces,
    #[error("Invalid token header. Token string should not contain invalid characters.")]
    InvalidCharacters,
    #[error("Invalid basic header. No credentials provided.")]
    BasicNoCredentials,
    #[error("Invalid basic header. Credentials string should not contain spaces.")]
    BasicSpaces,
    #[error("Invalid basic header. Credentials not correctly base64 encoded.")]
    BasicEncoding,
}

/// The token lacks the role for this request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("You do not have permission to perform this action.")]
pub(crate) struct Forbidden;

/// The reason why an event cannot go to a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChannelError {
    /// The token may write to several channels, and the request names none.
    #[error("is required: this token may write several channels, and the default channel is none of them")]
    Required,
    /// The token may not write to this channel. A channel that the token cannot see does not exist
    /// for it.
    #[error("Not found.")]
    NotFound,
}

/// An authenticated caller.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) token: Token,
    default_channel: ChannelId,
    connection: Option<Arc<Connection>>,
}

impl Caller {
    pub(crate) fn new(token: Token, default_channel: ChannelId, connection: Option<Arc<Connection>>) -> Caller {
        Caller { token, default_channel, connection }
    }

    /// The caller of a path that everybody may read. All of them together count as one key.
    pub(crate) fn anonymous(default_channel: ChannelId, request: &HttpRequest) -> Caller {
        let token = Token {
            id: 0,
            name: "everybody".to_owned(),
            role: Role::Reader,
            channels: ChannelGrant::All,
            created_at: Timestamp::MIN,
            expires_at: None,
            revoked_at: None,
        };
        Caller::new(token, default_channel, request.conn_data::<Arc<Connection>>().cloned())
    }

    /// Whether the client no longer waits for the answer, as far as the connection shows it.
    pub(crate) fn is_gone(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.is_gone())
    }

    /// Returns the channels that a request reads if it names none: all channels of a token that
    /// lists them, and the default channel of a token with `*`.
    pub(crate) fn channels(&self) -> ChannelGrant {
        match &self.token.channels {
            ChannelGrant::All => ChannelGrant::Only([self.default_channel].into()),
            only => only.clone(),
        }
    }

    /// Returns the one channel that a request reads at an API that never merges channels: the
    /// token's only channel, otherwise the default channel, otherwise the token's lowest channel.
    pub(crate) fn single_channel(&self) -> Option<ChannelId> {
        match &self.token.channels {
            ChannelGrant::Only(only) if only.len() != 1 && !only.contains(&self.default_channel) => only.first().copied(),
            ChannelGrant::Only(only) if only.len() == 1 => only.first().copied(),
            _ => Some(self.default_channel),
        }
    }

    /// Returns the channels of these that the caller may read. The others look empty.
    pub(crate) fn channels_among(&self, asked: impl IntoIterator<Item = ChannelId>) -> ChannelGrant {
        ChannelGrant::Only(asked.into_iter().filter(|channel| self.token.channels.allows(*channel)).collect())
    }

    /// Returns the channel for an event: the channel that it names, otherwise the token's only
    /// channel, otherwise the default channel.
    pub(crate) fn channel_to_write(&self, named: Option<ChannelId>) -> Result<ChannelId, ChannelError> {
        let grant = &self.token.channels;
        if let Some(channel) = named {
            return if grant.allows(channel) { Ok(channel) } else { Err(ChannelError::NotFound) };
        }
        match grant {
            ChannelGrant::Only(only) if only.len() == 1 => only.first().copied().ok_or(ChannelError::Required),
            grant if grant.allows(self.default_channel) => Ok(self.default_channel),
            _ => Err(ChannelError::Required),
        }
    }
}

/// Extracts the caller of a route that needs a key. The route has authenticated it before the
/// handler runs.
impl FromRequest for Caller {
    type Error = actix_web::Error;
    type Future = Ready<Result<Caller, actix_web::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = request.extensions_mut().remove::<Caller>();
        ready(caller.ok_or_else(|| ErrorInternalServerError("the handler of an open route asks for a caller")))
    }
}

/// Returns the key that a request sends.
pub(crate) fn key_of(request: &HttpRequest) -> Result<TokenKey, AuthError> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let header = headers.next().ok_or(AuthError::NotProvided)?;
    if headers.next().is_some() {
        // A proxy may have checked the other header.
        return Err(AuthError::InvalidToken);
    }
    key(header.as_bytes())
}

/// Reads the key in a header: after `Token` or `Bearer` (in upper or lower case), as the password
/// of `Basic` (some log handlers support only this scheme), or bare.
fn key(header: &[u8]) -> Result<TokenKey, AuthError> {
    let text = std::str::from_utf8(header).map_err(|_| AuthError::InvalidCharacters)?;
    let parts: Vec<&str> = text.split_ascii_whitespace().collect();
    let Some((scheme, rest)) = parts.split_first() else { return Err(AuthError::NotProvided) };
    match (scheme.to_ascii_lowercase().as_str(), rest) {
        ("token" | "bearer", []) => Err(AuthError::NoCredentials),
        ("token" | "bearer", [key]) => Ok(TokenKey::from_text(key)),
        ("token" | "bearer", _) => Err(AuthError::Spaces),
        ("basic", []) => Err(AuthError::BasicNoCredentials),
        ("basic", [credentials]) => password(credentials),
        ("basic", _) => Err(AuthError::BasicSpaces),
        (_, []) => Ok(TokenKey::from_text(scheme)),
        // DRF treats any other scheme as if the request had no credentials.
        _ => Err(AuthError::NotProvided),
    }
}

fn password(credentials: &str) -> Result<TokenKey, AuthError> {
    let decoded = base64::engine::general_purpose::STANDARD.decode(credentials).map_err(|_| AuthError::BasicEncoding)?;
    let decoded = String::from_utf8(decoded).map_err(|_| AuthError::BasicEncoding)?;
    let (_, password) = decoded.split_once(':').ok_or(AuthError::BasicEncoding)?;
    Ok(TokenKey::from_text(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_key_in_every_accepted_form() {
        let found = |header: &str| key(header.as_bytes()).map(|key| key.reveal().to_owned()).map_err(|error| error.to_string());
        let basic = base64::engine::general_purpose::STANDARD.encode("me:k:1");
        for header in ["Token k:1", "bearer  k:1 ", "k:1", &format!("BASIC {basic}")] {
            assert_eq!(found(header), Ok("k:1".to_owned()), "{header}");
        }
        assert_eq!(found("Token").unwrap_err(), "Invalid token header. No credentials provided.");
        assert_eq!(found("Token a b").unwrap_err(), "Invalid token header. Token string should not contain spaces.");
        assert_eq!(found("Basic x!").unwrap_err(), "Invalid basic header. Credentials not correctly base64 encoded.");
        assert_eq!(found("Digest x").unwrap_err(), "Authentication credentials were not provided.");
        assert_eq!(found("").unwrap_err(), "Authentication credentials were not provided.");
    }
}
