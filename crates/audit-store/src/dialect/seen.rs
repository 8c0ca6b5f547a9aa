//! What an error of a statement says about its connection and its database.

use crate::connection::DbConnection;
use crate::error::StoreError;

impl StoreError {
    /// Returns the same error, unless the connection is lost or the database cannot be used: then
    /// it returns the error that says so.
    pub(crate) fn seen_on(self, conn: &mut DbConnection) -> StoreError {
        match self {
            StoreError::Database(error) if super::is_lost(conn, &error.0) => StoreError::Unreachable(error.to_string()),
            StoreError::Database(error) => match super::unusable(conn, &error.0) {
                Some(unusable) => StoreError::Unusable(unusable),
                None => StoreError::Database(error),
            },
            error => error,
        }
    }

    /// Whether the database could not be written at all, so that no request is the cause: another
    /// process keeps it locked, or it cannot be opened. Another attempt would only wait again.
    pub(crate) fn concerns_the_whole_database(&self) -> bool {
        match self {
            StoreError::Unreachable(_) | StoreError::Unconfirmed(_) | StoreError::Displaced(_) => true,
            StoreError::Unusable(unusable) => unusable.hits_every_write,
            StoreError::Database(error) => super::is_locked(&error.0),
            _ => false,
        }
    }
}
