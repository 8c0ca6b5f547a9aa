//! The registries of a store: content types and tokens.

use audit_domain::{ChannelGrant, ContentType, NewToken, Token, TokenKey};

use super::Store;
use crate::content_types::{self, ContentTypeTaken, ContentTypesPut};
use crate::error::StoreError;
use crate::tokens::{self, AdminKeyError};

impl Store {
    /// Reads the registered content types, by number.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn content_types(&self) -> Result<Vec<ContentType>, StoreError> {
        self.point_read(content_types::all)
    }

    /// Registers and renames content types, all or none. If several have the same number, the last
    /// one counts. Existing entries keep their values.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer or refuses the write, or the store is closed.
    /// Inside, [`ContentTypeTaken`] if a name would belong to two numbers.
    pub fn put_content_types(&self, types: Vec<ContentType>) -> Result<Result<ContentTypesPut, ContentTypeTaken>, StoreError> {
        let put = self.0.writers.run(move |conn| content_types::put(conn, &types));
        self.0.content_types.clear();
        put
    }

    /// Finds the token of a key, also a revoked or expired one.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn find_token(&self, key: &TokenKey) -> Result<Option<Token>, StoreError> {
        self.point_read(|conn| tokens::find(conn, key.digest()))
    }

    /// Reads all tokens, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer, or not in time.
    pub fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.read(tokens::all)
    }

    /// Creates a token and its key. The store does not keep the key, so it cannot be shown again.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer or refuses the write, another program keeps it
    /// locked for ten seconds, or the store is closed. After [`StoreError::Late`] and
    /// [`StoreError::Unconfirmed`] it may be done all the same; [`StoreError::Random`] if the
    /// operating system has no random bytes, [`StoreError::Clock`] if the clock cannot be right.
    pub fn create_token(&self, token: NewToken) -> Result<(Token, TokenKey), StoreError> {
        let key = TokenKey::draw()?;
        let digest = key.digest();
        let clock = self.0.clock.clone();
        let token = self.0.writers.run(move |conn| tokens::insert(conn, &token, digest, &clock))?;
        Ok((token, key))
    }

    /// Revokes a token if `within` covers all its channels. Returns `false` if there is no such
    /// token, or if it was revoked before.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer or refuses the write, another program keeps it
    /// locked for ten seconds, or the store is closed. After [`StoreError::Late`] and
    /// [`StoreError::Unconfirmed`] it may be done all the same; [`StoreError::Clock`] if the clock
    /// cannot be right.
    pub fn revoke_token(&self, id: i64, within: ChannelGrant) -> Result<bool, StoreError> {
        let clock = self.0.clock.clone();
        self.0.writers.run(move |conn| tokens::revoke(conn, id, &within, &clock))
    }

    /// Makes sure that a key from the operator is the key of an admin of all channels.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the database does not answer or refuses the write, or the store is closed.
    /// Inside, [`AdminKeyError`] if the key belongs to a token that is not.
    pub fn ensure_admin(&self, key: TokenKey) -> Result<Result<Token, AdminKeyError>, StoreError> {
        let clock = self.0.clock.clone();
        self.0.writers.run(move |conn| tokens::ensure_admin(conn, &key, &clock))
    }
}
