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
