//! The rows of tokens.

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

/// All columns of a token, for a copy from one database to another.
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
    /// Whether both are the same token, which may have been revoked since.
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

    /// Fails for a row that this program did not write. Such a token is never accepted.
    fn try_from(row: TokenRow) -> Result<Token, StoreError> {
        // A grant of no channel is valid too, but a command line cannot express it.
        let none = || row.channels.is_empty().then(|| ChannelGrant::Only(BTreeSet::new()));
        let corrupt = |what: &str| StoreError::CorruptToken { id: row.id, what: what.to_owned() };
        let instant = |micros: i64| Timestamp::from_micros(micros).ok_or_else(|| corrupt("a time is out of range"));
        Ok(Token {
            id: row.id,
            role: row.role.parse().map_err(|_| corrupt("the role is not known"))?,
            channels: none().map_or_else(|| row.channels.parse(), Ok).map_err(|_| corrupt("the list of channels is not valid"))?,
            created_at: instant(row.created_at)?,
            expires_at: row.expires_at.map(instant).transpose()?,
            revoked_at: row.revoked_at.map(instant).transpose()?,
            name: row.name,
        })
    }
}
