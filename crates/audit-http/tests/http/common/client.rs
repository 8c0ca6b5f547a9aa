//! A blocking HTTP/1.1 client that sends what it is told, right or wrong.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use super::conformance;

/// Longer than anything a server under test may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request, put together byte by byte.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) target: String,
    version: &'static str,
    host: Option<String>,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
    framing: Framing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length,
    Announced(usize),
    Chunked,
}

impl Ask {
    pub(crate) fn new(method: &str, target: &str) -> Ask {
        Ask {
            method: method.to_owned(),
            target: target.to_owned(),
            version: "HTTP/1.1",
            host: Some("audit.example.com".to_owned()),
            headers: Vec::new(),
            body: None,
            framing: Framing::Length,
        }
    }

    pub(crate) fn get(target: &str) -> Ask {
        Ask::new("GET", target)
    }

    /// A POST of JSON.
    pub(crate) fn post(target: &str, body: impl Into<Vec<u8>>) -> Ask {
        Ask::new("POST", target).header("Content-Type", "application/json").body(body)
    }

    /// A POST of NDJSON.
    pub(crate) fn post_lines(target: &str, body: impl Into<Vec<u8>>) -> Ask {
        Ask::new("POST", target).header("Content-Type", "application/x-ndjson").body(body)
    }

    pub(crate) fn key(self, key: &str) -> Ask {
        self.header("Authorization", format!("Token {key}"))
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Ask {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Ask {
        self.body = Some(body.into());
        self
    }

    pub(crate) fn chunked(mut self) -> Ask {
        self.framing = Framing::Chunked;
        self
    }

    /// Announces a length, whatever the body has.
    pub(crate) fn announced(mut self, length: usize) -> Ask {
        self.framing = Framing::Announced(length);
        self
    }

    pub(crate) fn host(mut self, host: Option<&str>) -> Ask {
        self.host = host.map(str::to_owned);
        self
    }

    pub(crate) fn version(mut self, version: &'static str) -> Ask {
        self.version = version;
        self
    }

    /// Head and body as they go over the wire.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = format!("{} {} {}\r\n", self.method, self.target, self.version).into_bytes();
        let mut line = |name: &str, value: &[u8]| {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        };
        if let Some(host) = &self.host {
            line("Host", host.as_bytes());
        }
        for (name, value) in &self.headers {
            line(name, value);
        }
        let body = self.body.as_deref().unwrap_or_default();
        match self.framing {
            Framing::Chunked => line("Transfer-Encoding", b"chunked"),
            Framing::Announced(length) => line("Content-Length", length.to_string().as_bytes()),
            Framing::Length if self.body.is_some() => line("Content-Length", body.len().to_string().as_bytes()),
            Framing::Length => {}
        }
        out.extend_from_slice(b"\r\n");
        match self.framing {
            Framing::Chunked => {
                for chunk in body.chunks(64 * 1024) {
                    out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    out.extend_from_slice(chunk);
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(b"0\r\n\r\n");
            }
            _ => out.extend_from_slice(body),
        }
        out
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {} {:?}", self.status, self.text()))
    }

    /// The body, after a look at the status.
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, buffer: Vec::new() }
    }

    /// Closes one side of it, or both.
    pub(crate) fn shutdown(&self, how: std::net::Shutdown) {
        self.stream.shutdown(how).unwrap();
    }

    /// Sends bytes. A server may refuse a body before it has all of it, so a broken pipe is for the answer to explain.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        if let Err(error) = self.stream.write_all(bytes) {
            assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
        }
    }

    /// Sends bytes, and tells whether the connection takes them.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    pub(crate) fn ask(&mut self, ask: &Ask) -> Answer {
        self.send(&ask.bytes());
        let answer = self.answer(&ask.method).unwrap_or_else(|| panic!("no answer to {} {}", ask.method, ask.target));
        conformance::check(ask, &answer);
        answer
    }

    /// Whether something of an answer, or the end of the connection, has arrived.
    pub(crate) fn is_answered(&self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).unwrap();
        peeked.is_ok()
    }

    /// The next answer; `None` when the connection ends instead.
    pub(crate) fn answer(&mut self, method: &str) -> Option<Answer> {
        loop {
            let end = loop {
                if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                    break end;
                }
                if !self.fill() {
                    assert!(self.buffer.is_empty(), "a torn answer: {:?}", String::from_utf8_lossy(&self.buffer));
                    return None;
                }
            };
            let head = String::from_utf8(self.buffer.drain(..end + 4).collect()).unwrap();
            let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
            let status: u16 = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
            if status == 100 {
                continue;
            }
            let pairs = lines.map(|line| line.split_once(':').unwrap());
            let headers = pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
            let mut answer = Answer { status, headers, body: Vec::new() };
            if method != "HEAD" && status != 204 && status != 304 {
                answer.body = self.read_body(&answer);
            }
            return Some(answer);
        }
    }

    fn read_body(&mut self, answer: &Answer) -> Vec<u8> {
        if answer.header("Transfer-Encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            return self.read_chunks();
        }
        match answer.header("Content-Length") {
            Some(length) => self.take(length.parse().unwrap()),
            None => {
                while self.fill() {}
                std::mem::take(&mut self.buffer)
            }
        }
    }

    fn read_chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = loop {
                if let Some(end) = find(&self.buffer, b"\r\n") {
                    break end;
                }
                assert!(self.fill(), "the answer broke off");
            };
            let size = String::from_utf8(self.take(line + 2)).unwrap();
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            body.extend(self.take(size));
            assert_eq!(self.take(2), b"\r\n");
            if size == 0 {
                return body;
            }
        }
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            assert!(self.fill(), "the answer broke off");
        }
        self.buffer.drain(..length).collect()
    }

    /// Reads more; `false` at the end of the connection.
    fn fill(&mut self) -> bool {
        let mut chunk = vec![0; 64 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => false,
            Ok(read) => {
                self.buffer.extend_from_slice(&chunk[..read]);
                true
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Takes so many bytes off the connection, or what comes before its end, for [`Client::answer`] to read later.
    pub(crate) fn take_raw(&mut self, bytes: usize) -> usize {
        let mut taken = vec![0; bytes];
        let read = self.stream.read(&mut taken).unwrap();
        self.buffer.extend_from_slice(&taken[..read]);
        read
    }

    /// Bytes that were taken and not read.
    pub(crate) fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Whether the server ends the connection within a time, without another word.
    pub(crate) fn ends_within(&mut self, patience: Duration) -> bool {
        self.stream.set_read_timeout(Some(patience)).unwrap();
        let mut byte = [0];
        let ended = match self.stream.read(&mut byte) {
            Ok(read) => read == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        };
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        ended && self.buffer.is_empty()
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
