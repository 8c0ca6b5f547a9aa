//! Copies tokens and content types, which are few and not part of a log.

use audit_domain::ContentType;
use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::error::{CopyError, StoreError};
use crate::row::TokenColumns;
use crate::schema::tokens;
use crate::{content_types, dialect};

fn all_tokens(conn: &mut DbConnection) -> Result<Vec<TokenColumns>, CopyError> {
    let rows = tokens::table.order(tokens::id).select(TokenColumns::as_select()).load(conn);
    Ok(rows.map_err(StoreError::from)?)
}

/// The copied tokens and content types. They are kept for the comparison at the end, because the
/// source may change.
pub(super) struct Registry {
    tokens: Vec<TokenColumns>,
    content_types: Vec<ContentType>,
}

impl Registry {
    /// Copies tokens with their ids, later revocations of copied tokens, and content types. The
    /// destination must not have others.
    pub(super) fn copy(source: &mut DbConnection, target: &mut DbConnection) -> Result<Registry, CopyError> {
        let registry = Registry { tokens: all_tokens(source)?, content_types: content_types::all(source)? };
        let there = all_tokens(target)?;
        if let Some(other) = there.iter().find(|there| !registry.tokens.iter().any(|token| token.is_the_same_as(there))) {
            return Err(CopyError::OtherToken { id: other.id });
        }
        let types_there = content_types::all(target)?;
        if types_there.iter().any(|there| !registry.content_types.iter().any(|wanted| wanted.id == there.id)) {
            return Err(CopyError::OtherContentTypes);
        }
        dialect::write(target, |conn| {
            for token in &registry.tokens {
                match there.iter().find(|there| there.id == token.id) {
                    None => diesel::insert_into(tokens::table).values(token).execute(conn)?,
                    Some(there) if there.revoked_at != token.revoked_at => {
                        diesel::update(tokens::table.find(token.id)).set(tokens::revoked_at.eq(token.revoked_at)).execute(conn)?
                    }
                    Some(_) => 0,
                };
            }
            Ok::<_, StoreError>(())
        })?;
        if content_types::put(target, &registry.content_types)?.is_err() {
            return Err(CopyError::OtherContentTypes);
        }
        Ok(registry)
    }

    pub(super) fn tokens(&self) -> u64 {
        self.tokens.len() as u64
    }

    pub(super) fn content_types(&self) -> u64 {
        self.content_types.len() as u64
    }

    /// Checks that the destination has exactly the copied tokens and content types.
    pub(super) fn compare(&self, target: &mut DbConnection) -> Result<(), CopyError> {
        let there = all_tokens(target)?;
        let differing = self.tokens.iter().zip(&there).find(|(token, there)| !token.is_the_same_as(there));
        if let Some((TokenColumns { id, .. }, _)) = differing {
            return Err(CopyError::OtherToken { id: *id });
        }
        if there.len() != self.tokens.len() {
            return Err(CopyError::OtherToken { id: there.len() as i64 });
        }
        if content_types::all(target)? == self.content_types { Ok(()) } else { Err(CopyError::OtherContentTypes) }
    }
}
