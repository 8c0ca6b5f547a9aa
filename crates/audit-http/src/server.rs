//! The server: one listening socket, the API that it serves, and an orderly end.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::time::Duration;

use actix_http::HttpService;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, map_config};
use actix_tls::accept::TlsError;
use actix_web::dev::AppConfig;
use actix_web::middleware::{Compress, DefaultHeaders, from_fn};
use actix_web::{App, web};
use audit_store::Store;

use crate::access_log::{RequestIds, access_log};
use crate::api::unknown_path;
use crate::config::ServerConfig;
use crate::configure;
use crate::connections::{Connections, Patience, watch};
use crate::cors::cors;
use crate::wire;

/// The reason why the server cannot listen, as one sentence for the person who starts it.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {listen}: {why}")]
pub struct ListenError {
    /// The address in the settings.
    pub listen: String,
    /// The message of the operating system.
    pub why: String,
}

/// The maximum number of workers, as in actix.
const WORKERS_MAX: usize = 512;

/// A server that already listens, and that answers after [`Server::run`] is called.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    store: Store,
    config: ServerConfig,
}

impl Server {
    /// Binds the address.
    ///
    /// # Errors
    ///
    /// [`ListenError`]: the address is in use, is not one of this machine, or may not be used.
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

    /// Returns the address at which the server listens, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `stop` is ready or a writer of the store panics. Then the server
    /// accepts no more connections, finishes the accepted requests, and closes the store.
    ///
    /// # Errors
    /// The error of the operating system about the socket or about missing random bytes, or the
    /// panic of a writer.
    pub async fn run(self, stop: impl Future<Output = ()>) -> std::io::Result<()> {
        let Server { listener, address, store, config } = self;
        let ids = RequestIds::draw()?;
        // The API is made once for all workers, because it has the state that their requests share.
        let api = configure(store.clone(), config.api.clone());
        let connections = Connections::default();
        let server = actix_web::dev::Server::build()
            .workers(config.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX)))
            .shutdown_timeout(config.shutdown_timeout.as_secs())
            .disable_signals();
        let stopping = server.graceful_shutdown_signal();
        let tls = config.tls.as_ref().map(|tls| tls.server_config().map_err(std::io::Error::other)).transpose()?;
        let (opened, settings) = (connections.clone(), config.clone());
        // Handles a socket in a worker. actix-web's `HttpServer` does the same, but reads from
        // another stream.
        let worker = move || {
            let app = App::new()
                .wrap(cors(&settings.cors_origins))
                .wrap(Compress::default())
                .wrap(DefaultHeaders::new().add(("X-Content-Type-Options", "nosniff")).add(("Cache-Control", "no-store")))
                .wrap(from_fn(access_log))
                .wrap(from_fn(watch))
                .app_data(ids.clone())
                .configure(api.clone())
                .default_service(web::to(unknown_path));
            let app = app.into_factory().map_err(|error: actix_web::Error| error.error_response());
            let stopping = stopping.clone();
            let http = HttpService::build()
                // Connections that wait for a request end with the server. They do not delay its
                // end.
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .keep_alive(settings.idle_timeout)
                .client_request_timeout(settings.head_timeout)
                // A client that gets its answer before the end of its body may go on sending for as
                // long as the body could have taken, and the server discards these bytes. If the
                // server closed the socket at once, the operating system would answer the rest with
                // a reset, and a client that has not read the answer yet would lose it. A stop
                // waits for such a client.
                .client_disconnect_timeout(settings.api.body_timeout.min(settings.shutdown_timeout / 2))
                .on_connect_ext(wire::describe)
                .finish(map_config(app, |()| AppConfig::default()));
            wire::acceptor(opened.clone(), tls.clone(), settings.head_timeout)
                .and_then(http.map_err(TlsError::Service))
                .map_err(|ended| wire::log_end(&ended))
        };
        let server = server.listen(format!("http-{address}"), listener, worker)?.run();
        let patience = patience(&config);
        // The watcher runs beside the server until its very end, because a stop also waits for slow
        // connections.
        tokio::select! {
            ended = serve(server, stop_or_panic(stop, &store)) => ended?,
            never = connections.watch(patience) => match never {},
        }
        store.close();
        match store.writer_panic() {
            Some(message) => Err(std::io::Error::other(format!("the writer thread panicked: {message}"))),
            None => Ok(()),
        }
    }
}

/// Computes the times of the watcher. A client that gets its answer before the end of its body may
/// send the rest for as long as a body may take, and read the answer only then. The watcher cannot
/// distinguish such a connection from an idle one.
fn patience(config: &ServerConfig) -> Patience {
    let idle = config.idle_timeout.saturating_add(config.head_timeout);
    Patience { quiet: idle.max(config.api.body_timeout), stalled: config.stall_timeout }
}

/// The interval at which the server checks whether its writers live.
const WRITERS_LOOKED_AT: Duration = Duration::from_millis(500);

/// Waits until the server is to stop, or until a writer has panicked. After a panic the store
/// refuses all appends, and only a restart helps.
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

async fn serve(server: actix_web::dev::Server, stop: impl Future<Output = ()>) -> std::io::Result<()> {
    let handle = server.handle();
    let mut running = std::pin::pin!(server);
    tokio::select! {
        ended = &mut running => ended,
        () = stop => {
            // The future of the server must go on running so that the stop can finish.
            let stopping = handle.stop(true);
            let (_, ended) = tokio::join!(stopping, running);
            ended
        }
    }
}
