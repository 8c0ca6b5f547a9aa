//! Bounds how much of a body is read before its handler takes it.
//!
//! actix reads a socket until 128 KiB wait for a handler, in a buffer that doubles as it grows and
//! that the connection keeps. With 256 connections whose bodies arrive while their keys are looked
//! up, these buffers took 41 MiB. With this module the rest of a body stays in the socket, and the
//! client waits. A request that the client sends before it has the answer to the last one is not
//! bounded in this way until its own handler starts.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_util::Stream;

/// After this many bytes of a body, nothing more is read until its handler waits for more. The last
/// read may exceed it by a portion, so at most twice as much is read.
const AHEAD_BYTES_MAX: usize = 8 * 1024;

/// How far a connection has read ahead of the handler of its request.
#[derive(Debug, Default)]
pub(crate) struct ReadAhead(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The bytes that were read since the handler last waited for more. `None` if no handler has a
    /// body: heads, and the rest of a body that nobody wants, are read as they arrive.
    bytes: Option<usize>,
    /// Wakes the connection that may not read.
    reader: Option<Waker>,
}

impl ReadAhead {
    /// Whether the connection may read. If not, it is woken when it may.
    pub(crate) fn may_read(&self, context: &Context<'_>) -> bool {
        let mut state = self.state();
        let may = state.bytes.is_none_or(|bytes| bytes < AHEAD_BYTES_MAX);
        if !may {
            state.reader = Some(context.waker().clone());
        }
        may
    }

    /// Notes that the connection has read bytes.
    pub(crate) fn has_read(&self, read: usize) {
        if let Some(bytes) = &mut self.state().bytes {
            *bytes += read;
        }
    }

    /// Counts from this number of bytes on, or no longer, and lets the connection read.
    fn reset(&self, bytes: Option<usize>) {
        let mut state = self.state();
        state.bytes = bytes;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Each change is a single assignment, so a panic while the lock is held leaves a usable state.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of a request, as its handler takes it.
pub(crate) struct Taken {
    payload: Payload,
    read_ahead: Arc<ReadAhead>,
}

impl Taken {
    /// Makes the body of a request count what its connection reads ahead of its handler.
    pub(crate) fn of(payload: Payload, read_ahead: &Arc<ReadAhead>) -> Payload {
        if matches!(payload, Payload::None) {
            return payload;
        }
        read_ahead.reset(Some(0));
        Payload::Stream { payload: Box::pin(Taken { payload, read_ahead: Arc::clone(read_ahead) }) }
    }
}

impl Stream for Taken {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Taken { payload, read_ahead } = self.get_mut();
        let taken = Pin::new(payload).poll_next(context);
        if taken.is_pending() {
            read_ahead.reset(Some(0));
        }
        taken
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.read_ahead.reset(None);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use futures_util::StreamExt;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A body of these pieces; after each the handler has to wait.
    fn body(pieces: usize) -> Payload {
        let mut left = 2 * pieces;
        let next = move |context: &mut Context<'_>| {
            left = left.saturating_sub(1);
            context.waker().wake_by_ref();
            match left {
                0 => Poll::Ready(None),
                left if left.is_multiple_of(2) => Poll::Ready(Some(Ok(Bytes::from_static(b"x")))),
                _ => Poll::Pending,
            }
        };
        Payload::Stream { payload: Box::pin(futures_util::stream::poll_fn(next)) }
    }

    #[test]
    fn a_body_is_read_ahead_only_until_its_handler_waits() {
        let (wakes, read_ahead) = (Arc::<Wakes>::default(), Arc::<ReadAhead>::default());
        let (waker, woken) = (Waker::from(Arc::clone(&wakes)), || wakes.0.load(Ordering::SeqCst));
        let context = Context::from_waker(&waker);
        // A head, however long.
        read_ahead.has_read(10 * AHEAD_BYTES_MAX);
        assert!(read_ahead.may_read(&context));
        let mut taken = Taken::of(body(2), &read_ahead);
        read_ahead.has_read(AHEAD_BYTES_MAX - 1);
        assert!(read_ahead.may_read(&context));
        read_ahead.has_read(1);
        assert!(!read_ahead.may_read(&context));
        assert!(taken.poll_next_unpin(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!((woken(), read_ahead.may_read(&context)), (1, true), "the handler waits, so the connection reads on");
        read_ahead.has_read(AHEAD_BYTES_MAX);
        assert!(!read_ahead.may_read(&context) && taken.poll_next_unpin(&mut Context::from_waker(Waker::noop())).is_ready());
        assert!(!read_ahead.may_read(&context), "there may be more that the handler has not taken");
        drop(taken);
        assert_eq!((woken(), read_ahead.may_read(&context)), (2, true), "nobody wants the rest, which is read and thrown away");
        let nothing = Taken::of(Payload::None, &read_ahead);
        read_ahead.has_read(AHEAD_BYTES_MAX);
        assert!(read_ahead.may_read(&context) && matches!(nothing, Payload::None));
    }
}
