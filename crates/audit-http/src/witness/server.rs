//! The server of a witness: two paths, and nothing else.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{App, HttpResponse, HttpServer, web};
use audit_store::StoreError;
use audit_store::domain::Timestamp;

use super::{Reply, TEXT, WitnessService};
use crate::server::ListenError;

/// Bytes of the largest request: a proof, and a checkpoint with a hundred signatures.
const BODY_BYTES_MAX: usize = 128 * 1024;

/// The time that the head of a request may take, and that a connection may be idle.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);
const IDLE_PATIENCE: Duration = Duration::from_secs(75);

/// The time that a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// Threads that answer, and connections of each.
const WORKERS: usize = 2;
const CONNECTIONS_MAX: usize = 1_000;

/// Seconds for accepted requests at the end.
const END_SECONDS: u64 = 10;

/// A witness that already listens, and that answers after [`WitnessServer::run`] is called.
#[derive(Debug)]
pub struct WitnessServer {
    listener: TcpListener,
    address: SocketAddr,
    service: Arc<WitnessService>,
}

impl WitnessServer {
    /// Binds the address.
    ///
    /// # Errors
    ///
    /// [`ListenError`]: the address is in use, is not one of this machine, or may not be used.
    pub fn bind(service: WitnessService, listen: &str) -> Result<WitnessServer, ListenError> {
        let fail = |why: std::io::Error| ListenError { listen: listen.to_owned(), why: why.to_string() };
        let addresses: Vec<SocketAddr> = listen.to_socket_addrs().map_err(fail)?.collect();
        let listener = TcpListener::bind(addresses.as_slice()).map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        Ok(WitnessServer { listener, address, service: Arc::new(service) })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `asked` is ready, and finishes the accepted requests.
    ///
    /// # Errors
    ///
    /// The message of the operating system.
    pub async fn run(self, asked: impl Future<Output = ()>) -> std::io::Result<()> {
        let WitnessServer { listener, service, .. } = self;
        let app = move || {
            App::new()
                .app_data(web::Data::from(Arc::clone(&service)))
                .route("/add-checkpoint", web::post().to(add_checkpoint))
                .route("/{origin_hash}/checkpoint", web::get().to(checkpoint))
                .default_service(web::to(|| async { text(StatusCode::NOT_FOUND, "there is nothing here\n") }))
        };
        let server = HttpServer::new(app)
            .workers(WORKERS)
            .max_connections(CONNECTIONS_MAX)
            .client_request_timeout(HEAD_PATIENCE)
            .keep_alive(IDLE_PATIENCE)
            .shutdown_timeout(END_SECONDS)
            .disable_signals()
            .listen(listener)?
            .run();
        let handle = server.handle();
        let mut server = std::pin::pin!(server);
        let mut asked = std::pin::pin!(asked);
        tokio::select! {
            ended = &mut server => return ended,
            () = &mut asked => {}
        }
        let ((), ended) = tokio::join!(handle.stop(true), server);
        ended
    }
}

async fn add_checkpoint(service: web::Data<WitnessService>, body: web::Payload) -> HttpResponse {
    let body = match tokio::time::timeout(BODY_PATIENCE, body.to_bytes_limited(BODY_BYTES_MAX)).await {
        Ok(Ok(Ok(body))) => body,
        Ok(Ok(Err(_))) => return text(StatusCode::BAD_REQUEST, "the request does not arrive whole\n"),
        Ok(Err(_)) => return text(StatusCode::PAYLOAD_TOO_LARGE, "a request has at most 131072 bytes\n"),
        Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the request took too long\n"),
    };
    let decided = web::block(move || {
        let now = (Timestamp::now()?.micros() / 1_000_000).unsigned_abs();
        service.add_checkpoint(&body, now)
    });
    match decided.await {
        Ok(Ok(Reply { status, media_type, body })) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            HttpResponse::build(status).insert_header((CONTENT_TYPE, media_type)).body(body)
        }
        Ok(Err(error)) => failed(&error),
        Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "the witness is stopping\n"),
    }
}

async fn checkpoint(service: web::Data<WitnessService>, origin_hash: web::Path<String>) -> HttpResponse {
    match web::block(move || service.latest(&origin_hash)).await {
        Ok(Ok(Some(note))) => {
            HttpResponse::Ok().insert_header((CONTENT_TYPE, TEXT)).insert_header((CACHE_CONTROL, "no-cache")).body(note)
        }
        Ok(Ok(None)) => text(StatusCode::NOT_FOUND, "this witness has no checkpoint of this log\n"),
        Ok(Err(error)) => failed(&error),
        Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "the witness is stopping\n"),
    }
}

/// What went wrong is in the log of the program: the answer goes to strangers.
fn failed(error: &StoreError) -> HttpResponse {
    tracing::error!(%error, "the witness cannot use its file or its clock, and cosigns nothing");
    text(StatusCode::SERVICE_UNAVAILABLE, "the witness cannot cosign now\n")
}

fn text(status: StatusCode, body: &'static str) -> HttpResponse {
    HttpResponse::build(status).insert_header((CONTENT_TYPE, TEXT)).body(body)
}
