//! A TCP stream that measures for how long its client has taken no bytes, and that is not read far
//! ahead of the handler of a body.
//!
//! tokio-io-timeout measures this too. But actix accepts only streams with its trait `ActixStream`,
//! so a wrapper of this size would still be needed around the stream of that crate.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::rt::net::{ActixStream, Ready, TcpStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connections::Connection;

/// The maximum bytes of an answer that the operating system holds unsent. Without this bound it
/// buffers up to 4 MiB, and reports room only after a third of that is free. A client could then
/// take its answer at a good pace and look dead for minutes.
#[cfg(target_os = "linux")]
const UNSENT_MAX: u32 = 64 * 1024;

/// The stream below TLS. It counts the bytes that the operating system has taken for the client.
#[derive(Debug)]
pub(crate) struct Watched {
    stream: TcpStream,
    /// The connection, or `None` if it cannot be watched.
    connection: Option<Arc<Connection>>,
}

impl Watched {
    pub(super) fn new(stream: TcpStream, connection: Option<Arc<Connection>>) -> Watched {
        #[cfg(target_os = "linux")]
        if let Err(error) = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_MAX) {
            tracing::debug!(%error, "what is unsent of an answer is bounded by the operating system alone");
        }
        Watched { stream, connection }
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn connection(&self) -> Option<&Arc<Connection>> {
        self.connection.as_ref()
    }
}

impl AsyncRead for Watched {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Watched { stream, connection } = self.get_mut();
        let Some(connection) = connection else { return Pin::new(stream).poll_read(context, buffer) };
        if !connection.read_ahead().may_read(context) {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let outcome = Pin::new(stream).poll_read(context, buffer);
        connection.read_ahead().has_read(buffer.filled().len() - before);
        outcome
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Watched { stream, connection } = self.get_mut();
        let written = Pin::new(stream).poll_write(context, bytes);
        if let Some(connection) = connection {
            match &written {
                Poll::Pending => connection.has_to_wait(),
                Poll::Ready(_) => connection.has_written(),
            }
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

impl ActixStream for Watched {
    fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(&self.stream, context)
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(&self.stream, context)
    }
}
