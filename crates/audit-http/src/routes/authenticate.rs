//! Finds the caller of a request: the token to which the key in the header belongs.

use std::sync::Arc;

use actix_web::HttpRequest;
use audit_store::StoreError;

use crate::auth::{AuthError, Caller, key_of};
use crate::blocking;
use crate::connections::Connection;
use crate::failure::Failure;
use crate::state::Api;

/// Finds the caller of a request. It ignores headers such as `X-User-Role`, because anybody can
/// send them.
pub(super) async fn authenticate(api: &Api, request: &HttpRequest) -> Result<Caller, Failure> {
    let key = key_of(request)?;
    let token = blocking::point_read(api, 0, move |store| store.find_token(&key)).await??;
    let token = token.filter(|token| token.revoked_at.is_none()).ok_or(AuthError::InvalidToken)?;
    // If the clock is wrong, the server refuses only the keys that may have expired.
    if token.expires_at.is_some() && !token.is_valid_at(api.store.now().map_err(StoreError::from)?) {
        return Err(AuthError::InvalidToken.into());
    }
    Ok(Caller::new(token, api.config.default_channel, request.conn_data::<Arc<Connection>>().cloned()))
}
