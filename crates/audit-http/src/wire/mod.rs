//! From an accepted socket to the stream that actix speaks HTTP on.
//!
//! `HttpServer` takes sockets only, so this module and [`server`](crate::server) do what it does: watch the socket, do the TLS
//! handshake above that, read it a portion at a time, and take offers of an upgrade out of what is read at the top.

mod framing;
mod portion;
mod unoffered;
mod watched;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::Protocol;
use actix_http::error::DispatchError;
use actix_service::boxed::{self, BoxServiceFactory};
use actix_service::{ServiceFactoryExt, fn_service};
use actix_tls::accept::TlsError;
use actix_tls::accept::rustls_0_23::{Acceptor, TlsStream};
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connections::{Connections, Endpoint};
use unoffered::Unoffered;
use watched::Watched;

/// What HTTP is spoken on.
pub(crate) type Wire = Unoffered<Secured>;

/// Why a connection ended other than by its end.
pub(crate) type Ended = TlsError<io::Error, DispatchError>;

/// A connection for actix's `HttpService`.
pub(crate) type Accepted = (Wire, Protocol, Option<SocketAddr>);

/// TLS handshakes of a worker under way at once. A worker that has so many accepts nobody, so it must not be few: a client that
/// stays silent holds one until the time for heads is over.
const HANDSHAKES_MAX: usize = 4096;

/// With TLS or without.
pub(crate) enum Secured {
    Plain(Watched),
    Tls(Box<TlsStream<Watched>>),
}

impl Secured {
    fn watched(&self) -> &Watched {
        match self {
            Secured::Plain(stream) => stream,
            Secured::Tls(stream) => stream.get_ref().0,
        }
    }
}

/// Makes connections of sockets.
pub(crate) fn acceptor(
    connections: Connections,
    tls: Option<rustls::ServerConfig>,
    handshake_timeout: Duration,
) -> BoxServiceFactory<(), TcpStream, Accepted, Ended, ()> {
    let watched = fn_service(move |stream: TcpStream| {
        let connection = connections.opened(&stream);
        std::future::ready(Ok::<_, TlsError<io::Error, Infallible>>(Watched::new(stream, connection)))
    });
    let Some(mut config) = tls else {
        return boxed::factory(watched.map(|stream| accepted(Secured::Plain(stream))).map_err(TlsError::into_service_error));
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    actix_tls::accept::max_concurrent_tls_connect(HANDSHAKES_MAX);
    let mut handshake = Acceptor::new(config);
    handshake.set_handshake_timeout(handshake_timeout);
    let secured = watched.and_then(handshake).map(|stream| accepted(Secured::Tls(Box::new(stream))));
    boxed::factory(secured.map_err(TlsError::into_service_error))
}

fn accepted(stream: Secured) -> Accepted {
    let client = stream.watched().stream().peer_addr().ok();
    (Unoffered::new(stream), Protocol::Http1, client)
}

/// What the requests of a connection can look up.
pub(crate) fn describe(wire: &Wire, data: &mut Extensions) {
    let stream = wire.get_ref();
    let watched = stream.watched();
    if let Some(connection) = watched.connection() {
        data.insert(connection.clone());
    }
    if let Ok(address) = watched.stream().local_addr() {
        data.insert(Endpoint { secure: matches!(stream, Secured::Tls(_)), address });
    }
}

/// What cannot be read as HTTP, handshakes that fail and clients that go away are nothing that an operator could mend.
pub(crate) fn log_end(ended: &Ended) {
    match ended {
        TlsError::Service(DispatchError::Body(_) | DispatchError::InternalError | DispatchError::Service(_)) => {
            tracing::error!(error = %ended_text(ended), "a connection broke off");
        }
        _ => tracing::debug!(error = %ended_text(ended), "a connection ended early"),
    }
}

/// Whether the server says this in its own words. actix logs every request that it cannot read as an error: one port scan, and
/// nobody looks at errors any more.
#[must_use]
pub fn is_said_otherwise(metadata: &tracing::Metadata<'_>) -> bool {
    metadata.target() == "actix_http::h1::dispatcher" && *metadata.level() == tracing::Level::ERROR
}

fn ended_text(ended: &Ended) -> String {
    match ended {
        TlsError::Timeout => "the TLS handshake took too long".to_owned(),
        TlsError::Tls(error) => format!("TLS: {error}"),
        TlsError::Service(error) => error.to_string(),
    }
}

impl AsyncRead for Secured {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Secured::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Secured::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Secured {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Secured::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Secured::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Secured::Plain(stream) => Pin::new(stream).poll_flush(context),
            Secured::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Secured::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Secured::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
