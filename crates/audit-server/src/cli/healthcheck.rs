//! `healthcheck`: checks whether the server of these settings is ready, for containers and service
//! managers.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::config::Settings;

/// A server that needs longer is not healthy. The container runtime gives up after 30 s at the
/// latest.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let listen = &settings.server.listen;
    let address = address_of(listen)?;
    let answer = audit_http::probe(address, settings.tls.is_some(), "/readyz", TIMEOUT)
        .with_context(|| format!("no server answers at {listen}"))?;
    match answer.status {
        200 => {
            stdout_line!("ready");
            Ok(())
        }
        status => bail!("the server at {listen} is not ready: it answers {status} {}", answer.body.trim()),
    }
}

/// The first address on which the server would listen.
pub(super) fn address_of(listen: &str) -> anyhow::Result<SocketAddr> {
    let mut addresses = listen.to_socket_addrs().with_context(|| format!("`{listen}` cannot be looked up"))?;
    let address = addresses.next().with_context(|| format!("`{listen}` has no address"))?;
    if address.port() == 0 {
        bail!("the server listens on any free port (--listen {listen}), so this command cannot find it: give it a fixed port");
    }
    Ok(address)
}
