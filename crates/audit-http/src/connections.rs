//! Ends connections that hold a socket and do not send a request.
//!
//! actix times only the first head of a connection. After an answer, its idle timer runs until the
//! first byte of the next head. From then on no timer runs, and half a head holds the socket
//! forever. The same is true of a chunked body that no handler reads, and of an answer that the
//! client does not take. So this module lists every connection, and one watcher checks all of them.
//!
//! No crate does this. A stream with timeouts, such as that of tokio-io-timeout, restarts its clock
//! with every byte, and it does not know whether a handler is at work. A head that is sent byte by
//! byte would still hold the socket.

use std::convert::Infallible;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::ACCEPT_ENCODING;
use actix_web::http::{ConnectionType, Version};
use actix_web::middleware::Next;
use actix_web::rt::net;
use actix_web::{Error, HttpMessage};
use bytes::Bytes;

use crate::read_ahead::{ReadAhead, Taken};

/// The interval of the watcher. A connection may live this much longer than it should.
const LOOK: Duration = Duration::from_secs(1);

/// The bytes of a piece of an answer. actix copies each piece, and asks for more after it has sent
/// nearly all of the last piece.
const PIECE: usize = 64 * 1024;

/// The activity of a connection, and its start.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// The connection waits for the head of a request. Bytes of the head do not count, because a
    /// byte now and then must not buy more time.
    Waiting(Instant),
    /// A handler is at work, or its answer is on its way. The handler limits itself, also the time
    /// that a body may take.
    Answering,
}

/// The times after which a connection has waited too long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// The time to wait for a request.
    pub(crate) quiet: Duration,
    /// The time to wait until the client takes any part of its answer.
    pub(crate) stalled: Duration,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// The time since which the operating system has not taken any of the bytes to send.
    blocked: Option<Instant>,
}

/// An open connection, with a second descriptor of its socket. This descriptor closes together with
/// actix's data of the connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    state: Mutex<State>,
    read_ahead: Arc<ReadAhead>,
}

impl Connection {
    /// Whether the client sends nothing more: it has closed the connection, or at least its own
    /// side. A client that only closes its own side, as `nc -N` does, still gets its answer if no
    /// code calls this function.
    pub(crate) fn is_gone(&self) -> bool {
        match self.stream.peek(&mut [0]) {
            Ok(bytes) => bytes == 0,
            Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }

    pub(crate) fn read_ahead(&self) -> &ReadAhead {
        &self.read_ahead
    }

    fn enter(&self, phase: Phase) {
        lock(&self.state).phase = phase;
    }

    /// Notes that there are bytes to send and no room for them.
    pub(crate) fn has_to_wait(&self) {
        lock(&self.state).blocked.get_or_insert_with(Instant::now);
    }

    /// Notes that the operating system took some of the bytes. It takes the last bytes of an answer
    /// when the connection already waits for a request.
    pub(crate) fn has_written(&self) {
        let mut state = lock(&self.state);
        state.blocked = None;
        if let Phase::Waiting(since) = &mut state.phase {
            *since = Instant::now();
        }
    }
}

/// The endpoint to which a client connected, in actix's data of the connection: whether it uses
/// TLS, and the address on this side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Endpoint {
    pub(crate) secure: bool,
    pub(crate) address: SocketAddr,
}

/// All connections of a server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections(Arc<Mutex<Vec<Weak<Connection>>>>);

impl Connections {
    /// Lists a new connection. A stream cannot be shut down through actix, so the list has a second
    /// descriptor. Without one (no descriptors are left) the connection cannot be watched.
    /// [`watch`] then ends it with its first answer; actix times the first head and the TLS
    /// handshake.
    pub(crate) fn opened(&self, stream: &net::TcpStream) -> Option<Arc<Connection>> {
        match stream.as_fd().try_clone_to_owned() {
            Ok(descriptor) => {
                let state = Mutex::new(State { phase: Phase::Waiting(Instant::now()), blocked: None });
                let connection = Arc::new(Connection { stream: TcpStream::from(descriptor), state, read_ahead: Arc::default() });
                lock(&self.0).push(Arc::downgrade(&connection));
                Some(connection)
            }
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be watched: it will end with its first answer");
                None
            }
        }
    }

    /// Ends the connections that wait longer than `patience`, as long as this future is polled.
    pub(crate) async fn watch(&self, patience: Patience) -> Infallible {
        loop {
            tokio::time::sleep(LOOK).await;
            self.look(patience);
        }
    }

    fn look(&self, patience: Patience) {
        lock(&self.0).retain(|connection| {
            let Some(connection) = connection.upgrade() else { return false };
            // The lock is held until the end, so that a request that begins now begins before or
            // after the check.
            let state = lock(&connection.state);
            let is_quiet = matches!(state.phase, Phase::Waiting(since) if since.elapsed() > patience.quiet);
            let is_stalled = state.blocked.is_some_and(|since| since.elapsed() > patience.stalled);
            // actix reads the end of the stream, or fails to write, and drops the connection. If
            // the connection is already gone, the shutdown fails, and nothing is left to do.
            if (is_quiet || is_stalled) && connection.stream.shutdown(Shutdown::Both).is_ok() {
                tracing::debug!(state = ?*state, "ended a connection");
            }
            true
        });
    }
}

/// The outermost middleware of the application. The time between the head of a request and the end
/// of its answer is not idleness. An answer to HTTP/1.0 has a length, or ends with the connection.
pub(crate) async fn watch(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let busy = Busy(request.conn_data::<Arc<Connection>>().cloned());
    busy.enter(Phase::Answering);
    let is_old = request.version() < Version::HTTP_11;
    if is_old {
        // An answer that is compressed on the way does not have a length. Only chunks would then
        // keep the connection open, and HTTP/1.0 does not have chunks.
        request.headers_mut().remove(ACCEPT_ENCODING);
    }
    if let Some(connection) = &busy.0 {
        let payload = Taken::of(request.take_payload(), &connection.read_ahead);
        request.set_payload(payload);
    }
    let mut response = next.call(request).await?;
    let is_endless = is_old && response.response().body().size() == BodySize::Stream;
    let head = response.response_mut().head_mut();
    head.no_chunking(is_endless);
    if is_endless || busy.0.is_none() {
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(response.map_body(|_, body| Answer { body: Box::pin(body), rest: Bytes::new(), _busy: busy }))
}

/// A request on its way. The connection waits again after the answer is sent, has failed, or is
/// given up.
struct Busy(Option<Arc<Connection>>);

impl Busy {
    fn enter(&self, phase: Phase) {
        if let Some(connection) = &self.0 {
            connection.enter(phase);
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.enter(Phase::Waiting(Instant::now()));
    }
}

/// The body of an answer, in pieces. actix drops it after it has taken the last piece.
struct Answer<B> {
    body: Pin<Box<B>>,
    rest: Bytes,
    _busy: Busy,
}

impl<B: MessageBody> MessageBody for Answer<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            match ready!(this.body.as_mut().poll_next(context)) {
                Some(Ok(bytes)) => this.rest = bytes,
                end => return Poll::Ready(end),
            }
        }
        Poll::Ready(Some(Ok(this.rest.split_to(PIECE.min(this.rest.len())))))
    }
}

/// Locks a mutex. Each change is a single assignment, so a panic while the lock is held leaves a
/// usable state.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { quiet: Duration::from_secs(60), stalled: Duration::from_secs(60) };

    #[tokio::test]
    async fn a_connection_is_forgotten_with_its_data() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = actix_web::rt::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let connections = Connections::default();
        let connection = connections.opened(&stream);
        connections.look(PATIENCE);
        assert_eq!(lock(&connections.0).len(), 1);
        drop(connection);
        connections.look(PATIENCE);
        assert_eq!(lock(&connections.0).len(), 0);
    }
}
