//! Tokens in the database. A writer does their writes, like all others.

use audit_domain::{ChannelGrant, Clock, NewToken, Role, Timestamp, Token, TokenKey};
use diesel::dsl::max;
use diesel::prelude::*;

use crate::connection::{DbConnection, on_inner};
use crate::dialect;
use crate::error::StoreError;
use crate::row::TokenRow;
use crate::schema::tokens;

/// Finds a token by the digest of its key, also a revoked or expired one.
pub(crate) fn find(conn: &mut DbConnection, digest: [u8; 32]) -> Result<Option<Token>, StoreError> {
    let of_key = tokens::table.filter(tokens::key_digest.eq(digest.as_slice()));
    let rows: Vec<TokenRow> = on_inner!(conn, |conn| of_key.select(TokenRow::as_select()).load(conn))?;
    rows.into_iter().next().map(Token::try_from).transpose()
}

/// Reads all tokens, oldest first.
pub(crate) fn all(conn: &mut DbConnection) -> Result<Vec<Token>, StoreError> {
    let rows: Vec<TokenRow> = tokens::table.order(tokens::id).select(TokenRow::as_select()).load(conn)?;
    rows.into_iter().map(Token::try_from).collect()
}

/// Stores a token.
pub(crate) fn insert(conn: &mut DbConnection, token: &NewToken, digest: [u8; 32], clock: &Clock) -> Result<Token, StoreError> {
    dialect::write_again_if_taken(conn, |conn| insert_next(conn, token, digest, clock))
}

/// Inserts a token in a transaction. Ids count up from 1 and are never used twice, because rows are
/// never deleted. Servers take ids one after another. Only the first token of a database may be
/// taken by two servers at once, and the unique index then refuses one of them.
fn insert_next(conn: &mut DbConnection, token: &NewToken, digest: [u8; 32], clock: &Clock) -> Result<Token, StoreError> {
    dialect::lock_token_ids(conn)?;
    let last: Option<i64> = tokens::table.select(max(tokens::id)).first(conn)?;
    let (id, created_at) = (last.unwrap_or(0) + 1, clock.now()?);
    diesel::insert_into(tokens::table)
        .values((
            tokens::id.eq(id),
            tokens::name.eq(&token.name),
            tokens::role.eq(token.role.name()),
            tokens::channels.eq(token.channels.to_list()),
            tokens::key_digest.eq(digest.to_vec()),
            tokens::created_at.eq(created_at.micros()),
            tokens::expires_at.eq(token.expires_at.map(Timestamp::micros)),
        ))
        .execute(conn)?;
    Ok(Token {
        id,
        name: token.name.clone(),
        role: token.role,
        channels: token.channels.clone(),
        created_at,
        expires_at: token.expires_at,
        revoked_at: None,
    })
}

/// Revokes a token. Returns `false` if there is no such token within the grant, or if it was
/// revoked before.
pub(crate) fn revoke(conn: &mut DbConnection, id: i64, within: &ChannelGrant, clock: &Clock) -> Result<bool, StoreError> {
    dialect::write(conn, |conn| {
        let rows: Vec<TokenRow> = tokens::table.find(id).select(TokenRow::as_select()).load(conn)?;
        let Some(token) = rows.into_iter().next().map(Token::try_from).transpose()? else { return Ok(false) };
        if !within.covers(&token.channels) || token.revoked_at.is_some() {
            return Ok(false);
        }
        let now = clock.now()?.micros();
        // If two servers revoke it at once, one of them does it.
        let valid = tokens::table.find(id).filter(tokens::revoked_at.is_null());
        Ok(diesel::update(valid).set(tokens::revoked_at.eq(now)).execute(conn)? == 1)
    })
}

/// The reason why a key from the operator cannot be the administrator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AdminKeyError {
    /// The token was revoked, for a reason that this program does not know.
    #[error("the key in AUDIT_ADMIN_TOKEN was revoked as token {0}: give another one")]
    Revoked(i64),
    /// The token has expired.
    #[error("the key in AUDIT_ADMIN_TOKEN has expired as token {0}: give another one")]
    Expired(i64),
    /// The token has fewer rights than an admin of all channels.
    #[error("the key in AUDIT_ADMIN_TOKEN belongs to token {0}, which is not an admin of all channels: give another one")]
    NotAdmin(i64),
}

/// Makes sure that a key from the operator is the key of an admin of all channels. The token keeps
/// its id over restarts. The lookup and the insert are one transaction, because two servers may
/// start at once with the same key: the second one finds the key of the first.
pub(crate) fn ensure_admin(
    conn: &mut DbConnection,
    key: &TokenKey,
    clock: &Clock,
) -> Result<Result<Token, AdminKeyError>, StoreError> {
    dialect::write_again_if_taken(conn, |conn| {
        if let Some(token) = find(conn, key.digest())? {
            let now = clock.now()?;
            return Ok(match token {
                token if token.revoked_at.is_some() => Err(AdminKeyError::Revoked(token.id)),
                token if !token.is_valid_at(now) => Err(AdminKeyError::Expired(token.id)),
                token if token.role != Role::Admin || token.channels != ChannelGrant::All => Err(AdminKeyError::NotAdmin(token.id)),
                token => Ok(token),
            });
        }
        let name = "AUDIT_ADMIN_TOKEN".to_owned();
        let token = NewToken { name, role: Role::Admin, channels: ChannelGrant::All, expires_at: None };
        insert_next(conn, &token, key.digest(), clock).map(Ok)
    })
}
