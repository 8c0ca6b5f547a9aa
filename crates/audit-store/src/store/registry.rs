//! What a store knows beside its logs: object types and tokens.

use audit_domain::{ChannelGrant, ContentType, NewToken, Token, TokenKey};

use super::Store;
use crate::content_types::{self, ContentTypeTaken, ContentTypesPut};
use crate::error::StoreError;
use crate::tokens::{self, AdminKeyError};

impl Store {
    /// The registered object types, by number.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn content_types(&self) -> Result<Vec<ContentType>, StoreError> {
        self.point_read(content_types::all)
    }

    /// Registers and renames object types, all or none; of several with one number the last one counts. What is in the log
    /// already keeps what it was given.
    ///
    /// # Errors
    /// [`StoreError`]; inside, [`ContentTypeTaken`] when a name would belong to two numbers.
    pub fn put_content_types(&self, types: Vec<ContentType>) -> Result<Result<ContentTypesPut, ContentTypeTaken>, StoreError> {
        let put = self.0.writers.run(move |conn| content_types::put(conn, &types));
        self.0.content_types.clear();
        put
    }

    /// The token of a key, revoked and expired ones included.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn find_token(&self, key: &TokenKey) -> Result<Option<Token>, StoreError> {
        self.point_read(|conn| tokens::find(conn, key.digest()))
    }

    /// All tokens, oldest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.read(tokens::all)
    }

    /// Makes a token and its key, which is not stored: nobody can show it again.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn create_token(&self, token: NewToken) -> Result<(Token, TokenKey), StoreError> {
        let key = TokenKey::draw().map_err(|error| StoreError::Random(error.to_string()))?;
        let digest = key.digest();
        let clock = self.0.clock.clone();
        let token = self.0.writers.run(move |conn| tokens::insert(conn, &token, digest, &clock))?;
        Ok((token, key))
    }

    /// Ends a token of which `within` covers every channel. `false` when there is none, or it was revoked before.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn revoke_token(&self, id: i64, within: ChannelGrant) -> Result<bool, StoreError> {
        let clock = self.0.clock.clone();
        self.0.writers.run(move |conn| tokens::revoke(conn, id, &within, &clock))
    }

    /// Makes sure that a key from outside opens everything.
    ///
    /// # Errors
    /// [`StoreError`]; inside, [`AdminKeyError`] when the key is taken by a token that does not.
    pub fn ensure_admin(&self, key: TokenKey) -> Result<Result<Token, AdminKeyError>, StoreError> {
        let clock = self.0.clock.clone();
        self.0.writers.run(move |conn| tokens::ensure_admin(conn, &key, &clock))
    }
}
