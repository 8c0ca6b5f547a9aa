//! What the server says about itself when it is ready: a block for people, one line for machines.

use std::net::SocketAddr;

use audit_http::store::Store;

use crate::config::{LogFormat, Settings};
use crate::telemetry;

/// Says it, and what is dangerous about it, unless the log is told to be quiet.
pub(super) fn say(settings: &Settings, store: &Store, address: SocketAddr) {
    let (version, database) = (env!("CARGO_PKG_VERSION"), store.location());
    let mode = if settings.production { "production" } else { "development" };
    let config = settings.file.as_ref().map_or("none".to_owned(), |path| path.display().to_string());
    let url = url(settings, address);
    let docs = format!("{url}/docs");
    // Behind a proxy the socket is elsewhere, and a person at this machine wants to know where.
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
    // In production there are no dangers left, and in development advice would be beside the point.
    settings.dangers().iter().for_each(|danger| tracing::warn!("{danger}"));
    match store.excess_privileges() {
        Ok(privileges) => privileges
            .iter()
            .for_each(|power| tracing::warn!("the database role {power}: it could change or delete entries of the log")),
        Err(error) => tracing::warn!(%error, "what the database role may do cannot be told"),
    }
    if settings.production {
        settings.advice().iter().for_each(|advice| tracing::warn!("{advice}"));
    }
}

/// What to put into a browser: the public address, else the one to reach the socket at from this machine.
pub(super) fn url(settings: &Settings, address: SocketAddr) -> String {
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let reachable = SocketAddr::new(audit_http::reachable(address.ip()), address.port());
    settings.server.api.public_url.clone().unwrap_or_else(|| format!("{scheme}://{reachable}"))
}
