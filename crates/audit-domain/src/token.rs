//! Tokens, their roles and their channels: who may do what.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use validator::{Validate, ValidationError};

use crate::channel::ChannelGrant;
use crate::draw::{RandomError, fill_random};
use crate::limits::{CHANNELS_MAX, TOKEN_NAME_CHARS_MAX};
use crate::timestamp::Timestamp;

/// The role of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads, appends, and manages tokens.
    Admin,
    /// Appends only. This is what an application needs, and a leaked key reads nothing.
    Writer,
    /// Reads only.
    Reader,
}

impl Role {
    /// Whether the role may read.
    #[must_use]
    pub fn reads(self) -> bool {
        matches!(self, Role::Admin | Role::Reader)
    }

    /// Whether the role may append.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(self, Role::Admin | Role::Writer)
    }

    /// The name in APIs and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Writer => "writer",
            Role::Reader => "reader",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        [Role::Admin, Role::Writer, Role::Reader]
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| format!("`{text}` is not a role: admin, writer or reader"))
    }
}

/// A token that does not exist yet.
#[derive(Debug, Clone, PartialEq, Eq, Validate)]
pub struct NewToken {
    /// A name for people, to distinguish tokens.
    #[validate(length(min = 1, max = TOKEN_NAME_CHARS_MAX, message = "must have 1 to 100 characters"))]
    #[validate(custom(function = "without_control_characters"))]
    pub name: String,
    /// The role.
    pub role: Role,
    /// The channels that the token may use.
    #[validate(custom(function = "not_too_many"))]
    pub channels: ChannelGrant,
    /// The time at which the token expires.
    pub expires_at: Option<Timestamp>,
}

fn not_too_many(channels: &ChannelGrant) -> Result<(), ValidationError> {
    match channels {
        ChannelGrant::Only(only) if only.len() > CHANNELS_MAX => {
            let text = format!("must be at most {CHANNELS_MAX} channels (got {}), or `*` for all", only.len());
            Err(ValidationError::new("channels").with_message(text.into()))
        }
        _ => Ok(()),
    }
}

/// Refuses control characters: a line break would make a name look like two tokens in a list, and
/// PostgreSQL does not store U+0000.
fn without_control_characters(name: &str) -> Result<(), ValidationError> {
    if name.contains(char::is_control) {
        return Err(ValidationError::new("control").with_message("must not have control characters".into()));
    }
    Ok(())
}

/// A stored token. Only its holder knows the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The id, from 1, never used twice; the `producer_id` of the entries that the token appends.
    pub id: i64,
    /// The name, for people.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The channels that the token may use.
    pub channels: ChannelGrant,
    /// The time at which the token was created.
    pub created_at: Timestamp,
    /// The time at which the token expires.
    pub expires_at: Option<Timestamp>,
    /// The time at which a person revoked the token.
    pub revoked_at: Option<Timestamp>,
}

impl Token {
    /// Whether the key of the token is accepted at this moment.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// A secret key: 256 random bits in hex, or the text that the operator chose. The server shows it
/// once and stores its SHA-256.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey(String);

impl TokenKey {
    /// Draws a key from the operating system's generator.
    ///
    /// # Errors
    ///
    /// [`RandomError`]: the operating system has no random bytes.
    pub fn draw() -> Result<TokenKey, RandomError> {
        let mut bytes = [0u8; 32];
        fill_random(&mut bytes)?;
        Ok(TokenKey(hex::encode(bytes)))
    }

    /// Takes a key that the operator or a client gave.
    #[must_use]
    pub fn from_text(text: &str) -> TokenKey {
        TokenKey(text.to_owned())
    }

    /// The key itself, for the one time that it is shown.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The digest that the database stores. Keys have too much entropy for a slower hash to be of
    /// use.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey(…)")
    }
}
