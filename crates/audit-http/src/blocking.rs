//! Where a call of the store runs. The store blocks; what is quicker than a hop to another thread runs in place.

use actix_web::web;
use audit_store::domain::{ChannelGrant, ChannelId};
use audit_store::{AppendError, AppendRequest, Receipt, Store, StoreError, Unknown};

use crate::Api;

/// Parsing and hashing more bytes than this could keep a worker from its other connections for over a millisecond: the
/// smallest event takes three bytes and half a dozen hashes.
const IN_PLACE_BYTES_MAX: usize = 4 * 1024;

/// The pool of blocking threads is gone: the server is shutting down.
#[derive(Debug, thiserror::Error)]
#[error("the server is shutting down")]
pub(crate) struct Stopping;

/// Runs a query of unknown length: lists, counts, walks.
pub(crate) async fn query<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Result<T, Stopping> {
    web::block(run).await.map_err(|_| Stopping)
}

/// Runs a read by unique key. On an embedded database it takes about 20 µs, less than the hop; a server may not answer at all.
pub(crate) async fn point_read<T: Send + 'static>(
    api: &Api,
    run: impl FnOnce(&Store) -> T + Send + 'static,
) -> Result<T, Stopping> {
    if api.store.is_embedded() {
        return Ok(run(&api.store));
    }
    let store = api.store.clone();
    query(move || run(&store)).await
}

/// Runs work on that many bytes, which may look something up by key.
pub(crate) async fn compute<T: Send + 'static>(
    api: &Api,
    bytes: usize,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Stopping> {
    if bytes <= IN_PLACE_BYTES_MAX && api.store.is_embedded() { Ok(run()) } else { query(run).await }
}

/// Appends, and waits for the commit as long as a client may be kept waiting, as
/// [`wait_for`](audit_store::PendingReceipts::wait_for) does.
pub(crate) async fn append(api: &Api, request: AppendRequest) -> Result<Vec<Receipt>, AppendError> {
    let receipts = api.store.try_append(request)?.into_future();
    actix_web::rt::time::timeout(api.config.append_timeout, receipts).await.unwrap_or(Err(Unknown::Late.into()))
}

/// A record of a key: in place in one channel, among several as a query.
pub(crate) async fn find<T: Send + 'static>(
    api: &Api,
    channels: ChannelGrant,
    find: impl FnOnce(&Store, &ChannelGrant, ChannelId) -> Result<T, StoreError> + Send + 'static,
) -> Result<Result<T, StoreError>, Stopping> {
    let (store, first) = (api.store.clone(), api.config.default_channel);
    let is_one = matches!(&channels, ChannelGrant::Only(ids) if ids.len() <= 1);
    if is_one {
        return point_read(api, move |store| find(store, &channels, first)).await;
    }
    query(move || find(&store, &channels, first)).await
}
