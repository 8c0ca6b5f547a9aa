//! Makes the stream on which actix speaks HTTP from an accepted socket.
//!
//! `HttpServer` takes only sockets, so this module and [`server`](crate::server) do its work: they
//! watch the socket, do the TLS handshake above it, read it a portion at a time, and remove offers
//! of an upgrade from the requests at the top.

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

/// The stream on which the server speaks HTTP.
pub(crate) type Wire = Unoffered<Secured>;

/// The error that ended a connection early.
pub(crate) type Ended = TlsError<io::Error, DispatchError>;

/// A connection for actix's `HttpService`.
pub(crate) type Accepted = (Wire, Protocol, Option<SocketAddr>);

/// The maximum number of TLS handshakes of a worker at once. A worker with this many handshakes
/// accepts no connection, so the number must not be small: a silent client holds one handshake
/// until the time for heads is over.
const HANDSHAKES_MAX: usize = 4096;

/// A connection with TLS or without.
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

/// Makes connections from sockets.
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

/// Adds the data of a connection that its requests can look up.
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

/// Logs the end of a connection. An operator cannot correct requests that are not HTTP, handshakes
/// that fail and clients that go away, so these are logged at debug.
pub(crate) fn log_end(ended: &Ended) {
    match ended {
        TlsError::Service(DispatchError::Body(_) | DispatchError::InternalError | DispatchError::Service(_)) => {
            tracing::error!(error = %ended_text(ended), "a connection broke off");
        }
        _ => tracing::debug!(error = %ended_text(ended), "a connection ended early"),
    }
}

/// Whether the server logs this message in its own words. actix logs every request that it cannot
/// read as an error. After one port scan an operator would no longer look at errors.
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
