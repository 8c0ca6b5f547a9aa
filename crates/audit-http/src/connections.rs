//! Ends connections that hold a socket and ask for nothing.
//!
//! actix times the first head of a connection only. After an answer its idle timer runs until the first byte of the next head;
//! from then on nothing runs, and half a head holds the socket for ever. The same goes for a chunked body that no handler
//! reads, and for answers that nobody takes. So every connection is written down here, and one watcher looks at all of them.

use std::any::Any;
use std::convert::Infallible;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::Error;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::rt::net;
use bytes::Bytes;

/// How often the watcher looks: a connection may live this much longer than it should.
const LOOK: Duration = Duration::from_secs(1);

/// What a connection takes of an answer at a time. actix asks for more when it has sent nearly all of the last piece. So each
/// piece is a sign of life, where a page of many MiB in one would be silent until its end (and copied whole besides), and when
/// an answer's body is gone, all of it is with the operating system but for 32 KiB at most.
const PIECE: usize = 64 * 1024;

/// A client that takes no piece of its answer for so many times the time of a silent one is gone. Generous, because the operating
/// system reports room only when a third of a send buffer of up to 4 MiB is free: with the defaults (4 × 80 s), that is 4 KiB/s
/// for the largest buffer, which only a fast connection gets. There is no bound on the whole answer.
const STALLED: u32 = 4;

/// What a connection does, and since when.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Waits for the head of a request. Bytes of it do not count: one now and then must not buy more time.
    Waiting(Instant),
    /// A handler is at work. It bounds itself, also the time that a body may take.
    Answering,
    /// An answer is on its way, and this is when a piece of it was taken.
    Sending(Instant),
}

/// An open connection. Lives in actix's data of it, so that our descriptor is closed with actix's.
#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    phase: Mutex<Phase>,
}

impl Connection {
    fn enter(&self, phase: Phase) {
        *lock(&self.phase) = phase;
    }
}

/// All connections of a server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections(Arc<Mutex<Vec<Weak<Connection>>>>);

impl Connections {
    /// For `HttpServer::on_connect`. A stream cannot be shut down through actix, hence the second descriptor. Without one (there
    /// are none left) the connection cannot be watched, and [`watch`] sees to it that it ends with its first answer: the first
    /// head is timed by actix. A TLS connection comes here after its handshake, which is timed by actix too.
    pub(crate) fn opened(&self, io: &dyn Any, data: &mut Extensions) {
        let plain = io.downcast_ref::<net::TcpStream>();
        let secured = || io.downcast_ref::<TlsStream<net::TcpStream>>().map(|stream| stream.get_ref().0);
        let Some(stream) = plain.or_else(secured) else { return };
        match stream.as_fd().try_clone_to_owned() {
            Ok(descriptor) => {
                let phase = Mutex::new(Phase::Waiting(Instant::now()));
                let connection = Arc::new(Connection { stream: TcpStream::from(descriptor), phase });
                lock(&self.0).push(Arc::downgrade(&connection));
                data.insert(connection);
            }
            Err(error) => tracing::warn!(%error, "a connection cannot be watched: it will end with its first answer"),
        }
    }

    /// Ends what waits for longer than `quiet`, as long as it is polled.
    pub(crate) async fn watch(&self, quiet: Duration) -> Infallible {
        loop {
            tokio::time::sleep(LOOK).await;
            self.look(quiet);
        }
    }

    fn look(&self, quiet: Duration) {
        lock(&self.0).retain(|connection| {
            let Some(connection) = connection.upgrade() else { return false };
            // Held until the end, so that a request that begins now begins before or after.
            let phase = lock(&connection.phase);
            let over = match *phase {
                Phase::Waiting(since) => since.elapsed() > quiet,
                Phase::Answering => false,
                Phase::Sending(since) => since.elapsed() > quiet.saturating_mul(STALLED),
            };
            // actix reads the end of the stream, or fails to write, and drops the connection. If it is not there any more, this
            // fails, and nothing is left to do.
            if over && connection.stream.shutdown(Shutdown::Both).is_ok() {
                tracing::debug!(phase = ?*phase, "ended a connection");
            }
            true
        });
    }
}

/// Outermost around the application: what happens between a request's head and the end of its answer is not idleness.
pub(crate) async fn watch(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let busy = Busy(request.conn_data::<Arc<Connection>>().cloned());
    busy.enter(Phase::Answering);
    let mut response = next.call(request).await?;
    if busy.0.is_none() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    busy.enter(Phase::Sending(Instant::now()));
    Ok(response.map_body(|_, body| Answer { body: Box::pin(body), rest: Bytes::new(), busy }))
}

/// A request on its way. The connection waits again however this ends: sent, failed, or given up.
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

/// The body of an answer, in pieces. It is dropped when actix has taken the last one.
struct Answer<B> {
    body: Pin<Box<B>>,
    rest: Bytes,
    busy: Busy,
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
        this.busy.enter(Phase::Sending(Instant::now()));
        Poll::Ready(Some(Ok(this.rest.split_to(PIECE.min(this.rest.len())))))
    }
}

/// A phase is written whole, so one that a panic left behind is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_is_forgotten_with_its_data() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = actix_web::rt::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (connections, mut data) = (Connections::default(), Extensions::new());
        connections.opened(&stream, &mut data);
        connections.look(Duration::from_secs(60));
        assert_eq!(lock(&connections.0).len(), 1);
        drop(data);
        connections.look(Duration::from_secs(60));
        assert_eq!(lock(&connections.0).len(), 0);
    }
}
