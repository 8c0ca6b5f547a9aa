//! The message of a server that is ready: a block for people, or one line for machines.

use std::net::SocketAddr;

use audit_http::store::Store;

use crate::config::{LogFormat, Settings};
use crate::telemetry;

/// Logs that the server is ready, and the dangers of its settings, unless the level of the log
/// excludes them.
pub(super) fn say(settings: &Settings, store: &Store, address: SocketAddr) {
    let (version, database) = (env!("CARGO_PKG_VERSION"), store.location());
    let mode = if settings.production { "production" } else { "development" };
    let config = settings.file.as_ref().map_or("none".to_owned(), |path| path.display().to_string());
    let url = url(settings, address);
    let docs = format!("{url}/docs");
    // Through a proxy the public address differs from the socket, which a person at this machine
    // wants to know.
    let listens = settings.server.api.public_url.as_ref().map_or(String::new(), |_| format!(", listening on {address}"));
    match telemetry::format(settings) {
        LogFormat::Json => {
            tracing::info!(version, config, database, %address, url, mode, docs, "audit-server is ready");
        }
        LogFormat::Text if tracing::enabled!(tracing::Level::INFO) => {
            stderr_line!(
                "\n  audit-server {version} is ready\n\n  address   {url}{listens}\n  docs      {docs}\n  database  {database}\n  settings  {config}\n  \
                 mode      {mode}\n"
            );
        }
        LogFormat::Text => {}
    }
    // In production mode no dangers are left, and in development mode advice would not help.
    settings.dangers().iter().for_each(|danger| tracing::warn!("{danger}"));
    match store.excess_privileges() {
        Ok(privileges) => privileges
            .iter()
            .for_each(|power| tracing::warn!("the database role {power}: it could change or delete entries of the log")),
        Err(error) => tracing::warn!(%error, "the privileges of the database role cannot be read"),
    }
    if settings.production {
        settings.advice().iter().for_each(|advice| tracing::warn!("{advice}"));
    }
}

/// The address for a browser: the public address, otherwise the one at which this machine reaches
/// the socket.
pub(super) fn url(settings: &Settings, address: SocketAddr) -> String {
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let reachable = SocketAddr::new(audit_http::reachable(address.ip()), address.port());
    settings.server.api.public_url.clone().unwrap_or_else(|| format!("{scheme}://{reachable}"))
}
