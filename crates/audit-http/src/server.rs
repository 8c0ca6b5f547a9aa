//! The server: one listening socket, the API behind it, and an orderly end.

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

/// Why the server cannot listen; one sentence for the person who starts it.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {listen}: {why}")]
pub struct ListenError {
    /// As it was set.
    pub listen: String,
    /// What the operating system said.
    pub why: String,
}

/// actix's own bound on workers.
const WORKERS_MAX: usize = 512;

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
        let Server { listener, address, store, config } = self;
        let ids = RequestIds::draw()?;
        // Once, for all workers: what their requests share is in here.
        let api = configure(store.clone(), config.api.clone());
        let connections = Connections::default();
        let server = actix_web::dev::Server::build()
            .workers(config.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX)))
            .shutdown_timeout(config.shutdown_timeout.as_secs())
            .disable_signals();
        let stopping = server.graceful_shutdown_signal();
        let tls = config.tls.as_ref().map(|tls| tls.server_config().map_err(std::io::Error::other)).transpose()?;
        let (opened, settings) = (connections.clone(), config.clone());
        // What a worker does with a socket; actix-web's `HttpServer` does the same, but for the stream that it is read through.
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
                // Connections that wait for a request end with the server, and do not keep it from ending.
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .keep_alive(settings.idle_timeout)
                .client_request_timeout(settings.head_timeout)
                // Who is answered before the end of a body may send on for as long as the body could have taken, and what comes is
                // thrown away. Closed at once, the socket would answer the rest with a reset, which takes the answer away from who has
                // not read it yet. A stop waits for it.
                .client_disconnect_timeout(settings.api.body_timeout.min(settings.shutdown_timeout / 2))
                .on_connect_ext(wire::describe)
                .finish(map_config(app, |()| AppConfig::default()));
            wire::acceptor(opened.clone(), tls.clone(), settings.head_timeout)
                .and_then(http.map_err(TlsError::Service))
                .map_err(|ended| wire::log_end(&ended))
        };
        let server = server.listen(format!("http-{address}"), listener, worker)?.run();
        let patience = patience(&config);
        // Beside the server to the very end: a stop waits for slow connections too.
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

/// Who was answered before the end of a body may send the rest of it for as long as a body may take, and reads the answer only then.
/// To the watcher, that is as quiet as an idle connection.
fn patience(config: &ServerConfig) -> Patience {
    let idle = config.idle_timeout.saturating_add(config.head_timeout);
    Patience { quiet: idle.max(config.api.body_timeout), stalled: config.stall_timeout }
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

async fn serve(server: actix_web::dev::Server, stop: impl Future<Output = ()>) -> std::io::Result<()> {
    let handle = server.handle();
    let mut running = std::pin::pin!(server);
    tokio::select! {
        ended = &mut running => ended,
        () = stop => {
            // The server future has to go on running for the stop to finish.
            let stopping = handle.stop(true);
            let (_, ended) = tokio::join!(stopping, running);
            ended
        }
    }
}
