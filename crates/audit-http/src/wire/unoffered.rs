//! A stream whose requests do not offer an upgrade, even if the client offered one.
//!
//! The server speaks only HTTP/1.1, so it declines every offer by ignoring it (RFC 9110, 7.8).
//! actix does not ignore it: actix answers `connection: upgrade` and closes, and it reads the bytes
//! after a head with `Upgrade: websocket` as a body without an end. An answer cannot undo either,
//! so this module removes the offer from the head before actix sees it. All other bytes pass
//! unchanged.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::{Body, Chunk, Head};
use super::portion::Portion;

/// The part of the stream to which the next byte belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Head,
    Body(Body),
    /// It is not known any more where heads begin, so all bytes pass unchanged.
    Anywhere,
}

impl At {
    /// Goes through bytes up to the next head. Returns the number of bytes before it.
    fn pass(&mut self, bytes: &[u8]) -> usize {
        match self {
            At::Head => 0,
            At::Anywhere => bytes.len(),
            At::Body(Body::Sized(left)) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= here as u64;
                if *left == 0 {
                    *self = At::Head;
                }
                here
            }
            At::Body(Body::Chunked(chunk)) => {
                let here = chunk.pass(bytes);
                match here {
                    None => *self = At::Anywhere,
                    Some(_) if *chunk == Chunk::End => *self = At::Head,
                    Some(_) => {}
                }
                here.unwrap_or(bytes.len())
            }
        }
    }
}

/// The bytes that have arrived and that actix has not read yet, or not completely.
#[derive(Debug)]
struct Held {
    bytes: BytesMut,
    /// The number of the first bytes that actix has read already.
    handed: usize,
    /// The number of the first bytes that actix may read.
    cleared: usize,
    /// The index at which the next head begins.
    head: usize,
    at: At,
}

impl Held {
    fn new() -> Held {
        Held { bytes: BytesMut::new(), handed: 0, cleared: 0, head: 0, at: At::Head }
    }

    /// Clears the bytes that actix may read: bodies, complete heads, and the first byte of an
    /// incomplete head. This byte stops actix's timer of idle connections. No head is changed
    /// before its first line feed.
    fn clear(&mut self) {
        while self.head < self.bytes.len() {
            if self.at != At::Head {
                self.head += self.at.pass(&self.bytes[self.head..]);
                self.cleared = self.head;
                continue;
            }
            match Head::read(&self.bytes[self.head..]) {
                Head::Partial => {
                    self.cleared = self.head + 1;
                    break;
                }
                Head::Unknown => self.at = At::Anywhere,
                Head::Whole { bytes, body, rewritten } => {
                    let mut end = self.head + bytes;
                    if let Some(head) = rewritten {
                        let rest = self.bytes.split_off(end);
                        self.bytes.truncate(self.head);
                        self.bytes.extend_from_slice(&head);
                        end = self.bytes.len();
                        self.bytes.extend_from_slice(&rest);
                    }
                    (self.head, self.cleared) = (end, end);
                    if body != Body::Sized(0) {
                        self.at = At::Body(body);
                    }
                }
            }
        }
    }

    /// Moves cleared bytes into a buffer, as many as it has room for.
    fn hand_on(&mut self, buffer: &mut ReadBuf<'_>) {
        let end = self.cleared.min(self.handed + buffer.remaining());
        buffer.put_slice(&self.bytes[self.handed..end]);
        let over = end.min(self.head);
        self.bytes.advance(over);
        (self.handed, self.cleared, self.head) = (end - over, self.cleared - over, self.head - over);
        if self.bytes.is_empty() {
            // A connection that waits for its next request holds no memory here.
            self.bytes = BytesMut::new();
        }
    }
}

/// The stream.
#[derive(Debug)]
pub(crate) struct Unoffered<S> {
    stream: S,
    portion: Portion,
    held: Held,
}

impl<S> Unoffered<S> {
    pub(super) fn new(stream: S) -> Unoffered<S> {
        Unoffered { stream, portion: Portion::default(), held: Held::new() }
    }

    pub(crate) fn get_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Unoffered<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Unoffered { stream, portion, held } = self.get_mut();
        let before = buffer.filled().len();
        loop {
            held.hand_on(buffer);
            if buffer.filled().len() > before || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            ready!(portion.poll_read(Pin::new(&mut *stream), context, buffer))?;
            let fresh = &buffer.filled()[before..];
            if fresh.is_empty() {
                // This is the end of the stream. actix also ignores an incomplete head.
                return Poll::Ready(Ok(()));
            }
            // Bodies pass without a copy.
            let passed = if held.bytes.is_empty() { held.at.pass(fresh) } else { 0 };
            held.bytes.extend_from_slice(&fresh[passed..]);
            buffer.set_filled(before + passed);
            held.clear();
            if passed > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Unoffered<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use actix_codec::Decoder;
    use actix_http::h1::{Codec, Message};

    use super::*;

    /// Returns the bytes that actix reads if the stream arrives in these pieces, and the requests
    /// in them.
    fn read(pieces: &[&[u8]]) -> (Vec<u8>, Vec<String>) {
        let (mut held, mut out) = (Held::new(), Vec::new());
        for piece in pieces {
            held.bytes.extend_from_slice(piece);
            held.clear();
            while held.cleared > held.handed {
                let mut buffer = [0; 7];
                let mut buffer = ReadBuf::new(&mut buffer);
                held.hand_on(&mut buffer);
                out.extend_from_slice(buffer.filled());
            }
        }
        let requests = requests(&out);
        (out, requests)
    }

    fn requests(bytes: &[u8]) -> Vec<String> {
        let (mut codec, mut left, mut found) = (Codec::default(), BytesMut::from(bytes), Vec::new());
        loop {
            match codec.decode(&mut left) {
                Ok(Some(Message::Item(request))) => found.push(format!("{} {}: ", request.method(), request.path())),
                Ok(Some(Message::Chunk(Some(chunk)))) => {
                    found.last_mut().unwrap().push_str(&String::from_utf8_lossy(&chunk));
                }
                Ok(Some(Message::Chunk(None))) => {}
                Ok(None) => return found,
                Err(error) => {
                    found.push(error.to_string());
                    return found;
                }
            }
        }
    }

    const TRAP: &str = "GET /trap HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n";

    fn stream(offer: &str) -> Vec<u8> {
        let sized = format!("POST /1 HTTP/1.1\r\nHost: a\r\n{offer}Content-Length: {}\r\n\r\n{TRAP}", TRAP.len());
        let (first, rest) = TRAP.split_at(20);
        let chunked = format!(
            "POST /2 HTTP/1.1\r\nHost: a\r\n{offer}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n0{:X};x\r\n{rest}\r\n0\r\nUpgrade: b\r\n\r\n",
            first.len(),
            rest.len()
        );
        let none = format!("GET /3 HTTP/1.1\r\nHost: a\r\n{offer}\r\n");
        [sized, chunked, none.clone(), format!("\r\n{none}")].concat().into_bytes()
    }

    #[actix_web::test]
    async fn wherever_the_bytes_are_cut_actix_reads_the_same() {
        let plain = stream("");
        let wanted = vec![format!("POST /1: {TRAP}"), format!("POST /2: {TRAP}"), "GET /3: ".to_owned(), "GET /3: ".to_owned()];
        for bytes in [plain.clone(), stream("Connection: Upgrade\r\nUpgrade: websocket\r\n")] {
            for at in 0..bytes.len() {
                let (read, requests) = read(&[&bytes[..at], &bytes[at..]]);
                assert_eq!(requests, wanted, "cut at {at}");
                assert!(read == plain, "cut at {at}");
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(read(&single), (plain.clone(), wanted.clone()));
        }
    }

    /// From this point on actix reads nothing, or reads all of it as one body, so no byte may
    /// change.
    #[actix_web::test]
    async fn what_follows_a_request_that_is_not_known_passes_as_it_is() {
        for start in [
            "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
            "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
            "\u{16}\u{3}\u{1}",
            "nonsense\r\n\r\n",
        ] {
            let bytes = [start, TRAP, TRAP].concat();
            for size in [1, 3, 1000] {
                let pieces: Vec<&[u8]> = bytes.as_bytes().chunks(size).collect();
                assert!(read(&pieces).0 == bytes.as_bytes(), "{start:?}");
            }
        }
    }

    #[actix_web::test]
    async fn a_head_without_an_end_is_handed_on_for_actix_to_refuse() {
        let bytes = [b"GET / HTTP/1.1\r\nUpgrade: x\r\na: ".to_vec(), vec![b'a'; super::super::framing::HEAD_BYTES_MAX]].concat();
        let pieces: Vec<&[u8]> = bytes.chunks(9000).collect();
        assert!(read(&pieces).0 == bytes);
        assert_eq!(read(&pieces[..2]).0, b"G");
    }
}
