//! Who may do what: tokens, their roles and their channels.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use validator::{Validate, ValidationError};

use crate::channel::ChannelGrant;
use crate::limits::{CHANNELS_MAX, TOKEN_NAME_CHARS_MAX};
use crate::timestamp::Timestamp;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads, appends, and manages tokens.
    Admin,
    /// Appends only: what an application needs, and nothing that a leaked key could read.
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

/// A token that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq, Validate)]
pub struct NewToken {
    /// For people, to tell tokens apart.
    #[validate(length(min = 1, max = TOKEN_NAME_CHARS_MAX, message = "must have 1 to 100 characters"))]
    #[validate(custom(function = "without_control_characters"))]
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Where it holds.
    #[validate(custom(function = "not_too_many"))]
    pub channels: ChannelGrant,
    /// When it ends by itself.
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

/// A line break would let a name pass for two tokens where they are listed, and PostgreSQL keeps no U+0000.
fn without_control_characters(name: &str) -> Result<(), ValidationError> {
    if name.contains(char::is_control) {
        return Err(ValidationError::new("control").with_message("must not have control characters".into()));
    }
    Ok(())
}

/// A stored token. Its key is known to nobody but its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// From 1, never used twice; the `producer_id` of what it writes.
    pub id: i64,
    /// For people.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Where it holds.
    pub channels: ChannelGrant,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When somebody ended it.
    pub revoked_at: Option<Timestamp>,
}

impl Token {
    /// Whether its key opens anything at this moment.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// A secret key: 256 random bits in hex, or what the operator chose. Shown once; stored as its SHA-256.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey(String);

impl TokenKey {
    /// Draws a key from the operating system's generator.
    ///
    /// # Errors
    /// When the operating system has no random bytes to give.
    pub fn draw() -> Result<TokenKey, getrandom::Error> {
        let mut bytes = [0u8; 32];
        getrandom::fill(&mut bytes)?;
        Ok(TokenKey(hex::encode(bytes)))
    }

    /// A key that came from outside.
    #[must_use]
    pub fn from_text(text: &str) -> TokenKey {
        TokenKey(text.to_owned())
    }

    /// The key itself, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored. Keys have too much entropy for anything slower to be of use.
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
