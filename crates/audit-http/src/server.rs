//! The server: one listening socket, the API behind it, and an orderly end.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::time::Duration;

use actix_web::middleware::{Compress, DefaultHeaders, from_fn};
use actix_web::{App, HttpServer, web};
use audit_store::Store;

use crate::access_log::{RequestIds, access_log};
use crate::api::unknown_path;
use crate::config::ServerConfig;
use crate::configure;
use crate::connections::{Connections, watch};
use crate::cors::cors;

/// Why the server cannot listen; one sentence for the person who starts it.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {listen}: {why}")]
pub struct ListenError {
    /// As it was set.
    pub listen: String,
    /// What the operating system said.
    pub why: String,
}

/// TLS handshakes of a worker under way at once. A worker that has so many accepts nobody, so it must not be few: a client that
/// stays silent holds one until the time for heads is over.
const HANDSHAKES_MAX: usize = 4096;

/// A server that listens already, and answers once it runs.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    store: Store,
    config: ServerConfig,
}

impl Server {
    /// Takes the address.
    ///
    /// # Errors
    /// [`ListenError`]
    pub fn bind(store: Store, config: ServerConfig) -> Result<Server, ListenError> {
        let fail = |why: std::io::Error| {
            let why = match why.kind() {
                std::io::ErrorKind::AddrInUse => "another program listens there already".to_owned(),
                _ => why.to_string(),
            };
            ListenError { listen: config.listen.clone(), why }
        };
        let addresses: Vec<SocketAddr> = config.listen.to_socket_addrs().map_err(fail)?.collect();
        let listener = TcpListener::bind(addresses.as_slice()).map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        Ok(Server { listener, address, store, config })
    }

    /// Where it listens, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `stop` is ready or a writer of the store panics; then accepts no more, finishes what was accepted, and
    /// closes the store.
    ///
    /// # Errors
    /// What the operating system says about the socket; that it has no random bytes; what a writer panicked with.
    pub async fn run(self, stop: impl Future<Output = ()>) -> std::io::Result<()> {
        let Server { listener, store, config, .. } = self;
        let (api_store, api, origins) = (store.clone(), config.api.clone(), config.cors_origins.clone());
        let ids = RequestIds::draw()?;
        let connections = Connections::default();
        let opened = connections.clone();
        let server = HttpServer::new(move || {
            App::new()
                .wrap(cors(&origins))
                .wrap(Compress::default())
                .wrap(DefaultHeaders::new().add(("X-Content-Type-Options", "nosniff")).add(("Cache-Control", "no-store")))
                .wrap(from_fn(access_log))
                .wrap(from_fn(watch))
                .app_data(ids.clone())
                .configure(configure(api_store.clone(), api.clone()))
                .default_service(web::to(unknown_path))
        })
        .tls_handshake_timeout(config.head_timeout)
        .max_connection_rate(HANDSHAKES_MAX)
        .workers(config.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)))
        .client_request_timeout(config.head_timeout)
        .keep_alive(config.idle_timeout)
        .on_connect(move |io, data| opened.opened(io, data))
        .shutdown_timeout(config.shutdown_timeout.as_secs())
        .disable_signals();
        let server = match &config.tls {
            Some(tls) => server.listen_rustls_0_23(listener, tls.server_config().map_err(std::io::Error::other)?)?,
            None => server.listen(listener)?,
        }
        .run();
        let handle = server.handle();
        let serve = async {
            let mut running = std::pin::pin!(server);
            tokio::select! {
                ended = &mut running => ended,
                () = stop_or_panic(stop, &store) => {
                    // The server future has to go on running for the stop to finish.
                    let stopping = handle.stop(true);
                    let (_, ended) = tokio::join!(stopping, running);
                    ended
                }
            }
        };
        // Beside the server to the very end: a stop waits for slow connections too.
        tokio::select! {
            ended = serve => ended?,
            never = connections.watch(config.idle_timeout.saturating_add(config.head_timeout)) => match never {},
        }
        store.close();
        match store.writer_panic() {
            Some(message) => Err(std::io::Error::other(format!("the writer thread panicked: {message}"))),
            None => Ok(()),
        }
    }
}

/// How often the server looks whether its writers live.
const WRITERS_LOOKED_AT: Duration = Duration::from_millis(500);

/// Ready when the server is to stop, or a writer has panicked: all appends are refused from then on, and only a new start helps.
async fn stop_or_panic(stop: impl Future<Output = ()>, store: &Store) {
    let panicked = async {
        while store.writer_panic().is_none() {
            tokio::time::sleep(WRITERS_LOOKED_AT).await;
        }
        tracing::error!("stopping, since nothing can be appended any more");
    };
    tokio::select! {
        () = stop => {}
        () = panicked => {}
    }
}
