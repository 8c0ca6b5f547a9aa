//! The connections that read.

use std::time::Duration;

use crate::connection::{DbConnection, Purpose};
use crate::dialect;
use crate::error::OpenError;
use crate::url::DatabaseUrl;

/// Connections for readers. Each sees the last commit and cannot write.
pub(crate) type Pool = r2d2::Pool<Readers>;

#[derive(Debug)]
pub(crate) struct Readers(DatabaseUrl);

impl r2d2::ManageConnection for Readers {
    type Connection = DbConnection;
    type Error = OpenError;

    fn connect(&self) -> Result<DbConnection, OpenError> {
        dialect::open(&self.0, Purpose::Read)
    }

    fn is_valid(&self, _: &mut DbConnection) -> Result<(), OpenError> {
        Ok(())
    }

    fn has_broken(&self, _: &mut DbConnection) -> bool {
        false
    }
}

/// How long a reader waits for a connection before it is told that there is none.
const POOL_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn pool(url: &DatabaseUrl, size: u32) -> Result<Pool, OpenError> {
    // The first connection is made by hand: the pool would retry for its whole time-out, and lose the reason.
    drop(dialect::open(url, Purpose::Read)?);
    r2d2::Pool::builder()
        .max_size(size.max(1))
        .min_idle(Some(1))
        .test_on_check_out(false)
        .connection_timeout(POOL_TIMEOUT)
        .build(Readers(url.clone()))
        .map_err(|error| OpenError::Database { path: url.display(), why: error.to_string() })
}
