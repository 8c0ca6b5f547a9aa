//! Reads a stream a portion at a time.
//!
//! actix reads as long as there are bytes to read, up to 128 KiB, before it parses any of them.
//! Each connection keeps a buffer of that size, doubled by growing, until it closes: 60 MiB for 256
//! connections that send large bodies. With this module a turn of reading ends after a portion. The
//! module wakes the connection at once, and actix parses the portion before it reads on.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

/// The bytes of a portion. A turn of reading ends after it. Most requests are smaller than a
/// portion, and actix's buffer has this size before it grows.
const PORTION_BYTES: usize = 8 * 1024;

/// The part of a portion that was read in this turn.
#[derive(Debug, Default)]
pub(super) struct Portion {
    read: usize,
}

impl Portion {
    /// Reads from a stream, unless the turn is over.
    pub(super) fn poll_read<S: AsyncRead>(
        &mut self,
        stream: Pin<&mut S>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Portion { read } = self;
        if *read >= PORTION_BYTES {
            *read = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let left = PORTION_BYTES - *read;
        let outcome = if buffer.remaining() <= left {
            stream.poll_read(context, buffer)
        } else {
            // Read at most the rest of the portion, even if the buffer has more room: the bytes
            // that are read at once decide how the buffer grows.
            let mut portion = ReadBuf::new(buffer.initialize_unfilled_to(left));
            let outcome = stream.poll_read(context, &mut portion);
            let bytes = portion.filled().len();
            buffer.advance(bytes);
            outcome
        };
        *read = if outcome.is_pending() { 0 } else { *read + buffer.filled().len() - before };
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_turn_ends_after_a_portion_and_is_followed_by_the_next() {
        let sent: Vec<u8> = (0..100_000u32).map(|number| number as u8).collect();
        let (mut stream, mut portion) = (sent.as_slice(), Portion::default());
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let (mut received, mut turns) = (Vec::new(), vec![0]);
        loop {
            let mut buffer = [0; 3_000];
            let mut buffer = ReadBuf::new(&mut buffer);
            match portion.poll_read(Pin::new(&mut stream), &mut Context::from_waker(&waker), &mut buffer) {
                Poll::Pending => turns.push(0),
                Poll::Ready(outcome) => outcome.unwrap(),
            }
            received.extend_from_slice(buffer.filled());
            *turns.last_mut().unwrap() += buffer.filled().len();
            if received.len() == sent.len() {
                break;
            }
        }
        assert_eq!(
            (received == sent, wakes.0.load(Ordering::SeqCst)),
            (true, turns.len() - 1),
            "each turn but the first was woken"
        );
        assert!(turns.iter().rev().skip(1).all(|turn| *turn == PORTION_BYTES) && turns.len() == 13, "{turns:?}");
    }
}
