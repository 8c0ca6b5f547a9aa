//! Tokens and object types: few, and no part of a log.

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

/// Brings the tokens that are missing, under their ids, and the ends of those that were revoked since. Returns how many there are.
pub(super) fn copy_tokens(source: &mut DbConnection, target: &mut DbConnection) -> Result<u64, CopyError> {
    let (ours, theirs) = (all_tokens(source)?, all_tokens(target)?);
    for there in &theirs {
        if !ours.iter().any(|token| token.is_the_same_as(there)) {
            return Err(CopyError::OtherToken { id: there.id });
        }
    }
    dialect::write(target, |conn| {
        for token in &ours {
            match theirs.iter().find(|there| there.id == token.id) {
                None => diesel::insert_into(tokens::table).values(token).execute(conn)?,
                Some(there) if there.revoked_at != token.revoked_at => {
                    diesel::update(tokens::table.find(token.id)).set(tokens::revoked_at.eq(token.revoked_at)).execute(conn)?
                }
                Some(_) => 0,
            };
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(ours.len() as u64)
}

/// Brings the object types. Returns how many there are.
pub(super) fn copy_content_types(source: &mut DbConnection, target: &mut DbConnection) -> Result<u64, CopyError> {
    let types: Vec<ContentType> = content_types::all(source)?;
    if content_types::put(target, &types)?.is_err() {
        return Err(CopyError::OtherContentTypes);
    }
    Ok(types.len() as u64)
}

/// That both sides have the same.
pub(super) fn compare(source: &mut DbConnection, target: &mut DbConnection) -> Result<(), CopyError> {
    let (ours, theirs) = (all_tokens(source)?, all_tokens(target)?);
    // Those that were made or revoked meanwhile are for the next copy.
    let differing = theirs.iter().find(|there| !ours.iter().any(|token| token.is_the_same_as(there)));
    if let Some(TokenColumns { id, .. }) = differing {
        return Err(CopyError::OtherToken { id: *id });
    }
    let theirs = content_types::all(target)?;
    if content_types::all(source)?.iter().all(|wanted| theirs.contains(wanted)) {
        Ok(())
    } else {
        Err(CopyError::OtherContentTypes)
    }
}
