//! Where a call of the store runs. The store blocks; what is quicker than a hop to another thread runs in place.

use actix_web::web;

/// Parsing and hashing more bytes than this would keep a worker from its other connections for over a millisecond or so.
const IN_PLACE_BYTES_MAX: usize = 64 * 1024;

/// The pool of blocking threads is gone: the server is shutting down.
#[derive(Debug, thiserror::Error)]
#[error("the server is shutting down")]
pub(crate) struct Stopping;

/// Runs a query of unknown length: lists, counts, walks.
pub(crate) async fn query<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Result<T, Stopping> {
    web::block(run).await.map_err(|_| Stopping)
}

/// Runs a read by unique key. On SQLite it takes about 20 µs, less than the hop.
pub(crate) fn point_read<T>(run: impl FnOnce() -> T) -> T {
    run()
}

/// Runs work on that many bytes.
pub(crate) async fn compute<T: Send + 'static>(bytes: usize, run: impl FnOnce() -> T + Send + 'static) -> Result<T, Stopping> {
    if bytes <= IN_PLACE_BYTES_MAX { Ok(run()) } else { query(run).await }
}
