//! Measures the work of the server and the times that it takes, for Prometheus.
//!
//! Only tokens that may read the logs of all tenants see the sizes of these logs. The code counts
//! through the `metrics` facade. A program that installs a recorder passes the text of the recorder
//! in through [`Metrics`]; without a recorder the page does not exist. The server reads the sizes
//! when a client asks for the page.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use audit_store::domain::ChannelGrant;
use audit_store::{ActionLogs, Events, LogStream, Store, StoreError};

use crate::template::template;
use crate::witnesses::{self, Witness};

const REQUEST_SECONDS: &str = "audit_http_request_seconds";
const LOG_ENTRIES: &str = "audit_log_entries";
const INDEX_LAG_ENTRIES: &str = "audit_index_lag_entries";
const INDEX_LAG_SECONDS: &str = "audit_index_lag_seconds";
const TREE_LAG_ENTRIES: &str = "audit_tree_lag_entries";
const CHECKPOINT_LAG_ENTRIES: &str = "audit_checkpoint_lag_entries";
const SIGNS: &str = "audit_signs";
const REFUSED_LOGS: &str = "audit_refused_logs";
const COSIGNATURE_AGE: &str = "audit_cosignature_age_seconds";
const DATABASE_BYTES: &str = "audit_database_bytes";
const LOG_AHEAD_SECONDS: &str = "audit_log_ahead_of_clock_seconds";
const WAL_BYTES: &str = "audit_database_wal_bytes";

/// The metrics of this process as text, from the installed recorder.
#[derive(Clone)]
pub struct Metrics(Arc<dyn Fn() -> String + Send + Sync>);

impl Metrics {
    /// Takes a function that renders the text format of Prometheus.
    pub fn new(render: impl Fn() -> String + Send + Sync + 'static) -> Metrics {
        Metrics(Arc::new(render))
    }
}

impl Metrics {
    /// Renders the current text.
    pub(crate) fn render(&self) -> String {
        (self.0)()
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Measures the current sizes.
pub(crate) fn measure(store: &Store, witnesses: &[Witness]) -> Result<(), StoreError> {
    for age in witnesses::ages(store, witnesses)? {
        // Nothing is shown of a witness that never cosigned: an age of 0 would look like the opposite.
        if let Some(seconds) = age.seconds {
            metrics::gauge!(COSIGNATURE_AGE, "witness" => age.name).set(seconds as f64);
        }
    }
    metrics::gauge!(DATABASE_BYTES).set(store.database_bytes()? as f64);
    metrics::gauge!(LOG_AHEAD_SECONDS).set(store.log_ahead_of_clock().as_secs_f64());
    if let Some(bytes) = store.wal_bytes() {
        metrics::gauge!(WAL_BYTES).set(bytes as f64);
    }
    if let Some(state) = store.signing_state() {
        metrics::gauge!(SIGNS).set(if state.signs { 1.0 } else { 0.0 });
        metrics::gauge!(REFUSED_LOGS).set(state.refusals.len() as f64);
    }
    measure_logs::<Events>(store)?;
    measure_logs::<ActionLogs>(store)
}

fn measure_logs<S: LogStream>(store: &Store) -> Result<(), StoreError> {
    let (now, stream) = (store.now(), S::STREAM);
    for log in store.channels(ChannelGrant::All).log::<S>().states()? {
        let channel = log.channel_id.to_string();
        metrics::gauge!(LOG_ENTRIES, "channel_id" => channel, "stream" => stream.name()).set(log.size as f64);
    }
    for lag in store.index_lags(stream)? {
        let channel = lag.channel_id.to_string();
        metrics::gauge!(INDEX_LAG_ENTRIES, "channel_id" => channel.clone(), "stream" => stream.name()).set(lag.entries as f64);
        // A wrong clock cannot show an age.
        let Ok(now) = now else { continue };
        let micros = lag.oldest.map_or(0, |oldest| (now.micros() - oldest.micros()).max(0));
        let seconds = micros as f64 / 1_000_000.0;
        metrics::gauge!(INDEX_LAG_SECONDS, "channel_id" => channel, "stream" => stream.name()).set(seconds);
    }
    for lag in store.tree_lags(stream)? {
        let channel = lag.channel_id.to_string();
        metrics::gauge!(TREE_LAG_ENTRIES, "channel_id" => channel, "stream" => stream.name()).set(lag.entries as f64);
    }
    for lag in store.checkpoint_lags(stream)? {
        let channel = lag.channel_id.to_string();
        metrics::gauge!(CHECKPOINT_LAG_ENTRIES, "channel_id" => channel, "stream" => stream.name()).set(lag.entries as f64);
    }
    Ok(())
}

/// Records a request that was answered. All paths that do not exist have one name, and so do all
/// unknown methods, because a client must not be able to make new series.
pub(crate) fn answered(method: &Method, pattern: Option<&str>, status: u16, took: Duration) {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS];
    let method = if known.contains(method) { method.to_string() } else { "other".to_owned() };
    let route = pattern.map_or_else(|| "none".to_owned(), template);
    metrics::histogram!(REQUEST_SECONDS, "method" => method, "route" => route, "status" => status.to_string())
        .record(took.as_secs_f64());
}
