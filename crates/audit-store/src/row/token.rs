//! Tokens as the database holds them.

use std::collections::BTreeSet;

use audit_domain::{ChannelGrant, Timestamp, Token};
use diesel::prelude::*;

use crate::error::StoreError;
use crate::schema::tokens;

/// A token, without the digest of its key.
#[derive(Queryable, Selectable)]
#[diesel(table_name = tokens)]
pub(crate) struct TokenRow {
    id: i64,
    name: String,
    role: String,
    channels: String,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

/// A token with everything that is stored of it, as it is carried from one database to another.
#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = tokens, treat_none_as_default_value = false)]
pub(crate) struct TokenColumns {
    pub(crate) id: i64,
    name: String,
    role: String,
    channels: String,
    key_digest: Vec<u8>,
    created_at: i64,
    expires_at: Option<i64>,
    pub(crate) revoked_at: Option<i64>,
}

impl TokenColumns {
    /// Whether it is this token, which may have been revoked here since.
    pub(crate) fn is_the_same_as(&self, earlier: &TokenColumns) -> bool {
        let unchanging = |token: &TokenColumns| {
            let TokenColumns { id, created_at, expires_at, .. } = *token;
            (id, token.name.clone(), token.role.clone(), token.channels.clone(), token.key_digest.clone(), created_at, expires_at)
        };
        unchanging(self) == unchanging(earlier) && (earlier.revoked_at.is_none() || earlier.revoked_at == self.revoked_at)
    }
}

impl TryFrom<TokenRow> for Token {
    type Error = StoreError;

    /// Fails for a row that was not written here; such a token opens nothing.
    fn try_from(row: TokenRow) -> Result<Token, StoreError> {
        // No channel at all is a grant too, which no command line would spell.
        let none = || row.channels.is_empty().then(|| ChannelGrant::Only(BTreeSet::new()));
        let corrupt = |what: &str| StoreError::CorruptToken { id: row.id, what: what.to_owned() };
        let instant = |micros: i64| Timestamp::from_micros(micros).ok_or_else(|| corrupt("an instant"));
        Ok(Token {
            id: row.id,
            role: row.role.parse().map_err(|_| corrupt("role"))?,
            channels: none().map_or_else(|| row.channels.parse(), Ok).map_err(|_| corrupt("channels"))?,
            created_at: instant(row.created_at)?,
            expires_at: row.expires_at.map(instant).transpose()?,
            revoked_at: row.revoked_at.map(instant).transpose()?,
            name: row.name,
        })
    }
}
